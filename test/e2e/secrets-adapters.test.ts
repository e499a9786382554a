/**
 * Secrets stay: what an app is connected to fails in every way it can, and repeats what it was sent; no key is in the
 * errors, the log, or the answers of the HTTP functions.
 */
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { createKubernetesClusters } from '../../shared/adapters/kubernetes/clusters.ts';
import { createLivePorts } from '../../shared/adapters/live.ts';
import { MemoryStateStore } from '../../shared/adapters/memory-store.ts';
import { createServiceBus } from '../../shared/adapters/service-bus/event-bus.ts';
import { createWebhookNotifier } from '../../shared/adapters/webhook/notifier.ts';
import { parseConfig } from '../../shared/config.ts';
import { deliver } from '../../shared/delivery/deliver.ts';
import { registeredHandlers } from '../../shared/delivery/registered-handlers.ts';
import { type HttpHandler, respond } from '../../shared/http/on-http.ts';
import { connectionString } from '../../shared/local/service-bus/amqp/server.ts';
import { loadHandlers } from '../../shared/local/testing/load-handlers.ts';
import type { EventBus } from '../../shared/ports/bus.ts';
import { type Environment, readSettings } from '../../shared/settings.ts';
import { checkHealth } from '../../shared/status/health.ts';
import { canary, Overheard } from '../support/canaries.ts';
import { hostileKubeconfigs } from '../support/hostile-kubeconfigs.ts';
import { HANG, type HostileServer, startHostileBroker, startHostileServer, WAYS } from '../support/hostile-server.ts';
import { httpRequest } from '../support/http.ts';
import { FixedClock, RecordingLog } from '../support/ports.ts';
import { type SecretBus, startSecretBus } from '../support/secret-bus.ts';

const NOBODY = 'http://127.0.0.1:1';
/** As the app has it, but for its patience. */
const ONCE = { maxRetries: 0, timeoutInMs: 2_000 };
const stops: (() => Promise<unknown>)[] = [];
let hostile: HostileServer;
let secretBus: SecretBus;
let goodBus: EventBus;

beforeAll(async () => {
  hostile = await startHostileServer();
  secretBus = await startSecretBus();
  const client = await createServiceBus({ connectionString: secretBus.connection }, { log: new RecordingLog() }, ONCE);
  goodBus = client;
  stops.push(hostile.close, secretBus.close, () => client.close());
  await loadHandlers();
  // What a token of an identity is got with. The endpoint is one of those that fail.
  vi.stubEnv('AZURE_TOKEN_CREDENTIALS', 'ManagedIdentityCredential');
  vi.stubEnv('IDENTITY_ENDPOINT', hostile.at('json-400', canary()));
  vi.stubEnv('IDENTITY_HEADER', canary());
});
afterAll(async () => {
  vi.unstubAllEnvs();
  // Clients before what they are connected to.
  for (const stop of stops.toReversed()) await stop();
});

const event = (id: string, data: object, type = 'DeploymentRequested'): object => ({
  ...{ specversion: '1.0', id, source: '/test', type, time: new Date().toISOString() },
  data: { namespace: 'shop', deployment: 'web', image: 'ghcr.io/shop/web:1', ...data },
});

/** What an app does with these settings: its health, an event at its handler, and every HTTP function if asked. */
async function overhear(
  heard: Overheard,
  name: string,
  settings: Environment,
  extent: 'health' | 'handler' | 'all' = 'handler',
): Promise<void> {
  const log = new RecordingLog();
  const environment = { ServiceBus: secretBus.connection, StateStore: 'memory', Cluster: 'simulated', ...settings };
  const live = await createLivePorts(environment).catch((error: unknown) => heard.add(`${name}: ports`, error));
  if (!live) return;
  await live.close();
  const { serviceBus } = readSettings(environment);
  const isOurs = 'connectionString' in serviceBus && serviceBus.connectionString === secretBus.connection;
  const bus = isOurs ? goodBus : await createServiceBus(serviceBus, { log }, ONCE);
  const ports = { ...live.portsFor(log), publisher: bus, deadLetterQueue: bus };
  if (!isOurs) stops.push(async () => void bus.close().catch(() => {}));
  const body = event(name, {});
  const handler = registeredHandlers().get('DeploymentRequested');
  await Promise.all([
    heard.take(`${name}: health`, checkHealth(ports)),
    ...(extent !== 'health' ? [heard.take(`${name}: state`, ports.state.get('p', 'k'))] : []),
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
  const accountKey = Buffer.from(canary()).toString('base64');
  const account = `DefaultEndpointsProtocol=http;AccountName=shop;AccountKey=${accountKey}`;
  const signed = (way: string) =>
    `TableEndpoint=${hostile.at(way)};SharedAccessSignature=sv=2022-11-02&sig=${canary()}`;

  await Promise.all([
    ...WAYS.map((way) =>
      overhear(
        heard,
        way,
        { StateStore: `${account};TableEndpoint=${hostile.at(way, 'shop')}` },
        way === 'odata-403' ? 'all' : 'handler',
      ),
    ),
    ...WAYS.map((way) => overhear(heard, `signed ${way}`, { StateStore: signed(way) })),
    overhear(heard, 'refused', { StateStore: `${account};TableEndpoint=${NOBODY}/shop` }, 'all'),
    overhear(heard, HANG, { StateStore: `${account};TableEndpoint=${hostile.at(HANG)}` }, 'health'),
    overhear(heard, 'malformed', { StateStore: `AccountName=shop;Account-Key=${canary()}` }),
    overhear(heard, 'malformed', { StateStore: `SharedAccessSignature=${canary()}` }),
    overhear(heard, 'identity', { StateStore: '', StateStore__tableServiceUri: 'https://127.0.0.1:1' }),
  ]);

  expect(hostile.received.join()).toMatch(/SharedKeyLite shop:/);
  expect(hostile.received.join()).toContain('sig=c4nary');
  expect(heard.text).toContain('table storage: ');
  expect(heard.leaks).toEqual([]);
});

it.concurrent('a cluster that fails in every way lets nothing out', async () => {
  const heard = new Overheard();
  const directory = await mkdtemp(join(tmpdir(), 'clusters-'));
  stops.push(() => rm(directory, { recursive: true }));
  const entries = Object.entries(hostileKubeconfigs(hostile.port)).map(async ([name, text]) => {
    await writeFile(join(directory, name), text);
    return [name, { kubeconfig: join(directory, name) }] as const;
  });
  const config = parseConfig({ clusters: Object.fromEntries(await Promise.all(entries)) });
  const clusters = createKubernetesClusters({ config, clock: new FixedClock() });

  await Promise.all(
    clusters.names.flatMap((name) => [
      heard.take(`${name}: ping`, clusters.get(name).ping()),
      heard.take(`${name}: rollout`, clusters.get(name).rollout({ namespace: 'shop', deployment: 'web' })),
    ]),
  );

  expect(heard.text).toContain('cannot sign in');
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
    overhear(heard, 'wrong key', { ServiceBus: secretBus.connection.replace(secretBus.key, canary()) }),
    overhear(heard, 'malformed', { ServiceBus: `Endpoint=sb://${canary()};SharedAccessKey=${canary()}` }),
    overhear(heard, 'identity', { ServiceBus: '', ServiceBus__fullyQualifiedNamespace: '127.0.0.1' }),
  ]);

  for (const { way, port, received } of brokers) {
    if (way !== 'token' && way !== 'link') continue;
    // On a busy machine a connection may not come so far in its time.
    for (let more = 0; more < 5 && !received.join().includes('SharedAccessSignature'); more++) {
      await overhear(heard, way, { ServiceBus: connectionString(port, other) });
    }
    expect(received.join()).toContain('SharedAccessSignature');
  }
  expect(heard.text).toContain('service bus: ');
  expect(heard.leaks).toEqual([]);
});

it('a channel that fails in every way lets nothing out', async () => {
  const heard = new Overheard();
  const ways = [...WAYS, HANG];
  const addresses = Object.fromEntries(
    ways.map((way, n) => [`HOOK_${n}`, hostile.at(way, `services/${canary()}?sig=${canary()}`)]),
  );
  const channels = (['slack', 'teams', 'cloudevents'] as const).flatMap((format) =>
    Object.keys(addresses).map((urlSetting) => ({ format, urlSetting })),
  );
  const notifier = createWebhookNotifier({
    ...{ config: parseConfig({ notifications: { channels } }), environment: addresses },
    ...{ state: new MemoryStateStore(), clock: new FixedClock(), timeoutMs: 2_000, pause: async () => {} },
  });
  const cause = { id: '1', type: 'HealthCheck', source: '/test', correlationid: '1' } as never;

  await heard.take(
    'notify',
    notifier.notify({ key: 'k', severity: 'info', title: 't', text: 't', event: cause } as never),
  );

  expect(heard.text).toContain(`answered 500`);
  expect(heard.leaks).toEqual([]);
});
