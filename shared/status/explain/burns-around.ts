/** How fast the budgets of a service burnt before a release, and since. */
import { HOUR_MS } from '../../duration.ts';
import { stepTo } from '../../releases/release-record.ts';
import { burnRate } from '../../slo/burn-rate.ts';
import { objectiveHealthOf } from '../../slo/service-health.ts';
import { type CountsOver, countsAround } from '../../slo/time-buckets.ts';
import type { Evidence } from './evidence.ts';

/** What was counted for an objective. A part is missing when nothing was counted then, or is no longer kept. */
export interface BurnExplanation {
  readonly slo: string;
  readonly target: number;
  readonly window: string;
  /** The share of the window's budget that is left now. */
  readonly errorBudgetRemaining: number;
  /** In the hour before it was started. */
  readonly before?: Burn;
  /** Since then, until it was rolled back or replaced. */
  readonly since?: Burn;
  /** Since the rollback was done. */
  readonly afterRollback?: Burn;
}

export interface Burn extends CountsOver {
  /** How many times faster than the budget lasts; 1 spends it in exactly its window. */
  readonly burnRate: number;
}

const BEFORE_MS = HOUR_MS;

/**
 * @param until when it was rolled back or replaced; still running when absent
 * @param restoredAt when the rollback was done
 */
export function burnsOf(
  { release, objectives, health }: Evidence,
  { until, restoredAt }: { readonly until: number | undefined; readonly restoredAt: number | undefined },
): BurnExplanation[] {
  const started = stepTo(release, 'started');
  if (!started || !health) return [];
  return objectives.flatMap(({ slo, target, window }) => {
    const found = objectiveHealthOf(health, slo);
    if (!found) return [];
    const around = countsAround(found.buckets, {
      ...{ from: started.at, until, beforeMs: BEFORE_MS, afterFrom: restoredAt },
    });
    const [before, since, afterRollback] = [around.before, around.during, around.after].map((counts) =>
      burnIn(counts, target),
    );
    return {
      ...{ slo, target, window, errorBudgetRemaining: found.errorBudgetRemaining },
      ...(before && { before }),
      ...(since && { since }),
      ...(afterRollback && { afterRollback }),
    };
  });
}

function burnIn(counts: CountsOver, target: number): Burn | undefined {
  return counts.total > 0 ? { ...counts, burnRate: burnRate(counts, target) } : undefined;
}
