/** The search, against trying every moment with every rate: by the probabilities themselves, not by what the search uses. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Bin, fitOnset } from '../../../shared/slo/onset-fit.ts';

const MINUTE = 60_000;
const EVIDENCE_PER_MINUTE = 2;
/** What is tried is this much apart, so it may miss the best by a little; and the search fits by squares. */
const TOLERANCE = 0.7;

function logFactorial(n: number): number {
  let sum = 0;
  for (let k = 2; k <= n; k++) sum += Math.log(k);
  return sum;
}

/** The logarithm of the chance of so many failures: Poisson's, when its mean is a gamma's of this shape. */
function logChance(bad: number, mean: number, shape: number): number {
  let rising = 0;
  for (let k = 0; k < bad; k++) rising += Math.log(shape + k);
  const share = mean / (shape + mean);
  return rising - logFactorial(bad) + shape * Math.log(1 - share) + (bad === 0 ? 0 : bad * Math.log(share));
}

function logChanceOf(bins: readonly Bin[], rateAt: (bin: Bin) => number): number {
  return bins.reduce((sum, bin) => {
    const mean = Math.max(1e-9, bin.total * Math.min(1, rateAt(bin)));
    return sum + logChance(bin.bad, mean, (EVIDENCE_PER_MINUTE * bin.length) / MINUTE);
  }, 0);
}

const shareOf = (bins: readonly Bin[]): number => {
  const total = bins.reduce((sum, bin) => sum + bin.total, 0);
  return total === 0 ? 0 : bins.reduce((sum, bin) => sum + bin.bad, 0) / total;
};

/** By moment, how much more likely the best shape and rate make the counts than one rate does. */
function enumerated(bins: readonly Bin[]): Map<number, number> {
  const together = logChanceOf(bins, () => shareOf(bins));
  const gains = new Map<number, number>();
  bins.forEach(({ from }, n) => {
    const [before, after] = [bins.slice(0, n), bins.slice(n)];
    const rate = shareOf(before);
    if (n === 0 || shareOf(after) <= rate) return;
    const quiet = logChanceOf(before, () => rate);
    let best = Number.NEGATIVE_INFINITY;
    for (const power of [0, 1, 2]) {
      for (let slope = 1e-6; slope < 1; slope *= 1.1) {
        const excess = ({ from: start, length }: Bin): number =>
          slope * ((start + length / 2 - from) / (5 * MINUTE)) ** power;
        best = Math.max(best, quiet - together + logChanceOf(after, (bin) => rate + excess(bin)));
      }
    }
    gains.set(from, best);
  });
  return gains;
}

const histories = fc
  .record({
    traffic: fc.integer({ min: 20, max: 2_000 }),
    quiet: fc.integer({ min: 2, max: 6 }),
    burning: fc.integer({ min: 1, max: 6 }),
    length: fc.constantFrom(1, 5),
    failing: fc.double({ min: 0.01, max: 0.5, noNaN: true }),
    noise: fc.array(fc.double({ min: 0.6, max: 1.4, noNaN: true }), { minLength: 12, maxLength: 12 }),
    usual: fc.array(fc.integer({ min: 0, max: 1 }), { minLength: 12, maxLength: 12 }),
  })
  .map(({ traffic, quiet, burning, length, failing, noise, usual }): Bin[] =>
    Array.from({ length: quiet + burning }, (_, n) => {
      const bad = (usual[n] ?? 0) + (n < quiet ? 0 : Math.round(traffic * failing * (noise[n] ?? 1)));
      return { from: n * length * MINUTE, bad: Math.min(traffic, bad), total: traffic, length: length * MINUTE };
    }),
  );

describe('the search for an onset', () => {
  it('finds what trying everything finds', () => {
    fc.assert(
      fc.property(histories, (bins) => {
        const fit = fitOnset(bins);
        const gains = enumerated(bins);
        const best = Math.max(...gains.values());

        expect(fit === undefined).toBe(gains.size === 0);
        if (!fit) return;
        expect(Math.abs(fit.gain - best)).toBeLessThan(TOLERANCE);
        expect(gains.get(fit.at)).toBeGreaterThan(best - TOLERANCE);
        const near = [...gains].filter(([, gain]) => gain > best - 5 + TOLERANCE).map(([at]) => at);
        expect(fit.possible.first).toBeLessThanOrEqual(Math.min(...near));
        expect(fit.possible.last).toBeGreaterThanOrEqual(Math.max(...near));
      }),
      { numRuns: 60 },
    );
  });

  it('finds none where it never went up', () => {
    const bins = Array.from({ length: 12 }, (_, n) => ({ from: n * MINUTE, bad: 2, total: 100, length: MINUTE }));

    expect(fitOnset(bins)).toBeUndefined();
    expect(fitOnset([])).toBeUndefined();
  });
});

describe('how sharply it is seen', () => {
  const series = (total: number, badAt: (n: number) => number, count: number, minutes = 5): Bin[] =>
    Array.from({ length: count }, (_, n) => ({
      ...{ from: n * minutes * MINUTE, bad: badAt(n), total, length: minutes * MINUTE },
    }));
  const sight = (bins: readonly Bin[]): unknown => {
    const { at, isSudden, likely, possible } = fitOnset(bins) ?? expect.fail('it went up');
    const spans = [likely, possible].flatMap(({ first, last }) => [first, last]);
    return [isSudden ? 'a jump' : 'perhaps a rise', ...[at, ...spans].map((time) => time / MINUTE)];
  };

  // From the minute 200 on, in buckets of five minutes with 200 requests: the more it burns, the sharper.
  it.each([
    [2, ['perhaps a rise', 200, 180, 220, 5, 295]],
    [4, ['perhaps a rise', 200, 190, 205, 50, 210]],
    [5, ['perhaps a rise', 200, 195, 200, 145, 205]],
    [6, ['a jump', 200, 195, 200, 190, 205]],
    [9, ['a jump', 200, 200, 200, 195, 200]],
  ])('a jump from one failure in 200 to %d', (bad, expected) => {
    expect(sight(series(200, (n) => (n < 40 ? 1 : bad), 60))).toEqual(expected);
  });

  it('a jump by the minute, no further from the best than ten minutes', () => {
    expect(sight(series(200, (n) => (n < 40 ? 1 : 3), 60, 1))).toEqual(['perhaps a rise', 40, 30, 44, 1, 49]);
  });

  it('a jump with so few failures that eight of them take longer', () => {
    const everyOther = (n: number): number => (n < 60 ? 0 : n % 2);

    expect(sight(series(20, everyOther, 84))).toEqual(['perhaps a rise', 305, 230, 305, 50, 315]);
  });

  it.each([
    ['steadily', (n: number) => 4 * n, [205, 200, 205, 200, 205]],
    ['faster and faster', (n: number) => n ** 2, [200, 200, 205, 200, 205]],
  ])('a rise that goes on %s', (_, badAt, times) => {
    const rise = series(2_000, (n) => badAt(Math.max(0, n - 40)), 60);

    expect(sight(rise)).toEqual(['perhaps a rise', ...times]);
  });

  it('where everything fails, and where nothing was counted between', () => {
    const all = series(10, (n) => (n < 30 ? 0 : 10), 33);
    const some = series(200, (n) => (n < 30 ? 0 : 50), 60).map((bin, n) =>
      n % 4 === 0 ? bin : { ...bin, bad: 0, total: 0 },
    );

    expect(fitOnset(all)).toMatchObject({ at: 150 * MINUTE, rateNow: 1 });
    expect(sight(some)).toEqual(['a jump', 145, 145, 155, 145, 160]);
  });
});
