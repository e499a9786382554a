import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Counts, lengthOf, WINDOWS, type Window } from '../../../shared/slo/burn-rate.ts';
import {
  addCounts,
  countsAround,
  countsBefore,
  emptyBuckets,
  hourBuckets,
  recentBuckets,
  recentMinutes,
  type TimeBuckets,
  windowBuckets,
} from '../../../shared/slo/time-buckets.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const START = Date.parse('2026-03-01T12:00:00Z');

interface Sample {
  readonly time: number;
  readonly counts: Counts;
}

const STEPS: Readonly<Record<Window, number>> = {
  '5m': MINUTE,
  '30m': MINUTE,
  '1h': MINUTE,
  '2h': 5 * MINUTE,
  '6h': 5 * MINUTE,
  '1d': HOUR,
  '3d': HOUR,
  '28d': 4 * HOUR,
  '30d': 4 * HOUR,
};

/** The counts of the raw samples from a time on, and before another one. */
function since(samples: readonly Sample[], from: number, to = Number.POSITIVE_INFINITY): Counts {
  return samples
    .filter(({ time }) => time >= from && time < to)
    .reduce((sum, { counts }) => ({ bad: sum.bad + counts.bad, total: sum.total + counts.total }), {
      bad: 0,
      total: 0,
    });
}

/** What the window holds by definition: its length before the start of the bucket that is being filled. */
function bruteForce(samples: readonly Sample[], at: number, window: Window): Counts {
  const step = STEPS[window];
  return since(samples, Math.floor(at / step) * step - lengthOf(window));
}

const counts = fc
  .tuple(
    fc.oneof(fc.integer({ min: 1, max: 5_000 }), fc.integer({ min: 1, max: 10 ** 12 })),
    fc.double({ min: 0, max: 1, noNaN: true }),
  )
  .map(([total, share]) => ({ bad: Math.floor(total * share), total }));

/** Steps forward of every size, and now and then far back. */
const samples = fc
  .array(
    fc.record({
      move: fc.oneof(
        fc.integer({ min: 0, max: 3 * MINUTE }),
        fc.integer({ min: 0, max: 3 * HOUR }),
        fc.integer({ min: 0, max: 4 * DAY }),
        fc.integer({ min: -2 * HOUR, max: 0 }),
        fc.integer({ min: -31 * DAY, max: 0 }),
        fc.constantFrom(40 * DAY, HOUR, 5 * MINUTE, MINUTE, DAY),
      ),
      counts,
    }),
    { maxLength: 60 },
  )
  .map((moves) => {
    let head = START;
    return moves.map(({ move, counts }): Sample => {
      const time = head + move;
      head = Math.max(head, time);
      return { time, counts };
    });
  });

function fill(all: readonly Sample[], from = emptyBuckets(START)): TimeBuckets {
  return all.reduce((buckets, sample) => addCounts(buckets, sample.time, sample.counts), from);
}

describe('time buckets', () => {
  it('hold what a brute-force count over the raw samples holds, in every window, after every sample', () => {
    fc.assert(
      fc.property(samples, (all) => {
        let buckets = emptyBuckets(START);
        const heard: Sample[] = [];
        for (const sample of all) {
          buckets = addCounts(buckets, sample.time, sample.counts);
          heard.push(sample);
          for (const window of WINDOWS) expect(buckets.sums[window]).toEqual(bruteForce(heard, buckets.at, window));
        }
      }),
      { numRuns: 200 },
    );
  });

  it('forget nothing early and nothing later than one bucket', () => {
    fc.assert(
      fc.property(samples, (all) => {
        const buckets = fill(all);
        for (const window of WINDOWS) {
          const exactly = since(all, buckets.at - lengthOf(window)).total;
          const oneMore = since(all, buckets.at - lengthOf(window) - STEPS[window]).total;
          expect(buckets.sums[window].total).toBeGreaterThanOrEqual(exactly);
          expect(buckets.sums[window].total).toBeLessThanOrEqual(oneMore);
        }
      }),
      { numRuns: 200 },
    );
  });

  it.each([
    ['minutes of the last hour', recentMinutes, MINUTE, 60],
    ['five minutes of the last eight hours', recentBuckets, 5 * MINUTE, 96],
    ['hours of the last three days', hourBuckets, HOUR, 72],
    ['four hours of the last month', windowBuckets, 4 * HOUR, 180],
  ])('list the %s, and the one that is being filled', (_, list, step, length) => {
    fc.assert(
      fc.property(samples, (all) => {
        const buckets = fill(all);
        const first = Math.floor(buckets.at / step) * step - length * step;
        const expected = Array.from({ length: length + 1 }, (_, n) => first + n * step).map((from) => ({
          from,
          ...since(all, from, from + step),
        }));
        expect(list(buckets)).toEqual(expected);
      }),
      { numRuns: 100 },
    );
  });

  it('tell what was counted before the recent ones, and since when that is known', () => {
    fc.assert(
      fc.property(samples, (all) => {
        const buckets = fill(all);
        const known = hourBuckets(buckets).find(({ total }) => total > 0)?.from ?? buckets.at;
        const recent = recentBuckets(buckets)[0]?.from ?? buckets.at;
        const threeDays = Math.floor(buckets.at / HOUR) * HOUR - 3 * DAY;
        expect(countsBefore(buckets)).toEqual({ from: known, ...since(all, threeDays, recent) });
      }),
      { numRuns: 100 },
    );
  });

  it('end up the same whatever the order of the samples', () => {
    const shuffled = samples.chain((all) =>
      fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length })),
    );
    fc.assert(
      fc.property(shuffled, ([all, other]) => {
        expect(fill(other).sums).toEqual(fill(all).sums);
      }),
      { numRuns: 200 },
    );
  });

  it('survive being stored between any two samples', () => {
    fc.assert(
      fc.property(samples, (all) => {
        const stored = all.reduce<TimeBuckets>(
          (buckets, { time, counts }) => JSON.parse(JSON.stringify(addCounts(buckets, time, counts))),
          emptyBuckets(START),
        );
        expect(stored).toEqual(fill(all));
      }),
      { numRuns: 100 },
    );
  });

  it('take no more room after years than after a month', () => {
    let buckets = emptyBuckets(START);
    const sizes: number[] = [];
    for (let day = 0; day < 800; day++) {
      for (let n = 0; n < 24; n++) buckets = addCounts(buckets, START + day * DAY + n * HOUR, { bad: 3, total: 5_000 });
      sizes.push(JSON.stringify(buckets).length);
    }

    expect(sizes.at(-1)).toBeLessThanOrEqual((sizes[31] ?? 0) * 1.01);
    expect(sizes.at(-1)).toBeLessThan(4 * 1024);
  });
});

describe('counts around a span', () => {
  /** One event a minute for `minutes`, which fails from `badFrom` to `badTo`. */
  const counted = (minutes: number, badFrom: number, badTo: number): TimeBuckets =>
    Array.from({ length: minutes }, (_, n) => n).reduce(
      (buckets, n) => addCounts(buckets, START + n * MINUTE, { bad: n >= badFrom && n < badTo ? 1 : 0, total: 1 }),
      emptyBuckets(START),
    );

  it.each([
    ['minutes', 40, { before: [0, 20], during: [6, 6], after: [0, 14] }],
    ['five minutes', 5 * 60, { before: [0, 20], during: [6, 10], after: [0, 270] }],
    ['hours', 24 * 60, { before: [0, 0], during: [6, 60], after: [0, 23 * 60] }],
    ['four hours', 10 * 24 * 60, { before: [0, 0], during: [6, 240], after: [0, 10 * 24 * 60 - 240] }],
  ])('are by %s while those are kept, and lose none of the failures in it', (_, minutes, expected) => {
    const buckets = counted(minutes, 20, 26);
    const [from, until] = [START + 20 * MINUTE, START + 25 * MINUTE];

    const found = countsAround(buckets, { from, until, beforeMs: 20 * MINUTE, afterFrom: until });

    const { before, during, after } = found;
    expect(Object.entries({ before, during, after }).map(([name, { bad, total }]) => [name, [bad, total]])).toEqual(
      Object.entries(expected),
    );
    expect(during.from).toBeLessThanOrEqual(from);
    expect(during.to).toBeGreaterThan(until);
  });

  it('are of so long before it, and of nothing between it and after', () => {
    const buckets = counted(50, 40, 45);
    const span = { from: START + 40 * MINUTE, until: START + 44 * MINUTE, beforeMs: 10 * MINUTE };

    const { before, during, after } = countsAround(buckets, { ...span, afterFrom: START + 47 * MINUTE });

    expect(before).toEqual({ bad: 0, total: 10, from: START + 30 * MINUTE, to: START + 40 * MINUTE });
    expect(during).toEqual({ bad: 5, total: 5, from: START + 40 * MINUTE, to: START + 45 * MINUTE });
    expect(after).toEqual({ bad: 0, total: 3, from: START + 47 * MINUTE, to: START + 50 * MINUTE });
    expect(countsAround(buckets, { ...span, until: undefined }).during).toMatchObject({ total: 10 });
  });

  it('are none when it is longer ago than anything is kept', () => {
    const buckets = counted(40 * 24 * 60, 0, 1);

    const { before, during, after } = countsAround(buckets, { from: START + MINUTE, beforeMs: HOUR });

    expect([before.total, during.total, after.total]).toEqual([0, 0, 0]);
  });
});
