/**
 * A year of health checks for 100 services on virtual time, one an hour each, with a bad day every quarter: counted,
 * judged, frozen and freed by the real handlers on memory ports. Goal: under a minute.
 */
import { handle as handleDepleted } from '../functions/platform/error-budget-depleted.ts';
import { handle as handleCheck } from '../functions/platform/health-check.ts';
import { MemoryStateStore } from '../shared/adapters/memory-store.ts';
import { parseConfig } from '../shared/config.ts';
import type { PlatformEvent } from '../shared/events/catalog.ts';
import { childEvent, newEvent } from '../shared/events/cloud-event.ts';
import { HealthCheck } from '../shared/events/platform.ts';
import type { HandlerPorts } from '../shared/ports/handler.ts';
import { freezeOf } from '../shared/slo/freezes.ts';
import { subscriptionOf } from '../shared/topology.ts';

const HOUR = 3_600_000;
const DAYS = 365;
const QUARTER = 91;
const services = Array.from({ length: 100 }, (_, n) => `service-${n}`);

let now = Date.parse('2026-01-01T00:00:00Z');
const state = new MemoryStateStore();
const told: Record<string, number> = {};
const children: PlatformEvent[] = [];

function count(what: string): void {
  told[what] = (told[what] ?? 0) + 1;
}

function portsFor(event: PlatformEvent): HandlerPorts {
  return {
    state,
    config,
    clusters: { names: [], get: () => process.abort() },
    notifier: { notify: async ({ title }) => count(title.replace(/^\S+ /, '')) },
    clock: { now: () => now },
    log: { info: () => {}, warn: console.warn, error: console.error },
    isCompleted: async () => true,
    publish: (definition, data, { key } = {}) => {
      const handler = subscriptionOf(event.type);
      const time = new Date(now).toISOString();
      const child = childEvent(event, definition, { handler, data, time, ...(key !== undefined && { key }) });
      // A definition comes from the catalog, so the child is one of its events.
      children.push(child as unknown as PlatformEvent);
    },
  };
}
const config = parseConfig({ services: services.map((name) => ({ name, objectives: [{ target: 0.999 }] })) });

const sample = newEvent(HealthCheck, { source: '/probe', data: { service: 'any', good: 1, total: 1 } });

const start = performance.now();
let checks = 0;
let frozenHours = 0;
for (let hour = 0; hour < DAYS * 24; hour++, now += HOUR) {
  const time = new Date(now).toISOString();
  for (const [index, service] of services.entries()) {
    // Each service has its bad day on another day of the quarter; a tenth of its requests fail then.
    const isBad = Math.floor(hour / 24) % QUARTER === index % QUARTER;
    const data = { service, good: isBad ? 9_000 : 9_999, total: 10_000 };
    // Made by hand: what it costs to publish an event is not what is measured.
    const event = { ...sample, id: `${service}-${hour}`, time, data };
    await handleCheck(event, portsFor(event));
    checks++;
    for (const child of children.splice(0)) {
      count(child.type);
      if (child.type === 'ErrorBudgetDepleted') await handleDepleted(child, portsFor(child));
    }
  }
  if (await freezeOf(state, 'service-10', now)) frozenHours++;
}
const seconds = (performance.now() - start) / 1_000;
console.log(
  `a year of ${services.length} services:  ${seconds.toFixed(1)} s for ${checks} checks (${Math.round(checks / seconds)} a second)`,
);
console.log(
  `what came of it:         ${Object.entries(told)
    .map(([what, times]) => `${times} ${what}`)
    .join(', ')}`,
);
console.log(`service-10 was frozen:   ${(frozenHours / 24).toFixed(1)} days`);
