/**
 * The main job under load: a thousand deployment requests for a thousand targets, one in ten failing, one in five
 * published twice, sent by the real SDK to the AMQP face, run by the Functions host in a process of its own. With
 * Azurite, that process is killed (SIGKILL) in the middle and started again. Every request must come to exactly one end.
 *
 * `npm run bench -- thousand`; THOUSAND=100 makes it a hundred. With TIER=standard the bus throttles as that tier does,
 * and only the run in memory is made: how many deployments a second a namespace carries. What the bench itself observes
 * costs credits too (one more filter and one more receive for each event), so a namespace carries rather more.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { ServiceBusClient, type ServiceBusMessage } from '@azure/service-bus';
import { eventMessage } from '../shared/delivery/bus-message.ts';
import type { CloudEvent } from '../shared/events/cloud-event.ts';
import { newEvent } from '../shared/events/cloud-event.ts';
import { DeploymentRequested } from '../shared/events/deployment.ts';
import { TIERS } from '../shared/local/service-bus/core/limits/limits.ts';
import { startBus } from '../shared/local/service-bus/start.ts';
import { observeDeployments } from '../test/support/deployment-observer.ts';

const REQUESTS = Number(process.env['THOUSAND'] ?? 1000);
const TIER = process.env['TIER'];
const TOPIC = 'deployment-requested';

const children = new Set<ChildProcess>();
const killAll = (): void => {
  for (const child of children) child.kill('SIGKILL');
};
process.on('exit', killAll);
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1));

interface Child {
  readonly process: ChildProcess;
  readonly ready: string;
}

/** Starts a command and resolves with what its ready line says. */
function startCommand(command: string, args: string[], env: Record<string, string> = {}): Promise<Child> {
  const child = spawn(process.execPath, [`dist/shared/local/${command}.js`, ...args], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', process.env['VERBOSE'] ? 'inherit' : 'ignore'],
  });
  children.add(child);
  return new Promise((resolve, reject) => {
    child.once('exit', () => children.delete(child));
    child.once('exit', (code) => reject(new Error(`${command} ended with ${code}`)));
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (process.env['VERBOSE']) console.log(line);
      const ready = /^ready (\S+)/.exec(line)?.[1];
      if (ready) resolve({ process: child, ready });
    });
  });
}

function peakMemoryMiB(pid: number | undefined): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024;
}

const isFailing = (index: number): boolean => index % 10 === 3;
const isTwice = (index: number): boolean => index % 5 === 1;

function requestFor(index: number, tag: string): CloudEvent {
  const data = {
    namespace: `team-${index % 20}`,
    deployment: `app-${index}`,
    image: `ghcr.io/shop/app-${index}:${tag}`,
  };
  return newEvent(DeploymentRequested, { source: '/bench', data });
}

function toMessage(event: CloudEvent, suffix = ''): ServiceBusMessage {
  const { entity: _, scheduledEnqueueTimeMs: __, messageId, ...message } = eventMessage(event);
  // Another message id: the broker's duplicate detection must not be what saves us.
  return { ...message, messageId: messageId + suffix };
}

interface Outcome {
  readonly ends: Map<string, string[]>;
  events: number;
}

/** Counts every event that the topics carried, and the ends of every request. */
function observe(client: ServiceBusClient, queue: string, onEnd: (outcome: Outcome) => void): Outcome {
  const outcome: Outcome = { ends: new Map(), events: 0 };
  client.createReceiver(queue, { receiveMode: 'receiveAndDelete' }).subscribe(
    {
      processMessage: async ({ body }) => {
        // The topics carry events alone, and this bench reads three of their fields.
        const { type, data } = body as { type: string; data: { requestId?: string } };
        outcome.events++;
        if (type === 'DeploymentRequested' || type === 'DeploymentStarted') return;
        const requestId = data.requestId ?? '';
        outcome.ends.set(requestId, [...(outcome.ends.get(requestId) ?? []), type]);
        onEnd(outcome);
      },
      processError: async ({ error }) => console.error(`observer: ${error.message}`),
    },
    { maxConcurrentCalls: 50 },
  );
  return outcome;
}

const endOf = (types: readonly string[] = []): string | undefined =>
  types.includes('DeploymentRolledBack') || types.includes('DeploymentCompleted') ? 'over' : types[0];

async function run(store: 'memory' | 'azurite', kill: boolean): Promise<boolean> {
  console.log(`\n${REQUESTS} requests, state in ${store}${kill ? ', host killed in the middle' : ''}`);
  const bus = await startBus({ port: 0, adminPort: 0, limits: TIER === 'standard' ? TIERS.standard : {} });
  const observed = observeDeployments(bus.broker);
  const table = store === 'azurite' ? await startCommand('table', ['--in-memory', '--port', '0']) : undefined;
  const env = {
    ServiceBus: bus.connectionString,
    StateStore: table
      ? `DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;AccountKey=Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==;TableEndpoint=${table.ready}/devstoreaccount1;`
      : 'memory',
    Cluster: 'simulated',
  };
  let host = await startCommand('host', ['--http-port', '0'], env);
  const client = new ServiceBusClient(bus.connectionString);

  // Half of the failing targets have run a good image before, to which they must be rolled back.
  const good = Array.from({ length: REQUESTS }, (_, index) => index).filter(
    (index) => isFailing(index) && index % 20 === 3,
  );
  const ids = new Set<string>();
  let killed = !kill;
  let peak = 0;
  const outcome = observe(client, observed, ({ ends }) => {
    if (killed || [...ends.keys()].filter((id) => ids.has(id)).length < REQUESTS / 3) return;
    killed = true;
    peak = peakMemoryMiB(host.process.pid);
    host.process.removeAllListeners('exit');
    host.process.kill('SIGKILL');
    void startCommand('host', ['--http-port', '0'], env).then((next) => {
      host = next;
    });
  });

  const sender = client.createSender(TOPIC);
  const send = async (messages: ServiceBusMessage[]): Promise<void> => {
    for (let at = 0; at < messages.length; at += 100) await sender.sendMessages(messages.slice(at, at + 100));
  };
  const until = async (isDone: () => boolean, seconds: number): Promise<boolean> => {
    const deadline = performance.now() + seconds * 1000;
    while (!isDone() && performance.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 100));
    return isDone();
  };
  const before = good.map((index) => requestFor(index, '1'));
  await send(before.map((event) => toMessage(event)));
  await until(() => before.every(({ id }) => endOf(outcome.ends.get(id)) === 'over'), 60);

  // Made now: a request that is older than the good one would rightly be superseded by it.
  const requests = Array.from({ length: REQUESTS }, (_, index) => requestFor(index, isFailing(index) ? 'fail-2' : '2'));
  for (const { id } of requests) ids.add(id);
  const [begin, eventsBefore] = [performance.now(), outcome.events];
  await send(
    requests.flatMap((event, index) => [toMessage(event), ...(isTwice(index) ? [toMessage(event, '#again')] : [])]),
  );
  const shouldRollBack = (index: number): boolean => good.includes(index);
  const isOver = (index: number, id: string): boolean => {
    const end = endOf(outcome.ends.get(id));
    return shouldRollBack(index) ? end === 'over' : end !== undefined;
  };
  await until(() => requests.every(({ id }, index) => isOver(index, id)), 300);
  const seconds = (performance.now() - begin) / 1000;
  const events = outcome.events - eventsBefore;
  // What was published twice would show by now.
  await new Promise((resolve) => setTimeout(resolve, 5_000));

  const expected = (index: number): string =>
    isFailing(index)
      ? shouldRollBack(index)
        ? 'DeploymentFailed,DeploymentRolledBack'
        : 'DeploymentFailed'
      : 'DeploymentCompleted';
  const wrong = requests.flatMap(({ id }, index) => {
    const ends = (outcome.ends.get(id) ?? []).sort().join(',');
    return ends === expected(index) ? [] : [`app-${index}: expected ${expected(index)}, got ${ends || 'nothing'}`];
  });
  const deadLetters = bus.broker.resolve('errors').peek(0, 100).length;
  peak = Math.max(peak, peakMemoryMiB(host.process.pid));

  console.log(
    `  ends           ${REQUESTS - wrong.length} of ${REQUESTS} exactly as expected, ${deadLetters} in errors`,
  );
  console.log(
    `  time           ${seconds.toFixed(1)} s: ${(REQUESTS / seconds).toFixed(0)} deployments/s, ${(events / seconds).toFixed(0)} events/s`,
  );
  console.log(
    `  peak memory    host ${peak.toFixed(0)} MiB, bus and sender ${peakMemoryMiB(process.pid).toFixed(0)} MiB`,
  );
  for (const line of wrong.slice(0, 10)) console.log(`  ${line}`);

  for (const child of [host, table]) {
    child?.process.removeAllListeners('exit');
    child?.process.kill('SIGKILL');
  }
  await client.close();
  await bus.close();
  return wrong.length === 0 && deadLetters === 0 && killed;
}

const results = [await run('memory', false)];
if (!TIER) results.push(await run('azurite', false), await run('azurite', true));
process.exit(results.every(Boolean) ? 0 : 1);
