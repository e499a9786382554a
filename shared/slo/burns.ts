/** Whether a service burns now, and since when: an objective, judged by what was counted for it. */
import { MINUTE_MS } from '../duration.ts';
import { failureRateOf, type Severity, type SloTarget } from './burn-rate.ts';
import type { Objective } from './objectives.ts';
import { type Counted, findOnset, type Onset, type OnsetFinding, type OnsetInterval } from './onset.ts';
import { type Bin, gainOfTwoRates, rateOf, sumOfCounts } from './onset-fit.ts';
import { objectiveHealthOf, type ServiceHealth } from './service-health.ts';
import { type CountsFrom, countsBefore, recentBuckets, recentMinutes, type TimeBuckets } from './time-buckets.ts';

/** What was counted for an objective; undefined before its first check. */
function bucketsOf(health: ServiceHealth, slo: string): TimeBuckets | undefined {
  return objectiveHealthOf(health, slo)?.buckets;
}

/** Whether an alert of an objective is open. */
export function isOpen(health: ServiceHealth | undefined, slo: string, severity: Severity): boolean {
  return (health && objectiveHealthOf(health, slo)?.open.includes(severity)) ?? false;
}

/**
 * Since when an objective burns as fast as a rule asks.
 *
 * @param longWindow of the rule
 * @param known an onset that was found before: what is looked for is a further one
 */
export function onsetOf(
  health: ServiceHealth | undefined,
  objective: Objective,
  longWindow: string,
  known?: OnsetInterval,
): OnsetFinding {
  const counted = health && bucketsOf(health, objective.slo);
  if (!counted) return { because: 'nothing was counted' };
  const threshold = { rate: failureRateOf(longWindow, objective), minFailures: objective.minFailures };
  return findOnset(countedIn(counted, known), threshold);
}

/** Whether an objective has burnt as fast as a rule asks from a time on; the minute of that time does not count. */
export function burnsSince(
  health: ServiceHealth | undefined,
  objective: Objective,
  longWindow: string,
  since: number,
): boolean {
  const counted = health && bucketsOf(health, objective.slo);
  const minutes = counted ? recentMinutes(counted).filter(({ from }) => from > since) : [];
  const bad = minutes.reduce((sum, minute) => sum + minute.bad, 0);
  const total = minutes.reduce((sum, minute) => sum + minute.total, 0);
  return bad > 0 && bad / total >= failureRateOf(longWindow, objective);
}

/**
 * Whether an objective began to burn when another did, as fast as a ticket asks.
 *
 * @param count of the objectives that are asked
 */
export function beganToBurn(
  health: ServiceHealth | undefined,
  objective: Objective,
  { earliest, latest }: Onset,
  count: number,
): boolean {
  const counted = health && bucketsOf(health, objective.slo);
  const interval = { from: earliest, to: latest };
  return counted ? burnsToo(recentBuckets(counted), interval, controlRate(objective), count) : false;
}

/** The rate of failures from which what nobody was paged for burns too. */
export function controlRate(slo: Pick<SloTarget, 'target' | 'window'>): number {
  return failureRateOf('1d', slo);
}

/** What the search for an onset needs; after a known one, only what came later. */
export function countedIn(counted: TimeBuckets, known?: OnsetInterval): Counted {
  const [buckets, minutes] = [recentBuckets(counted), recentMinutes(counted)];
  if (!known) return { buckets, minutes, earlier: countsBefore(counted) };
  return { buckets: buckets.filter(({ from }) => from >= known.to), minutes };
}

// Whether something began to burn at a given time. It speaks against blaming a change of somebody else, so less is asked
// than of a page; and the time is known, and need not be looked for.

const BUCKET_MS = 5 * MINUTE_MS;
/** What shares a cause does not fail in the same minute everywhere. */
const SLACK_MS = 5 * MINUTE_MS;
/** It is compared with the two hours before, in buckets; and looked at for an hour, as it may have ended. */
const BUCKETS_BEFORE = 24;
const BUCKETS_AFTER = 12;
/** Twice the gain in log-likelihood that two rates bring over one. */
const MIN_GAIN = 4;
/** The rate before must be below this share of the rate after. */
const MAX_SHARE_BEFORE = 0.5;

/**
 * @param buckets of five minutes, oldest first, empty ones included
 * @param rate of failures from which it burns
 * @param count how many are asked: of many healthy ones, some look as if they burnt
 */
export function burnsToo(
  buckets: readonly CountsFrom[],
  { from, to }: OnsetInterval,
  rate: number,
  count: number,
): boolean {
  const bins = buckets.map((bucket): Bin => ({ ...bucket, length: BUCKET_MS }));
  const first = bins.findIndex((bin) => bin.from + BUCKET_MS > from - SLACK_MS);
  if (first < 0) return false;
  const quiet = bins.slice(Math.max(0, first - BUCKETS_BEFORE), first);
  const before = sumOfCounts(quiet);
  if (before.total === 0) return false;
  const minGain = MIN_GAIN + 2 * Math.log(count);
  for (let start = first; start < bins.length && (bins[start]?.from ?? to) <= to + SLACK_MS; start++) {
    for (let end = start + 1; end <= Math.min(bins.length, start + BUCKETS_AFTER); end++) {
      const burning = bins.slice(start, end);
      const after = sumOfCounts(burning);
      if (rateOf(after) < rate || MAX_SHARE_BEFORE * rateOf(after) < rateOf(before)) continue;
      if (2 * gainOfTwoRates(quiet, burning) >= minGain) return true;
    }
  }
  return false;
}
