/**
 * Overrides that people grant: for a while, or for one release of a service or of one deployment of it, a freeze does not
 * hold releases back. One document a service; of two requests that come at once for the same release one wins.
 */
import { DAY_MS } from '../duration.ts';
import { PermanentError } from '../errors.ts';
import { newEventId } from '../events/cloud-event.ts';
import type { StateStore } from '../ports/state.ts';
import { updateDocument } from '../update-document.ts';

const OVERRIDES = 'overrides';
/** One that nobody uses is no right for ever. */
export const UNUSED_FOR_MS: number = DAY_MS;
export const MAX_OVERRIDE_MS: number = 7 * DAY_MS;
/** That can be used at once, of a service. */
const MAX_GRANTS = 50;

export interface Override {
  readonly id: string;
  /** `cluster/namespace/deployment`; any of the service when absent. */
  readonly target?: string | undefined;
  /** Who granted it, and why. */
  readonly by: string;
  readonly reason: string;
  /** Milliseconds since the Unix epoch. */
  readonly at: number;
  readonly until: number;
  /** Whether the first release that needs it uses it up. */
  readonly isForOne: boolean;
  /** The key of the request that used it up. */
  readonly usedBy?: string | undefined;
}

interface ServiceOverrides {
  readonly service: string;
  readonly grants: readonly Override[];
}

/** As many can be used already. */
export class TooManyOverridesError extends PermanentError {}

interface NewOverride extends Pick<Override, 'target' | 'by' | 'reason' | 'at'> {
  /** How long it holds; for one release, and unused for a day at most, when absent. */
  readonly forMs: number | undefined;
}

/** @throws TooManyOverridesError */
export async function grantOverride(
  state: StateStore,
  service: string,
  { target, by, reason, at, forMs }: NewOverride,
): Promise<Override> {
  const isForOne = forMs === undefined;
  const override = { id: newEventId(), target, by, reason, at, until: at + (forMs ?? UNUSED_FOR_MS), isForOne };
  await updateDocument<ServiceOverrides>(state, OVERRIDES, service, (found) => {
    // What was used is kept for a while longer: whoever used it may come again.
    const grants = (found?.grants ?? []).filter(({ until }) => at < until + DAY_MS);
    if (grants.filter((one) => isUsable(one, at)).length >= MAX_GRANTS) {
      throw new TooManyOverridesError(`the service '${service}' has ${MAX_GRANTS} overrides that can be used already`);
    }
    return { service, grants: [...grants, override] };
  });
  return override;
}

function isUsable({ usedBy, until }: Override, now: number): boolean {
  return usedBy === undefined && now < until;
}

/** By service, those that can be used. */
export async function usableOverrides(state: StateStore, now: number): Promise<ReadonlyMap<string, Override[]>> {
  const found = new Map<string, Override[]>();
  for await (const { value } of state.query<ServiceOverrides>(OVERRIDES)) {
    const usable = value.grants.filter((one) => isUsable(one, now));
    if (usable.length > 0) found.set(value.service, usable);
  }
  return found;
}

/** What a release needs an override for. */
interface Need {
  readonly service: string;
  readonly target: string;
  /** The key of the request. */
  readonly by: string;
}

/**
 * Takes an override for a release; one that is for one release is used up by that, and the same request finds it again.
 *
 * @returns undefined when there is none
 */
export async function takeOverride(
  state: StateStore,
  { service, target, by }: Need,
  now: number,
): Promise<Override | undefined> {
  let taken: Override | undefined;
  await updateDocument<ServiceOverrides>(state, OVERRIDES, service, (found) => {
    const grants = found?.grants ?? [];
    const usable = grants.filter((one) => isUsable(one, now) && (one.target ?? target) === target);
    const own = grants.find(({ usedBy }) => usedBy === by);
    // What lasts costs nothing; then what nobody else could use.
    taken = own ?? usable.find(({ isForOne }) => !isForOne) ?? usable.find((one) => one.target) ?? usable[0];
    if (!found || !taken?.isForOne || own) return found;
    return { ...found, grants: grants.map((one) => (one === taken ? { ...one, usedBy: by } : one)) };
  });
  return taken;
}

/** Gives back what a release took that was not admitted after all. */
export async function returnOverride(state: StateStore, { service, by }: Omit<Need, 'target'>): Promise<void> {
  await updateDocument<ServiceOverrides>(state, OVERRIDES, service, (found) => {
    if (!found?.grants.some(({ usedBy }) => usedBy === by)) return found;
    return {
      ...found,
      grants: found.grants.map(({ usedBy, ...one }) => (usedBy === by ? one : { ...one, usedBy })),
    };
  });
}
