/**
 * The deployment records: one document per target (`cluster/namespace/deployment`) with its releases, kept in the
 * state store. How a release changes its state is in `release-states.ts`; here is what is kept, and how it is written.
 */
import { PermanentError } from '../errors.ts';
import type { DataOf } from '../events/cloud-event.ts';
import type { DeploymentFailed, DeploymentRequested } from '../events/deployment.ts';
import { targetOf } from '../events/deployment-target.ts';
import { eventKey, eventReference } from '../events/identity.ts';
import type { StateStore, Stored } from '../ports/state.ts';
import { updateDocument } from '../update-document.ts';

const TARGETS = 'deployments';

/** What was asked for. */
export type ReleaseData = DataOf<typeof DeploymentRequested>;

export type FailureReason = DataOf<typeof DeploymentFailed>['reason'];

/** One transition of a release; its steps are its history. */
export type ReleaseStep = {
  /** Milliseconds since the Unix epoch, by the clock of the handler that took the step. */
  readonly at: number;
  /** `eventKey` of the event that was being handled: run again for it, the handler finds its own step and publishes again. */
  readonly by: string;
} & (
  | { readonly to: 'requested'; readonly previousImage?: string; readonly overrode?: string }
  | { readonly to: 'started'; readonly deadline: number }
  | { readonly to: 'completed'; readonly image: string; readonly replicas: number; readonly revision?: string }
  | { readonly to: 'failed'; readonly reason: FailureReason; readonly message: string }
  | { readonly to: 'rolling-back'; readonly image: string; readonly deadline: number }
  | { readonly to: 'rolled-back'; readonly image: string }
  /** The release is over; the note says why when the step before does not. */
  | { readonly to: 'closed'; readonly note?: string; readonly needsAttention?: boolean }
);

/** Where a release is. A rejected request has failed without having been admitted (`requested`). */
export type Phase = Exclude<ReleaseStep['to'], 'closed'>;

/** One request, and its history. */
export interface ReleaseRecord {
  /** `eventKey` of the DeploymentRequested. */
  readonly key: string;
  /** The id and the source of the DeploymentRequested. */
  readonly requestId: string;
  readonly requestSource: string;
  readonly correlationId: string;
  /** Orders the requests of a target; see `rankOf`. */
  readonly rank: string;
  readonly data: ReleaseData;
  /** Whether its image was known to be good before it started: then a burnt budget is not caused by this release. */
  readonly wasKnownGood?: boolean;
  readonly steps: readonly ReleaseStep[];
}

/** Running sums for the four DORA measures of a target. */
export interface DoraTotals {
  readonly completed: number;
  /** Releases that failed after something was applied. */
  readonly failed: number;
  readonly rolledBack: number;
  /** From the commit to completion; only of releases that named their commit. */
  readonly leadTime: { readonly count: number; readonly seconds: number };
  /** From a failure to the rollback or the next completion. */
  readonly restore: { readonly count: number; readonly seconds: number };
}

export interface TargetRecord {
  /** The newest request first. */
  readonly releases: readonly ReleaseRecord[];
  /** Images that completed here, as the cluster shows them, the last one first: a rollback goes to the first. */
  readonly knownGoodImages: readonly string[];
  /** The keys of releases that may have changed the cluster and did not complete, since the last completion or rollback. */
  readonly unverified: readonly string[];
  /** Since when the target has been failing. */
  readonly failingSince?: number;
  /** The keys of releases that are over and no longer listed, the last one first. */
  readonly ended: readonly string[];
  readonly doraTotals: DoraTotals;
}

const emptyRecord: TargetRecord = {
  releases: [],
  knownGoodImages: [],
  unverified: [],
  ended: [],
  doraTotals: {
    completed: 0,
    failed: 0,
    rolledBack: 0,
    leadTime: { count: 0, seconds: 0 },
    restore: { count: 0, seconds: 0 },
  },
};

/** Changes a target's record, guarded by its ETag. `change` may run several times; the same record writes nothing. */
export async function changeTarget(
  state: StateStore,
  target: string,
  change: (record: TargetRecord) => TargetRecord,
): Promise<TargetRecord> {
  const record = await updateDocument<TargetRecord>(state, TARGETS, target, (current) => {
    const next = change(current ?? emptyRecord);
    return next === emptyRecord ? undefined : next;
  });
  return record ?? emptyRecord;
}

/** A target's record; undefined when no request was ever handled for it. */
export async function readTarget(state: StateStore, target: string): Promise<TargetRecord | undefined> {
  return (await state.get<TargetRecord>(TARGETS, target))?.value;
}

/** Every target's record in the order of the targets, from after one on. */
export function targets(state: StateStore, after?: string): AsyncIterable<Stored<TargetRecord>> {
  // The first key after it.
  return state.query(TARGETS, after === undefined ? {} : { from: `${after}\0` });
}

/** What the data of every deployment event but the first says of its release. */
export type OfRequest = Pick<
  DataOf<typeof DeploymentFailed>,
  'cluster' | 'namespace' | 'deployment' | 'requestId' | 'requestSource'
>;

/** The key of a release, by what an event says of its request; undefined when that does not name the source. */
export function releaseKeyOf({ requestId: id, requestSource: source }: OfRequest): string | undefined {
  return source === undefined ? undefined : eventKey({ source, id });
}

/** The request as people read it, and as the cluster shows whose change it is. */
export function requestReference({ requestId: id, requestSource: source }: ReleaseRecord): string {
  return eventReference({ source, id });
}

/**
 * Changes the state of a release when `next` allows it: a stale or repeated event changes nothing.
 *
 * @returns the release as it is stored now; undefined when it ended so long ago that it is no longer listed
 * @throws PermanentError when the request is not known: only `requested` admits one
 */
export async function advanceRelease(
  state: StateStore,
  of: OfRequest,
  next: (record: TargetRecord, release: ReleaseRecord) => TargetRecord,
): Promise<ReleaseRecord | undefined> {
  const target = targetOf(of);
  const key = releaseKeyOf(of) ?? '';
  const record = await changeTarget(state, target, (current) => {
    const release = releaseOf(current, key);
    if (release) return next(current, release);
    if (current.ended.includes(key)) return current;
    throw new PermanentError(`request '${of.requestId}' of ${of.requestSource} for ${target} is not known`);
  });
  return releaseOf(record, key);
}

export function releaseOf(record: TargetRecord, key: string): ReleaseRecord | undefined {
  return record.releases.find((release) => release.key === key);
}

/** The step that the handling of an event (its key) took last; undefined when it took none. */
export function stepBy(release: ReleaseRecord | undefined, by: string): ReleaseStep | undefined {
  return release?.steps.findLast((step) => step.by === by);
}

/** The last step to a phase; undefined when the release never was there. */
export function stepTo<To extends ReleaseStep['to']>(
  release: ReleaseRecord,
  to: To,
): Extract<ReleaseStep, { to: To }> | undefined {
  // The predicate compares the discriminant.
  return release.steps.findLast((step) => step.to === to) as Extract<ReleaseStep, { to: To }> | undefined;
}

/** Where the release is; being closed is no phase of its own. */
export function phaseOf(release: ReleaseRecord): Phase {
  // Every release has a first step, and it is never 'closed'.
  return release.steps.findLast((step) => step.to !== 'closed')?.to as Phase;
}

/** Seconds from one time to another, both in milliseconds; never negative, whatever two clocks say. */
export function secondsBetween(from: number, to: number): number {
  return Math.max(0, to - from) / 1_000;
}

/** Whether no newer request was admitted. */
export function isNewest(record: TargetRecord, release: ReleaseRecord): boolean {
  return newestOf(record)?.key === release.key;
}

/** The newest request that was admitted. */
export function newestOf(record: TargetRecord): ReleaseRecord | undefined {
  return record.releases.find((release) => release.steps[0]?.to === 'requested');
}
