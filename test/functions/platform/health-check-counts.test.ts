/** How checks are counted: each once, at its time, whatever their order and number. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MemoryStateStore } from '../../../shared/adapters/memory-store.ts';
import { InvalidEventError } from '../../../shared/errors.ts';
import { eventKey } from '../../../shared/events/identity.ts';
import { parseEvent } from '../../../shared/events/parse.ts';
import { oldestIn } from '../../../shared/slo/id-set.ts';
import { check, countsOf, DAY, deliver, healthOf, MINUTE, NOW, record } from '../../support/health-checks.ts';

describe('many health checks', () => {
  it('of one service at once lose no sample', async () => {
    const state = new MemoryStateStore();
    const checks = Array.from({ length: 200 }, (_, n) => check(9, 10, NOW - n * 1_000));

    await Promise.all(checks.map((event) => deliver(event, { state })));

    expect(await countsOf(state, '1h')).toEqual({ bad: 200, total: 2_000 });
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

          const bad = samples.reduce((sum, sample) => sum + sample.bad, 0);
          expect(await countsOf(state, '30d')).toEqual({ bad, total: 20 * samples.length });
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
    expect(await countsOf(state, '1h')).toEqual({ bad: 1, total: 2_002 });
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
    const [from, to] = [NOW - 30 * DAY, NOW + 5 * MINUTE].map((at) => new Date(at).toISOString());
    await expect(deliver(event)).rejects.toThrow(`time: expected a time from ${from} to ${to}, by the clock here`);
    await expect(deliver(event)).rejects.toThrow(event.time);
    await expect(deliver(event)).rejects.toMatchObject({ id: event.id, type: 'HealthCheck' });
  });

  it('slightly ahead counts as now', async () => {
    const { state } = await deliver(check(1, 1, NOW + 4 * MINUTE));

    expect((await healthOf(state)).objectives[0]?.buckets.at).toBe(NOW);
  });

  it('a day behind counts a day ago, and is in no shorter window', async () => {
    const state = new MemoryStateStore();
    await deliver(check(1, 1), { state });

    await deliver(check(1, 2, NOW - DAY), { state });

    expect(await countsOf(state, '1d')).toEqual({ bad: 1, total: 3 });
    expect(await countsOf(state, '6h')).toEqual({ bad: 0, total: 1 });
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
