/**
 * What the delivery costs an event in process, with memory ports: parse, record, handle, publish a child, finish. Also
 * without a child, and as a duplicate. Goal: 20,000 events a second and more.
 */
import { setTimeout } from 'node:timers/promises';
import { MemoryStateStore } from '../shared/adapters/memory-store.ts';
import { parseConfig } from '../shared/config.ts';
import { eventMessage } from '../shared/delivery/bus-message.ts';
import { deliver } from '../shared/delivery/deliver.ts';
import { newEvent } from '../shared/events/cloud-event.ts';
import { DeploymentRequested, DeploymentStarted } from '../shared/events/deployment.ts';
import type { EventBus } from '../shared/ports/bus.ts';
import type { HandlerPorts, Ports } from '../shared/ports/handler.ts';

const EVENTS = 20_000;
const ROUNDS = 5;

const data = { namespace: 'shop', deployment: 'web', image: 'ghcr.io/shop/web:1.2.3' };
const bodies = Array.from({ length: EVENTS }, () =>
  JSON.stringify(newEvent(DeploymentRequested, { source: '/ci', data })),
);
let sent = 0;

function createPorts(): Ports {
  const refuse = async (): Promise<never> => {
    throw new Error('nothing fails here');
  };
  const bus: EventBus = {
    publish: refuse,
    // What a bus has to do with an event at least: make its message.
    publishAll: async (events) => {
      sent += events.map((event) => eventMessage(event)).length;
    },
    schedule: refuse,
    deadLetter: refuse,
    deadLetters: refuse,
    findDeadLetter: refuse,
    takeDeadLetter: refuse,
    subscribe: () => async () => {},
    backlog: refuse,
    hasSubscription: async () => true,
    ping: async () => {},
    close: async () => {},
  };
  return {
    publisher: bus,
    deadLetterQueue: bus,
    state: new MemoryStateStore(),
    measurements: { count: async () => undefined },
    clusters: { names: [], get: () => process.abort() },
    notifier: { notify: refuse },
    clock: { now: () => Date.now() },
    config: parseConfig({}),
    log: { info: () => {}, warn: console.warn, error: console.error },
  };
}

async function deliverAll(
  ports: Ports,
  handle: (event: unknown, ports: HandlerPorts) => Promise<void>,
): Promise<number> {
  const begun = performance.now();
  for (const body of bodies) await deliver({ definition: DeploymentRequested, handle, body }, ports);
  return EVENTS / ((performance.now() - begun) / 1_000);
}

const withChild = async (_: unknown, { publish }: HandlerPorts): Promise<void> =>
  publish(DeploymentStarted, { ...data, requestId: 'request' });
const withoutChild = async (): Promise<void> => {};

const rates: Record<string, number[]> = { 'one child each': [], 'no child': [], 'delivered again': [] };
// The generated code of the schemas is loaded in the background, which a loop of promises alone would put off for ever.
await deliverAll(createPorts(), withChild);
await setTimeout(200);
sent = 0;
for (let round = 0; round < ROUNDS; round++) {
  rates['one child each']?.push(await deliverAll(createPorts(), withChild));
  const ports = createPorts();
  rates['no child']?.push(await deliverAll(ports, withoutChild));
  rates['delivered again']?.push(await deliverAll(ports, withoutChild));
}

if (sent !== EVENTS * ROUNDS) throw new Error(`expected ${EVENTS * ROUNDS} children, got ${sent}`);
for (const [name, measured] of Object.entries(rates)) {
  const median = measured.sort((a, b) => a - b)[Math.floor(ROUNDS / 2)] ?? 0;
  console.log(`on-event, ${name}: ${Math.round(median).toLocaleString('en')} events/s (median of ${ROUNDS})`);
}
