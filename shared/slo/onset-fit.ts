/**
 * The moment at which a rate of failures went up, and the moments that explain the counts nearly as well; pure arithmetic.
 *
 * The counts are bins of five minutes, and of one minute for the last hour. Before the moment there is one rate; from it on
 * another (a jump), or one that rises with the time since then, or with its square (what leaks has no moment at which it
 * jumps: two rates would put it hours late, beside somebody else's change). Each shape is tried at each boundary, and the
 * likelihood decides.
 *
 * Failures come in bursts, so a binomial would claim too much: a thousand in five minutes tell the rate of the next five
 * not to a thirtieth, but to a third. The number of failures is taken as a Poisson's whose rate itself scatters (a gamma).
 */
import { MINUTE_MS } from '../duration.ts';
import type { Counts } from './burn-rate.ts';
import type { CountsFrom } from './time-buckets.ts';

/** What was counted for some time. */
export interface Bin extends CountsFrom {
  /** Milliseconds. */
  readonly length: number;
}

/** Boundaries between bins, milliseconds since the Unix epoch. */
interface Span {
  readonly first: number;
  readonly last: number;
}

export interface Fit {
  /** The likeliest boundary. */
  readonly at: number;
  /** How much more likely it makes the counts than one rate for the whole time does; a difference of logarithms. */
  readonly gain: number;
  /** Of failures: since then, or where it has risen to. */
  readonly rateNow: number;
  /** Whether nothing but a jump explains the counts. */
  readonly isSudden: boolean;
  /** The boundaries that explain the counts nearly as well, and those that cannot be ruled out. */
  readonly likely: Span;
  readonly possible: Span;
  readonly before: Counts;
  readonly after: Counts;
}

/** Boundaries whose log-likelihood is so little below the best are likely the onset too. */
const LIKELY = 3;
/** And so little, possibly: it is supposed that a rate jumps, or grows as one of the shapes does, so doubt remains. */
const POSSIBLE = 5;
/** What is likely is no further from the best than this, or than so many failures take. */
export const NEAR_MS = 10 * MINUTE_MS;
const NEAR_FAILURES = 8;
/** Of the time since the onset, what the excess of failures grows with: a jump, a rise, a rise that grows faster. */
const POWERS = [0, 1, 2] as const;
/** The scatter of a rate within five minutes: so many failures tell as much as any number of them. */
const EVIDENCE = 10;
const EVIDENCE_MS = 5 * MINUTE_MS;

/** Of a bin in which so many failures are expected; without the constant that is the same for every expectation. */
function logLikelihood(bad: number, length: number, expected: number): number {
  const evidence = (EVIDENCE * length) / EVIDENCE_MS;
  const mean = expected > 1e-9 ? expected : 1e-9;
  return (bad === 0 ? 0 : bad * Math.log(mean)) - (bad + evidence) * Math.log1p(mean / evidence);
}

/** Of bins in which one rate holds. */
function logLikelihoodAt(bins: readonly Bin[], rate: number): number {
  let sum = 0;
  for (const { bad, total, length } of bins) sum += total === 0 ? 0 : logLikelihood(bad, length, rate * total);
  return sum;
}

/** How much more likely two rates make two times than one rate for both does; a difference of logarithms. */
export function gainOfTwoRates(one: readonly Bin[], other: readonly Bin[]): number {
  const all = [...one, ...other];
  const atItsOwn = (bins: readonly Bin[]): number => logLikelihoodAt(bins, rateOf(sumOfCounts(bins)));
  return atItsOwn(one) + atItsOwn(other) - atItsOwn(all);
}

/** @returns undefined when at no boundary it went up */
export function fitOnset(bins: readonly Bin[]): Fit | undefined {
  const all = sumOfCounts(bins);
  const together = logLikelihoodAt(bins, rateOf(all));
  const tried: Tried[] = [];
  let before: Counts = { bad: 0, total: 0 };
  bins.forEach(({ from }, boundary) => {
    const after = { bad: all.bad - before.bad, total: all.total - before.total };
    const [rateBefore, rateAfter] = [rateOf(before), rateOf(after)];
    if (before.total > 0 && rateAfter > rateBefore) {
      const gain = logLikelihoodAt(bins.slice(0, boundary), rateBefore) - together;
      const rest = bins.slice(boundary).filter(({ total }) => total > 0);
      for (const power of POWERS) {
        const { likelihood, rateNow } = fitExcess(rest, from, rateBefore, power);
        tried.push({ at: from, power, gain: gain + likelihood, rateNow, before, after });
      }
    }
    before = sumOfCounts([before, bins[boundary] ?? before]);
  });
  const [one, ...others] = tried;
  if (!one) return undefined;
  const best = others.reduce((a, b) => (b.gain > a.gain ? b : a), one);
  const near = (margin: number): Tried[] => tried.filter(({ gain }) => gain >= best.gain - margin);
  const end = bins.reduce((latest, { from, length }) => Math.max(latest, from + length), best.at);
  const reach = Math.max(NEAR_MS, (NEAR_FAILURES * (end - best.at)) / best.after.bad);
  const possible = near(POSSIBLE);
  return {
    ...best,
    isSudden: possible.every(({ power }) => power === 0),
    likely: spanOf(near(LIKELY).filter(({ at }) => Math.abs(at - best.at) <= reach)),
    possible: spanOf(possible),
  };
}

function spanOf(near: readonly Tried[]): Span {
  const times = near.map(({ at }) => at);
  return { first: Math.min(...times), last: Math.max(...times) };
}

type Tried = Omit<Fit, 'isSudden' | 'likely' | 'possible'> & { readonly power: number };

/** A rate that is above another by what grows with a power of the time since the onset. */
function fitExcess(
  bins: readonly Bin[],
  onset: number,
  rateBefore: number,
  power: number,
): { likelihood: number; rateNow: number } {
  const growthAt = ({ from, length }: Bin): number =>
    power === 0 ? 1 : ((from + length / 2 - onset) / EVIDENCE_MS) ** power;
  let slope = 0;
  // The second time a bin weighs as much as it tells, which depends on what is expected in it.
  for (const isFirst of [true, false]) {
    let [excess, exposure] = [0, 0];
    for (const bin of bins) {
      const { bad, total, length } = bin;
      const growth = growthAt(bin);
      const expected = total * (rateBefore + slope * growth);
      const weight = isFirst ? 1 : 1 / (1 + (expected * EVIDENCE_MS) / (EVIDENCE * length));
      excess += weight * (bad - rateBefore * total);
      exposure += weight * total * growth;
    }
    slope = Math.max(0, excess / exposure);
  }
  let [likelihood, rateNow] = [0, 0];
  for (const bin of bins) {
    rateNow = Math.min(1, rateBefore + slope * growthAt(bin));
    likelihood += logLikelihood(bin.bad, bin.length, bin.total * rateNow);
  }
  return { likelihood, rateNow };
}

export function sumOfCounts(counts: readonly Counts[]): Counts {
  let [bad, total] = [0, 0];
  for (const one of counts) {
    bad += one.bad;
    total += one.total;
  }
  return { bad, total };
}

export function rateOf({ bad, total }: Counts): number {
  return total === 0 ? 0 : bad / total;
}
