/** Hosts whose clocks are off, beside a broker and a store that have the right time. */
import { describe, expect, it } from 'vitest';
import { MemoryStateStore } from '../../../shared/adapters/memory-store.ts';
import { createSimulatedClusters } from '../../../shared/adapters/simulated-cluster.ts';
import { parseConfig } from '../../../shared/config.ts';
import { deliver } from '../../../shared/delivery/deliver.ts';
import { Isolation } from '../../../shared/delivery/isolation.ts';
import { HOUR_MS, MINUTE_MS, SECOND_MS } from '../../../shared/duration.ts';
import { TransientError } from '../../../shared/errors.ts';
import { newEvent } from '../../../shared/events/cloud-event.ts';
import { DeploymentRequested } from '../../../shared/events/deployment.ts';
import { HealthCheck } from '../../../shared/events/platform.ts';
import { VirtualClock } from '../../../shared/local/service-bus/core/clock.ts';
import { InMemoryEventBus } from '../../../shared/local/testing/in-memory-event-bus.ts';
import { loadHandlers } from '../../../shared/local/testing/load-handlers.ts';
import { serveHandlers } from '../../../shared/local/testing/serve-handlers.ts';
import { type Handler, requeueAfter } from '../../../shared/ports/handler.ts';
import { routeOf } from '../../../shared/topology.ts';
import { definition, event } from '../../support/delivery-cases.ts';
import { clustersOf, RecordingLog } from '../../support/ports.ts';
import { seeded } from '../../support/seeded.ts';
import { skewedHost } from '../../support/skewed-host.ts';

const OFFSETS = [
  ['an hour behind', -HOUR_MS],
  ['5 s behind', -5_000],
  ['1.5 s behind', -1_500],
  ['0.5 s behind', -500],
  ['right', 0],
  ['5 s ahead', 5_000],
  ['10 min ahead', 10 * MINUTE_MS],
  ['an hour ahead', HOUR_MS],
] as const;

const never = (): (() => void) => () => {};

/** Delivers one event, and what follows from it, at a host whose clock is off. @returns when its handler ran, by the right clock */
async function runsOf(
  handle: Handler,
  { aheadMs, waitedMs = 0, isStoreAway = false }: { aheadMs: number; waitedMs?: number; isStoreAway?: boolean },
): Promise<number[]> {
  const clock = new VirtualClock('2026-03-01T12:00:00.370Z');
  const bus = new InMemoryEventBus({ clock });
  const host = skewedHost(clock, new MemoryStateStore(), aheadMs);
  const away = new Proxy(host.state, {
    get: () => () => Promise.reject(new TransientError('the store is away')),
  });
  const ports = {
    ...{ publisher: bus, deadLetterQueue: bus, state: isStoreAway ? away : host.state, clock: host.clock },
    measurements: { count: async () => undefined },
    ...{ clusters: clustersOf({}), notifier: { notify: async () => {} }, config: parseConfig({}) },
    log: new RecordingLog(),
  };
  const { topic, subscription } = routeOf(definition.type) ?? {};
  const queue = bus.broker.resolve(`${topic}/Subscriptions/${subscription}`);
  await bus.publish(event);
  if (waitedMs > 0) await clock.advance(waitedMs);
  const deliveries: number[] = [];
  while (deliveries.length < 100) {
    const [held] = queue.receive(1);
    if (held) {
      deliveries.push(clock.now());
      const enqueuedTime = new Date(held.enqueuedAt).toISOString().replace('Z', '+00:00');
      const delivery = { definition, handle, body: held.content.body, enqueuedTime };
      await deliver(delivery, ports, { random: seeded(1), timer: never, isolation: new Isolation(0) });
      queue.complete(held);
    } else if (!clock.runNext(Number.POSITIVE_INFINITY)) break;
  }
  return deliveries;
}

/** Looks every second for ten seconds, by the clock that it is given. */
function watching(): Handler {
  let deadline: number | undefined;
  return async (_, { clock }) => {
    deadline ??= clock.now() + 10 * SECOND_MS;
    return clock.now() < deadline ? requeueAfter(SECOND_MS) : undefined;
  };
}

describe('a host whose clock is off', () => {
  it.each(OFFSETS)('looks as often as it should, within one: %s', async (_, aheadMs) => {
    const looks = await runsOf(watching(), { aheadMs });

    expect(looks.length).toBeGreaterThanOrEqual(10);
    expect(looks.length).toBeLessThanOrEqual(12);
    expect((looks.at(-1) ?? 0) - (looks[0] ?? 0)).toBeLessThan(12 * SECOND_MS);
  });

  it.each(OFFSETS)('waits for its back-off between attempts: %s', async (_, aheadMs) => {
    const attempts = await runsOf(() => Promise.reject(new TransientError('busy')), { aheadMs });
    const right = await runsOf(() => Promise.reject(new TransientError('busy')), { aheadMs: 0 });

    expect(attempts.length).toBe(right.length);
    expect(Math.min(...gaps(attempts))).toBeGreaterThanOrEqual(SECOND_MS);
    expect(Math.abs((attempts.at(-1) ?? 0) - (right.at(-1) ?? 0))).toBeLessThan(15 * SECOND_MS);
  });

  it.each(OFFSETS.filter(([, aheadMs]) => aheadMs < 0))(
    'waits also when the store is away and nothing corrects it: %s',
    async (_, aheadMs) => {
      const attempts = await runsOf(watching(), { aheadMs, isStoreAway: true });

      expect(attempts.length).toBe(12);
      expect(Math.min(...gaps(attempts))).toBeGreaterThanOrEqual(SECOND_MS);
    },
  );
});

it('looks no earlier than its delay behind a backlog of ten minutes', async () => {
  const looks = await runsOf(watching(), { aheadMs: 0, waitedMs: 10 * MINUTE_MS });

  expect(gaps(looks)).toEqual(Array(10).fill(SECOND_MS));
});

it('brings every request to one end, and refuses no check, with two hosts ten minutes off either way', async () => {
  await loadHandlers();
  const clock = new VirtualClock('2026-03-01T12:00:00.370Z');
  const bus = new InMemoryEventBus({ clock });
  const store = new MemoryStateStore();
  const config = parseConfig({ services: [{ name: 'shop', team: 'shop', objectives: [{ target: 0.99 }] }] });
  for (const aheadMs of [-10 * MINUTE_MS, 10 * MINUTE_MS]) {
    const host = skewedHost(clock, store, aheadMs);
    await host.state.ping();
    const clusters = createSimulatedClusters({ ...host, config });
    const notifier = { notify: async () => {} };
    const ports = {
      publisher: bus,
      deadLetterQueue: bus,
      ...host,
      clusters,
      measurements: { count: async () => undefined },
      notifier,
      config,
      log: new RecordingLog(),
    };
    serveHandlers(bus, ports, { timer: never, isolation: new Isolation(0), random: seeded(aheadMs) });
  }
  const requests = Array.from({ length: 40 }, (_, n) => {
    const data = { namespace: 'shop', deployment: `web-${n}`, image: 'ghcr.io/shop/web:1.2.3' };
    return newEvent(DeploymentRequested, { source: '/ci', time: new Date(clock.now()).toISOString(), data });
  });

  for (const request of requests) {
    await bus.publish(request);
    const time = new Date(clock.now()).toISOString();
    const data = { service: 'shop', good: 10, total: 10 };
    await bus.publish(newEvent(HealthCheck, { source: '/probe', time, data }));
    await bus.advance(330);
  }
  await bus.advance('4m');

  const ends = bus.events().filter(({ type }) => type === 'DeploymentCompleted' || type === 'DeploymentFailed');
  expect(ends.map(({ correlationid }) => correlationid).sort()).toEqual(
    requests.map(({ correlationid }) => correlationid).sort(),
  );
  expect(bus.errors()).toEqual([]);
});

function gaps(times: readonly number[]): number[] {
  return times.slice(1).map((time, n) => time - (times[n] ?? 0));
}
