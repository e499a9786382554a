/**
 * What is known of a service's health, and what one more check changes in it; pure. It is one document, so that the
 * counts, the alerts that are open and what has to be published change together or not at all.
 *
 * A run may end after the document was saved and before anything was published. So the document remembers which checks
 * it has counted, and the outcomes of each: the next run of that check counts nothing and publishes them again.
 */
import type { DataOf, EventOf } from '../events/cloud-event.ts';
import { derivedId, type EventIdentity, eventKey, sourceOfHandler } from '../events/identity.ts';
import type { ErrorBudgetDepleted, HealthCheck, SLOViolation } from '../events/platform.ts';
import { type Assessment, assess, type Severity, type SloTarget } from './burn-rate.ts';
import { countIds, oldestIn, type RecentIds, remember, seen, without } from './id-set.ts';
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
  /** The ids of the facts that were last published: what says so is believed, also when it comes late. */
  readonly facts: RecentIds;
}

/** A service against one objective, by the last check. */
export interface ObjectiveHealth {
  readonly slo: string;
  readonly currentValue: number;
  readonly errorBudgetRemaining: number;
  /** The alerts that are open. */
  readonly open: readonly Severity[];
  /** While the budget is spent: the key of the check that spent it, which names the episode. */
  readonly depletedBy?: string;
}

/** An outcome of a check (its key), published after the document is saved. */
export type CheckOutcome = { readonly by: string } & (
  | { readonly kind: 'violation'; readonly data: DataOf<typeof SLOViolation> }
  | { readonly kind: 'depleted'; readonly data: DataOf<typeof ErrorBudgetDepleted> }
  | { readonly kind: 'recovered'; readonly slo: string; readonly episode: string; readonly remaining: number }
);

type Check = EventOf<typeof HealthCheck>;

/** What is known of a service that nothing was heard of before `at`. */
export function newHealth(service: string, at: number): ServiceHealth {
  return { service, ...emptyBuckets(at), objectives: [], counted: '', outcomes: [], facts: '' };
}

/** Counts a check, once; `time` is when it was taken. */
export function withCheck(
  found: ServiceHealth | undefined,
  check: Check,
  time: number,
  objectives: readonly ServiceObjective[],
): ServiceHealth {
  const { service, good, total } = check.data;
  const key = eventKey(check);
  const before = found ?? newHealth(service, time);
  if (seen(before.counted, key)) return before;
  const counted = { ...before, ...addCounts(before, time, { bad: total - good, total }) };
  const news: CheckOutcome[] = [];
  const states = objectives.map((objective) => {
    const assessment = assess(objective, (window) => counted.sums[window]);
    const state = objectiveHealthOf(before, objective.slo);
    const next = nextState(objective.slo, state, assessment, key);
    news.push(...outcomesBetween(service, objective, state, next, assessment, key));
    return next;
  });
  for (const { slo, depletedBy: episode } of before.objectives) {
    // Nothing else would end the freeze of an objective that was removed from the configuration.
    const isGone = !objectives.some((objective) => objective.slo === slo);
    if (isGone && episode) news.push({ by: key, kind: 'recovered', slo, episode, remaining: 1 });
  }
  return {
    ...counted,
    objectives: states,
    counted: remember(before.counted, key),
    outcomes: news.length > 0 ? [...before.outcomes, ...news] : before.outcomes,
    facts: withFacts(before.facts, news),
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
  key: string,
): ObjectiveHealth {
  const { currentValue, errorBudgetRemaining, alerts } = assessment;
  return {
    slo,
    currentValue,
    errorBudgetRemaining,
    open: (['page', 'ticket'] as const).filter((severity) => alerts[severity]),
    ...(errorBudgetRemaining <= 0 && { depletedBy: state?.depletedBy ?? key }),
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

/** How the fact that an outcome becomes is told from others of the same check. */
export function factKeyOf(outcome: Exclude<CheckOutcome, { kind: 'recovered' }>): string {
  return outcome.kind === 'violation' ? `${outcome.data.severity}/${outcome.data.slo}` : outcome.data.slo;
}

/** So many facts are remembered: more than one service can be told of while a message waits. */
const MAX_FACTS = 32;
const HANDLER = 'health-check';

function withFacts(before: RecentIds, news: readonly CheckOutcome[]): RecentIds {
  const ids = news.flatMap((outcome) => {
    if (outcome.kind === 'recovered') return [];
    const type = outcome.kind === 'violation' ? 'SLOViolation' : 'ErrorBudgetDepleted';
    return [derivedId({ parent: outcome.by, type, handler: HANDLER, key: factKeyOf(outcome) })];
  });
  const facts = ids.reduce(remember, before);
  return countIds(facts) <= MAX_FACTS ? facts : without(facts, new Set(oldestIn(facts, MAX_FACTS)));
}

/** Whether a check of this service was published as this very fact. */
export function hasPublished({ facts }: ServiceHealth, { source, id }: EventIdentity): boolean {
  return source === sourceOfHandler(HANDLER) && seen(facts, id);
}

/** The outcomes of a counted check (its key), the same on every run of it. */
export function outcomesOf({ outcomes }: ServiceHealth, key: string): readonly CheckOutcome[] {
  return outcomes.filter(({ by }) => by === key);
}

/** Whether a check matters although the service has no objective: it may end a freeze, or has outcomes to publish. */
export function isPending(health: ServiceHealth, key: string): boolean {
  return health.objectives.some(({ depletedBy }) => depletedBy !== undefined) || outcomesOf(health, key).length > 0;
}

/** Drops checks that will not come again, and their outcomes. */
export function withoutChecks(health: ServiceHealth, keys: ReadonlySet<string>): ServiceHealth {
  return {
    ...health,
    counted: without(health.counted, keys),
    outcomes: health.outcomes.filter(({ by }) => !keys.has(by)),
  };
}
