import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { handle } from '../../../functions/platform/health-check.ts';
import { MemoryStateStore } from '../../../shared/adapters/memory-store.ts';
import { type EventRecord, recordKey, recordPartition } from '../../../shared/delivery/event-record.ts';
import { InvalidEventError } from '../../../shared/errors.ts';
import { type EventOf, newEvent } from '../../../shared/events/cloud-event.ts';
import { eventKey } from '../../../shared/events/identity.ts';
import { parseEvent } from '../../../shared/events/parse.ts';
import { HealthCheck } from '../../../shared/events/platform.ts';
import type { StateStore } from '../../../shared/ports/state.ts';
import { freeze, freezeOf } from '../../../shared/slo/freezes.ts';
import { SERVICES } from '../../../shared/slo/health-store.ts';
import { oldestIn } from '../../../shared/slo/id-set.ts';
import type { ServiceHealth } from '../../../shared/slo/service-health.ts';
import { unlistedChecks } from '../../../shared/slo/unlisted-checks.ts';
import { contents, expectOneEffect, type World } from '../../support/deaths.ts';
import { FixedClock, type RecordingPorts, recordingPorts } from '../../support/ports.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const NOW = Date.parse('2026-03-01T12:00:00Z');
const config = { services: [{ name: 'checkout', team: 'shop', objectives: [{ target: 0.99 }] }] };

function check(good: number, total: number, time: number | string = NOW, id?: string): EventOf<typeof HealthCheck> {
  const at = typeof time === 'number' ? new Date(time).toISOString() : time;
  const data = { service: 'checkout', good, total };
  return newEvent(HealthCheck, { source: '/probe', time: at, data, ...(id !== undefined && { id }) });
}

interface Options {
  readonly state?: StateStore;
  readonly clock?: FixedClock;
  readonly config?: unknown;
}

async function deliver(event: EventOf<typeof HealthCheck>, options: Options = {}): Promise<RecordingPorts> {
  const ports = recordingPorts({ handling: event, config, clock: new FixedClock(NOW), ...options });
  await handle(event, ports);
  return ports;
}

/** Says of a check how far its delivery has come. */
async function record(state: StateStore, id: string, status: EventRecord['status']): Promise<void> {
  const key = recordKey('health-check', eventKey({ source: '/probe', id }));
  await state.put(recordPartition(key), key, { status }, '*');
}

async function healthOf(state: StateStore): Promise<ServiceHealth> {
  const stored = await state.get<ServiceHealth>(SERVICES, 'checkout');
  if (!stored) throw new Error('nothing is stored');
  return stored.value;
}

const look = ({ state }: World): Promise<unknown> => contents(state, SERVICES, 'freezes');

describe('a health check', () => {
  it('within the objective is counted, and nobody is notified', async () => {
    const { state, published, notifications } = await deliver(check(995, 1_000));

    const health = await healthOf(state);
    expect(health.sums['30d']).toEqual({ bad: 5, total: 1_000 });
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

    expect(outcomes).toEqual([['page'], [], [], [], ['page']]);
  });

  it('that opens a ticket while a page is open is part of the same incident', async () => {
    const state = new MemoryStateStore();
    const health = async (): Promise<unknown> => (await healthOf(state)).objectives[0]?.open;

    const { published } = await deliver(check(80, 100), { state });

    expect(await health()).toEqual(['page', 'ticket']);
    expect(published.map(({ data }) => 'severity' in data && data.severity)).toEqual(['page', false]);
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

  it('that finds the budget positive again lifts the freeze of that episode and says so', async () => {
    const state = new MemoryStateStore();
    const bad = check(90, 100);
    await deliver(bad, { state });
    const cause = { since: bad.time, reason: 'spent', windowMs: 30 * DAY, isJudged: true };
    await freeze(state, 'checkout', { ...cause, slo: 'availability', episode: eventKey(bad) });

    const { notifications } = await deliver(check(100_000, 100_000), { state });

    expect(await freezeOf(state, 'checkout', NOW)).toBeUndefined();
    expect(notifications).toMatchObject([{ severity: 'info', title: 'checkout may be released again', team: 'shop' }]);
    expect((await deliver(check(1, 1), { state })).notifications).toEqual([]);
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
    const cause = { since: bad.time, reason: 'spent', windowMs: 30 * DAY, isJudged: true };
    await freeze(state, 'checkout', { ...cause, slo: 'availability', episode: eventKey(bad) });

    await deliver(check(90, 100), { state, config: {} });

    expect(await freezeOf(state, 'checkout', NOW)).toBeUndefined();
  });

  it.each([
    ['delivers the first of a service', undefined, check(100, 100)],
    ['spends the budget', undefined, check(50, 100)],
    ['ends an episode', check(50, 100), check(1_000_000, 1_000_000)],
  ])('that %s is applied once, delivered twice or dying anywhere', async (_, before, event) => {
    await expectOneEffect(
      handle,
      event,
      async () => {
        const world = { state: new MemoryStateStore(), clock: new FixedClock(NOW), config };
        if (before) {
          await deliver(before, world);
          const cause = { since: before.time, reason: 'spent', windowMs: 30 * DAY, isJudged: true };
          await freeze(world.state, 'checkout', { ...cause, slo: 'availability', episode: eventKey(before) });
        }
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

    expect((await healthOf(state)).sums['30d']).toEqual({ bad: 0, total: 100 });
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
    const cause = { since: fifth.time, reason: 'spent', windowMs: 30 * DAY, isJudged: true };
    await freeze(state, 'checkout', { ...cause, slo: 'availability', episode: eventKey(fifth) });
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

describe('many health checks', () => {
  it('of one service at once lose no sample', async () => {
    const state = new MemoryStateStore();
    const checks = Array.from({ length: 200 }, (_, n) => check(9, 10, NOW - n * 1_000));

    await Promise.all(checks.map((event) => deliver(event, { state })));

    expect((await healthOf(state)).sums['1h']).toEqual({ bad: 200, total: 2_000 });
  });

  it('late, repeated and out of order count once each', async () => {
    const sample = fc.record({ ageMs: fc.integer({ min: 0, max: 29 * DAY }), bad: fc.integer({ min: 0, max: 20 }) });
    await fc.assert(
      fc.asyncProperty(
        fc.array(sample, { minLength: 1, maxLength: 40 }),
        fc.infiniteStream(fc.nat()),
        async (samples, pick) => {
          const state = new MemoryStateStore();
          const events = samples.map(({ ageMs, bad }) => check(20 - bad, 20, NOW - ageMs));
          const deliveries = events.flatMap((event) => [event, event]);
          for (const at of deliveries.keys()) {
            const other = (pick.next().value ?? 0) % deliveries.length;
            const [a, b] = [deliveries[at], deliveries[other]];
            if (a && b) [deliveries[at], deliveries[other]] = [b, a];
          }

          for (const event of deliveries) await deliver(event, { state });

          const counted = (await healthOf(state)).sums['30d'];
          expect(counted.total).toBe(20 * samples.length);
          expect(counted.bad).toBe(samples.reduce((sum, { bad }) => sum + bad, 0));
        },
      ),
      { numRuns: 50 },
    );
  });

  it('leave a document that forgets the checks whose handling is completed, and no others', async () => {
    const state = new MemoryStateStore();
    const cutOff = check(1, 2);
    await record(state, cutOff.id, 'dead-lettered');
    await deliver(cutOff, { state });
    for (let n = 0; n < 1_000; n++) {
      const event = check(2, 2);
      await record(state, event.id, 'in-progress');
      await deliver(event, { state });
      await record(state, event.id, 'completed');
    }

    await deliver(cutOff, { state });

    const health = await healthOf(state);
    expect(health.sums['1h']).toEqual({ bad: 1, total: 2_002 });
    expect(oldestIn(health.counted)).toContain(eventKey(cutOff));
    expect(oldestIn(health.counted).length).toBeLessThan(200);
    expect(JSON.stringify(health).length).toBeLessThan(16 * 1024);
  });

  it('with the longest ids that are allowed, never completed, keep the document small', async () => {
    const state = new MemoryStateStore();
    for (let n = 0; n < 300; n++) {
      const event = check(2, 2, NOW, `${n}${'✓'.repeat(250)}`);
      await record(state, event.id, 'dead-lettered');
      await deliver(event, { state });
    }

    expect(JSON.stringify(await healthOf(state)).length).toBeLessThan(64 * 1024);
  });
});

describe('the time of a health check', () => {
  it.each([
    ['a day ahead', NOW + DAY],
    ['six minutes ahead', NOW + 6 * MINUTE],
    ['thirty days old', NOW - 30 * DAY],
    ['from 1970', 0],
  ])('%s is refused, naming path and value', async (_, time) => {
    const event = check(1, 1, time);

    await expect(deliver(event)).rejects.toThrow(InvalidEventError);
    await expect(deliver(event)).rejects.toThrow(`time: expected a time from`);
    await expect(deliver(event)).rejects.toThrow(event.time);
  });

  it('slightly ahead counts as now', async () => {
    const { state } = await deliver(check(1, 1, NOW + 4 * MINUTE));

    expect((await healthOf(state)).at).toBe(NOW);
  });

  it('a day behind counts a day ago, and is in no shorter window', async () => {
    const state = new MemoryStateStore();
    await deliver(check(1, 1), { state });

    await deliver(check(1, 2, NOW - DAY), { state });

    const { sums } = await healthOf(state);
    expect(sums['1d']).toEqual({ bad: 1, total: 3 });
    expect(sums['6h']).toEqual({ bad: 0, total: 1 });
  });

  it('a day behind for all of a service pages all the same: its windows end at its newest check', async () => {
    const { published } = await deliver(check(0, 100, NOW - DAY));

    expect(published).toMatchObject([{ data: { severity: 'page' } }, { type: 'ErrorBudgetDepleted' }]);
  });
});

describe('the counts of a health check', () => {
  const read = (data: object): unknown =>
    parseEvent({ body: { specversion: '1.0', id: '1', source: '/probe', type: 'HealthCheck', data }, receivedAt: 0 });

  it.each([
    ['good ones where there were none', { good: 1, total: 0 }, 'data.good'],
    ['a negative total', { good: 0, total: -1 }, 'data.total'],
    ['a negative share of good ones', { good: -5, total: 5 }, 'data.good'],
    ['more good ones than there were', { good: 6, total: 5 }, 'data.good'],
    ['fractions', { good: 0.5, total: 1.5 }, 'data.good'],
    ['more than can be added up', { good: 0, total: 1e15 }, 'data.total'],
  ])('that name %s are refused, naming the path', (_, counts, path) => {
    expect(() => read({ service: 'checkout', ...counts })).toThrow(InvalidEventError);
    expect(() => read({ service: 'checkout', ...counts })).toThrow(`${path}: expected`);
  });
});
