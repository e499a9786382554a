/**
 * When a service began to burn its budget: the moment that explains the counts best, and an interval around it.
 *
 * It counts only when there is evidence for it; otherwise the answer says what is missing.
 */
import { MINUTE_MS } from '../duration.ts';
import type { Counts } from './burn-rate.ts';
import { type Bin, type Fit, fitOnset, gainOfTwoRates, NEAR_MS, rateOf, sumOfCounts } from './onset-fit.ts';
import type { CountsFrom } from './time-buckets.ts';

const BUCKET_MS = 5 * MINUTE_MS;
/** Twice the gain in log-likelihood that the moment must bring over one rate for the whole time. */
const MIN_GAIN = 15;
/** The rate before must be below this share of the rate after. */
const MAX_SHARE_BEFORE = 0.5;
/** The same of failures in a given time, since traffic alone more than doubles from night to day. */
const MAX_SHARE_BEFORE_IN_TIME = 1 / 3;
/** As many failures would have been seen before the onset, had it burnt at the rule's rate. */
const FAILURES_TO_KNOW = 5;
/** A burn is over when it was quiet for so long. */
const QUIET_MS = 30 * MINUTE_MS;
const QUIET_BUCKETS = QUIET_MS / BUCKET_MS;
/** A time before the onset that is shorter may be a lull, where it burnt for long already. */
const LULL_MS = 120 * MINUTE_MS;
const BURNT_BEFORE = 'it burnt before, and not much slower';
const FEWER_REQUESTS = 'there are fewer requests, and hardly more failures';
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
  /** The likeliest moment. */
  readonly at: number;
  /** Whether it jumped there rather than rising from there on. */
  readonly isSudden: boolean;
  /** It can hardly have begun before or after these, which lie around `from` and `to`. */
  readonly earliest: number;
  readonly latest: number;
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
  // An earlier burn had a cause of its own.
  const since = quietSince(buckets, threshold.rate);
  const bins = binsOf(buckets.slice(since), minutes);
  const finding = judgeFit(bins, threshold);
  const [first] = bins;
  if (since > 0 || !first || !earlier?.total) return finding;
  if (finding.onset) return wasBurning(finding.onset, first.from, earlier) ? { because: BURNT_BEFORE } : finding;
  // What was counted long ago does not make more failures of fewer requests.
  if (finding.because === FEWER_REQUESTS) return finding;
  const all = {
    ...sumOfCounts([first, earlier]),
    from: earlier.from,
    length: first.from + first.length - earlier.from,
  };
  const second = judgeFit([all, ...bins.slice(1)], threshold);
  return second.onset ? second : finding;
}

/** Whether the little that is known of the time before an onset may be a lull in what burns for longer. */
function wasBurning({ at, before, after }: Onset, since: number, earlier: Counts): boolean {
  return at - since < LULL_MS && rateOf(sumOfCounts([before, earlier])) >= MAX_SHARE_BEFORE * rateOf(after);
}

/** The buckets, those of the last hour by the minute. */
export function binsOf(buckets: readonly CountsFrom[], minutes: readonly CountsFrom[]): Bin[] {
  const first = buckets[0]?.from ?? 0;
  const fine = minutes.filter(({ from }) => from >= first);
  const start = fine[0]?.from ?? Number.POSITIVE_INFINITY;
  const coarse = buckets
    .filter(({ from }) => from < start)
    .map((bucket): Bin => {
      const length = Math.min(BUCKET_MS, start - bucket.from);
      const later = sumOfCounts(length < BUCKET_MS ? fine.filter(({ from }) => from < bucket.from + BUCKET_MS) : []);
      return {
        from: bucket.from,
        bad: Math.max(0, bucket.bad - later.bad),
        total: Math.max(0, bucket.total - later.total),
        length,
      };
    });
  return [...coarse, ...fine.map((minute): Bin => ({ ...minute, length: MINUTE_MS }))];
}

function judgeFit(bins: readonly Bin[], { rate, minFailures }: BurnThreshold): OnsetFinding {
  const fit = fitOnset(bins);
  if (!fit || 2 * fit.gain < MIN_GAIN) return { because: 'no moment stands out at which it began' };
  const { before, after } = fit;
  if (after.bad < minFailures) return { because: `there are only ${after.bad} failures since it began` };
  if (fit.rateNow < rate) return { because: 'since it began it burns too slowly' };
  const counted = bins.filter(({ from, total }) => from < fit.at && total > 0);
  const known = counted.reduce((sum, { length }) => sum + length, 0);
  if (before.total < FAILURES_TO_KNOW / rate || known < QUIET_MS) {
    return { because: 'too little is known of the time before it began' };
  }
  if (rateOf(before) >= MAX_SHARE_BEFORE * rateOf(after)) return { because: 'it burnt half as fast before' };
  // Where it burns for long already, a worse hour is no news.
  if (rateOf(before) >= MAX_SHARE_BEFORE * rate && rateOf(before) >= MAX_SHARE_BEFORE ** 2 * rateOf(after)) {
    return { because: BURNT_BEFORE };
  }
  if (!failuresRise(bins, fit)) return { because: FEWER_REQUESTS };
  const { likely, possible, at, isSudden } = fit;
  return {
    onset: {
      ...{ at, before, after, isSudden },
      // However far apart the checks are, what is likely is near.
      from: Math.max(likely.first - wideningAt(bins, likely.first), Math.min(likely.first, at - NEAR_MS)),
      to: Math.min(likely.last + wideningAt(bins, likely.last), Math.max(likely.last, at + NEAR_MS)),
      earliest: possible.first - wideningAt(bins, possible.first),
      latest: possible.last + wideningAt(bins, possible.last),
    },
  };
}

/** How far from a boundary it may really have begun: what a check counts happened since the one before. */
function wideningAt(bins: readonly Bin[], boundary: number): number {
  const { length } = bins.find(({ from }) => from === boundary) ?? { length: BUCKET_MS };
  return Math.max(
    length === MINUTE_MS ? CLOCK_TOLERANCE_MS : BUCKET_MS,
    checkIntervalOf(bins.filter((bin) => bin.length === length)),
  );
}

/**
 * The bucket from which on it was quiet when it last was; the first one when it never was for long. What ends the quiet,
 * looking back, is half an hour that burnt, or five minutes: an outage of ten is soon over, and a cause of its own. That it
 * is over takes as much evidence as an onset: whatever burns slowly has lulls.
 */
function quietSince(buckets: readonly CountsFrom[], rate: number): number {
  const isBelow = (counts: Counts): boolean => rateOf(counts) < MAX_SHARE_BEFORE * rate;
  const isQuiet = (counts: Counts): boolean => counts.total >= FAILURES_TO_KNOW / rate && isBelow(counts);
  const isBurning = (counts: Counts): boolean => counts.bad >= FAILURES_TO_KNOW && !isBelow(counts);
  const bins = binsOf(buckets, []);
  const quiet = bins.findLastIndex((_, from) => {
    const around = bins.slice(from, from + QUIET_BUCKETS);
    return around.length === QUIET_BUCKETS && isQuiet(sumOfCounts(around));
  });
  for (let from = quiet; from > 0; from--) {
    const since = bins.slice(from, quiet + QUIET_BUCKETS);
    const hasEnded = [1, QUIET_BUCKETS].some((length) => {
      const burn = bins.slice(Math.max(0, from - length), from);
      return isBurning(sumOfCounts(burn)) && 2 * gainOfTwoRates(burn, since) >= MIN_GAIN;
    });
    if (hasEnded) return from;
  }
  return 0;
}

/** Whether there are more failures in a given time, and not only fewer requests. */
function failuresRise(bins: readonly Bin[], { at, before, after }: Fit): boolean {
  const start = bins[0]?.from ?? at;
  const end = bins.reduce((latest, { from, length }) => Math.max(latest, from + length), at);
  const [timeBefore, timeAfter] = [at - start, end - at];
  const [all, time] = [before.bad + after.bad, timeBefore + timeAfter];
  const together = xLogY(all, all / time);
  const gain = xLogY(before.bad, before.bad / timeBefore) + xLogY(after.bad, after.bad / timeAfter) - together;
  return 2 * gain >= MIN_GAIN && (MAX_SHARE_BEFORE_IN_TIME * after.bad) / timeAfter >= before.bad / timeBefore;
}

function xLogY(x: number, y: number): number {
  return x === 0 ? 0 : x * Math.log(y);
}

/** How far apart checks usually are, as far as bins can tell. */
function checkIntervalOf(bins: readonly Bin[]): number {
  const times = bins.filter(({ total }) => total > 0).map(({ from }) => from);
  const gaps = times.slice(1).map((time, n) => time - (times[n] ?? time));
  return gaps.sort((a, b) => a - b)[Math.floor(gaps.length / 2)] ?? 0;
}
