/**
 * How long a page takes with much in the store: 5,000 targets, 200 services, 100,000 events and 2,000 errors on Azurite and
 * our own bus, each in a process of its own but the bus. Every page is asked for first by an app that has just begun (its
 * connections are made, nothing is cached) and then again; lists also for a page far behind the first. First with a tenth of
 * the events, which must not matter. Goal: each within 300 ms. (`SCALE=0.1` for a tenth of everything; `StateStore=…` for a
 * table service of your own, such as Azurite without our index, or a new table in Azure.)
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KEY_HOLDER } from '../shared/access/rights.ts';
import { createLivePorts } from '../shared/adapters/live.ts';
import { parseConfig } from '../shared/config.ts';
import { type EventRecord, firstRecord, recordKey, recordPartition } from '../shared/delivery/event-record.ts';
import { BY_TIME, newestFirst, rowKeysOf } from '../shared/delivery/history.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../shared/duration.ts';
import type { CloudEvent } from '../shared/events/cloud-event.ts';
import { newEvent } from '../shared/events/cloud-event.ts';
import { DeploymentRequested } from '../shared/events/deployment.ts';
import { eventKey } from '../shared/events/identity.ts';
import { HealthCheck } from '../shared/events/platform.ts';
import { startBus } from '../shared/local/service-bus/start.ts';
import type { Ports } from '../shared/ports/handler.ts';
import type { Operation, StateStore } from '../shared/ports/state.ts';
import type { ReleaseRecord, TargetRecord } from '../shared/releases/release-record.ts';
import { changeTarget } from '../shared/releases/target-store.ts';
import { SERVICES } from '../shared/slo/health-store.ts';
import { objectivesOf } from '../shared/slo/objectives.ts';
import { newHealth, withCheck } from '../shared/slo/service-health.ts';
import { unlistedChecks } from '../shared/slo/unlisted-checks.ts';
import { countDeployments, deploymentTotals, storeTotals } from '../shared/status/deployment-totals.ts';
import { metricsText } from '../shared/status/metrics.ts';
import { answerPage } from '../shared/status/pages/pages.ts';
import { lastReading, readQueues, storeReading } from '../shared/status/queue-reading.ts';
import { services } from '../shared/status/summaries.ts';
import { tableConnectionString } from '../test/support/azurite.ts';
import { Command } from '../test/support/processes.ts';

const SCALE = Number(process.env['SCALE'] ?? 1);
const TARGETS = Math.ceil(5_000 * SCALE);
const SERVICE_COUNT = Math.ceil(200 * SCALE);
const EVENTS = Math.ceil(100_000 * SCALE);
const ERRORS = Math.ceil(2_000 * SCALE);
const GOAL_MS = 300;
/** Of a transaction. */
const MAX_OPERATIONS = 100;
const now = Date.now();

const names = Array.from({ length: SERVICE_COUNT }, (_, n) => `service-${String(n).padStart(3, '0')}`);
const configuration = {
  services: names.map((name) => ({ name, team: 'shop', objectives: [{ target: 0.999 }] })),
};
const folder = mkdtempSync(join(tmpdir(), 'pages-'));
const configFile = join(folder, 'platform.config.json');
writeFileSync(configFile, JSON.stringify(configuration));

const placeOf = (n: number): readonly [string, string, string] => ['default', `team-${n % 50}`, nameOf(n)];
const nameOf = (n: number): string => (n < SERVICE_COUNT ? (names[n] ?? '') : `app-${n}`);

/** Runs so many at once, and says how far it is on a terminal. */
async function each(what: string, count: number, atOnce: number, work: (n: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) {
      if (next % 100 === 0 && process.stderr.isTTY)
        process.stderr.write(`\r${what}: ${Math.floor((next / count) * 100)} % `);
      await work(next++);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  if (process.stderr.isTTY) process.stderr.write('\r\u001b[K');
}

/** A target that was released ten times; one in fifty fails, one in fifty was refused last. */
function recordOf(n: number): TargetRecord {
  const [cluster, namespace, deployment] = placeOf(n);
  const releases = Array.from({ length: 10 }, (_, at): ReleaseRecord => {
    const begun = now - at * DAY_MS - n * MINUTE_MS;
    const image = `ghcr.io/shop/${deployment}:${10 - at}`;
    const key = `${String(n).padStart(8, '0')}-0000-8000-8000-${String(at).padStart(12, '0')}`;
    const steps: ReleaseRecord['steps'] =
      at === 0 && n % 50 === 1
        ? [{ to: 'failed', at: begun, by: key, reason: 'Frozen', message: 'the service is frozen' }]
        : [
            { to: 'requested', at: begun, by: key },
            { to: 'started', at: begun + 100, by: key, deadline: begun + HOUR_MS },
            at === 0 && n % 50 === 0
              ? { to: 'failed', at: begun + 9_000, by: key, reason: 'DeadlineExceeded', message: 'not ready' }
              : { to: 'completed', at: begun + 9_000, by: key, images: [{ name: 'app', image }], replicas: 3 },
            { to: 'closed', at: begun + 9_100, by: key },
          ];
    const rank = `${new Date(begun).toISOString()}/${key}`;
    const asked = { requestId: key, requestSource: '/ci', correlationId: key, rank };
    return { key, ...asked, data: { cluster, namespace, deployment, image }, steps };
  });
  const good = releases.slice(1, 6).map(({ data: { image } }) => ({ image }));
  const sums = { deployed: 9, completed: 9, failed: 0, rework: 0, rolledBack: 0 };
  const spans = { leadTime: { count: 9, seconds: 9_000 }, recovery: { count: 0, seconds: 0 } };
  return {
    ...{ releases, knownGoodImages: { app: good }, unverified: [], ended: [], doraTotals: { ...sums, ...spans } },
    ...(n % 50 === 0 && { failingSince: now - n * MINUTE_MS }),
  };
}

/** A month of checks each hour, one in ten services burning at the end. */
function healthOf(name: string, n: number): object {
  const configured = objectivesOf(parseConfig(configuration), name);
  let health = newHealth(name);
  for (let hour = 240; hour > 0; hour--) {
    const time = now - hour * HOUR_MS * (hour > 8 ? 3 : 1);
    const data = { service: name, good: n % 10 === 0 && hour < 3 ? 9_000 : 10_000, total: 10_000 };
    const check = newEvent(HealthCheck, { source: '/bench', time: new Date(time).toISOString(), data });
    health = withCheck(health, check, time, { configured, counting: configured });
  }
  return { ...health, counted: '', outcomes: [] };
}

/** What the delivery leaves of an event, many in a transaction. */
async function storeEvents(state: StateStore, from: number, count: number): Promise<void> {
  const byPartition = new Map<string, Operation[]>();
  const chunks: (readonly [string, readonly Operation[]])[] = [];
  for (let n = from; n < from + count; n++) {
    const event: CloudEvent =
      n % 20 === 0
        ? newEvent(DeploymentRequested, {
            source: '/ci',
            data: { namespace: 'shop', deployment: `app-${n % TARGETS}`, image: 'ghcr.io/shop/app:1' },
          })
        : newEvent(HealthCheck, {
            source: '/probe',
            data: { service: names[n % SERVICE_COUNT] ?? '', good: 1, total: 1 },
          });
    const handler = n % 20 === 0 ? 'deployment-requested' : 'health-check';
    const at = now - 30 * DAY_MS + Math.floor((n / EVENTS) * 30 * DAY_MS);
    const lease = { redelivery: 0, runId: 'r', now: at, leaseMs: 1 };
    const record: EventRecord = {
      ...firstRecord({ handler, event, summary: undefined }, lease),
      status: 'completed',
      endedAt: at + 40,
    };
    const key = recordKey(handler, eventKey(record));
    const timeKey = `${BY_TIME}${newestFirst(at)}|${key}`;
    const row = { type: event.type, subject: event.subject, correlationId: event.correlationid };
    const operations: Operation[] = [
      { kind: 'insert', key, value: record },
      ...rowKeysOf(timeKey, row).map((rowKey): Operation => ({ kind: 'insert', key: rowKey, value: row })),
    ];
    const partition = recordPartition(key);
    const open = [...(byPartition.get(partition) ?? []), ...operations];
    if (open.length > MAX_OPERATIONS - 4) chunks.push([partition, open]);
    byPartition.set(partition, open.length > MAX_OPERATIONS - 4 ? [] : open);
  }
  for (const [partition, open] of byPartition) if (open.length > 0) chunks.push([partition, open]);
  await each('events', chunks.length, 2, async (n) => {
    const [partition, operations] = chunks[n] ?? ['', []];
    await state.transact(partition, operations);
  });
}

const given = process.env['StateStore'];
const table = given === undefined ? new Command('shared/local/table', ['--in-memory', '--port', '0']) : undefined;
const bus = await startBus({ port: 0, adminPort: 0 });
process.on('exit', () => {
  table?.signal('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1));
const [, url = ''] = (await table?.line(/^ready (\S+)/, 60_000)) ?? [];
const environment = {
  ServiceBus: bus.connectionString,
  StateStore: given ?? tableConnectionString(url),
  ...{ Cluster: 'simulated', PLATFORM_CONFIG: configFile },
};
const quiet = (): void => {};
const log = { debug: quiet, info: quiet, warn: quiet, error: quiet };

interface App {
  readonly ports: Ports;
  close(): Promise<void>;
}

/** An app that has just begun. */
async function begin(): Promise<App> {
  const live = await createLivePorts(environment);
  const ports = live.portsFor(log);
  // The connection of the bus takes what it takes, and is not the page's.
  await ports.publisher.ping();
  return { ports, close: () => live.close() };
}

async function page({ ports }: App, address: string): Promise<string> {
  const [path = ''] = address.split('?');
  const asked = new URL(`http://127.0.0.1/api/dashboard/${address}`);
  const request = { url: asked.href, query: asked.searchParams, caller: KEY_HOLDER };
  const { status, body } = await answerPage(request, path, 'token', ports);
  if (status !== 200) throw new Error(`${address}: ${status}`);
  return body;
}

/** As `GET /api/metrics` makes them. */
async function metrics({ ports }: App): Promise<string> {
  const [queues, known, { measures }, checks] = await Promise.all([
    lastReading(ports.state),
    services(ports),
    deploymentTotals(ports),
    unlistedChecks(ports.state),
  ]);
  return metricsText({ deployments: measures, services: known, queues, unlistedChecks: checks, pause: undefined });
}

async function timed(work: () => Promise<string>): Promise<{ ms: number; text: string }> {
  const start = performance.now();
  const text = await work();
  return { ms: performance.now() - start, text };
}

/** The link to a page so far behind the first. */
async function farBehind(app: App, address: string, pages: number): Promise<string> {
  let at = address;
  for (let n = 0; n < pages; n++) {
    const [, next] = /href="\/api\/dashboard\/([^"]+)">Next page/.exec(await page(app, at)) ?? [];
    if (next === undefined) break;
    at = next.replaceAll('&amp;', '&');
  }
  return at;
}

let worst = 0;
const row = (name: string, cells: readonly string[]): void =>
  console.log(name.padEnd(44) + cells.map((cell) => cell.padStart(12)).join(''));

async function measure(name: string, work: (app: App) => Promise<string>): Promise<void> {
  const app = await begin();
  const first = await timed(() => work(app));
  const again: number[] = [];
  for (let n = 0; n < 7; n++) again.push((await timed(() => work(app))).ms);
  await app.close();
  const median = again.sort((a, b) => a - b)[3] ?? 0;
  worst = Math.max(worst, first.ms);
  row(name, [`${first.ms.toFixed(0)} ms`, `${median.toFixed(0)} ms`, `${(first.text.length / 1_000).toFixed(0)} kB`]);
}

async function measureAll(): Promise<void> {
  row('page', ['first', 'again', 'size']);
  const app = await begin();
  const [cluster, namespace, deployment] = placeOf(1);
  const chainId = /chain\?id=([^"&]+)/.exec(await page(app, 'events'))?.[1] ?? '';
  const list = [
    ...['', 'services', `services/${names.at(-1)}`, 'deployments', `deployments/${cluster}/${namespace}/${deployment}`],
    ...[
      'deployments?q=default/team-7',
      `chain?id=${chainId}`,
      'events',
      'events?type=HealthCheck',
      'events?type=DeploymentRequested',
      'events?type=DeploymentFailed',
      'errors',
      'errors?reason=InvalidEvent&subscription=',
    ],
    ...['errors/1', 'audit', 'automation'],
  ];
  const far = [
    await farBehind(app, 'deployments', Math.ceil(99 * SCALE)),
    await farBehind(app, 'events', 99),
    await farBehind(app, 'events?type=DeploymentRequested', 99),
    await farBehind(app, 'errors', Math.ceil(39 * SCALE)),
  ];
  await app.close();
  // The code of the pages is loaded by now, as a cold start's first page would.
  for (const address of list) await measure(address || 'overview', (begun) => page(begun, address));
  for (const address of far) await measure(`far: ${address.slice(0, 36)}`, (begun) => page(begun, address));
  await measure('GET /api/metrics', metrics);
}

const start = performance.now();
const seeding = await begin();
const { state } = seeding.ports;
await state.put('warm', 'table', {}, '*');
await each('targets', TARGETS, 8, (n) => changeTarget(state, placeOf(n).join('/'), () => recordOf(n)));
const health = names.slice(0, 10).map(healthOf);
await each('services', SERVICE_COUNT, 8, (n) =>
  state.put(SERVICES, names[n] ?? '', { ...health[n % 10], service: names[n] }, '*'),
);
for (let n = 0; n < ERRORS; n++) {
  const body = Buffer.from(
    JSON.stringify({ id: `e-${n}`, source: '/ci', type: 'HealthCheck', subject: 'web', data: {} }),
  );
  const applicationProperties = { DeadLetterReason: n % 3 === 0 ? 'Unexpected' : 'InvalidEvent' };
  const entry = { messageId: `e-${n}`, subject: 'HealthCheck', body, sizeBytes: body.length };
  bus.broker.send('errors', [{ ...entry, applicationProperties }]);
}
await storeReading(state, await readQueues(seeding.ports));
const counting = await timed(async () => {
  await storeTotals(seeding.ports, await countDeployments(seeding.ports));
  return '';
});
await storeEvents(state, 0, Math.ceil(EVENTS / 10));
console.log(
  `${TARGETS} targets, ${SERVICE_COUNT} services, ${ERRORS} errors: stored in ${((performance.now() - start) / 1_000).toFixed(0)} s; the timer counts the deployments in ${counting.ms.toFixed(0)} ms`,
);
console.log(`\nwith ${Math.ceil(EVENTS / 10)} events`);
await measureAll();
const more = performance.now();
await storeEvents(state, Math.ceil(EVENTS / 10), EVENTS - Math.ceil(EVENTS / 10));
await storeReading(state, await readQueues(seeding.ports));
await storeTotals(seeding.ports, await countDeployments(seeding.ports));
console.log(`\nwith ${EVENTS} events, stored in ${((performance.now() - more) / 1_000).toFixed(0)} s`);
worst = 0;
await measureAll();
console.log(`\nthe slowest first answer: ${worst.toFixed(0)} ms (goal ${GOAL_MS})`);
await seeding.close();
await bus.close();
await table?.kill();
process.exit(worst > GOAL_MS && SCALE === 1 ? 1 : 0);
