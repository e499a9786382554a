/** Whether a service burns now, and since when: an objective, judged by what was counted for it. */
import { failureRateOf, type Severity, type SloTarget } from './burn-rate.ts';
import type { Objective } from './objectives.ts';
import { type BurnThreshold, type Counted, findOnset, type OnsetFinding, type OnsetInterval } from './onset.ts';
import { objectiveHealthOf, type ServiceHealth } from './service-health.ts';
import { countsBefore, recentBuckets, recentMinutes, type TimeBuckets } from './time-buckets.ts';

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

/** Since when an objective burns that nobody was paged for: less is asked, as it only speaks against blaming somebody. */
export function controlOnsetOf(health: ServiceHealth | undefined, objective: Objective): OnsetFinding {
  const counted = health && bucketsOf(health, objective.slo);
  if (!counted) return { because: 'nothing was counted' };
  return findOnset(countedIn(counted), controlThreshold(objective));
}

/** From so many failures on. */
const CONTROL_FAILURES = 3;

/** Burns as fast as a ticket asks. */
export function controlThreshold(slo: Pick<SloTarget, 'target' | 'window'>): BurnThreshold {
  return { rate: failureRateOf('1d', slo), minFailures: CONTROL_FAILURES };
}

/** What the search for an onset needs; after a known one, only what came later. */
export function countedIn(counted: TimeBuckets, known?: OnsetInterval): Counted {
  const [buckets, minutes] = [recentBuckets(counted), recentMinutes(counted)];
  if (!known) return { buckets, minutes, earlier: countsBefore(counted) };
  return { buckets: buckets.filter(({ from }) => from >= known.to), minutes };
}
