import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findOnset } from '../../../shared/slo/onset.ts';
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

/** Eight hours of five-minute buckets, with so many requests each and so many failures in each. */
function buckets(total: number, badAt: (n: number) => number): CountsFrom[] {
  return Array.from({ length: 97 }, (_, n) => ({ from: START + n * 5 * MINUTE, bad: badAt(n), total }));
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

  it('is none when requests stay away and failures do not grow', () => {
    const drop = buckets(1_000, () => 1).map((one, n) => (n < 80 ? one : { ...one, total: 20 }));

    expect(findOnset({ buckets: drop }, threshold)).toEqual({
      because: 'there are fewer requests, and hardly more failures',
    });
  });

  it('is looked for after the last time that it was quiet', () => {
    const { onset } = findOnset(
      { buckets: buckets(1_000, (n) => ((n >= 30 && n < 50) || n >= 92 ? 400 : 0)) },
      threshold,
    );

    expect(onset?.at).toBe(START + 92 * 5 * MINUTE);
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
