/**
 * What is known of a service's health, and what one more check changes in it; pure. It is one document, so that the
 * counts, the alerts that are open and what has to be published change together or not at all.
 *
 * A run may end after the document was saved and before anything was published. So the document remembers which checks
 * it has counted, and the outcomes of each: the next run of that check counts nothing and publishes them again.
 */
import type { DataOf, EventOf } from '../events/cloud-event.ts';
import type { ErrorBudgetDepleted, HealthCheck, SLOViolation } from '../events/platform.ts';
import { type Assessment, assess, type Severity, type SloTarget } from './burn-rate.ts';
import { type RecentIds, remember, seen, without } from './id-set.ts';
import { addCounts, emptyBuckets, type TimeBuckets } from './time-buckets.ts';

/** An objective of the configuration, as far as checks need it. */
interface ServiceObjective extends SloTarget {
  readonly slo: string;
}

export interface ServiceHealth extends TimeBuckets {
  readonly service: string;
  readonly objectives: readonly ObjectiveHealth[];
  /** The checks that were counted, as far as they may come again. */
  readonly counted: RecentIds;
  /** The outcomes of those checks. */
  readonly outcomes: readonly CheckOutcome[];
}

/** A service against one objective, by the last check. */
export interface ObjectiveHealth {
  readonly slo: string;
  readonly currentValue: number;
  readonly errorBudgetRemaining: number;
  /** The alerts that are open. */
  readonly open: readonly Severity[];
  /** While the budget is spent: the event that this is known from, which names the episode. */
  readonly depletedBy?: string;
}

/** An outcome of a check, published after the document is saved. */
export type CheckOutcome = { readonly by: string } & (
  | { readonly kind: 'violation'; readonly data: DataOf<typeof SLOViolation> }
  | { readonly kind: 'depleted'; readonly data: DataOf<typeof ErrorBudgetDepleted> }
  | { readonly kind: 'recovered'; readonly slo: string; readonly episode: string; readonly remaining: number }
);

type Check = EventOf<typeof HealthCheck>;

/** What is known of a service that nothing was heard of before `at`. */
export function newHealth(service: string, at: number): ServiceHealth {
  return { service, ...emptyBuckets(at), objectives: [], counted: '', outcomes: [] };
}

/** Counts a check, once; `time` is when it was taken. */
export function withCheck(
  found: ServiceHealth | undefined,
  { id, data: { service, good, total } }: Check,
  time: number,
  objectives: readonly ServiceObjective[],
): ServiceHealth {
  const before = found ?? newHealth(service, time);
  if (seen(before.counted, id)) return before;
  const counted = { ...before, ...addCounts(before, time, { bad: total - good, total }) };
  const news: CheckOutcome[] = [];
  const states = objectives.map((objective) => {
    const assessment = assess(objective, (window) => counted.sums[window]);
    const state = objectiveHealthOf(before, objective.slo);
    const next = nextState(objective.slo, state, assessment, id);
    news.push(...outcomesBetween(service, objective, state, next, assessment, id));
    return next;
  });
  for (const { slo, depletedBy: episode } of before.objectives) {
    // Nothing else would end the freeze of an objective that was removed from the configuration.
    const isGone = !objectives.some((objective) => objective.slo === slo);
    if (isGone && episode) news.push({ by: id, kind: 'recovered', slo, episode, remaining: 1 });
  }
  return {
    ...counted,
    objectives: states,
    counted: remember(before.counted, id),
    outcomes: news.length > 0 ? [...before.outcomes, ...news] : before.outcomes,
  };
}

/** The health of one objective of a service; undefined before its first check. */
export function objectiveHealthOf(health: ServiceHealth, slo: string): ObjectiveHealth | undefined {
  return health.objectives.find((state) => state.slo === slo);
}

function nextState(
  slo: string,
  state: ObjectiveHealth | undefined,
  assessment: Assessment,
  id: string,
): ObjectiveHealth {
  const { currentValue, errorBudgetRemaining, alerts } = assessment;
  return {
    slo,
    currentValue,
    errorBudgetRemaining,
    open: (['page', 'ticket'] as const).filter((severity) => alerts[severity]),
    ...(errorBudgetRemaining <= 0 && { depletedBy: state?.depletedBy ?? id }),
  };
}

function outcomesBetween(
  service: string,
  { slo, target, window }: ServiceObjective,
  before: ObjectiveHealth | undefined,
  after: ObjectiveHealth,
  { counts, currentValue, errorBudgetRemaining, alerts }: Assessment,
  by: string,
): CheckOutcome[] {
  const news: CheckOutcome[] = [];
  const measured = { service, slo, currentValue, targetValue: target, errorBudgetRemaining };
  for (const severity of after.open) {
    const alert = alerts[severity];
    // A ticket that opens while a page is open is about the same incident.
    const isNews = !before?.open.includes(severity) && (severity === 'page' || !after.open.includes('page'));
    if (!alert || !isNews) continue;
    const { burnRate, longWindow, shortWindow, counts: evidence } = alert;
    news.push({
      by,
      kind: 'violation',
      data: { ...measured, severity, burnRate, longWindow, shortWindow, ...evidence },
    });
  }
  if (after.depletedBy && !before?.depletedBy)
    news.push({ by, kind: 'depleted', data: { ...measured, window, ...counts } });
  if (before?.depletedBy && !after.depletedBy) {
    news.push({ by, kind: 'recovered', slo, episode: before.depletedBy, remaining: errorBudgetRemaining });
  }
  return news;
}

/** Whether the budget of an objective is spent, in the episode of that name. */
export function isDepletedBy(health: ServiceHealth, slo: string, episode: string): boolean {
  return objectiveHealthOf(health, slo)?.depletedBy === episode;
}

/**
 * Marks a budget as spent because another tool reported it, unless newer checks have been judged. A check that finds the
 * budget positive ends it.
 */
export function withReportedDepletion(
  found: ServiceHealth | undefined,
  service: string,
  { slo, since, episode }: { readonly slo: string; readonly since: string; readonly episode: string },
): ServiceHealth | undefined {
  const at = Date.parse(since);
  const health = found ?? newHealth(service, at);
  return health.at > at ? found : withDepletion(health, slo, episode);
}

/** Marks a budget as spent, unless it is already. */
function withDepletion(health: ServiceHealth, slo: string, episode: string): ServiceHealth {
  const state = objectiveHealthOf(health, slo) ?? { slo, currentValue: 1, errorBudgetRemaining: 0, open: [] };
  if (state.depletedBy) return health;
  const others = health.objectives.filter((other) => other.slo !== slo);
  return { ...health, objectives: [...others, { ...state, depletedBy: episode }] };
}

/** The outcomes of a counted check, the same on every run of it. */
export function outcomesOf({ outcomes }: ServiceHealth, id: string): readonly CheckOutcome[] {
  return outcomes.filter(({ by }) => by === id);
}

/** Whether a check matters although the service has no objective: it may end a freeze, or has outcomes to publish. */
export function isPending(health: ServiceHealth, id: string): boolean {
  return health.objectives.some(({ depletedBy }) => depletedBy !== undefined) || outcomesOf(health, id).length > 0;
}

/** Drops checks that will not come again, and their outcomes. */
export function withoutChecks(health: ServiceHealth, ids: ReadonlySet<string>): ServiceHealth {
  return {
    ...health,
    counted: without(health.counted, ids),
    outcomes: health.outcomes.filter(({ by }) => !ids.has(by)),
  };
}
