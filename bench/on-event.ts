/**
 * Events a second through the whole delivery (`deliver`: parse, begin, handle, publish, finish, history), with ports in
 * memory and a handler that publishes one child. Goal: 20,000 a second. `--json` prints the figure for machines.
 */
import { MemoryStateStore } from '../shared/adapters/memory-store.ts';
import { parseConfig } from '../shared/config.ts';
import { deliver } from '../shared/delivery.ts';
import { newEvent } from '../shared/events/cloud-event.ts';
import { DeploymentRequested, DeploymentStarted } from '../shared/events/deployment.ts';
import type { EventBus, Handler, Ports } from '../shared/ports.ts';

const EVENTS = 20_000;
const ROUNDS = 5;
const release = { namespace: 'shop', deployment: 'web', image: 'ghcr.io/shop/web:1.2.3' };

let published = 0;

const handle: Handler<never> = async (event: { id: string }, { publish }) => {
  publish(DeploymentStarted, { ...release, requestId: event.id });
};

function createPorts(): Ports {
  const unexpected = async (): Promise<never> => {
    throw new Error('every event is handled at once');
  };
  const bus: EventBus = {
    publish: unexpected,
    publishAll: async (events) => {
      published += events.length;
    },
    schedule: unexpected,
    park: unexpected,
    subscribe: () => async () => {},
    ping: async () => {},
    close: async () => {},
  };
  return {
    bus,
    state: new MemoryStateStore(),
    clusters: { names: [], get: () => process.abort() },
    notifier: { notify: unexpected },
    clock: { now: () => Date.now() },
    config: parseConfig({}),
    log: { info: () => {}, warn: console.warn, error: console.error },
  };
}

async function eventsPerSecond(): Promise<number> {
  const ports = createPorts();
  const bodies = Array.from({ length: EVENTS }, () =>
    JSON.stringify(newEvent(DeploymentRequested, { source: '/ci', data: release })),
  );
  published = 0;
  const start = performance.now();
  for (const body of bodies) await deliver({ definition: DeploymentRequested, handle, body }, ports);
  const rate = (EVENTS / (performance.now() - start)) * 1_000;
  if (published !== EVENTS) throw new Error(`${published} children of ${EVENTS} events were published`);
  return rate;
}

await eventsPerSecond(); // warms up
const rates: number[] = [];
for (let round = 0; round < ROUNDS; round++) rates.push(await eventsPerSecond());
const median = Math.round([...rates].sort((a, b) => a - b)[Math.floor(ROUNDS / 2)] ?? 0);

if (process.argv.includes('--json')) console.log(JSON.stringify({ deliveredPerSecond: median, goal: 20_000 }));
else console.log(`events a second through the delivery: ${median} (goal: 20,000; median of ${ROUNDS} rounds)`);
