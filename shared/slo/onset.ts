/**
 * When a service began to burn its budget; pure arithmetic over the five-minute buckets.
 *
 * The onset is the boundary between two buckets at which two rates of failure, one before it and one from it on, explain
 * the counts best (a change point by maximum likelihood, two binomials). What grows slowly, such as a leak, has no such
 * moment: two rates would put it hours late, beside somebody else's change. So a rate that rises steadily from a boundary
 * on competes with the one that jumps there, and the interval holds every boundary at which either explains the counts
 * nearly as well as the best of all.
 *
 * An onset counts only when there is evidence for it; otherwise the answer says what is missing.
 */
import { MINUTE_MS } from '../duration.ts';
import type { Counts } from './burn-rate.ts';
import type { CountsFrom } from './time-buckets.ts';

/** Twice the gain in log-likelihood that the boundary must bring over one rate for the whole time. */
const MIN_GAIN = 15;
/** Boundaries whose log-likelihood is so little below the best may be the onset too. */
const NEARLY = 3;
/**
 * A bucket says no more than so many failures would. Failures come in bursts: a thousand in five minutes tell the rate of
 * the next five not to a thirtieth, as a binomial has it, but to a third.
 */
const MAX_EVIDENCE = 10;
/** The rate before must be below this share of the rate after. */
const MAX_SHARE_BEFORE = 0.5;
/** As many failures would have been seen before the onset, had it burnt at the rule's rate. */
const FAILURES_TO_KNOW = 5;
/** Of the time since a rise began: it may have begun by so much earlier. */
const EARLIER_SHARE = 0.5;
/** A burn is over when it was quiet for so long. */
const QUIET_MS = 30 * MINUTE_MS;
const MIN_WIDENING_MS = 5 * MINUTE_MS;
/** By how much the clocks of whoever takes checks and of whoever releases may differ. */
const CLOCK_TOLERANCE_MS = MINUTE_MS;

/** What burns, and how fast. */
export interface BurnThreshold {
  /** The rate of failures from which the rule fires: its factor times the budget. */
  readonly rate: number;
  readonly minFailures: number;
}

/** Milliseconds since the Unix epoch. */
export interface OnsetInterval {
  readonly from: number;
  readonly to: number;
}

export interface Onset extends OnsetInterval {
  /** The likeliest boundary. */
  readonly at: number;
  /** Whether it jumped there rather than rising from there on. */
  readonly isSudden: boolean;
  /** What rises may have begun as early as this, since it may rise slower at first than in proportion to time. */
  readonly earliest: number;
  readonly before: Counts;
  readonly after: Counts;
}

/** The onset, or why nothing can be said. */
export type OnsetFinding = { readonly onset: Onset } | { readonly onset?: undefined; readonly because: string };

/** What was counted: oldest first, one bucket after the other, empty ones included. */
export interface Counted {
  /** Of five minutes each. */
  readonly buckets: readonly CountsFrom[];
  /** The last of them by the minute. */
  readonly minutes?: readonly CountsFrom[];
  /** What was counted before them: where there is little traffic, they alone say too little. */
  readonly earlier?: CountsFrom | undefined;
}

export function findOnset({ buckets, minutes = [], earlier }: Counted, threshold: BurnThreshold): OnsetFinding {
  const finding = findCoarsely(buckets, earlier, threshold);
  return finding.onset?.isSudden ? { onset: sharpened(finding.onset, minutes) } : finding;
}

function findCoarsely(
  buckets: readonly CountsFrom[],
  earlier: CountsFrom | undefined,
  threshold: BurnThreshold,
): OnsetFinding {
  const finding = judgeFit(fitOnset(buckets, threshold.rate), buckets, threshold);
  if (finding.onset || !earlier?.total) return finding;
  const [first = earlier, ...others] = buckets;
  const longer = [{ from: earlier.from, bad: first.bad + earlier.bad, total: first.total + earlier.total }, ...others];
  const second = judgeFit(fitOnset(longer, threshold.rate), longer, threshold);
  return second.onset ? second : finding;
}

function judgeFit(
  fit: Fit | undefined,
  buckets: readonly CountsFrom[],
  { rate, minFailures }: BurnThreshold,
): OnsetFinding {
  if (!fit || 2 * fit.gain < MIN_GAIN) return { because: 'no moment stands out at which it began' };
  const { before, after, failuresRise, from, to } = fit;
  if (after.bad < minFailures) return { because: `there are only ${after.bad} failures since it began` };
  if (fit.rateNow < rate) return { because: 'since it began it burns too slowly' };
  const isKnown = before.total >= FAILURES_TO_KNOW / rate && fit.bucketsBefore * BUCKET_MS >= QUIET_MS;
  if (!isKnown) return { because: 'too little is known of the time before it began' };
  if (rateOf(before) >= MAX_SHARE_BEFORE * rateOf(after)) return { because: 'it burnt half as fast before' };
  // Where it burns for long already, a worse hour is no news.
  if (rateOf(before) >= MAX_SHARE_BEFORE * rate && rateOf(before) >= MAX_SHARE_BEFORE ** 2 * rateOf(after)) {
    return { because: 'it burnt before, and not much slower' };
  }
  if (!failuresRise) return { because: 'there are fewer requests, and hardly more failures' };
  const widening = Math.max(MIN_WIDENING_MS, checkIntervalOf(buckets));
  return {
    onset: {
      at: fit.at,
      before,
      after,
      isSudden: fit.isSudden,
      earliest: fit.earliest - widening,
      from: from - widening,
      to: to + widening,
    },
  };
}

/** The interval by the minute, where the minutes reach back that far. */
function sharpened(onset: Onset, minutes: readonly CountsFrom[]): Onset {
  const within = minutes.filter(({ from }) => from >= onset.from && from < onset.to);
  const reaches = minutes.some(({ from }) => from < onset.from);
  if (!reaches || within.every(({ total }) => total === 0)) return onset;
  const [before, after] = [rateOf(onset.before), rateOf(onset.after)];
  const weighed = within.map(tempered);
  const likelihoods = [...within, { from: onset.to }].map(({ from }, boundary) => ({
    from,
    sum: weighed.reduce((sum, counts, n) => sum + logLikelihoodAt(counts, n < boundary ? before : after), 0),
  }));
  const best = Math.max(...likelihoods.map(({ sum }) => sum));
  const near = likelihoods.filter(({ sum }) => sum >= best - NEARLY).map(({ from }) => from);
  const widening = Math.max(CLOCK_TOLERANCE_MS, checkIntervalOf(minutes));
  const from = Math.max(onset.from, Math.min(...near) - widening);
  return {
    ...onset,
    from,
    earliest: from,
    to: Math.min(onset.to, Math.max(...near) + widening),
  };
}

function logLikelihoodAt({ bad, total }: Counts, rate: number): number {
  const possible = Math.min(1 - 1e-9, Math.max(1e-9, rate));
  return xLogY(bad, possible) + xLogY(total - bad, 1 - possible);
}

interface Fit extends Onset {
  /** In log-likelihood. */
  readonly gain: number;
  /** Whether there are more failures in a given time, and not only fewer requests. */
  readonly failuresRise: boolean;
  /** With something in them. */
  readonly bucketsBefore: number;
  /** Of failures: since the onset, or where it has risen to. */
  readonly rateNow: number;
}

function fitOnset(buckets: readonly CountsFrom[], rate: number): Fit | undefined {
  const counted = sumsOf(buckets);
  const weighed = buckets.map(tempered);
  const between = sumsOf(weighed);
  const end = buckets.length;
  // An earlier burn had a cause of its own.
  const first = quietSince(counted, end, rate);
  const together = logLikelihood(between(first, end));
  const gains: { boundary: number; gain: number; rateNow: number; isRise: boolean }[] = [];
  for (let boundary = first + 1; boundary < end; boundary++) {
    const before = between(first, boundary);
    const after = between(boundary, end);
    if (before.total === 0 || after.total === 0 || rateOf(after) <= rateOf(before)) continue;
    const jump = { logLikelihood: logLikelihood(after), rateNow: rateOf(after) };
    const rise = fitRise(weighed, boundary, rateOf(before));
    const since = rise.logLikelihood > jump.logLikelihood ? rise : jump;
    const gain = logLikelihood(before) + since.logLikelihood - together;
    gains.push({ boundary, gain, rateNow: since.rateNow, isRise: since === rise });
  }
  const [one, ...others] = gains;
  if (!one) return undefined;
  const best = others.reduce((a, b) => (b.gain > a.gain ? b : a), one);
  const before = counted(first, best.boundary);
  const after = counted(best.boundary, end);
  const near = gains.filter(({ gain }) => gain >= best.gain - NEARLY);
  const timeOf = (boundary: number): number => buckets[boundary]?.from ?? 0;
  const from = timeOf(near[0]?.boundary ?? best.boundary);
  const isSudden = near.every(({ isRise }) => !isRise);
  const boundaryTime = timeOf(best.boundary);
  return {
    ...{ at: boundaryTime, isSudden, gain: best.gain, rateNow: best.rateNow, before, after },
    failuresRise: risesInTime(before, boundaryTime - timeOf(first), after, timeOf(end - 1) + BUCKET_MS - boundaryTime),
    bucketsBefore: buckets.slice(first, best.boundary).filter(({ total }) => total > 0).length,
    ...{ from, to: timeOf(near.at(-1)?.boundary ?? best.boundary) },
    earliest: from - (isSudden ? 0 : EARLIER_SHARE * (timeOf(end - 1) + BUCKET_MS - from)),
  };
}

/** A bucket as far as it is evidence. */
function tempered({ bad, total }: Counts): Counts {
  const share = Math.min(1, MAX_EVIDENCE / bad);
  return { bad: bad * share, total: total * share };
}

type Between = (from: number, to: number) => Counts;

/** Sums of buckets, from one up to another that is not counted. */
function sumsOf(buckets: readonly Counts[]): Between {
  const sums: Counts[] = [{ bad: 0, total: 0 }];
  let sum = { bad: 0, total: 0 };
  for (const { bad, total } of buckets) {
    sum = { bad: sum.bad + bad, total: sum.total + total };
    sums.push(sum);
  }
  return (from, to) => {
    const [a, b] = [sums[from] ?? sum, sums[to] ?? sum];
    return { bad: b.bad - a.bad, total: b.total - a.total };
  };
}

const BUCKET_MS = 5 * MINUTE_MS;

/** The bucket from which on it was quiet when it last was; the first one when it never was for long. */
function quietSince(between: Between, end: number, rate: number): number {
  const isQuiet = (from: number, to: number): boolean => {
    const counts = between(from, to);
    return counts.total >= FAILURES_TO_KNOW / rate && rateOf(counts) < MAX_SHARE_BEFORE * rate;
  };
  const isBurning = (from: number, to: number): boolean => {
    const counts = between(from, to);
    return counts.bad >= FAILURES_TO_KNOW && rateOf(counts) >= rate;
  };
  const length = QUIET_MS / BUCKET_MS;
  for (let to = end; to >= length; to--) {
    let from = to - length;
    if (!isQuiet(from, to)) continue;
    while (from > 0 && !isBurning(from - 1, from - 1 + length)) from--;
    return from;
  }
  return 0;
}

/** Of a binomial at its own rate, without the constant that all have. */
function logLikelihood({ bad, total }: Counts): number {
  return xLogY(bad, bad / total) + xLogY(total - bad, (total - bad) / total);
}

/** A rate that rises from a boundary on in proportion to the time since then. */
function fitRise(
  buckets: readonly Counts[],
  boundary: number,
  rateBefore: number,
): { logLikelihood: number; rateNow: number } {
  let [excess, exposure] = [0, 0];
  for (let n = boundary; n < buckets.length; n++) {
    const { bad, total } = buckets[n] ?? { bad: 0, total: 0 };
    excess += bad - rateBefore * total;
    exposure += total * (n + 0.5 - boundary);
  }
  const slope = excess / exposure;
  let sum = 0;
  for (let n = boundary; n < buckets.length; n++) {
    const { bad, total } = buckets[n] ?? { bad: 0, total: 0 };
    const rate = Math.min(1 - 1e-9, rateBefore + slope * (n + 0.5 - boundary));
    sum += xLogY(bad, rate) + xLogY(total - bad, 1 - rate);
  }
  return { logLikelihood: sum, rateNow: rateBefore + slope * (buckets.length - boundary) };
}

/** Whether there are more failures in a given time, weighed as the rates are. */
function risesInTime(before: Counts, timeBefore: number, after: Counts, timeAfter: number): boolean {
  const [all, time] = [before.bad + after.bad, timeBefore + timeAfter];
  const together = xLogY(all, all / time);
  const gain = xLogY(before.bad, before.bad / timeBefore) + xLogY(after.bad, after.bad / timeAfter) - together;
  return 2 * gain >= MIN_GAIN && (MAX_SHARE_BEFORE * after.bad) / timeAfter >= before.bad / timeBefore;
}

function xLogY(x: number, y: number): number {
  return x === 0 ? 0 : x * Math.log(y);
}

function rateOf({ bad, total }: Counts): number {
  return total === 0 ? 0 : bad / total;
}

/** How far apart checks usually are, as far as buckets can tell; what a check counts happened since the one before. */
function checkIntervalOf(buckets: readonly CountsFrom[]): number {
  const times = buckets.filter(({ total }) => total > 0).map(({ from }) => from);
  const gaps = times.slice(1).map((time, n) => time - (times[n] ?? time));
  return gaps.sort((a, b) => a - b)[Math.floor(gaps.length / 2)] ?? 0;
}
