/**
 * What a request to publish one event costs in process, ports in memory: read, check what its caller may, store who sends
 * it, the audit log, hand it to the bus. And how long it takes when the store answers after 5 ms and the bus after 10.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { handle } from '../functions/http/publish.ts';
import { KEY_HOLDER } from '../shared/access/rights.ts';
import { MemoryStateStore } from '../shared/adapters/memory-store.ts';
import { parseConfig } from '../shared/config.ts';
import { eventMessage } from '../shared/delivery/bus-message.ts';
import type { PlatformEvent } from '../shared/events/catalog.ts';
import type { HttpRequest } from '../shared/http/on-http.ts';
import type { Ports } from '../shared/ports/handler.ts';

const REQUESTS = 3_000;
const ROUNDS = 7;
const SLOW_REQUESTS = 40;
const SERVICES = 100;

const data = { namespace: 'shop', deployment: 'web', image: 'ghcr.io/shop/web:1.2.3' };
const services = Array.from({ length: SERVICES }, (_, n) => ({ name: `service-${n}` }));

/** @param storeMs how long the store takes for a call @param busMs how long the bus takes */
function portsWith(storeMs: number, busMs: number): Ports {
  const memory = new MemoryStateStore();
  const state =
    storeMs === 0
      ? memory
      : new Proxy(memory, {
          get: (target, name) => {
            const method: unknown = Reflect.get(target, name, target);
            if (typeof method !== 'function') return method;
            return async (...args: unknown[]) => {
              await pause(storeMs);
              return Reflect.apply(method, target, args);
            };
          },
        });
  const publishAll = async (events: readonly PlatformEvent[]): Promise<void> => {
    for (const event of events) eventMessage(event);
    if (busMs > 0) await pause(busMs);
  };
  const clock = { now: () => Date.now() };
  const log = { info: () => {}, warn: console.warn, error: console.error };
  // The function asks for nothing but these.
  return { publisher: { publishAll }, state, clock, log, config: parseConfig({ services }) } as unknown as Ports;
}

function requestWith(id: string): HttpRequest {
  const body = Buffer.from(JSON.stringify({ type: 'DeploymentRequested', source: '/ci', id, data }));
  return {
    ...{ method: 'POST', url: 'http://localhost/api/events', query: new URLSearchParams(), params: {} },
    headers: new Headers({ 'content-type': 'application/json', 'content-length': String(body.length) }),
    ...{ caller: KEY_HOLDER, isAnonymous: false, arrayBuffer: async () => new Uint8Array(body).buffer },
    traceparent: () => '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
  };
}

async function publishOne(id: string, ports: Ports): Promise<void> {
  const { status } = await handle(requestWith(id), ports);
  if (status !== 202) throw new Error(`expected 202, got ${status}`);
}

const median = (numbers: number[]): number => numbers.sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0;

const rates: number[] = [];
for (let round = 0; round < ROUNDS; round++) {
  const ports = portsWith(0, 0);
  const begun = performance.now();
  for (let n = 0; n < REQUESTS; n++) await publishOne(`${round}-${n}`, ports);
  rates.push(REQUESTS / ((performance.now() - begun) / 1_000));
}
console.log(`publish: ${Math.round(median(rates)).toLocaleString('en')} requests/s (median of ${ROUNDS})`);

const slow = portsWith(5, 10);
const times: number[] = [];
for (let n = 0; n < SLOW_REQUESTS; n++) {
  const begun = performance.now();
  await publishOne(`slow-${n}`, slow);
  times.push(performance.now() - begun);
}
console.log(`publish, store 5 ms and bus 10 ms away: ${median(times).toFixed(1)} ms a request (median)`);
