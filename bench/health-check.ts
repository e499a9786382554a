/**
 * Health checks a second through the whole delivery (`deliver`, memory ports), for services with an hour and with thirty
 * days of history; and what 1,000 services with thirty days of history take in memory and as stored.
 * Goals: 10,000 a second, a ratio under 1.2, 64 MiB, 64 KiB a service.
 */
import { setTimeout } from 'node:timers/promises';
import { handle } from '../functions/platform/health-check.ts';
import { MemoryStateStore } from '../shared/adapters/memory-store.ts';
import { parseConfig } from '../shared/config.ts';
import { deliver } from '../shared/delivery/deliver.ts';
import { newEvent } from '../shared/events/cloud-event.ts';
import { HealthCheck } from '../shared/events/platform.ts';
import type { EventBus } from '../shared/ports/bus.ts';
import type { Ports } from '../shared/ports/handler.ts';
import { SERVICES } from '../shared/slo/health-store.ts';

const HOUR = 3_600_000;
const CHECKS = 20_000;
const ROUNDS = 5;
const services = Array.from({ length: 1_000 }, (_, n) => `service-${n}`);
const config = parseConfig({ services: services.map((name) => ({ name, objectives: [{ target: 0.99 }] })) });

let now = Date.parse('2026-03-01T00:00:00Z');

function createPorts(): Ports {
  const unexpected = async (): Promise<never> => {
    throw new Error('a healthy service publishes nothing');
  };
  const bus: EventBus = {
    publish: unexpected,
    publishAll: async (events) => void (events.length > 0 && (await unexpected())),
    schedule: unexpected,
    deadLetter: unexpected,
    deadLetters: unexpected,
    findDeadLetter: unexpected,
    takeDeadLetter: unexpected,
    subscribe: () => async () => {},
    backlog: unexpected,
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
    notifier: { notify: unexpected },
    clock: { now: () => now },
    config,
    log: { info: () => {}, warn: console.warn, error: console.error },
  };
}

function check(service: string, total = 1_000): string {
  const time = new Date(now).toISOString();
  const data = { service, good: total - (now % 7 === 0 ? 3 : 0), total };
  return JSON.stringify(newEvent(HealthCheck, { source: '/probe', time, data }));
}

/** Gives services a history of checks without the records of their delivery. */
async function fill(ports: Ports, names: readonly string[], hours: number, step: number): Promise<void> {
  const end = now;
  for (let hour = hours; hour > 0; hour -= step) {
    now = end - hour * HOUR;
    for (const service of names) {
      const event = JSON.parse(check(service, 50_000));
      await handle(event, { ...ports, publish: () => {}, isCompleted: async () => true });
    }
  }
  now = end;
}

async function checksPerSecond(ports: Ports): Promise<number> {
  const bodies = Array.from({ length: CHECKS }, () => {
    now += 10;
    return check('service-0');
  });
  const start = performance.now();
  for (const body of bodies) await deliver({ definition: HealthCheck, handle, body }, ports);
  return (CHECKS / (performance.now() - start)) * 1_000;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

const rates: Record<'hour' | 'month', number[]> = { hour: [], month: [] };
for (let round = 0; round <= ROUNDS; round++) {
  for (const [name, hours] of [
    ['hour', 1],
    ['month', 720],
  ] as const) {
    const ports = createPorts();
    await fill(ports, ['service-0'], hours, 0.1);
    const rate = await checksPerSecond(ports);
    if (round > 0) rates[name].push(rate); // the first round warms up
  }
  // The generated code of the schemas is loaded in the background, which a loop of promises alone would put off for ever.
  if (round === 0) await setTimeout(200);
}
const [hour, month] = [median(rates.hour), median(rates.month)];
console.log(`health checks a second, an hour of history:    ${Math.round(hour)}`);
console.log(`health checks a second, thirty days of it:     ${Math.round(month)}`);
console.log(`ratio of the cost, month to hour:              ${(hour / month).toFixed(2)}`);

globalThis.gc?.();
const before = process.memoryUsage();
const ports = createPorts();
await fill(ports, services, 720, 4); // every bucket of the longest window
globalThis.gc?.();
const after = process.memoryUsage();
const grown = after.heapUsed + after.external - before.heapUsed - before.external;
let largest = 0;
for await (const { value } of ports.state.query(SERVICES)) largest = Math.max(largest, JSON.stringify(value).length);
console.log(
  `1,000 services with thirty days of history:    ${(grown / 2 ** 20).toFixed(1)} MiB${globalThis.gc ? '' : ' (run with --expose-gc)'}`,
);
console.log(`the largest service as stored:                 ${(largest / 1_024).toFixed(1)} KiB`);
