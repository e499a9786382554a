/**
 * Two hosts against one: deployments and health checks through the bus, Azurite and one Functions host in a process of
 * its own, then through two on the same bus and table; each twice, in turns. Then how evenly the partitions of the table
 * are used, and how often two hosts were in each other's way, counted by a proxy before Azurite.
 *
 * `npm run bench -- scale`; SCALE=0.1 makes it a tenth.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { ServiceBusClient } from '@azure/service-bus';
import { eventMessage } from '../shared/delivery/bus-message.ts';
import { RECORD_PARTITIONS } from '../shared/delivery/event-record.ts';
import { type CloudEvent, newEvent } from '../shared/events/cloud-event.ts';
import { DeploymentRequested } from '../shared/events/deployment.ts';
import { HealthCheck } from '../shared/events/platform.ts';
import { startBus } from '../shared/local/service-bus/start.ts';
import { topicOf, topology } from '../shared/topology.ts';
import { tableConnectionString } from '../test/support/azurite.ts';
import { observeDeployments } from '../test/support/deployment-observer.ts';
import { Command, eventually } from '../test/support/processes.ts';
import { startTableProxy } from '../test/support/table-proxy.ts';

const SCALE = Number(process.env['SCALE'] ?? 1);
const DEPLOYMENTS = Math.ceil(500 * SCALE);
const CHECKS = Math.ceil(2_000 * SCALE);
const SERVICES = Array.from({ length: 20 }, (_, n) => `service-${n}`);
/** Requested, started, completed. */
const EVENTS = 3 * DEPLOYMENTS + CHECKS;
const TICKS_PER_SECOND = 100;

const folder = mkdtempSync(join(tmpdir(), 'scale-'));
const configFile = join(folder, 'platform.config.json');
writeFileSync(
  configFile,
  JSON.stringify({ objectives: SERVICES.map((service) => ({ service, target: 0.99, team: 'shop' })) }),
);

const children = new Set<Command>();
process.on('exit', () => {
  for (const child of children) child.signal('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1));

async function start(name: string, args: string[], env: Record<string, string> = {}): Promise<[Command, string]> {
  const child = new Command(`shared/local/${name}`, args, env);
  children.add(child);
  const [, ready = ''] = await child.line(/^ready (\S+)/, 60_000);
  return [child, ready];
}

/** Seconds of a core that a process has used. */
function cpuSeconds(pid: number): number {
  // After the name in parentheses, which may hold spaces, the 12th and 13th field are the time in and for the process.
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

function load(): { deployments: CloudEvent[]; checks: CloudEvent[] } {
  const source = '/bench';
  const deployments = Array.from({ length: DEPLOYMENTS }, (_, n) => {
    const data = { namespace: `team-${n % 20}`, deployment: `app-${n}`, image: `ghcr.io/shop/app-${n}:1` };
    return newEvent(DeploymentRequested, { source, data });
  });
  const checks = Array.from({ length: CHECKS }, (_, n) => {
    const data = { service: SERVICES[n % SERVICES.length] ?? '', good: 100, total: 100 };
    return newEvent(HealthCheck, { source, data });
  });
  return { deployments, checks };
}

/** Seconds of all cores that anybody has used. */
function busySeconds(): number {
  const [user, nice, system, , , irq, softirq] =
    /^cpu +(.*)$/m.exec(readFileSync('/proc/stat', 'utf8'))?.[1]?.split(' ') ?? [];
  return [user, nice, system, irq, softirq].reduce((sum, ticks) => sum + Number(ticks), 0) / TICKS_PER_SECOND;
}

interface Result {
  readonly seconds: number;
  /** Seconds of a core: each host, Azurite, and this process with bus, sender and observer. */
  readonly cpu: readonly { readonly name: string; readonly seconds: number }[];
  /** Attempts of handlers that failed, and were made again later. */
  readonly failed: number;
  /** Seconds of a core that went to others on this machine: with many of them the result says little. */
  readonly others: number;
}

const sumOf = (numbers: readonly number[]): number => numbers.reduce((sum, one) => sum + one, 0);

async function run(hosts: number, watch?: (request: string, answer: string) => void): Promise<Result> {
  const bus = await startBus({ port: 0, adminPort: 0 });
  const observed = observeDeployments(bus.broker);
  const [table, url] = await start('table', ['--in-memory', '--port', '0']);
  const proxy = watch && (await startTableProxy(tableConnectionString(url)));
  if (proxy) proxy.watch = watch;
  const env = {
    ServiceBus: bus.connectionString,
    StateStore: proxy?.connectionString ?? tableConnectionString(url),
    Cluster: 'simulated',
    PLATFORM_CONFIG: configFile,
  };
  const processes = [
    ...(await Promise.all(Array.from({ length: hosts }, () => start('host', ['--http-port', '0'], env)))).map(
      ([host], n) => ({ name: `host ${n + 1}`, pid: host.pid, child: host }),
    ),
    { name: 'Azurite', pid: table.pid, child: table },
  ];
  const client = new ServiceBusClient(bus.connectionString);

  let events = 0;
  let ended = 0;
  client.createReceiver(observed, { receiveMode: 'receiveAndDelete' }).subscribe(
    {
      processMessage: async ({ body: { type } }) => {
        events++;
        if (type === 'DeploymentCompleted') ended++;
      },
      processError: async ({ error }) => console.error(`observer: ${error.message}`),
    },
    { maxConcurrentCalls: 50 },
  );
  const send = async (all: readonly CloudEvent[]): Promise<void> => {
    const sender = client.createSender(topicOf(all[0]?.type ?? ''));
    for (let at = 0; at < all.length; at += 100) {
      await sender.sendMessages(
        all.slice(at, at + 100).map((event) => {
          const { entity: _, scheduledEnqueueTimeMs: __, ...message } = eventMessage(event);
          return message;
        }),
      );
    }
  };
  const waiting = (): number =>
    topology.topics
      .flatMap(({ name, subscriptions }) => subscriptions.map((one) => `${name}/Subscriptions/${one.name}`))
      .reduce((sum, path) => sum + bus.broker.resolve(path).activeCount, 0);

  // The first events find cold hosts and no table.
  const { deployments, checks } = load();
  await send([newEvent(HealthCheck, { source: '/warm', data: { service: 'service-0', good: 1, total: 1 } })]);
  await eventually(() => waiting() === 0 || undefined, 'the first check', 60_000);

  const usedBefore = new Map(processes.map(({ name, pid }) => [name, cpuSeconds(pid)]));
  const [begin, own, busy] = [performance.now(), process.cpuUsage(), busySeconds()];
  await Promise.all([send(deployments), send(checks)]);
  await eventually(() => (ended === DEPLOYMENTS && waiting() === 0) || undefined, 'every end', 300_000);
  const seconds = (performance.now() - begin) / 1_000;
  const { user, system } = process.cpuUsage(own);
  const cpu = [
    ...processes.map(({ name, pid }) => ({ name, seconds: cpuSeconds(pid) - (usedBefore.get(name) ?? 0) })),
    { name: 'bus and sender', seconds: (user + system) / 1e6 },
  ];
  const others = Math.max(0, busySeconds() - busy - sumOf(cpu.map((one) => one.seconds)));

  const wrong = bus.broker.resolve('errors').activeCount;
  if (events !== 3 * DEPLOYMENTS || wrong > 0) throw new Error(`${events} events, ${wrong} in errors`);
  const failed = sumOf(processes.map(({ child }) => child.output.match(/attempt failed/g)?.length ?? 0));
  for (const { child } of processes) {
    children.delete(child);
    await child.kill();
  }
  await client.close();
  await proxy?.close();
  await bus.close();
  return { seconds, cpu, failed, others };
}

/** What was asked of a partition: requests, and the entities in them. */
interface Use {
  requests: number;
  entities: number;
  conflicts: number;
}

/** Counts by partition. A transaction names one partition several times. */
function counter(uses: Map<string, Use>): (request: string, answer: string) => void {
  return (request, answer) => {
    const [, partition] =
      /PartitionKey(?:=| eq |": ?)['"]([^'"]+)/.exec(decodeURIComponent(request.replaceAll('+', ' '))) ?? [];
    if (partition === undefined) return;
    const use = uses.get(partition) ?? { requests: 0, entities: 0, conflicts: 0 };
    uses.set(partition, use);
    use.requests++;
    use.entities += Math.max(1, request.match(/ HTTP\/1\.1/g)?.length ?? 0);
    if (/^(?:409|412)|HTTP\/1\.1 (?:409|412)/.test(answer)) use.conflicts++;
  };
}

console.log(`${DEPLOYMENTS} deployments and ${CHECKS} checks of ${SERVICES.length} services: ${EVENTS} events`);
const results = new Map<number, Result[]>([
  [1, []],
  [2, []],
]);
for (const hosts of [1, 2, 2, 1]) {
  const result = await run(hosts);
  results.get(hosts)?.push(result);
  const { seconds, cpu, failed, others } = result;
  const used = cpu.map((one) => `${one.name} ${(one.seconds / seconds).toFixed(2)}`).join(', ');
  console.log(
    `  ${hosts} host${hosts > 1 ? 's' : ' '}  ${seconds.toFixed(1).padStart(5)} s  ${(EVENTS / seconds).toFixed(0).padStart(4)} events/s; ${failed} failed attempts; cores: ${used}; others ${(others / seconds).toFixed(2)}`,
  );
}
const perSecond = (hosts: number): number => {
  const all = results.get(hosts) ?? [];
  return (EVENTS * all.length) / sumOf(all.map(({ seconds }) => seconds));
};
/** Of a core, for an event, of the processes whose name begins so. */
const msPerEvent = (hosts: number, name = ''): number => {
  const all = results.get(hosts) ?? [];
  const used = all.flatMap(({ cpu }) => cpu.filter((one) => one.name.startsWith(name)).map(({ seconds }) => seconds));
  return (1_000 * sumOf(used)) / (EVENTS * all.length);
};
console.log(`  two hosts against one: ${(perSecond(2) / perSecond(1)).toFixed(2)}`);
for (const hosts of [1, 2]) {
  const [all, azurite] = [msPerEvent(hosts), msPerEvent(hosts, 'Azurite')];
  const [ofCores, ofAzurite] = [(1_000 * availableParallelism()) / all, 1_000 / azurite];
  console.log(
    `  ${hosts} host${hosts > 1 ? 's' : ' '}  an event takes ${all.toFixed(1)} ms of a core, ${azurite.toFixed(1)} of them Azurite's one thread: at most ${ofCores.toFixed(0)} events/s on ${availableParallelism()} cores, and ${ofAzurite.toFixed(0)} by Azurite`,
  );
}

const uses = new Map<string, Use>();
await run(2, counter(uses));
const records = RECORD_PARTITIONS.map((name) => uses.get(name)?.entities ?? 0);
const sum = sumOf(records);
console.log('\npartitions, two hosts, counted before Azurite: entities, requests, conflicts');
console.log(
  `  records, 16 partitions: ${sum} entities, ${Math.min(...records)} to ${Math.max(...records)} in each, the fullest ${((Math.max(...records) * records.length) / sum).toFixed(2)} times its share`,
);
const sorted = [...uses].sort(([, a], [, b]) => b.entities - a.entities);
for (const [name, { entities, requests, conflicts }] of sorted.slice(0, 4)) {
  const share = entities / EVENTS;
  console.log(
    `  ${name.padEnd(12)} ${String(entities).padStart(6)} ${String(requests).padStart(6)} ${String(conflicts).padStart(5)}; 2,000 entities/s would be ${(2_000 / share).toFixed(0)} of these events/s`,
  );
}
