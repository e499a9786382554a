/**
 * Secrets stay. Every setting and file holds a canary, the app and its commands fail in every way they can, and no canary
 * is in anything that comes out: logs, answers, entries, records, notifications, output of commands.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TableClient } from '@azure/data-tables';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { createServiceBus } from '../../shared/adapters/service-bus/event-bus.ts';
import { AppClient } from '../../shared/client/app-client.ts';
import { connectionString } from '../../shared/local/service-bus/amqp/server.ts';
import { SETTINGS } from '../../shared/settings.ts';
import { startAzurite } from '../support/azurite.ts';
import { canary, Overheard } from '../support/canaries.ts';
import { hostileKubeconfigs } from '../support/hostile-kubeconfigs.ts';
import { type HostileServer, startHostileBroker, startHostileServer, WAYS } from '../support/hostile-server.ts';
import { startOtlpReceiver } from '../support/otlp-receiver.ts';
import { RecordingLog } from '../support/ports.ts';
import { Command, eventually } from '../support/processes.ts';
import { type SecretBus, startSecretBus } from '../support/secret-bus.ts';
import { startWebhookServer } from '../support/webhook-server.ts';

const NOBODY = 'http://127.0.0.1:1';
const accountKey = Buffer.from(canary()).toString('base64');
const directory = mkdtempSync(join(tmpdir(), 'secrets-'));
const stops: (() => Promise<unknown>)[] = [];
let hostile: HostileServer;
let bus: SecretBus;

beforeAll(async () => {
  hostile = await startHostileServer();
  bus = await startSecretBus();
  stops.push(hostile.close, bus.close);
  vi.stubEnv('AZURITE_ACCOUNTS', `devstoreaccount1:${accountKey}`);
});
afterAll(async () => {
  vi.unstubAllEnvs();
  // Clients before what they are connected to.
  for (const stop of stops.toReversed()) await stop();
  rmSync(directory, { recursive: true });
});

function file(name: string, content: unknown): string {
  const path = join(directory, name);
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

function command(name: string, args: readonly string[], env: Readonly<Record<string, string>>): Command {
  const started = new Command(name, args, env);
  stops.push(() => started.kill());
  return started;
}

const event = (id: string, data: object, type = 'DeploymentRequested'): object => ({
  ...{ specversion: '1.0', id, source: '/test', type, time: new Date().toISOString() },
  data: { namespace: 'shop', deployment: 'web', image: 'ghcr.io/shop/web:1', ...data },
});

const run = (name: string, args: string[], env: Record<string, string>): Command =>
  command(name, args, { StateStore: 'memory', Cluster: 'simulated', ...env });

it.concurrent('settings and files that are wrong are named at start, and not shown', async () => {
  const heard = new Overheard();
  const ServiceBus = bus.connection;
  const wrong = Object.fromEntries(
    SETTINGS.map((name) => [name, `Endpoint=x://${canary()}@${canary()}?sig=${canary()};SharedAccessKey=${canary()}`]),
  );
  const app = join(directory, 'app');
  mkdirSync(app);
  const channels = [{ format: 'slack', urlSetting: `https://${canary()}` }];
  const misplaced = { clusters: { default: { server: `https://a:${canary()}@b` } }, notifications: { channels } };
  file('app/package.json', { main: 'none.js' });
  file('app/host.json', { version: '2.0' });
  file('app/local.settings.json', `{ "Values": { "ServiceBus": ${canary()} } }`);
  const namespace = { ServiceBus__fullyQualifiedNamespace: bus.connection };

  const commands = {
    settings: run('shared/local/host', ['--http-port', '0'], wrong),
    'configuration that is no JSON': run('shared/local/host', ['--http-port', '0'], {
      ...{ ServiceBus, PLATFORM_CONFIG: file('no.json', `{ "notifications": ${canary()} }`) },
    }),
    'configuration with secrets': run('shared/local/host', ['--http-port', '0'], {
      ...{ ServiceBus, PLATFORM_CONFIG: file('misplaced.json', misplaced) },
    }),
    'local settings': run('shared/local/host', ['--http-port', '0', '--app', app], {}),
    entities: run('shared/local/bus', ['--config', file('entities.json', `{"UserConfig": ${canary()}}`)], {}),
    'entities of another file': run('shared/local/bus', ['--strict', '--config', file('x', { token: canary() })], {}),
    data: run('shared/cli/main', ['publish', 'HealthCheck', '--data', `@${file('data', canary())}`], {}),
    'namespace of the command': run('shared/cli/main', ['publish', 'HealthCheck', '--data', '{}'], namespace),
    address: run('shared/cli/main', ['tail', '--url', `https://${canary()}:${canary()}@b?code=${canary()}`], {}),
  };
  for (const [where, command] of Object.entries(commands)) {
    expect(await command.exit(), command.output).not.toBe(0);
    heard.add(where, command.output);
  }

  for (const name of SETTINGS.filter((one) => !/client_?id$/i.test(one))) {
    expect(commands.settings.output).toContain(`${name}: expected`);
  }
  expect(heard.leaks).toEqual([]);
});

it.concurrent('a host whose Service Bus refuses it lets nothing out', async () => {
  const heard = new Overheard();
  const ways = ['token', 'link'] as const;

  for (const way of ways) {
    const broker = await startHostileBroker(way);
    stops.push(broker.close);
    const ServiceBus = connectionString(broker.port, { name: canary(), key: canary() });
    const host = command('shared/local/host', ['--verbose', '--http-port', '0'], {
      ...{ ServiceBus, StateStore: 'memory', Cluster: 'simulated' },
    });
    await host.line(/UnauthorizedAccess/);
    await host.kill();
    heard.add(way, host.output);
    expect(broker.received.join()).toContain('skn=c4nary');
  }

  expect(heard.leaks).toEqual([]);
});

/** Of each kind one, to be deployed to; all the others are asked for their health, and for a namespace. */
const DEPLOYED = [
  ...['html-500', 'json-403', 'status-403', 'status-500', 'html-200', 'json-200', 'cut', 'garbage', 'refused'],
  ...['userinfo', 'proxy', 'plug-in-fails', 'plug-in-misleads', 'provider', 'no-yaml', 'no-context', 'entra'],
];

it.concurrent('an app at work whose clusters and channels fail in every way lets nothing out', async () => {
  const heard = new Overheard();
  const azurite = await startAzurite();
  const people = await startWebhookServer();
  stops.push(
    () => azurite.close(),
    () => people.close(),
  );
  const tables = azurite.connectionString.replace(/AccountKey=[^;]+/, `AccountKey=${accountKey}`);
  const files = Object.entries(hostileKubeconfigs(hostile.port));
  const hooks = {
    GOOD: people.urlOf(`/${canary()}`),
    BAD: hostile.at('html-500', canary()),
    WORSE: hostile.at('json-400', canary()),
  };
  const clusters = {
    ...Object.fromEntries(files.map(([name, text]) => [name, { kubeconfig: file(name, text) }])),
    nowhere: { kubeconfig: '/nonexistent/kubeconfig' },
    entra: { server: 'https://127.0.0.1:1' },
  };
  const receiver = await startOtlpReceiver();
  stops.push(() => receiver.close());
  const namespaces = [{ namespace: 'shop', team: 'shop', environment: 'staging' }];
  const config = {
    clusters: Object.fromEntries(Object.entries(clusters).map(([name, way]) => [name, { ...way, namespaces }])),
    policies: { deployment: { registries: ['*'], deadline: '1s', requeueAfter: '200ms' } },
    notifications: { channels: Object.keys(hooks).map((urlSetting) => ({ format: 'cloudevents', urlSetting })) },
  };
  const host = command('shared/local/host', ['--verbose', '--http-port', '0'], {
    ...{
      ServiceBus: bus.connection,
      StateStore: tables,
      Cluster: 'kubernetes',
      PLATFORM_CONFIG: file('app.json', config),
    },
    ...{ ...hooks, AZURE_TOKEN_CREDENTIALS: 'ManagedIdentityCredential' },
    ...{ IDENTITY_ENDPOINT: hostile.at('json-400'), IDENTITY_HEADER: canary() },
    ...{ OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url, OTEL_EXPORTER_OTLP_HEADERS: `api-key=${canary()}` },
    OTEL_BSP_SCHEDULE_DELAY: '200',
  });
  const [, url = ''] = await host.line(/^ready (\S+)/);
  const routes = [...host.output.matchAll(/^\S+ +GET (\/\S+)$/gm)].map(([, route = '']) => route);

  const placed = { namespace: 'shop', team: 'shop', environment: 'staging' };
  const events = [
    ...DEPLOYED.map((cluster) => event(cluster, { cluster, deployment: cluster })),
    ...Object.keys(clusters).map((cluster) => ({
      ...event(`in-${cluster}`, {}, 'NamespaceCreated'),
      data: { ...placed, cluster },
    })),
  ];
  const headers = { 'content-type': 'application/cloudevents-batch+json' };
  await fetch(`${url}/api/events`, { method: 'POST', headers, body: JSON.stringify(events) });
  const isTold = (cluster: string): boolean => people.received.some(({ body }) => body.includes(`/shop/${cluster}`));
  const isTried = (cluster: string): boolean => host.output.includes(`eventId=in-${cluster} `);
  const isOver = (): true | undefined =>
    DEPLOYED.every(isTold) && Object.keys(clusters).every(isTried) ? true : undefined;
  await eventually(isOver, 'every cluster has failed', 25_000);

  const reader = await createServiceBus({ connectionString: bus.connection }, { log: new RecordingLog() });
  stops.push(() => reader.close());
  const errors = await reader.deadLetters('0', 1_000);
  const lookers = ['errors list', 'errors list --json', 'tail --since 1h'].map((line) =>
    command('shared/cli/main', [...line.split(' '), '--url', url], { PLATFORM_EVENTS_KEY: canary() }),
  );
  await Promise.all([
    ...routes.map(async (route) => {
      const path = route.replace('{sequenceNumber}', String(errors[0]?.sequenceNumber));
      heard.add(route, await (await fetch(`${url}${path}`)).text());
    }),
    ...lookers.map((looker, index) => (index < 2 ? looker.exit() : looker.line(/Deployment/))),
  ]);
  for (const { output } of lookers) heard.add('command', output);
  heard.add('entries', JSON.stringify(errors));
  for (const { headers, body } of people.received) heard.add('notification', `${JSON.stringify(headers)} ${body}`);
  const table = TableClient.fromConnectionString(tables, 'platformevents', { allowInsecureConnection: true });
  const rows: unknown[] = [];
  for await (const row of table.listEntities()) rows.push(row);
  heard.add('records', JSON.stringify(rows));
  heard.add('log', host.output);
  heard.add('spans', JSON.stringify(receiver.spans));

  expect(receiver.spans.map(({ name }) => name)).toEqual(expect.arrayContaining(['POST webhook', 'GET']));
  expect(routes).toContain('/api/errors/{sequenceNumber}');
  expect(errors.length).toBeGreaterThan(0);
  expect(rows.length).toBeGreaterThan(DEPLOYED.length);
  expect(heard.text).toContain("plug-in 'sh' of the kubeconfig failed");
  expect(heard.leaks).toEqual([]);
}, 40_000);

it('an app that fails in every way lets nothing out on the command line', async () => {
  const heard = new Overheard();

  await Promise.all(
    [...WAYS.map((way) => hostile.at(way)), NOBODY].map(async (url) => {
      const app = new AppClient(url, { key: canary() });
      await heard.take(`publish ${url}`, app.publish({ ...event('1', {}), id: '1' }));
      await heard.take(
        `history ${url}`,
        app.history({}).then(() => 'an answer'),
      );
      await heard.take(
        `error ${url}`,
        app.error('1').then(() => 'an answer'),
      );
    }),
  );

  expect(hostile.received.join()).toContain('x-functions-key c4nary');
  expect(heard.leaks).toEqual([]);
});
