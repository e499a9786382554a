import { describe, expect, it } from 'vitest';
import { burnsToo } from '../../../shared/slo/burns.ts';
import type { CountsFrom } from '../../../shared/slo/time-buckets.ts';

const MINUTE = 60_000;
const RATE = 0.003;
const HOUR = 12;

/** Ten hours, in buckets of five minutes; what is asked about began after eight. */
function buckets(total: number, badAt: (n: number) => number): CountsFrom[] {
  return Array.from({ length: 10 * HOUR }, (_, n) => ({ from: n * 5 * MINUTE, bad: badAt(n), total }));
}

const BEGAN = 8 * HOUR;
const then = { from: BEGAN * 5 * MINUTE, to: BEGAN * 5 * MINUTE + 5 * MINUTE };

function burns(badAt: (n: number) => number, { total = 1_000, count = 1 } = {}): boolean {
  return burnsToo(buckets(total, badAt), then, RATE, count);
}

describe('whether something burns too', () => {
  it('does when it began in the same minutes, or a few later', () => {
    expect(burns((n) => (n < BEGAN ? 0 : 50))).toBe(true);
    expect(burns((n) => (n < BEGAN + 2 ? 0 : 50))).toBe(true);
  });

  it('does when it has ended meanwhile', () => {
    expect(burns((n) => (n >= BEGAN && n < BEGAN + 3 ? 50 : 0))).toBe(true);
  });

  it('does not when it began at another time', () => {
    expect(burns((n) => (n < BEGAN - 2 * HOUR ? 0 : 50))).toBe(false);
    expect(burns((n) => (n < BEGAN + 2 * HOUR ? 0 : 50))).toBe(false);
  });

  it('does not when it burns too slowly, or hardly faster than before', () => {
    expect(burns((n) => (n < BEGAN ? 0 : 2))).toBe(false);
    expect(burns((n) => (n < BEGAN ? 30 : 50))).toBe(false);
  });

  it('does not by so few failures as chance brings, and by fewer the more are asked', () => {
    const one = (n: number): number => (n === BEGAN ? 1 : 0);
    expect(burns(one, { total: 100 })).toBe(true);
    expect(burns(one, { total: 100, count: 40 })).toBe(false);
  });

  it('is not known when nothing was counted before', () => {
    const counted = buckets(1_000, () => 50).map((one, n) => (n < BEGAN ? { ...one, bad: 0, total: 0 } : one));
    expect(burnsToo(counted, then, RATE, 1)).toBe(false);
    expect(burnsToo([], then, RATE, 1)).toBe(false);
  });
});
