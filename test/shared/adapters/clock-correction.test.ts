import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  CorrectedClock,
  correctionOf,
  type DatedAnswer,
  narrowed,
  type OffsetInterval,
} from '../../../shared/adapters/clock-correction.ts';
import { HOUR_MS, MINUTE_MS } from '../../../shared/duration.ts';

const NOON = Date.parse('2026-03-01T12:00:00Z');

/** What a host reads whose clock is behind the server's by `offset`, of exchanges [when, way there, way back]. */
function answersOf(offset: number, exchanges: readonly (readonly [number, number, number])[]): DatedAnswer[] {
  return exchanges.map(([at, there, back]) => {
    const sentAt = NOON + at;
    return {
      sentAt: sentAt - offset,
      receivedAt: sentAt + there + back - offset,
      date: Math.floor((sentAt + there) / 1_000) * 1_000,
    };
  });
}

function learned(answers: readonly DatedAnswer[]): OffsetInterval | undefined {
  return answers.reduce<OffsetInterval | undefined>(narrowed, undefined);
}

const offsets = fc.integer({ min: -HOUR_MS, max: HOUR_MS });
const way = fc.integer({ min: 0, max: 4_000 });
/** In the order of time, at most 10 minutes from the first to the last. */
const exchanges = fc
  .array(fc.tuple(fc.integer({ min: 0, max: 10 * MINUTE_MS - 8_000 }), way, way), { minLength: 1, maxLength: 30 })
  .map((found) => found.sort(([a], [b]) => a - b));

describe('the offset that answers tell', () => {
  it('lies in the interval, whatever the network takes', () => {
    fc.assert(
      fc.property(offsets, exchanges, (offset, found) => {
        const interval = learned(answersOf(offset, found));

        expect(interval?.from).toBeLessThanOrEqual(offset);
        expect(interval?.to).toBeGreaterThan(offset);
      }),
    );
  });

  it('is known the better the more answers there are', () => {
    fc.assert(
      fc.property(offsets, exchanges, (offset, found) => {
        const answers = answersOf(offset, found);
        const widths = answers.map((_, n) => widthOf(learned(answers.slice(0, n + 1))));

        expect(widths).toEqual([...widths].sort((a, b) => b - a));
      }),
    );
  });

  it('is corrected by no more than it is, and to within a second and the time on the way', () => {
    fc.assert(
      fc.property(offsets, exchanges, (offset, found) => {
        const correction = correctionOf(learned(answersOf(offset, found)));
        const onTheWay = Math.min(...found.map(([, there, back]) => there + back));

        expect(Math.abs(correction)).toBeLessThanOrEqual(Math.abs(offset));
        expect(correction * offset).toBeGreaterThanOrEqual(0);
        expect(Math.abs(offset - correction)).toBeLessThanOrEqual(1_000 + onTheWay);
      }),
    );
  });

  it('of a clock that is right is never corrected', () => {
    fc.assert(
      fc.property(exchanges, (found) => {
        expect(correctionOf(learned(answersOf(0, found)))).toBe(0);
      }),
    );
  });

  it('is known to milliseconds once answers have come all over the second', () => {
    const all = Array.from({ length: 100 }, (_, n) => [n * 1_010, 2, 2] as const);

    expect(correctionOf(learned(answersOf(1_500, all)))).toBeGreaterThan(1_480);
    expect(correctionOf(learned(answersOf(-1_500, all)))).toBeLessThan(-1_480);
  });

  it.each([
    ['contradict each other: a clock was set', 1_000],
    ['are old', 20 * MINUTE_MS],
  ])('is learned anew when the answers %s', (_, later) => {
    const before = answersOf(later < MINUTE_MS ? 5_000 : 0, [[0, 1, 1]]);
    const after = answersOf(-5_000, [[later, 1, 1]]);

    expect(learned([...before, ...after])).toEqual(learned(after));
  });

  it('is kept when an answer says nothing', () => {
    const known = learned(answersOf(5_000, [[0, 1, 1]]));

    expect(narrowed(known, { sentAt: NOON, receivedAt: NOON, date: Number.NaN })).toBe(known);
    expect(narrowed(known, { sentAt: NOON, receivedAt: NOON - 1, date: NOON })).toBe(known);
  });
});

describe('a corrected clock', () => {
  it('goes on from the clock of the host, and passes on answers and rejections', async () => {
    let now = NOON - 10 * MINUTE_MS;
    const clock = new CorrectedClock({ now: () => now });

    expect(clock.now()).toBe(now);
    expect(
      await clock.observe(
        async () => 'Sun, 01 Mar 2026 12:00:00 GMT',
        (text) => text,
      ),
    ).toContain('12:00');
    expect(clock.now()).toBe(NOON);
    now += 5;
    expect(clock.now()).toBe(NOON + 5);
    await clock.observe(
      async () => 'no date',
      (text) => text,
    );
    await clock.observe(
      async () => '',
      () => undefined,
    );
    await expect(clock.observe(() => Promise.reject(new Error('away')), String)).rejects.toThrow('away');
    expect(clock.now()).toBe(NOON + 5);
  });
});

function widthOf(interval: OffsetInterval | undefined): number {
  return interval ? interval.to - interval.from : Number.POSITIVE_INFINITY;
}
