/**
 * What is known of a service's health, and what one more check changes in it; pure. It is one document, so that the
 * counts, the alerts that are open and what has to be published change together or not at all.
 *
 * A run may end after the document was saved and before anything was published. So the document remembers which checks
 * it has counted, and the outcomes of each: the next run of that check counts nothing and publishes them again.
 */
import { DAY_MS } from '../duration.ts';
import type { EventOf } from '../events/cloud-event.ts';
import { derivedId, type EventIdentity, eventKey, sourceOfHandler } from '../events/identity.ts';
import type { HealthCheck } from '../events/platform.ts';
import { lengthOf } from './burn-rate.ts';
import { countIds, oldestIn, type RecentIds, remember, seen, without } from './id-set.ts';
import {
  type CheckOutcome,
  newObjectiveHealth,
  type ObjectiveHealth,
  type ServiceObjective,
  withCounts,
} from './objective-health.ts';

export interface ServiceHealth {
  readonly service: string;
  readonly objectives: readonly ObjectiveHealth[];
  /** The checks that were counted, as far as they may come again. */
  readonly counted: RecentIds;
  /** The outcomes of those checks. */
  readonly outcomes: readonly CheckOutcome[];
  /** The ids of the facts that were last published: what says so is believed, also when it comes late. */
  readonly facts: RecentIds;
}

/** The longest window there is, and the bucket that is being filled. */
const KEPT_MS = lengthOf('30d') + DAY_MS;

type Check = EventOf<typeof HealthCheck>;

/** What is known of a service that nothing was heard of. */
export function newHealth(service: string): ServiceHealth {
  return { service, objectives: [], counted: '', outcomes: [], facts: '' };
}

/** The objectives of a service in the configuration, and those of them that a check counts for. */
interface Counting {
  readonly configured: readonly ServiceObjective[];
  readonly counting: readonly ServiceObjective[];
}

/** Counts a check, once; `time` is when it was taken. */
export function withCheck(
  found: ServiceHealth | undefined,
  check: Check,
  time: number,
  { configured, counting }: Counting,
): ServiceHealth {
  const { service, good, total } = check.data;
  const key = eventKey(check);
  const before = found ?? newHealth(service);
  if (seen(before.counted, key)) return before;
  const counted = { service, counts: { bad: total - good, total }, time, key };
  const news: CheckOutcome[] = [];
  const objectives = configured.flatMap((objective) => {
    const state = before.objectives.find(({ slo }) => slo === objective.slo);
    if (!counting.includes(objective)) return state ?? [];
    const next = withCounts(state ?? newObjectiveHealth(objective.slo, time), objective, counted);
    news.push(...next.news);
    return next.health;
  });
  for (const state of before.objectives) {
    if (configured.some(({ slo }) => slo === state.slo)) continue;
    const { slo, depletedBy: episode, recoveringSince: _, silence: __, ...removed } = state;
    // Nothing else would end the freeze of an objective that was removed from the configuration.
    if (episode) news.push({ by: key, kind: 'recovered', slo, episode, remaining: 1 });
    // It may come back, and then its counts go on.
    if (time < state.buckets.at + KEPT_MS) objectives.push({ slo, ...removed, open: [], published: [] });
  }
  return {
    ...before,
    objectives,
    counted: remember(before.counted, key),
    outcomes: news.length > 0 ? [...before.outcomes, ...news] : before.outcomes,
    facts: withFacts(before.facts, news),
  };
}

/** The health of one objective of a service; undefined before its first check. */
export function objectiveHealthOf(health: ServiceHealth, slo: string): ObjectiveHealth | undefined {
  return health.objectives.find((state) => state.slo === slo && !state.isAwaited);
}

/** Whether the budget of an objective is spent, in the episode of that name. */
export function isDepletedBy(health: ServiceHealth, slo: string, episode: string): boolean {
  return objectiveHealthOf(health, slo)?.depletedBy === episode;
}

/** An outcome that is published as a fact; of the others people are notified. */
type FactOutcome = Extract<CheckOutcome, { kind: 'violation' | 'depleted' }>;

/** How the fact that an outcome becomes is told from others of the same check. */
export function factKeyOf(outcome: FactOutcome): string {
  return outcome.kind === 'violation' ? `${outcome.data.severity}/${outcome.data.slo}` : outcome.data.slo;
}

/** So many facts are remembered: more than one service can be told of while a message waits. */
const MAX_FACTS = 32;
const HANDLER = 'health-check';

function withFacts(before: RecentIds, news: readonly CheckOutcome[]): RecentIds {
  const ids = news.flatMap((outcome) => {
    if (outcome.kind !== 'violation' && outcome.kind !== 'depleted') return [];
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

/**
 * Whether a check matters although it counts for no objective: it may end the freeze of one that was removed, or has outcomes
 * to publish.
 */
export function isPending(health: ServiceHealth, key: string, configured: readonly ServiceObjective[]): boolean {
  const isRemoved = (slo: string): boolean => !configured.some((objective) => objective.slo === slo);
  return (
    health.objectives.some(({ slo, depletedBy }) => depletedBy !== undefined && isRemoved(slo)) ||
    outcomesOf(health, key).length > 0
  );
}

/** Drops checks that will not come again, and their outcomes. */
export function withoutChecks(health: ServiceHealth, keys: ReadonlySet<string>): ServiceHealth {
  return {
    ...health,
    counted: without(health.counted, keys),
    outcomes: health.outcomes.filter(({ by }) => !keys.has(by)),
  };
}
