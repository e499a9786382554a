/**
 * The checks of objectives that are measured: what the store remembers of each, and how its checks are told from those
 * that somebody else made up.
 */
import { type EventOf, newEvent } from '../events/cloud-event.ts';
import { keyedId } from '../events/identity.ts';
import { HealthCheck } from '../events/platform.ts';
import type { StateStore, Stored } from '../ports/state.ts';

type Check = EventOf<typeof HealthCheck>;

export const MEASUREMENTS_SOURCE = '/measurements';

const PARTITION = 'measurements';

/** How far an objective is measured. */
export interface Progress {
  /** Milliseconds since the Unix epoch: what happened before is counted. */
  readonly until: number;
  /** Known to the store alone: an id made with it says that this app measured what the check says. */
  readonly key: string;
  /** Whether good events were ever found: a query that selects nothing is no outage. */
  readonly hasGood: boolean;
  /** What was measured last, until it is published: two instances, or one that dies, publish the same. */
  readonly unpublished?: { readonly good: number; readonly total: number };
}

/** An objective, by its service and its name. */
export interface ObjectiveName {
  readonly service: string;
  readonly slo: string;
}

export async function progressOf(state: StateStore, name: ObjectiveName): Promise<Stored<Progress> | undefined> {
  return state.get<Progress>(PARTITION, keyOf(name));
}

/** @throws ConflictError when another instance was faster */
export async function beginProgress(state: StateStore, name: ObjectiveName, until: number): Promise<void> {
  await state.insert<Progress>(PARTITION, keyOf(name), { until, key: crypto.randomUUID(), hasGood: false });
}

/** @throws ConflictError when another instance was faster */
export async function saveProgress(
  state: StateStore,
  name: ObjectiveName,
  { value, etag }: Pick<Stored<Progress>, 'value' | 'etag'>,
): Promise<Stored<Progress>> {
  const key = keyOf(name);
  return { key, value, etag: await state.put(PARTITION, key, value, etag) };
}

function keyOf({ service, slo }: ObjectiveName): string {
  return `${service}/${slo}`;
}

/** The check that says what was measured up to a time; the same whoever makes it. */
export function measuredCheck(
  { service, slo }: ObjectiveName,
  { until, key }: Progress,
  { good, total }: NonNullable<Progress['unpublished']>,
): Check {
  const data = { service, slo, good, total };
  const time = new Date(until - 1).toISOString();
  return newEvent(HealthCheck, { source: MEASUREMENTS_SOURCE, id: keyedId(key, saidBy({ time, data })), time, data });
}

/** Whether this app measured what a check says. */
export async function isMeasured(state: StateStore, check: Check): Promise<boolean> {
  const { source, id, data } = check;
  const { service, slo } = data;
  if (source !== MEASUREMENTS_SOURCE || slo === undefined) return false;
  const progress = await progressOf(state, { service, slo });
  return progress !== undefined && id === keyedId(progress.value.key, saidBy(check));
}

function saidBy({ time, data }: Pick<Check, 'time' | 'data'>): (string | number)[] {
  const { service, slo = '', good, total } = data;
  return [service, slo, Date.parse(time), good, total];
}
