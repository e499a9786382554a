import { describe, expect, it } from 'vitest';
import { handle } from '../../../functions/platform/health-check.ts';
import { MemoryStateStore } from '../../../shared/adapters/memory-store.ts';
import { type EventOf, newEvent } from '../../../shared/events/cloud-event.ts';
import { eventKey } from '../../../shared/events/identity.ts';
import { HealthCheck } from '../../../shared/events/platform.ts';
import { freeze, freezeOf } from '../../../shared/slo/freezes.ts';
import { unlistedChecks } from '../../../shared/slo/unlisted-checks.ts';
import { expectOneEffect } from '../../support/deaths.ts';
import {
  causeOf,
  check,
  config,
  countsOf,
  DAY,
  deliver,
  HOUR,
  healthOf,
  look,
  MINUTE,
  NOW,
} from '../../support/health-checks.ts';
import { FixedClock, type RecordingPorts } from '../../support/ports.ts';

describe('a health check', () => {
  it('within the objective is counted, and nobody is notified', async () => {
    const { state, published, notifications } = await deliver(check(995, 1_000));

    const health = await healthOf(state);
    expect(await countsOf(state, '30d')).toEqual({ bad: 5, total: 1_000 });
    expect(health.objectives).toMatchObject([{ slo: 'availability', currentValue: 0.995, errorBudgetRemaining: 0.5 }]);
    expect([published, notifications]).toEqual([[], []]);
  });

  it('that burns the budget publishes a violation by the fastest rule', async () => {
    const state = new MemoryStateStore();
    await deliver(check(1_000_000, 1_000_000, NOW - 20 * DAY), { state });

    const { published } = await deliver(check(80, 100), { state });

    expect(published).toMatchObject([
      {
        type: 'SLOViolation',
        subject: 'checkout',
        data: {
          service: 'checkout',
          slo: 'availability',
          severity: 'page',
          burnRate: 20,
          longWindow: '1h',
          shortWindow: '5m',
          targetValue: 0.99,
          bad: 20,
          total: 100,
        },
      },
    ]);
  });

  it('is published once an episode, and again only after it cleared', async () => {
    const state = new MemoryStateStore();
    const clock = new FixedClock(NOW);
    await deliver(check(1_000_000, 1_000_000, NOW - 20 * DAY), { state });
    const outcomes: string[][] = [];
    for (const { afterMs, good } of [
      { afterMs: 0, good: 80 },
      { afterMs: MINUTE, good: 80 },
      { afterMs: MINUTE, good: 80 },
      { afterMs: 2 * HOUR, good: 100 },
      { afterMs: HOUR, good: 80 },
    ]) {
      clock.advance(afterMs);
      const { published } = await deliver(check(good, 100, clock.now()), { state, clock });
      outcomes.push(published.map(({ data }) => ('severity' in data ? data.severity : 'other')));
    }

    expect(outcomes).toEqual([['page'], [], [], ['ticket'], ['page']]);
  });

  it('that opens a ticket while a page is open is part of the same incident, and told when the page ends', async () => {
    const state = new MemoryStateStore();
    const clock = new FixedClock(NOW);
    const told: unknown[] = [];
    const open: unknown[] = [];
    for (const { afterMs, good } of [
      { afterMs: 0, good: 80 },
      { afterMs: 2 * HOUR, good: 90 },
      { afterMs: 5 * HOUR, good: 98 },
      { afterMs: MINUTE, good: 98 },
      { afterMs: 2 * DAY, good: 100 },
      { afterMs: HOUR, good: 80 },
    ]) {
      clock.advance(afterMs);
      const { published } = await deliver(check(good, 100, clock.now()), { state, clock });
      told.push(published.flatMap(({ data }) => ('severity' in data ? data.severity : [])));
      open.push((await healthOf(state)).objectives[0]?.open);
    }

    expect(open).toEqual([['page', 'ticket'], ['page', 'ticket'], ['ticket'], ['ticket'], [], ['page', 'ticket']]);
    expect(told).toEqual([['page'], [], ['ticket'], [], [], ['page']]);
  });

  it('that spends the budget says so once, and freezes nothing by itself', async () => {
    const state = new MemoryStateStore();

    const first = await deliver(check(900, 1_000), { state });
    const second = await deliver(check(900, 1_000), { state });

    expect(first.published.map(({ type }) => type)).toEqual(['SLOViolation', 'ErrorBudgetDepleted']);
    expect(first.published[1]?.data).toEqual({
      service: 'checkout',
      slo: 'availability',
      window: '30d',
      currentValue: 0.9,
      targetValue: 0.99,
      errorBudgetRemaining: -9,
      bad: 100,
      total: 1_000,
    });
    expect(second.published).toEqual([]);
    expect(await freezeOf(state, 'checkout', NOW)).toBeUndefined();
  });

  it('that finds enough of the budget half an hour after another one lifts the freeze, and says so', async () => {
    const state = new MemoryStateStore();
    const clock = new FixedClock(NOW);
    const bad = check(90, 100);
    await deliver(bad, { state, clock });
    await freeze(state, 'checkout', causeOf(bad));
    const outcomes: unknown[] = [];
    for (const [afterMs, good, total] of [
      // 10 failures are 99 % of the budget of 1,010 x 1 %; 11 are more than it, and then 37 % of 3,000 x 1 %.
      [0, 910, 910],
      [HOUR, 0, 1],
      [0, 2_089, 2_089],
      [29 * MINUTE, 1, 1],
      [MINUTE, 1, 1],
      [0, 1, 1],
    ] as const) {
      clock.advance(afterMs);
      const { notifications, published } = await deliver(check(good, total, clock.now()), { state, clock });
      expect(published.filter(({ type }) => type !== 'SLOViolation')).toEqual([]);
      outcomes.push([(await freezeOf(state, 'checkout', clock.now())) !== undefined, ...notifications]);
    }

    expect(outcomes).toEqual([
      [true],
      [true],
      [true],
      [true],
      [
        false,
        expect.objectContaining({
          ...{ severity: 'info', title: 'checkout may be released again', team: 'shop' },
          text: "the error budget of 'availability' is positive again: 64.5 % left; the freeze is lifted",
        }),
      ],
      [false],
    ]);
  });

  it('is judged by each objective of the service', async () => {
    const objectives = [
      { slo: 'strict', target: 0.99 },
      { slo: 'lenient', target: 0.5, window: '28d' },
    ];

    const { published } = await deliver(check(90, 100), { config: { services: [{ name: 'checkout', objectives }] } });

    expect(published.map(({ data }) => 'slo' in data && data.slo)).toEqual(['strict', 'strict']);
  });

  it('ends the freeze of an objective that was removed from the configuration', async () => {
    const state = new MemoryStateStore();
    const bad = check(90, 100);
    await deliver(bad, { state });
    await freeze(state, 'checkout', causeOf(bad));

    await deliver(check(90, 100), { state, config: {} });

    expect(await freezeOf(state, 'checkout', NOW)).toBeUndefined();
  });

  it.each([
    ['delivers the first of a service', [], check(100, 100)],
    ['spends the budget', [], check(50, 100)],
    ['ends an episode', [check(50, 100, NOW - HOUR), check(1_000_000, 1_000_000, NOW - HOUR)], check(1, 1)],
  ])('that %s is applied once, delivered twice or dying anywhere', async (_, before, event) => {
    await expectOneEffect(
      handle,
      event,
      async () => {
        const world = { state: new MemoryStateStore(), clock: new FixedClock(NOW), config };
        for (const event of before) await deliver(event, world);
        if (before[0]) await freeze(world.state, 'checkout', causeOf(before[0]));
        return world;
      },
      look,
    );
  });

  it('notifies people of a freeze that ended with its objective, though it was cut off before', async () => {
    const state = new MemoryStateStore();
    await deliver(check(50, 100), { state });
    const next = check(50, 100);

    const [first, again] = [await deliver(next, { state, config: {} }), await deliver(next, { state, config: {} })];

    expect(first.notifications).toMatchObject([{ title: 'checkout may be released again' }]);
    expect(again.notifications).toEqual(first.notifications);
  });
});

/** Knows what was ever written. */
class WatchedStore extends MemoryStateStore {
  readonly written = new Set<string>();

  override async insert<T>(partition: string, key: string, value: T): Promise<string> {
    this.written.add(`${partition}/${key}`);
    return super.insert(partition, key, value);
  }

  override async put<T>(partition: string, key: string, value: T, etag: string): Promise<string> {
    this.written.add(`${partition}/${key}`);
    return super.put(partition, key, value, etag);
  }
}

describe('a check of a service without an objective', () => {
  const invented = (n: number, id?: string): EventOf<typeof HealthCheck> =>
    newEvent(HealthCheck, {
      ...{ source: '/probe', time: new Date(NOW).toISOString(), ...(id !== undefined && { id }) },
      data: { service: `invented-${n}`, good: 0, total: 100 },
    });

  it('is notified once, delivered twice or dying anywhere, and freezes and publishes nothing', async () => {
    const ending = await expectOneEffect(
      handle,
      invented(1, 'c-1'),
      async () => ({ state: new MemoryStateStore(), clock: new FixedClock(NOW) }),
      look,
    );

    expect(ending).toMatchObject({
      published: [],
      notified: [`no-objective/${eventKey({ source: '/probe', id: 'c-1' })}`],
    });
  });

  it('leaves nothing but a count, however many names are made up, and notifies once an hour', async () => {
    const state = new WatchedStore();
    const clock = new FixedClock(NOW);
    const outcomes: unknown[] = [];
    for (let n = 0; n < 10_000; n++) {
      const { notifications, published } = await deliver(invented(n), { state, clock });
      outcomes.push(...notifications, ...published);
      clock.advance(1_000);
    }

    expect(outcomes.map((one) => (one as { text: string }).text)).toEqual([
      expect.stringMatching(/no objective for 'invented-0', .* 1 such checks so far/),
      expect.stringMatching(/no objective for 'invented-3600', .* 3601 such checks so far/),
      expect.stringMatching(/no objective for 'invented-7200', .* 7201 such checks so far/),
    ]);
    expect(await unlistedChecks(state)).toBe(10_000);
    expect([...state.written]).toEqual(['counters/checks-without-objective']);
  });

  it('is counted when many come at once', async () => {
    const state = new MemoryStateStore();

    const ports = await Promise.all(Array.from({ length: 100 }, (_, n) => deliver(invented(n), { state })));

    expect(await unlistedChecks(state)).toBe(100);
    expect(ports.flatMap(({ notifications }) => notifications)).toHaveLength(1);
  });

  it('is judged as soon as there is an objective', async () => {
    const state = new MemoryStateStore();
    await deliver(check(50, 100), { state, config: {} });

    await deliver(check(100, 100), { state });

    expect(await countsOf(state, '30d')).toEqual({ bad: 0, total: 100 });
  });
});

describe('a service with little traffic', () => {
  it('is neither paged nor frozen by its first check, however bad', async () => {
    const { state, published, notifications } = await deliver(check(0, 1));

    expect([published, notifications]).toEqual([[], []]);
    expect((await healthOf(state)).objectives).toMatchObject([{ errorBudgetRemaining: 0.8, open: [] }]);
  });

  it('is paged and frozen by the fifth failure, or by as many as its objective says', async () => {
    for (const { minFailures, expected } of [
      { minFailures: undefined, expected: 5 },
      { minFailures: 1, expected: 1 },
      { minFailures: 12, expected: 12 },
    ]) {
      const state = new MemoryStateStore();
      const services = [{ name: 'checkout', objectives: [{ target: 0.99, minFailures }] }];
      const outcomes: unknown[] = [];
      for (let n = 1; n <= 15; n++) {
        const { published } = await deliver(check(0, 1), { state, config: { services } });
        outcomes.push(...published.map(({ type, data }) => [n, type, 'severity' in data && data.severity]));
      }

      expect(outcomes).toEqual([
        [expected, 'SLOViolation', 'page'],
        [expected, 'ErrorBudgetDepleted', false],
      ]);
    }
  });

  it('has its page resolved, and is free again, when too few failures are left in the windows', async () => {
    const state = new MemoryStateStore();
    const clock = new FixedClock(NOW);
    const failing = async (): Promise<RecordingPorts> => deliver(check(0, 1, clock.now()), { state, clock });
    await failing();
    clock.advance(4 * HOUR);
    for (let n = 0; n < 3; n++) await failing();
    const fifth = check(0, 1, clock.now());
    await deliver(fifth, { state, clock });
    await freeze(state, 'checkout', causeOf(fifth));
    expect((await healthOf(state)).objectives).toMatchObject([
      { open: ['page', 'ticket'], depletedBy: eventKey(fifth) },
    ]);

    // The first failure leaves the six hours of the page; those of the ticket, and of the budget, hold all five.
    clock.advance(3 * HOUR);
    await deliver(check(1, 1, clock.now()), { state, clock });
    expect((await healthOf(state)).objectives).toMatchObject([{ open: ['ticket'], depletedBy: eventKey(fifth) }]);

    // Every check still fails, but there are fewer than five in a month.
    clock.advance(31 * DAY);
    const { published, notifications } = await failing();
    expect((await healthOf(state)).objectives).toMatchObject([{ errorBudgetRemaining: 0.8, open: [] }]);
    expect(await freezeOf(state, 'checkout', clock.now())).toBeUndefined();
    expect([published, notifications]).toMatchObject([[], [{ title: 'checkout may be released again' }]]);
  });
});
