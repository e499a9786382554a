/**
 * One objective of a service: its counts, the alerts that are open, whether its budget is spent and whether it is silent,
 * and what one more check changes in that; pure.
 */
import { MINUTE_MS } from '../duration.ts';
import type { DataOf } from '../events/cloud-event.ts';
import type { ErrorBudgetDepleted, SLOViolation } from '../events/platform.ts';
import {
  type Alert,
  type Assessment,
  assess,
  type Counts,
  lengthOf,
  type Severity,
  type SloTarget,
} from './burn-rate.ts';
import { addCounts, emptyBuckets, type TimeBuckets } from './time-buckets.ts';

/** An objective of the configuration, as far as checks need it. */
export interface ServiceObjective extends SloTarget {
  readonly slo: string;
}

/** A service against one objective, by the last check that counted for it. */
export interface ObjectiveHealth {
  readonly slo: string;
  /** The time of the first check; the window is being filled from then on. */
  readonly since: number;
  readonly buckets: TimeBuckets;
  readonly currentValue: number;
  readonly errorBudgetRemaining: number;
  /** The alerts that are open. */
  readonly open: readonly Severity[];
  /** Those of them that were published: a ticket that opens under a page waits until the page ends. */
  readonly published: readonly Severity[];
  /** From the check that spent the budget (its key, which names the episode) until the budget has recovered. */
  readonly depletedBy?: string;
  /** Meanwhile: since when so much of the budget has been left that the episode can end. */
  readonly recoveringSince?: number;
  /** While there have been no checks for longer than the objective allows. */
  readonly silence?: Silence;
  /** Before its first check: checks have been waited for since `buckets.at`. */
  readonly isAwaited?: true;
}

export interface Silence {
  /** The time of the last check; milliseconds since the Unix epoch. */
  readonly since: number;
  readonly isNotified: boolean;
}

/** An outcome of a check (its key), published after the document is saved. */
export type CheckOutcome = { readonly by: string } & (
  | { readonly kind: 'violation'; readonly data: DataOf<typeof SLOViolation> }
  | { readonly kind: 'depleted'; readonly data: DataOf<typeof ErrorBudgetDepleted> }
  | { readonly kind: 'recovered'; readonly slo: string; readonly episode: string; readonly remaining: number }
  | { readonly kind: 'heard'; readonly slo: string; readonly silentSince: number }
);

/**
 * When an episode of a spent budget ends: not at the first event that leaves the window, or a service that just keeps its
 * promise would be frozen and freed many times a day. The share is one of a whole window's budget. While the window is
 * being filled that is more of the budget so far, which a few events move far; at most half of it is asked for. What it
 * comes to: `npm run bench -- bad-luck`.
 */
const RECOVERED_SHARE = 0.05;
const MAX_RECOVERED_SHARE = 0.5;
const RECOVERED_FOR_MS = 30 * MINUTE_MS;

function recoveredShare(ageMs: number, windowMs: number): number {
  return Math.min(MAX_RECOVERED_SHARE, RECOVERED_SHARE * Math.max(1, windowMs / Math.max(1, ageMs)));
}

/** An objective that no check counted for before a time. */
export function newObjectiveHealth(slo: string, at: number): ObjectiveHealth {
  const buckets = emptyBuckets(at);
  return {
    slo,
    since: at,
    buckets,
    currentValue: 1,
    errorBudgetRemaining: 1,
    open: [],
    published: [],
    isAwaited: true,
  };
}

/** What a check says: what it counted, when it was taken, and its key. */
export interface CountedCheck {
  readonly service: string;
  readonly counts: Counts;
  readonly time: number;
  readonly key: string;
}

/** The objective with one more check, and the outcomes of that. */
export function withCounts(
  before: ObjectiveHealth,
  objective: ServiceObjective,
  check: CountedCheck,
): { readonly health: ObjectiveHealth; readonly news: readonly CheckOutcome[] } {
  const buckets = addCounts(before.buckets, check.time, check.counts);
  const assessment = assess(objective, (window) => buckets.sums[window]);
  const { currentValue, errorBudgetRemaining, alerts } = assessment;
  const open = (['page', 'ticket'] as const).filter((severity) => alerts[severity]);
  const health: ObjectiveHealth = {
    ...{ slo: objective.slo, since: before.since, buckets, currentValue, errorBudgetRemaining, open },
    published: open.filter(
      (severity) => before.published.includes(severity) || severity === 'page' || !open.includes('page'),
    ),
    ...depletion(
      before,
      { remaining: errorBudgetRemaining, at: buckets.at, key: check.key },
      lengthOf(objective.window),
    ),
    // What was counted before it began and comes late says nothing of now.
    ...(before.silence && check.time <= before.silence.since && { silence: before.silence }),
  };
  return { health, news: outcomesBetween(before, health, objective, check, assessment) };
}

function depletion(
  { since: begun, depletedBy, recoveringSince, buckets }: ObjectiveHealth,
  { remaining, at, key }: { readonly remaining: number; readonly at: number; readonly key: string },
  windowMs: number,
): Pick<ObjectiveHealth, 'depletedBy' | 'recoveringSince'> {
  if (remaining <= 0) return { depletedBy: depletedBy ?? key };
  if (depletedBy === undefined) return {};
  if (remaining < recoveredShare(at - begun, windowMs)) return { depletedBy };
  // After a whole window without checks the episode has ended already: see `freezeOf`.
  const since = recoveringSince ?? Math.min(at, buckets.at + windowMs);
  return at - since >= RECOVERED_FOR_MS ? {} : { depletedBy, recoveringSince: since };
}

function outcomesBetween(
  before: ObjectiveHealth,
  after: ObjectiveHealth,
  { slo, target, window }: ServiceObjective,
  { service, key: by }: CountedCheck,
  { counts, currentValue, errorBudgetRemaining, alerts }: Assessment,
): CheckOutcome[] {
  const measured = { service, slo, currentValue, targetValue: target, errorBudgetRemaining };
  const violationOf = ({ severity, burnRate, longWindow, shortWindow, counts: evidence }: Alert): CheckOutcome => ({
    by,
    kind: 'violation',
    data: { ...measured, severity, burnRate, longWindow, shortWindow, ...evidence },
  });
  const news: CheckOutcome[] = after.published.flatMap((severity) => {
    const alert = alerts[severity];
    return alert && !before.published.includes(severity) ? [violationOf(alert)] : [];
  });
  if (after.depletedBy && !before.depletedBy)
    news.push({ by, kind: 'depleted', data: { ...measured, window, ...counts } });
  if (before.depletedBy && !after.depletedBy) {
    news.push({ by, kind: 'recovered', slo, episode: before.depletedBy, remaining: errorBudgetRemaining });
  }
  if (before.silence && !after.silence) news.push({ by, kind: 'heard', slo, silentSince: before.silence.since });
  return news;
}
