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
