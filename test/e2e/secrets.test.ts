/**
 * Secrets stay. Every setting and file holds a canary, every dependency fails in every way it can while it repeats what
 * it was sent, and no canary is in anything that comes out: logs, answers, entries, records, notifications, errors,
 * output of commands.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TableClient } from '@azure/data-tables';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createLivePorts } from '../../shared/adapters/live.ts';
import { createServiceBus } from '../../shared/adapters/service-bus.ts';
import { createWebhookNotifier } from '../../shared/adapters/webhook.ts';
import { AppClient } from '../../shared/cli/api.ts';
import { parseConfig } from '../../shared/config.ts';
import { deliver } from '../../shared/delivery.ts';
import { checkHealth } from '../../shared/health.ts';
import { connectionString, startAmqp } from '../../shared/local/amqp.ts';
import { applyTopology } from '../../shared/local/apply-topology.ts';
import { Broker } from '../../shared/local/broker.ts';
import { SystemClock } from '../../shared/local/clock.ts';
import { registeredHandlers } from '../../shared/on-event.ts';
import { type HttpHandler, respond } from '../../shared/on-http.ts';
import type { EventBus } from '../../shared/ports.ts';
import { type Environment, readSettings, SETTINGS } from '../../shared/settings.ts';
import { topology } from '../../shared/topology.ts';
import { startAzurite } from '../support/azurite.ts';
import { canary, Overheard } from '../support/canaries.ts';
import { loadHandlers } from '../support/handlers.ts';
import { hostileKubeconfigs } from '../support/hostile-kubeconfigs.ts';
import { HANG, type HostileServer, startHostileBroker, startHostileServer, WAYS } from '../support/hostile-server.ts';
import { httpRequest } from '../support/http.ts';
import { RecordingLog } from '../support/ports.ts';
import { Command, eventually } from '../support/processes.ts';
import { startWebhookServer } from '../support/webhook-server.ts';

const NOBODY = 'http://127.0.0.1:1';
const key = { name: 'RootManageSharedAccessKey', key: canary() };
const accountKey = Buffer.from(canary()).toString('base64');
const IDENTITY = { AZURE_TOKEN_CREDENTIALS: 'ManagedIdentityCredential', IDENTITY_HEADER: canary() };
const directory = mkdtempSync(join(tmpdir(), 'secrets-'));
const stops: (() => Promise<unknown>)[] = [];
let hostile: HostileServer;
/** One that nobody receives from. */
let busConnection = '';
let goodBus: EventBus;
/** As the app has it, but for its patience. */
const ONCE = { maxRetries: 0, timeoutInMs: 2_000 };

async function startBus(): Promise<string> {
  const broker = new Broker({ clock: new SystemClock() });
  applyTopology(broker, topology);
  const amqp = await startAmqp({ broker, port: 0, key });
  stops.push(() => amqp.close());
  return connectionString(amqp.port, key);
}

beforeAll(async () => {
  hostile = await startHostileServer();
  busConnection = await startBus();
  const bus = await createServiceBus({ connectionString: busConnection }, { log: new RecordingLog() }, ONCE);
  goodBus = bus;
  stops.push(() => bus.close());
  await loadHandlers();
  stops.push(() => hostile.close());
  // What a token of an identity is got with. The endpoint is one of those that fail.
  for (const [name, value] of Object.entries(IDENTITY)) vi.stubEnv(name, value);
  vi.stubEnv('IDENTITY_ENDPOINT', at('json-400', canary()));
  vi.stubEnv('AZURITE_ACCOUNTS', `devstoreaccount1:${accountKey}`);
});
afterAll(async () => {
  vi.unstubAllEnvs();
  // Clients before what they are connected to.
  for (const stop of stops.toReversed()) await stop();
  rmSync(directory, { recursive: true });
});

/** An address below which everything fails in one way. */
function at(way: string, path = ''): string {
  return `http://127.0.0.1:${hostile.port}/${way}/${path}`;
}

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

describe('settings and files that are wrong', () => {
  const heard = new Overheard();
  const run = (name: string, args: string[], env: Record<string, string>): Command =>
    command(name, args, { StateStore: 'memory', Cluster: 'simulated', ...env });

  it.concurrent('are named at start, and not shown', async () => {
    const ServiceBus = busConnection;
    const wrong = Object.fromEntries(
      SETTINGS.map((name) => [
        name,
        `Endpoint=x://${canary()}@${canary()}?sig=${canary()};SharedAccessKey=${canary()}`,
      ]),
    );
    const app = join(directory, 'app');
    mkdirSync(app);
    const channels = [{ format: 'slack', urlSetting: `https://${canary()}` }];
    const misplaced = { clusters: { default: { server: `https://a:${canary()}@b` } }, notifications: { channels } };
    file('app/package.json', { main: 'none.js' });
    file('app/host.json', { version: '2.0' });
    file('app/local.settings.json', `{ "Values": { "ServiceBus": ${canary()} } }`);
    const namespace = { ServiceBus__fullyQualifiedNamespace: busConnection };

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

    for (const name of SETTINGS.filter((one) => !/clientId$/.test(one))) {
      expect(commands.settings.output).toContain(`${name}: expected`);
    }
    expect(heard.leaks).toEqual([]);
  });
});

/** What an app does with these settings: its health, an event at its handler, and every HTTP function if asked. */
async function overhear(
  heard: Overheard,
  name: string,
  settings: Environment,
  extent: 'health' | 'handler' | 'all' = 'handler',
): Promise<void> {
  const log = new RecordingLog();
  const environment = { ServiceBus: busConnection, StateStore: 'memory', Cluster: 'simulated', ...settings };
  const live = await createLivePorts(environment, log).catch((error: unknown) => heard.add(`${name}: ports`, error));
  if (!live) return;
  await live.ports.bus.close();
  const { serviceBus } = readSettings(environment);
  const isOurs = 'connectionString' in serviceBus && serviceBus.connectionString === busConnection;
  const ports = { ...live.ports, bus: isOurs ? goodBus : await createServiceBus(serviceBus, { log }, ONCE) };
  if (!isOurs) stops.push(async () => void ports.bus.close().catch(() => {}));
  const body = event(name, {});
  const handler = registeredHandlers().get('DeploymentRequested');
  await Promise.all([
    heard.take(`${name}: health`, checkHealth(ports)),
    ...(handler && extent !== 'health' ? [heard.take(`${name}: handler`, deliver({ ...handler, body }, ports))] : []),
    ...(extent === 'all' ? await httpHandlers() : []).map(([route, handle]) => {
      const request = httpRequest({ params: { sequenceNumber: '1' }, body });
      return heard.take(`${name}: ${route}`, respond(route, handle, request, ports));
    }),
  ]);
  heard.add(`${name}: log`, JSON.stringify(log.lines));
}

async function httpHandlers(): Promise<[string, HttpHandler][]> {
  const functions = new URL('../../functions/http/', import.meta.url);
  const modules = await Promise.all(
    (await readdir(functions)).map(async (name) => [name, await import(new URL(name, functions).href)] as const),
  );
  // What an HTTP function exports is its handlers, and numbers.
  return modules.flatMap(([name, exports]) =>
    Object.entries(exports)
      .filter(([, one]) => typeof one === 'function')
      .map(([of, one]): [string, HttpHandler] => [`${name} ${of}`, one as HttpHandler]),
  );
}

it.concurrent('a state store that fails in every way lets nothing out', async () => {
  const heard = new Overheard();
  const account = `DefaultEndpointsProtocol=http;AccountName=shop;AccountKey=${accountKey}`;
  const signed = (way: string) => `TableEndpoint=${at(way)};SharedAccessSignature=sv=2022-11-02&sig=${canary()}`;

  await Promise.all([
    ...WAYS.map((way) =>
      overhear(
        heard,
        way,
        { StateStore: `${account};TableEndpoint=${at(way, 'shop')}` },
        way === 'odata-403' ? 'all' : 'handler',
      ),
    ),
    ...WAYS.map((way) => overhear(heard, `signed ${way}`, { StateStore: signed(way) })),
    overhear(heard, 'refused', { StateStore: `${account};TableEndpoint=${NOBODY}/shop` }, 'all'),
    overhear(heard, HANG, { StateStore: `${account};TableEndpoint=${at(HANG)}` }, 'health'),
    overhear(heard, 'malformed', { StateStore: `AccountName=shop;Account-Key=${canary()}` }),
    overhear(heard, 'malformed', { StateStore: `SharedAccessSignature=${canary()}` }),
    overhear(heard, 'identity', { StateStore: '', StateStore__tableServiceUri: 'https://127.0.0.1:1' }),
  ]);

  expect(hostile.received.join()).toMatch(/SharedKeyLite shop:/);
  expect(hostile.received.join()).toContain('sig=c4nary');
  expect(heard.text).toContain('table storage: ');
  expect(heard.leaks).toEqual([]);
});

it.concurrent('a Service Bus that fails in every way lets nothing out', async () => {
  const heard = new Overheard();
  const brokers = await Promise.all(
    (['token', 'link', 'http', 'reset', 'hang'] as const).map(async (way) => ({
      way,
      ...(await startHostileBroker(way)),
    })),
  );
  stops.push(...brokers.map(({ close }) => close));
  const other = { name: canary(), key: canary() };

  await Promise.all([
    ...brokers.map(({ way, port }) =>
      overhear(heard, way, { ServiceBus: connectionString(port, other) }, way === 'link' ? 'all' : 'handler'),
    ),
    overhear(heard, 'refused', { ServiceBus: connectionString(1, other) }),
    overhear(heard, 'wrong key', { ServiceBus: busConnection.replace(key.key, canary()) }),
    overhear(heard, 'malformed', { ServiceBus: `Endpoint=sb://${canary()};SharedAccessKey=${canary()}` }),
    overhear(heard, 'identity', { ServiceBus: '', ServiceBus__fullyQualifiedNamespace: '127.0.0.1' }),
  ]);

  for (const { way, received } of brokers) {
    if (way === 'token' || way === 'link') expect(received.join()).toContain('SharedAccessSignature');
  }
  expect(heard.text).toContain('service bus: ');
  expect(heard.leaks).toEqual([]);
});

/** Of each kind one, to be deployed to; all the others are asked for their health, and for a namespace. */
const DEPLOYED = [
  ...['html-500', 'json-403', 'status-403', 'status-500', 'html-200', 'json-200', 'cut', 'garbage', 'refused'],
  ...['userinfo', 'proxy', 'plug-in-fails', 'plug-in-misleads', 'provider', 'no-yaml', 'no-context', 'entra'],
];

it.concurrent('an app at work whose clusters and channels fail in every way lets nothing out', async () => {
  const heard = new Overheard();
  const connection = await startBus();
  const azurite = await startAzurite();
  const people = await startWebhookServer();
  stops.push(
    () => azurite.close(),
    () => people.close(),
  );
  const tables = azurite.connectionString.replace(/AccountKey=[^;]+/, `AccountKey=${accountKey}`);
  const files = Object.entries(hostileKubeconfigs(hostile.port));
  const hooks = { GOOD: people.urlOf(`/${canary()}`), BAD: at('html-500', canary()), WORSE: at('json-400', canary()) };
  const clusters = {
    ...Object.fromEntries(files.map(([name, text]) => [name, { kubeconfig: file(name, text) }])),
    nowhere: { kubeconfig: '/nonexistent/kubeconfig' },
    entra: { server: 'https://127.0.0.1:1' },
  };
  const config = {
    clusters,
    policies: { deployment: { deadline: '1s', recheck: '200ms' } },
    notifications: { channels: Object.keys(hooks).map((urlSetting) => ({ format: 'cloudevents', urlSetting })) },
  };
  const host = command('shared/local/host', ['--verbose', '--http-port', '0'], {
    ...{ ServiceBus: connection, StateStore: tables, Cluster: 'kubernetes', PLATFORM_CONFIG: file('app.json', config) },
    ...{ ...hooks, ...IDENTITY, IDENTITY_ENDPOINT: at('json-400') },
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
  const isTried = (cluster: string): boolean =>
    host.output.includes(`"in-${cluster}","reason"`) || host.output.includes(`"eventId":"in-${cluster}"`);
  const isOver = (): true | undefined =>
    DEPLOYED.every(isTold) && Object.keys(clusters).every(isTried) ? true : undefined;
  await eventually(isOver, 'every cluster has failed', 25_000);

  const reader = await createServiceBus({ connectionString: connection }, { log: new RecordingLog() });
  stops.push(() => reader.close());
  const errors = await reader.parked('0', 1_000);
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

  expect(routes).toContain('/api/errors/{sequenceNumber}');
  expect(errors.length).toBeGreaterThan(0);
  expect(rows.length).toBeGreaterThan(DEPLOYED.length);
  expect(heard.text).toContain("plug-in 'sh' of the kubeconfig failed");
  expect(heard.leaks).toEqual([]);
}, 40_000);

it('a channel that fails in every way lets nothing out', async () => {
  const heard = new Overheard();
  const ways = [...WAYS, HANG];
  const addresses = Object.fromEntries(
    ways.map((way, n) => [`HOOK_${n}`, at(way, `services/${canary()}?sig=${canary()}`)]),
  );
  const channels = (['slack', 'teams', 'cloudevents'] as const).flatMap((format) =>
    Object.keys(addresses).map((urlSetting) => ({ format, urlSetting })),
  );
  const { ports } = await createLivePorts({ ServiceBus: busConnection, StateStore: 'memory', Cluster: 'simulated' });
  stops.push(() => ports.bus.close());
  const notifier = createWebhookNotifier({
    ...{ config: parseConfig({ notifications: { channels } }), environment: addresses },
    ...{ state: ports.state, clock: ports.clock, timeoutMs: 2_000, pause: async () => {} },
  });
  const cause = { id: '1', type: 'HealthCheck', source: '/test', correlationid: '1' } as never;

  await heard.take(
    'notify',
    notifier.notify({ key: 'k', severity: 'info', title: 't', text: 't', event: cause } as never),
  );

  expect(heard.text).toContain(`answered 500`);
  expect(heard.leaks).toEqual([]);
});

it('an app that fails in every way lets nothing out on the command line', async () => {
  const heard = new Overheard();

  await Promise.all(
    [...WAYS.map((way) => at(way)), NOBODY].map(async (url) => {
      const app = new AppClient(url, canary());
      await heard.take(`publish ${url}`, app.publish(event('1', {})));
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
