import { describe, expect, it } from 'vitest';
import { handle } from '../../../functions/platform/error-budget-depleted.ts';
import { handle as handleCheck } from '../../../functions/platform/health-check.ts';
import { MemoryStateStore } from '../../../shared/adapters/memory-store.ts';
import type { PlatformEvent } from '../../../shared/events/catalog.ts';
import { type EventOf, newEvent } from '../../../shared/events/cloud-event.ts';
import { parseEvent } from '../../../shared/events/parse.ts';
import { type ErrorBudgetDepleted, HealthCheck } from '../../../shared/events/platform.ts';
import type { StateStore } from '../../../shared/ports/state.ts';
import { endFreeze, freezeOf } from '../../../shared/slo/freezes.ts';
import { expectsFact, SERVICES } from '../../../shared/slo/health-store.ts';
import { contents, expectOneEffect } from '../../support/deaths.ts';
import { FixedClock, type RecordingPorts, recordingPorts } from '../../support/ports.ts';

const DAY = 86_400_000;
const NOW = Date.parse('2026-03-01T12:00:00Z');
const config = { services: [{ name: 'checkout', team: 'shop', objectives: [{ target: 0.99 }] }] };

type Depleted = EventOf<typeof ErrorBudgetDepleted>;

interface Options {
  readonly state?: StateStore;
  readonly clock?: FixedClock;
  readonly config?: unknown;
}

async function deliver(event: Depleted, options: Options = {}): Promise<RecordingPorts> {
  const ports = recordingPorts({ handling: event, config, clock: new FixedClock(NOW), ...options });
  await handle(event, ports);
  return ports;
}

/** Runs a health check; the events it leads to. */
async function check(state: StateStore, good: number, total: number, at = NOW): Promise<readonly PlatformEvent[]> {
  const time = new Date(at).toISOString();
  const event = newEvent(HealthCheck, { source: '/probe', time, data: { service: 'checkout', good, total } });
  const ports = recordingPorts({ handling: event, state, config, clock: new FixedClock(at) });
  await handleCheck(event, ports);
  return ports.published;
}

/** When a budget that was positive from now on has recovered. */
const LATER = NOW + 30 * 60_000;

async function recover(state: StateStore): Promise<void> {
  await check(state, 1_000_000, 1_000_000);
  await check(state, 1, 1, LATER);
}

function depletedIn(events: readonly PlatformEvent[]): Depleted {
  const found = events.find((event) => event.type === 'ErrorBudgetDepleted');
  if (!found) throw new Error('no ErrorBudgetDepleted was published');
  return found;
}

describe('a spent error budget', () => {
  it('freezes its service and says so', async () => {
    const state = new MemoryStateStore();
    const event = depletedIn(await check(state, 50, 100));

    const { notifications } = await deliver(event, { state });

    expect(await freezeOf(state, 'checkout', NOW)).toEqual({
      service: 'checkout',
      slo: 'availability',
      since: event.time,
      clusters: ['*'],
      namespaces: ['*'],
      reason: "the error budget of 'availability' over 30d is spent: 50.000 % good of 99.000 % promised",
    });
    expect(notifications).toMatchObject([
      {
        ...{
          severity: 'critical',
          title: 'checkout is frozen',
          team: 'shop',
          facts: { events: '50 of 100 bad in 30d' },
        },
        text: expect.stringMatching(
          /^the error budget of 'availability' over 30d is spent: .* Releases are refused until /,
        ),
      },
    ]);
  });

  it('freezes until a health check finds it positive', async () => {
    const state = new MemoryStateStore();
    await deliver(depletedIn(await check(state, 50, 100)), { state });

    await check(state, 1, 1);
    expect(await freezeOf(state, 'checkout', NOW)).toBeDefined();
    await check(state, 1_000_000, 1_000_000);
    expect(await freezeOf(state, 'checkout', NOW)).toBeDefined();
    await check(state, 1, 1, LATER);
    expect(await freezeOf(state, 'checkout', LATER)).toBeUndefined();
  });

  it('that has recovered before its event arrives freezes nothing', async () => {
    const state = new MemoryStateStore();
    const event = depletedIn(await check(state, 50, 100));
    await recover(state);

    const { notifications } = await deliver(event, { state });

    expect(await freezeOf(state, 'checkout', NOW)).toBeUndefined();
    expect(notifications).toEqual([]);
  });

  it('of an earlier episode neither freezes nor lifts the freeze of a later one', async () => {
    const state = new MemoryStateStore();
    const first = depletedIn(await check(state, 50, 100));
    await recover(state);
    const second = depletedIn(await check(state, 0, 100_000, LATER));

    const clock = new FixedClock(LATER);
    await deliver(second, { state, clock });
    await deliver(first, { state, clock });

    expect(await freezeOf(state, 'checkout', LATER)).toMatchObject({ since: second.time });
    await check(state, 100_000_000, 100_000_000, LATER);
    await check(state, 1, 1, LATER + 30 * 60_000);
    expect(await freezeOf(state, 'checkout', NOW)).toBeUndefined();
  });

  it('recovering at any moment while its event is handled leaves no freeze behind', async () => {
    for (let at = 1; at <= 6; at++) {
      const state = new MemoryStateStore();
      const event = depletedIn(await check(state, 50, 100));
      let calls = 0;
      const interrupted = new Proxy(state, {
        get: (target, name) => {
          const method: unknown = Reflect.get(target, name, target);
          if (typeof method !== 'function') return method;
          return async (...args: unknown[]) => {
            if (++calls === at) await recover(state);
            return Reflect.apply(method, target, args);
          };
        },
      });

      await deliver(event, { state: interrupted });
      if (calls < at) await recover(state);

      expect(await freezeOf(state, 'checkout', NOW), `interrupted at call ${at}`).toBeUndefined();
    }
  });

  it('freezes in the scope of the objective alone, and says so', async () => {
    const objectives = [
      { target: 0.99, namespaces: ['*', 'shop'] },
      { slo: 'strict', target: 0.999, namespaces: ['shop'] },
    ];
    const scoped = { services: [{ name: 'checkout', objectives }] };
    const state = new MemoryStateStore();
    const time = new Date(NOW).toISOString();
    const data = { service: 'checkout', slo: 'strict', namespace: 'shop', good: 50, total: 100 };
    const bad = newEvent(HealthCheck, { source: '/probe', time, data });
    const ports = recordingPorts({ handling: bad, state, config: scoped, clock: new FixedClock(NOW) });
    await handleCheck(bad, ports);

    const { notifications } = await deliver(depletedIn(ports.published), { state, config: scoped });

    expect(notifications).toMatchObject([{ title: 'checkout is frozen in namespaces shop' }]);
    expect(await freezeOf(state, 'checkout', NOW, { namespace: 'shop' })).toMatchObject({ namespaces: ['shop'] });
    expect(await freezeOf(state, 'checkout', NOW, { namespace: 'staging' })).toBeUndefined();
  });

  it('freezes once, delivered twice or dying anywhere', async () => {
    const time = new Date(NOW - 1_000).toISOString();
    const data = { service: 'checkout', good: 50, total: 100 };
    const checked = newEvent(HealthCheck, { source: '/probe', id: 'check-1', time, data });
    const createWorld = async () => {
      const state = new MemoryStateStore();
      const ports = recordingPorts({ handling: checked, state, config, clock: new FixedClock(NOW) });
      await handleCheck(checked, ports);
      return { state, clock: new FixedClock(NOW), config, published: ports.published };
    };
    const event = depletedIn((await createWorld()).published);

    const ending = await expectOneEffect(handle, event, createWorld, ({ state }) =>
      contents(state, SERVICES, 'freezes'),
    );

    expect(ending.notified).toHaveLength(1);
    expect(ending.state).toHaveProperty(['freezes/checkout']);
  });

  it('does not freeze again what a person has freed before everybody was notified', async () => {
    const state = new MemoryStateStore();
    const event = depletedIn(await check(state, 50, 100));
    await deliver(event, { state });
    await endFreeze(state, 'checkout', NOW + 60_000);

    const { notifications } = await deliver(event, { state, clock: new FixedClock(NOW + 120_000) });

    expect(await freezeOf(state, 'checkout', NOW + 120_000)).toBeUndefined();
    expect(notifications).toEqual([]);
  });

  it.each([{}, { services: [{ name: 'checkout', objectives: [{ slo: 'latency', target: 0.9 }] }] }])(
    'of an objective that the configuration has dropped meanwhile freezes for one window at most',
    async (unrelated) => {
      const state = new MemoryStateStore();
      const event = depletedIn(await check(state, 50, 100));

      const { notifications } = await deliver(event, { state, config: unrelated });

      const anywhere = { cluster: 'north', namespace: 'shop' };
      expect(await freezeOf(state, 'checkout', NOW + 30 * DAY - 1, anywhere)).toBeDefined();
      expect(await freezeOf(state, 'checkout', NOW + 30 * DAY)).toBeUndefined();
      expect(notifications).toMatchObject([{ facts: { 'ends by itself after': '30d' } }]);
    },
  );

  it('by a clock that is a day ahead begins now', async () => {
    const state = new MemoryStateStore();
    const event = { ...depletedIn(await check(state, 50, 100)), time: new Date(NOW + DAY).toISOString() };

    await deliver(event, { state });

    expect(await freezeOf(state, 'checkout', NOW)).toMatchObject({ since: new Date(NOW).toISOString() });
  });

  it.each(['99999999d', `${'9'.repeat(400)}d`, '0d', '1w'])(
    'over %s is refused: it would freeze for ever',
    async (window) => {
      const event = depletedIn(await check(new MemoryStateStore(), 50, 100));

      expect(() => parseEvent({ body: { ...event, data: { ...event.data, window } }, receivedAt: 0 })).toThrow(
        'data.window: expected a window such as 5m, 1h or 30d, at most 999999m, 9999h or 999d, got "',
      );
    },
  );

  it('is expected of the check that spent it, long after it has recovered, and of nothing else', async () => {
    const state = new MemoryStateStore();
    const event = depletedIn(await check(state, 50, 100));
    await check(state, 1_000_000, 1_000_000);

    expect(await expectsFact.foundInstead(event, state)).toBeUndefined();
    for (const forged of [
      { ...event, id: 'forged' },
      { ...event, source: '/ci' },
      { ...event, data: { ...event.data, service: 'search' } },
    ]) {
      expect(await expectsFact.foundInstead(forged, state)).toMatch(/^no health check of '(checkout|search)' /);
    }
  });
});
