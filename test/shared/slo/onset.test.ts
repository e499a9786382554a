import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { binsOf, findOnset, type OnsetFinding } from '../../../shared/slo/onset.ts';
import type { CountsFrom } from '../../../shared/slo/time-buckets.ts';
import {
  addCounts,
  countsBefore,
  emptyBuckets,
  recentBuckets,
  recentMinutes,
} from '../../../shared/slo/time-buckets.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const START = Date.parse('2026-03-01T00:00:00Z');
const threshold = { rate: 0.0144, minFailures: 5 };

/** Five-minute buckets, eight hours of them unless said, with so many requests each and so many failures in each. */
function buckets(total: number, badAt: (n: number) => number, length = 97): CountsFrom[] {
  return Array.from({ length }, (_, n) => ({ from: START + n * 5 * MINUTE, bad: badAt(n), total }));
}

/** The onset's times in minutes from the first bucket on. */
function minutesOf({ onset }: OnsetFinding): Record<string, number> | undefined {
  if (!onset) return undefined;
  const { at, from, to, earliest, latest } = onset;
  const times = Object.entries({ at, from, to, earliest, latest });
  return Object.fromEntries(times.map(([name, time]) => [name, (time - START) / MINUTE]));
}

describe('an onset', () => {
  it('is where the rate of failures jumps', () => {
    const { onset } = findOnset({ buckets: buckets(1_000, (n) => (n < 90 ? 0 : 100)) }, threshold);

    expect(onset).toMatchObject({ at: START + 90 * 5 * MINUTE, isSudden: true, after: { bad: 700, total: 7_000 } });
    expect(onset?.from).toBeLessThan(START + 90 * 5 * MINUTE);
    expect(onset?.to).toBeLessThanOrEqual(START + 91 * 5 * MINUTE);
  });

  it('is where a rise begins, and not where it is half way up', () => {
    const { onset } = findOnset({ buckets: buckets(2_000, (n) => Math.max(0, n - 60) * 2) }, threshold);

    expect(onset?.isSudden).toBe(false);
    expect(onset?.earliest).toBeLessThan(START + 60 * 5 * MINUTE);
    expect(onset?.to).toBeLessThan(START + 70 * 5 * MINUTE);
  });

  it.each([
    ['it never burnt', (): number => 0, 'no moment stands out at which it began'],
    ['it burnt all along', (): number => 20, 'no moment stands out at which it began'],
    ['it burns too slowly', (n: number): number => (n < 90 ? 0 : 10), 'since it began it burns too slowly'],
    ['it burnt half as fast before', (n: number): number => (n < 90 ? 60 : 110), /burnt (half as fast )?before/],
    [
      'hardly anything is known of before',
      (n: number): number => (n < 2 ? 0 : 100),
      'too little is known of the time before it began',
    ],
  ])('is none when %s', (_, badAt, because) => {
    const finding = findOnset({ buckets: buckets(1_000, badAt) }, threshold);

    expect(finding).toEqual({ because: typeof because === 'string' ? because : expect.stringMatching(because) });
  });

  it.each([
    ['failures do not grow', { bad: 1, total: 20 }],
    ['failures do not grow to three times as many', { bad: 2, total: 20 }],
    ['far more fail of them, and not three times as many in the same time', { bad: 29, total: 300 }],
  ])('is none when requests stay away and %s', (_, now) => {
    const usual = now.bad > 10 ? 10 : 1;
    const drop = buckets(1_000, () => usual).map((one, n) => (n < 80 ? one : { ...one, ...now }));
    const none = { because: 'there are fewer requests, and hardly more failures' };

    expect(findOnset({ buckets: drop }, threshold)).toEqual(none);
    // What was counted long ago does not make more failures of fewer requests.
    const earlier = { from: START - 72 * HOUR, bad: 0, total: 1_000_000 };
    expect(findOnset({ buckets: drop, earlier }, threshold)).toEqual(none);
  });

  it('is looked for after an earlier burn of a few minutes', () => {
    const badAt = (n: number): number => (n >= 69 && n < 72 ? 290 : n >= 92 ? 900 : 1);

    expect(findOnset({ buckets: buckets(13_000, badAt) }, threshold).onset?.at).toBe(START + 92 * 5 * MINUTE);
  });

  it('is none where half an hour was a lull in what burns for longer', () => {
    const slow = { rate: 0.006, minFailures: 5 };
    const [lull, steady] = [buckets(1_000, (n) => (n < 8 ? 2 : 7)), buckets(1_000, (n) => (n < 48 || n > 54 ? 7 : 2))];

    expect(findOnset({ buckets: lull }, slow).onset).toBeDefined();
    const burning = { from: START - 72 * HOUR, bad: 2_000, total: 400_000 };
    const because = 'it burnt before, and not much slower';
    expect(findOnset({ buckets: lull, earlier: burning }, slow)).toEqual({ because });
    expect(findOnset({ buckets: lull, earlier: { ...burning, bad: 200 } }, slow).onset).toBeDefined();
    expect(findOnset({ buckets: steady }, slow).onset).toBeUndefined();
  });

  it('is looked for after the last time that it was quiet', () => {
    const { onset } = findOnset(
      { buckets: buckets(1_000, (n) => ((n >= 30 && n < 50) || n >= 92 ? 400 : 0)) },
      threshold,
    );

    expect(onset?.at).toBe(START + 92 * 5 * MINUTE);
  });

  it.each([
    ['half an hour', 86, 1_000, 86],
    ['less than half an hour', 85, 1_000, 60],
    ['longer, with too few requests to know', 88, 57, 60],
    ['longer, with just enough', 88, 58, 88],
  ])('is of the last burn alone when it was quiet for %s between two', (_, again, total, begins) => {
    const twice = buckets(total, (n) => ((n >= 60 && n < 80) || n >= again ? total / 2 : 0));

    expect(minutesOf(findOnset({ buckets: twice }, threshold))?.['at']).toBe(begins * 5);
  });

  it('is known of little traffic by the days before', () => {
    let counted = emptyBuckets(START);
    for (let n = 0; n < 72 * 6; n++) counted = addCounts(counted, START + n * 10 * MINUTE, { bad: 0, total: 1 });
    const end = START + 72 * HOUR;
    for (let n = 0; n < 6; n++) counted = addCounts(counted, end + n * 10 * MINUTE, { bad: 1, total: 1 });
    const [recent, minutes] = [recentBuckets(counted), recentMinutes(counted)];

    expect(findOnset({ buckets: recent, minutes }, threshold).onset).toBeUndefined();
    const { onset } = findOnset({ buckets: recent, minutes, earlier: countsBefore(counted) }, threshold);
    expect(onset?.from).toBeLessThanOrEqual(end);
    expect(onset?.to).toBeGreaterThanOrEqual(end);
  });

  it.each([
    ['failures', { minFailures: 700 }, { minFailures: 701 }, 'there are only 700 failures since it began'],
    ['a rate', { rate: 0.1 }, { rate: 0.1001 }, 'since it began it burns too slowly'],
  ])('has as many %s as are asked for, and no fewer', (_, enough, tooMany, because) => {
    const jump = { buckets: buckets(1_000, (n) => (n < 90 ? 0 : 100)) };

    expect(findOnset(jump, { ...threshold, ...enough }).onset).toBeDefined();
    expect(findOnset(jump, { ...threshold, ...tooMany })).toEqual({ because });
  });

  it.each([
    [25, 'it burnt before, and not much slower'],
    [49, 'it burnt before, and not much slower'],
    [50, 'it burnt half as fast before'],
  ])('is none of 100 in a thousand after %d: %s', (bad, because) => {
    const hundredAfter = (before: number) =>
      findOnset({ buckets: buckets(1_000, (n) => (n < 80 ? before : 100)) }, threshold);

    expect(hundredAfter(bad)).toEqual({ because });
    expect(hundredAfter(24).onset).toBeDefined();
  });

  it('is a worse hour where it hardly burnt before', () => {
    const worse = { buckets: buckets(1_000, (n) => (n < 80 ? 6 : 24)) };

    expect(findOnset(worse, { ...threshold, rate: 0.0121 }).onset).toBeDefined();
    expect(findOnset(worse, { ...threshold, rate: 0.012 })).toEqual({
      because: 'it burnt before, and not much slower',
    });
  });

  it('needs half an hour before it, with as many requests as would have shown five failures', () => {
    const findAfter = (quiet: number, rate: number): OnsetFinding =>
      findOnset({ buckets: buckets(100, (n) => (n < quiet ? 0 : 50), quiet + 4) }, { rate, minFailures: 5 });
    const tooLittle = { because: 'too little is known of the time before it began' };

    expect(findAfter(6, 5 / 600).onset).toBeDefined();
    expect(findAfter(5, 5 / 500)).toEqual(tooLittle);
    expect(findAfter(6, 5 / 601)).toEqual(tooLittle);
  });

  it('lies as far around the best moment as checks are apart, and by the minute a minute', () => {
    const everyQuarter = buckets(3_000, (n) => (n < 90 ? 0 : 300)).map((one, n) =>
      n % 3 === 0 ? one : { ...one, bad: 0, total: 0 },
    );
    const five = { at: 450, from: 445, to: 455, earliest: 445, latest: 455 };
    const minutes = Array.from({ length: 60 }, (_, n) => ({
      ...{ from: START + (425 + n) * MINUTE, bad: n < 30 ? 0 : 20, total: 200 },
    }));

    expect(minutesOf(findOnset({ buckets: buckets(1_000, (n) => (n < 90 ? 0 : 100)) }, threshold))).toEqual(five);
    expect(minutesOf(findOnset({ buckets: everyQuarter }, threshold))).toEqual({
      ...{ at: 440, from: 430, to: 450, earliest: 425, latest: 465 },
    });
    expect(minutesOf(findOnset({ buckets: buckets(1_000, (n) => (n < 91 ? 0 : 100)), minutes }, threshold))).toEqual({
      ...{ at: 455, from: 454, to: 456, earliest: 453, latest: 456 },
    });
  });

  it('lies in its interval, whatever was counted, and has the evidence that it claims', () => {
    const history = fc.tuple(
      fc.array(fc.nat({ max: 2 }), { minLength: 97, maxLength: 97 }),
      fc.integer({ min: 10, max: 96 }),
      fc.integer({ min: 20, max: 500 }),
    );
    fc.assert(
      fc.property(history, ([noise, jump, bad]) => {
        const all = buckets(1_000, (n) => (noise[n] ?? 0) + (n < jump ? 0 : bad));
        const { onset } = findOnset({ buckets: all }, threshold);
        if (!onset) expect.fail('a jump of twenty times the usual stands out');
        expect(Math.abs(onset.at - (START + jump * 5 * MINUTE))).toBeLessThanOrEqual(5 * MINUTE);
        expect(onset.earliest).toBeLessThanOrEqual(onset.from);
        expect(onset.from).toBeLessThanOrEqual(START + jump * 5 * MINUTE);
        expect(onset.to).toBeGreaterThanOrEqual(START + jump * 5 * MINUTE);
        const sum = all.filter(({ from }) => from >= onset.at).reduce((so, one) => so + one.bad, 0);
        expect(onset.after.bad).toBe(sum);
      }),
      { numRuns: 200 },
    );
  });

  it('moves with time alone', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1e6 }), fc.integer({ min: 20, max: 96 }), (shift, jump) => {
        const all = buckets(1_000, (n) => (n < jump ? 1 : 90));
        const moved = all.map((one) => ({ ...one, from: one.from + shift * MINUTE }));
        const [a, b] = [findOnset({ buckets: all }, threshold).onset, findOnset({ buckets: moved }, threshold).onset];
        expect((b?.from ?? 0) - (a?.from ?? 0)).toBe(shift * MINUTE);
      }),
      { numRuns: 50 },
    );
  });
});

describe('what is searched', () => {
  const five = (n: number, bad: number, total: number): CountsFrom => ({ from: START + 5 * n * MINUTE, bad, total });
  const one = (n: number): CountsFrom => ({ from: START + n * MINUTE, bad: 1, total: 3 });
  const lengths = (found: ReturnType<typeof binsOf>): number[][] =>
    found.map(({ from, bad, total, length }) => [(from - START) / MINUTE, length / MINUTE, bad, total]);

  it('is the buckets until the minutes begin, and the minutes: nothing counts twice', () => {
    const minutes = [-1, 7, 8, 9, 10, 11].map(one);

    expect(lengths(binsOf([five(0, 3, 10), five(1, 4, 20), five(2, 5, 30)], minutes))).toEqual([
      [0, 5, 3, 10],
      [5, 2, 1, 11],
      ...[7, 8, 9, 10, 11].map((at) => [at, 1, 1, 3]),
    ]);
  });

  it('never counts less than nothing, where both were read at different times', () => {
    expect(lengths(binsOf([five(0, 1, 2)], [3, 4].map(one)))[0]).toEqual([0, 3, 0, 0]);
  });

  it('is the buckets alone where there are no minutes, and the minutes alone where nothing is older', () => {
    expect(lengths(binsOf([five(0, 1, 2), five(1, 3, 4)], []))).toEqual([
      [0, 5, 1, 2],
      [5, 5, 3, 4],
    ]);
    expect(lengths(binsOf([], [one(0)]))).toEqual([[0, 1, 1, 3]]);
  });
});
