/**
 * The freeze of a service: set when an error budget is spent, read before every release, lifted on recovery.
 * A service may be frozen by several objectives at once; it is free when the last of them has recovered.
 */
import { parseDuration } from '../duration.ts';
import type { EventOf } from '../events/cloud-event.ts';
import { eventKey, parseReference } from '../events/identity.ts';
import type { ErrorBudgetDepleted } from '../events/platform.ts';
import type { StateStore } from '../ports/state.ts';
import { DELETE, updateDocument } from '../update-document.ts';
import { healthOf } from './health-store.ts';
import { isInScope, type Objective, type Placement, type Scope } from './objectives.ts';
import { objectiveHealthOf, type ServiceHealth } from './service-health.ts';

const FREEZES = 'freezes';

/** Why a service takes no releases, and where. */
export interface Freeze extends Scope {
  readonly service: string;
  readonly slo: string;
  /** RFC 3339. */
  readonly since: string;
  /** For people: whose budget is spent, and how far. */
  readonly reason: string;
}

/** One objective's share in a freeze, in the scope that the objective had when its budget was spent. */
export interface FreezeCause extends Omit<Freeze, 'service'> {
  /** The key of the check that spent the budget: which of the objective's episodes this is. */
  readonly episode: string;
  /** The objective's window: after as long a silence nothing bad is left in it. */
  readonly windowMs: number;
}

/** A freeze that is over. */
export interface PastFreeze extends Omit<Freeze, 'service'> {
  /** RFC 3339. */
  readonly until: string;
  /** As in `FreezeCause`; absent when an earlier build ended it. */
  readonly episode?: string;
}

/** So many of a service are kept. */
const MAX_PAST = 50;

/** What an event says of a spent budget. */
type Depletion = Pick<EventOf<typeof ErrorBudgetDepleted>, 'time' | 'causationid' | 'data'>;

/** Of an objective that is no longer configured. */
const EVERYWHERE: Scope = { clusters: ['*'], namespaces: ['*'] };

/**
 * The cause of a freeze, by the event that says that a budget is spent. Pure.
 *
 * @param now milliseconds since the epoch
 */
export function freezeCauseOf(
  { time, causationid, data }: Depletion,
  objective: Objective | undefined,
  now: number,
): FreezeCause {
  const { clusters, namespaces } = objective ?? EVERYWHERE;
  const { slo, window, currentValue, targetValue } = data;
  const check = parseReference(causationid ?? '');
  const measured = `${(currentValue * 100).toFixed(3)} % good of ${(targetValue * 100).toFixed(3)} % promised`;
  return {
    slo,
    // A clock may be ahead; a freeze that began tomorrow would also end too late.
    since: new Date(Math.min(Date.parse(time), now)).toISOString(),
    reason: `the error budget of '${slo}' over ${window} is spent: ${measured}`,
    // An episode is named after the check that spent the budget.
    episode: check ? eventKey(check) : '',
    windowMs: parseDuration(window),
    ...{ clusters, namespaces },
  };
}

/** Where a freeze holds, to follow "frozen"; nothing when it holds everywhere. */
export function scopeText({ clusters, namespaces }: Scope): string {
  const parts = Object.entries({ clusters, namespaces })
    .filter(([, patterns]) => !patterns.includes('*'))
    .map(([kind, patterns]) => `${kind} ${patterns.join(', ')}`);
  return parts.length === 0 ? '' : ` in ${parts.join(' and ')}`;
}

interface FreezeRecord {
  readonly service: string;
  /** Oldest first; empty while it is not frozen. */
  readonly causes: readonly FreezeCause[];
  /** Those that are over, the last one first. */
  readonly past?: readonly PastFreeze[];
}

/**
 * The freeze of a service, anywhere or at a place, or undefined when it may be released. The health of the service decides: a freeze ends
 * even when the event that lifts it is still waiting or was discarded, and at the latest after a whole window without
 * health checks.
 *
 * @param now milliseconds since the epoch
 */
export async function freezeOf(
  state: StateStore,
  service: string,
  now: number,
  place?: Placement,
): Promise<Freeze | undefined> {
  const found = await state.get<FreezeRecord>(FREEZES, service);
  if (!found || found.value.causes.length === 0) return undefined;
  const health = await healthOf(state, service);
  return freezeIn(found.value, health, now, place);
}

/** The last freezes of a service that are over, the last one first. */
export async function pastFreezes(state: StateStore, service: string): Promise<readonly PastFreeze[]> {
  return (await state.get<FreezeRecord>(FREEZES, service))?.value.past ?? [];
}

function freezeIn(
  { service, causes }: FreezeRecord,
  health: ServiceHealth | undefined,
  now: number,
  place?: Placement,
): Freeze | undefined {
  const cause = causes.find((it) => (!place || isInScope(it, place)) && holds(it, health, now));
  if (!cause) return undefined;
  const { slo, since, reason, clusters, namespaces } = cause;
  return { service, slo, since, reason, clusters, namespaces };
}

function holds(
  { slo, episode, since, windowMs }: FreezeCause,
  health: ServiceHealth | undefined,
  now: number,
): boolean {
  if (!health) return now < Date.parse(since) + windowMs;
  const objective = objectiveHealthOf(health, slo);
  return objective?.depletedBy === episode && now < objective.buckets.at + windowMs;
}

/**
 * Every freeze that holds, by service.
 *
 * @param health what is known of the services
 * @param now milliseconds since the epoch
 */
export async function allFreezes(
  state: StateStore,
  health: ReadonlyMap<string, ServiceHealth>,
  now: number,
): Promise<ReadonlyMap<string, Freeze>> {
  const found = new Map<string, Freeze>();
  for await (const { value } of state.query<FreezeRecord>(FREEZES)) {
    const freeze = freezeIn(value, health.get(value.service), now);
    if (freeze) found.set(value.service, freeze);
  }
  return found;
}

/**
 * Freezes the service for one episode of an objective, unless that freeze is over: its event may come again after somebody
 * has ended it. Repeating it changes nothing.
 *
 * @returns whether the service is frozen by it
 */
export async function freeze(state: StateStore, service: string, cause: FreezeCause): Promise<boolean> {
  let isOver = false;
  await editCauses(state, service, (causes, past) => {
    isOver = past.some(({ slo, episode = '' }) => isSame({ slo, episode }, cause));
    return isOver || causes.some((it) => isSame(it, cause)) ? causes : [...causes, cause];
  });
  return !isOver;
}

/**
 * Ends the freeze that one episode of an objective caused; a later episode's freeze stays.
 *
 * @param endedAt when it ended, in milliseconds since the epoch; absent for one that never was needed, and is forgotten
 * @returns whether no freeze of the service is left
 */
export async function liftFreeze(
  state: StateStore,
  service: string,
  slo: string,
  episode: string,
  endedAt?: number,
): Promise<boolean> {
  return editCauses(state, service, (causes) => causes.filter((it) => !isSame(it, { slo, episode })), endedAt);
}

/** Ends the freeze of a service altogether, whatever its budgets; the episodes that caused it do not freeze it again. */
export async function endFreeze(state: StateStore, service: string, now: number): Promise<void> {
  await editCauses(state, service, () => [], now);
}

function isSame(a: Pick<FreezeCause, 'slo' | 'episode'>, b: Pick<FreezeCause, 'slo' | 'episode'>): boolean {
  return a.slo === b.slo && a.episode === b.episode;
}

/** @returns whether no cause is left */
async function editCauses(
  state: StateStore,
  service: string,
  edit: (causes: readonly FreezeCause[], past: readonly PastFreeze[]) => readonly FreezeCause[],
  endedAt?: number,
): Promise<boolean> {
  const left = await updateDocument<FreezeRecord>(state, FREEZES, service, (found) => {
    const { causes: before = [], past: over = [] } = found ?? {};
    const causes = edit(before, over);
    const ended = endedAt === undefined ? [] : before.filter((it) => !causes.includes(it));
    const past = [...ended.map((it) => pastOf(it, endedAt ?? 0)), ...over].slice(0, MAX_PAST);
    if (causes.length === 0 && past.length === 0) return DELETE;
    if (causes.length === before.length) return found;
    return { service, causes, ...(past.length > 0 && { past }) };
  });
  return (left?.causes ?? []).length === 0;
}

function pastOf({ slo, since, reason, episode, clusters, namespaces }: FreezeCause, endedAt: number): PastFreeze {
  const until = new Date(Math.max(endedAt, Date.parse(since))).toISOString();
  return { slo, since, until, reason, episode, clusters, namespaces };
}
