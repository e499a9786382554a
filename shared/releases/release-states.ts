/**
 * The state machine of a release, up to its end; what follows from a failure is in `rollback-states.ts`. Pure: each
 * function gets a target's record and returns the next one, or the very same when the step may not be taken.
 *
 *     requested ─► started ─► completed ┄(budget burnt)┄► failed
 *         │           └─────────────────────────────────►  │ ├─► closed
 *         └──(superseded)─────────────────────────────────►┘ └─► rolling-back ─► rolled-back, or closed
 *
 * A release's outcome is decided here, by one guarded write, before anything of it is published. So a repeated
 * run or a newer request finds it decided: each request ends once.
 */

import { eventKey } from '../events/identity.ts';
import type { Rollout } from '../ports/cluster.ts';
import type { RolloutStatus } from './apply-change.ts';
import { withContainer, withoutChange } from './begin-change.ts';
import { askedImages, containerNames, imagesText, runningImages, shareContainer } from './containers.ts';
import { leftBehind } from './left-behind.ts';
import {
  leadSecondsOf,
  MAX_LISTED,
  pruned,
  withCompletion,
  withDeployed,
  withFailure,
  withKnownGood,
  withRelease,
  withRestore,
  withStep,
} from './record-changes.ts';
import {
  type FailureReason,
  isInFlight,
  isKnownGood,
  knownContainers,
  knownGoodIn,
  newestOf,
  phaseOf,
  type ReleaseData,
  type ReleaseRecord,
  type ReleaseStep,
  releaseOf,
  type TargetRecord,
  type UsedOverride,
} from './release-record.ts';

/** The event that is being handled (its key), and when. */
export interface Cause {
  readonly by: string;
  readonly at: number;
}

export interface ReleaseFailure {
  readonly reason: FailureReason;
  readonly message: string;
}

interface ReleaseRequest {
  readonly requestId: string;
  readonly requestSource: string;
  readonly correlationId: string;
  readonly sentBy?: string | undefined;
  readonly data: ReleaseData;
  /** When it was made, by its event: milliseconds since the Unix epoch. */
  readonly time: number;
}

/**
 * What makes a request newer than another: the time of its event, then its id, then its source. Not the order of arrival: a retry or
 * a replay of an old request must not undo a newer one. The time is at most that of admission: otherwise a sender whose
 * clock is ahead would block all other requests.
 */
export function rankOf(
  { requestId, requestSource, time }: Pick<ReleaseRequest, 'requestId' | 'requestSource' | 'time'>,
  now: number,
): string {
  const id = requestId.replace(/[^!-~]|[/%]/gu, (char) => `%${char.codePointAt(0)?.toString(16)}`);
  // Two of one id and one time are two: the cluster takes changes of one rank for one change.
  const key = eventKey({ source: requestSource, id: requestId });
  return `${new Date(Math.min(time, now)).toISOString()}/${id}/${key}`;
}

interface Admission {
  readonly objection: ReleaseFailure | undefined;
  /** The freeze that it is let through, and by whose word. */
  readonly overrode: string | undefined;
  readonly override: UsedOverride | undefined;
  readonly at: number;
}

/**
 * Admits a request, or records it as rejected: because of the objection, or because a newer one was admitted. The same
 * write supersedes the release in flight.
 */
export function admitRequest(
  record: TargetRecord,
  request: ReleaseRequest,
  { objection, overrode, override, at }: Admission,
): TargetRecord {
  const { requestId, requestSource, correlationId, sentBy, data } = request;
  const key = eventKey({ source: requestSource, id: requestId });
  if (releaseOf(record, key) || record.ended.includes(key)) return record;
  const rank = rankOf(request, at);
  const names = containerNames({ data });
  const newest = newestOf(record, names);
  const rejection = objection ?? (newest && newest.rank > rank ? supersededBy(newest) : undefined);
  const [first] = knownContainers(record, { data });
  const previousImage = first === undefined ? undefined : knownGoodIn(record, first)[0]?.image;
  const step: ReleaseStep = rejection
    ? { to: 'failed', at, by: key, ...rejection }
    : {
        ...{ to: 'requested', at, by: key, ...(previousImage && { previousImage }) },
        ...(overrode && { overrode, ...(override && { override }) }),
      };
  const of = { key, requestId, requestSource, correlationId, ...(sentBy !== undefined && { sentBy }) };
  const release: ReleaseRecord = { ...of, rank, data, steps: [step] };

  const older = rejection
    ? []
    : record.releases.filter((one) => isInFlight(one) && shareContainer(containerNames(one), names));
  const next = older.reduce((changed, one) => supersede(changed, one, release, at), record);
  const releases = [...next.releases, release].sort((a, b) => (a.rank < b.rank ? 1 : -1));
  return pruned({ ...next, releases });
}

function supersededBy({ requestId, data, rank }: Pick<ReleaseRecord, 'requestId' | 'data' | 'rank'>): ReleaseFailure {
  const message = `request '${requestId}' of ${rank.slice(0, rank.indexOf('/'))} for ${imagesText(askedImages(data))} is newer`;
  return { reason: 'Superseded', message };
}

function supersede(record: TargetRecord, older: ReleaseRecord, by: ReleaseRecord, at: number): TargetRecord {
  return withStep(record, older, { to: 'failed', at, by: by.key, ...supersededBy(by) });
}

/** Starts a release: from now on its image may be in the cluster. */
export function startRelease(
  record: TargetRecord,
  release: ReleaseRecord,
  cause: Cause,
  deadlineMs: number,
): TargetRecord {
  if (phaseOf(release) !== 'requested') return record;
  // The cluster has the last word on that, once it is seen.
  const [only] = knownContainers(record, release);
  const started: ReleaseRecord = {
    ...release,
    wasKnownGood: isKnownGood(record, release.data),
    ...(!release.data.containers && only !== undefined && { container: only }),
  };
  const next = withStep(record, started, { to: 'started', ...cause, deadline: cause.at + deadlineMs });
  return { ...next, unverified: [...record.unverified, release.key].slice(-MAX_LISTED) };
}

/** The run that started the release could not see the cluster, and changed nothing there. */
export function markUnbegun(record: TargetRecord, release: ReleaseRecord): TargetRecord {
  return phaseOf(release) === 'started' ? withRelease(record, { ...release, isUnbegun: true }) : record;
}

type ReleaseOutcome =
  | { readonly to: 'completed'; readonly rollout: Rollout }
  /** `untouched`: the cluster refused the change, so that nothing of it is there. */
  | ({ readonly to: 'failed'; readonly untouched?: boolean; readonly rollout?: Rollout } & ReleaseFailure);

/** How a release ends, by the status of its rollout. */
export function releaseOutcomeOf(status: Exclude<RolloutStatus, { to: 'waiting' }>): ReleaseOutcome {
  return status.to === 'failed' ? status : { to: 'completed', rollout: status.rollout };
}

/** Decides how a started release ends. */
export function endRelease(
  record: TargetRecord,
  started: ReleaseRecord,
  cause: Cause,
  outcome: ReleaseOutcome,
): TargetRecord {
  if (phaseOf(started) !== 'started') return record;
  const release = withoutChange(started, outcome.rollout);
  if (outcome.to === 'completed') return complete(record, release, cause, outcome.rollout);
  const { untouched = false, rollout, ...failure } = outcome;
  const left = rollout ? leftBehind(record, release, rollout) : [];
  const isSeen = untouched ? left.length > 0 : rollout !== undefined;
  const own = rollout && !untouched ? runningImages(rollout, askedImages(release.data)) : [];
  const images = isSeen ? [...own, ...left] : undefined;
  const next = withStep(record, release, { ...failure, ...cause, ...(images && { images }) });
  if (untouched || release.isUnbegun || release.changesNothing) {
    return { ...next, unverified: record.unverified.filter((key) => key !== release.key) };
  }
  return failure.reason === 'Superseded' ? next : withFailure(withDeployed(next, release), cause.at);
}

function complete(before: TargetRecord, asked: ReleaseRecord, cause: Cause, rollout: Rollout): TargetRecord {
  const { record, release } = withContainer(before, asked, rollout);
  const { replicas, revision } = rollout;
  const images = runningImages(rollout, askedImages(release.data));
  const isGoodAlready = images.every(({ name, image }) =>
    knownGoodIn(record, name).some((good) => good.image === image),
  );
  const leadSeconds = release.changesNothing ? undefined : leadSecondsOf(record, release, cause.at);
  // A tag may mean another image than it did when it was good.
  const shown = { ...release, wasKnownGood: release.changesNothing === true || isGoodAlready };
  const step = withStep(record, shown, {
    to: 'completed',
    ...{ images, replicas },
    ...(revision !== undefined && { revision }),
    ...cause,
    ...(leadSeconds !== undefined && { leadSeconds }),
  });
  const both = images.map((one, index) => ({ ...one, asked: askedImages(release.data)[index]?.image }));
  const left = leftBehind(record, release, rollout);
  const restored = withRestore(step, release, { at: cause.at, rollout, names: left.map(({ name }) => name) });
  const good = withKnownGood(restored, [...both, ...left], revision);
  return release.changesNothing ? good : withCompletion(withDeployed(good, release, leadSeconds));
}

/** Closes a release that is in the given phase and not closed yet. */
export function closeRelease(
  record: TargetRecord,
  release: ReleaseRecord,
  cause: Cause,
  phase: 'completed' | 'rolled-back',
): TargetRecord {
  return release.steps.at(-1)?.to === phase ? pruned(withStep(record, release, { to: 'closed', ...cause })) : record;
}
