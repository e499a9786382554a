/**
 * The state machine of a deployment. Pure: each function gets a target's record and returns the next one, or the
 * very same when the step may not be taken.
 *
 *     requested ─► started ─► completed ┄(budget burnt)┄► failed
 *         │           └─────────────────────────────────►  │ ├─► closed
 *         └──(superseded)─────────────────────────────────►┘ └─► rolling-back ─► rolled-back, or closed
 *
 * A release's outcome is decided here, by one guarded write, before anything of it is published. So whoever comes
 * second, a repeated run or a newer request, finds it decided: each request ends once.
 */

import { isImage } from '../image.ts';
import type { Rollout } from '../ports/cluster.ts';
import {
  type FailureReason,
  isNewest,
  isSuspect,
  newestOf,
  phaseOf,
  type ReleaseData,
  type ReleaseRecord,
  type ReleaseStep,
  releaseOf,
  secondsBetween,
  stepBy,
  type TargetRecord,
} from './release-record.ts';

/** Releases that are over are listed up to this number, and after that remembered by id up to the second. */
const LISTED = 20;
const REMEMBERED = 500;
const GOOD_IMAGES = 5;

/** The event that is being handled, and when. */
interface Cause {
  readonly by: string;
  readonly at: number;
}

export interface ReleaseFailure {
  readonly reason: FailureReason;
  readonly message: string;
}

interface ReleaseRequest {
  readonly requestId: string;
  readonly correlationId: string;
  readonly data: ReleaseData;
  /** When it was made, by its event: milliseconds since the Unix epoch. */
  readonly time: number;
}

/**
 * What makes a request newer than another: the time of its event, then its id. Not the order of arrival: a retry or
 * a replay of an old request must not undo a newer one. The time is at most that of admission, lest a sender whose
 * clock is ahead shut everybody else out.
 */
export function rankOf({ requestId, time }: Pick<ReleaseRequest, 'requestId' | 'time'>, now: number): string {
  const id = requestId.replace(/[^!-~]|[/%]/gu, (char) => `%${char.codePointAt(0)?.toString(16)}`);
  return `${new Date(Math.min(time, now)).toISOString()}/${id}`;
}

/**
 * Lets a request in, or enters it as rejected: because of the objection, or because a newer one was let in. The
 * release that it finds in flight is superseded by it in the same write.
 */
export function admitRequest(
  record: TargetRecord,
  request: ReleaseRequest,
  { objection, overrode, at }: { objection: ReleaseFailure | undefined; overrode: string | undefined; at: number },
): TargetRecord {
  const { requestId, correlationId, data } = request;
  if (releaseOf(record, requestId) || record.ended.includes(requestId)) return record;
  const rank = rankOf(request, at);
  const newest = newestOf(record);
  const rejection = objection ?? (newest && newest.rank > rank ? supersededBy(newest) : undefined);
  const previousImage = record.knownGoodImages[0];
  const first: ReleaseStep = rejection
    ? { to: 'failed', at, by: requestId, ...rejection }
    : { to: 'requested', at, by: requestId, ...(previousImage && { previousImage }), ...(overrode && { overrode }) };
  const release: ReleaseRecord = { requestId, correlationId, rank, data, steps: [first] };

  const next = !rejection && newest && isInFlight(newest) ? supersede(record, newest, release, at) : record;
  const releases = [...next.releases, release].sort((a, b) => (a.rank < b.rank ? 1 : -1));
  return prune({ ...next, releases });
}

function supersededBy({ requestId, data, rank }: Pick<ReleaseRecord, 'requestId' | 'data' | 'rank'>): ReleaseFailure {
  const message = `request '${requestId}' of ${rank.slice(0, rank.indexOf('/'))} for ${data.image} is newer`;
  return { reason: 'Superseded', message };
}

function supersede(record: TargetRecord, older: ReleaseRecord, by: ReleaseRecord, at: number): TargetRecord {
  return withStep(record, older, { to: 'failed', at, by: by.requestId, ...supersededBy(by) });
}

/** Whether the release's outcome is still open. */
function isInFlight(release: ReleaseRecord): boolean {
  const phase = phaseOf(release);
  return phase === 'requested' || phase === 'started';
}

/** Begins a release: from now on its image may be in the cluster. */
export function startRelease(
  record: TargetRecord,
  release: ReleaseRecord,
  cause: Cause,
  deadlineMs: number,
): TargetRecord {
  if (phaseOf(release) !== 'requested') return record;
  const started: ReleaseRecord = {
    ...release,
    wasKnownGood: record.knownGoodImages.some((good) => isImage(good, release.data.image)),
  };
  const next = withStep(record, started, { to: 'started', ...cause, deadline: cause.at + deadlineMs });
  return { ...next, unverified: [...record.unverified, release.requestId].slice(-LISTED) };
}

/**
 * Takes note of what ran before a release: an image that somebody else deployed is what a rollback returns to, but
 * never one that a release of ours failed with or was superseded with.
 */
export function observePrevious(record: TargetRecord, release: ReleaseRecord, seen: Rollout): TargetRecord {
  if (phaseOf(release) !== 'started' || seen.state !== 'complete' || seen.image === record.knownGoodImages[0])
    return record;
  const ours = record.releases.filter(
    ({ data, requestId }) => isImage(seen.image, data.image) && requestId !== release.requestId,
  );
  if (ours.length > 0 && !ours.some((other) => phaseOf(other) === 'completed')) return record;
  return { ...withKnownGoodImage(record, seen.image), unverified: [release.requestId] };
}

export type ReleaseOutcome =
  | { readonly to: 'completed'; readonly image: string; readonly replicas: number; readonly revision?: string }
  /** `untouched`: the cluster refused the change, so that nothing of it is there. */
  | ({ readonly to: 'failed'; readonly untouched?: boolean } & ReleaseFailure);

/** Decides how a started release ends. */
export function endRelease(
  record: TargetRecord,
  release: ReleaseRecord,
  cause: Cause,
  outcome: ReleaseOutcome,
): TargetRecord {
  if (phaseOf(release) !== 'started') return record;
  if (outcome.to === 'completed') {
    const next = restored(withStep(record, release, { ...outcome, ...cause }), cause.at);
    return { ...withKnownGoodImage(next, outcome.image), doraTotals: withLeadTime(next.doraTotals, release, cause.at) };
  }
  const { untouched = false, ...failure } = outcome;
  const next = withStep(record, release, { ...failure, ...cause });
  if (untouched) return { ...next, unverified: record.unverified.filter((id) => id !== release.requestId) };
  return failure.reason === 'Superseded' ? next : nowFailing(next, cause.at);
}

/** What is to be done about a failure. */
interface RollbackPolicy {
  readonly enabled: boolean;
  readonly deadlineMs: number;
}

/**
 * Takes up a failure: begins the rollback, or closes the release when there is nothing to undo, nothing to return
 * to, or a newer request to leave the target to. Spent error budget fails a release here: a completed one, too.
 */
export function takeUpFailure(
  record: TargetRecord,
  release: ReleaseRecord,
  cause: Cause,
  failure: ReleaseFailure,
  policy: RollbackPolicy,
): TargetRecord {
  if (stepBy(release, cause.by)?.to === 'rolling-back') return giveWay(record, release, cause);
  const failed = failure.reason === 'SLOViolation' ? blame(record, release, cause, failure) : record;
  const now = releaseOf(failed, release.requestId) ?? release;
  const last = now.steps.at(-1);
  if (last?.to !== 'failed' || last.reason !== failure.reason) return record;

  const image = failed.knownGoodImages[0];
  const note = noteAgainstRollback(failed, now, failure, policy);
  if (note !== undefined || image === undefined) {
    const needsAttention = isNewest(failed, now) && failed.failingSince !== undefined;
    return prune(withStep(failed, now, { to: 'closed', ...cause, ...(note && { note }), needsAttention }));
  }
  return withStep(failed, now, { to: 'rolling-back', ...cause, image, deadline: cause.at + policy.deadlineMs });
}

/** Why a failed release is not rolled back; undefined when it is. */
function noteAgainstRollback(
  record: TargetRecord,
  release: ReleaseRecord,
  { reason }: ReleaseFailure,
  { enabled }: RollbackPolicy,
): string | undefined {
  if (release.steps[0]?.to === 'failed') return 'it was never started';
  if (reason === 'Superseded' || !isNewest(record, release)) return 'the target is left to what came after it';
  if (record.unverified.length === 0) return 'nothing was changed';
  if (!enabled) return 'automatic rollback is off';
  const [image] = record.knownGoodImages;
  if (image === undefined) return 'no good image is known to return to';
  return isImage(image, release.data.image) ? `${image} is the last good image itself` : undefined;
}

function blame(record: TargetRecord, release: ReleaseRecord, cause: Cause, failure: ReleaseFailure): TargetRecord {
  if (!isSuspect(record, release)) return record;
  const { image } = release.data;
  const next = nowFailing(withStep(record, release, { to: 'failed', ...cause, ...failure }), cause.at);
  const knownGoodImages = record.knownGoodImages.filter((good) => !isImage(good, image));
  return {
    ...next,
    knownGoodImages,
    unverified: [...record.unverified.filter((id) => id !== release.requestId), release.requestId],
  };
}

/** A rollback is given up as soon as a newer request was let in: that one decides what runs. */
function giveWay(record: TargetRecord, release: ReleaseRecord, cause: Cause): TargetRecord {
  if (isNewest(record, release)) return record;
  return prune(withStep(record, release, { to: 'closed', ...cause, note: 'the target is left to what came after it' }));
}

export type RollbackOutcome =
  | { readonly to: 'rolled-back'; readonly image: string }
  /** The rollback itself failed, or something newer is in its place. */
  | { readonly to: 'closed'; readonly note: string; readonly needsAttention: boolean };

/** Decides how a rollback ends. */
export function endRollback(
  record: TargetRecord,
  release: ReleaseRecord,
  cause: Cause,
  outcome: RollbackOutcome,
): TargetRecord {
  if (stepBy(release, cause.by)?.to !== 'rolling-back') return record;
  if (!isNewest(record, release)) return giveWay(record, release, cause);
  const next = withStep(record, release, { ...outcome, ...cause });
  if (outcome.to === 'closed') return prune(next);
  const { doraTotals } = next;
  return restored({ ...next, doraTotals: { ...doraTotals, rolledBack: doraTotals.rolledBack + 1 } }, cause.at);
}

/** Closes a release that is in the given phase and not closed yet. */
export function closeRelease(
  record: TargetRecord,
  release: ReleaseRecord,
  cause: Cause,
  phase: 'completed' | 'rolled-back',
): TargetRecord {
  return release.steps.at(-1)?.to === phase ? prune(withStep(record, release, { to: 'closed', ...cause })) : record;
}

// ---------------------------------------------------------------- parts

function withStep(record: TargetRecord, release: ReleaseRecord, step: ReleaseStep): TargetRecord {
  const moved = { ...release, steps: [...release.steps, step] };
  return {
    ...record,
    releases: record.releases.map((other) => (other.requestId === release.requestId ? moved : other)),
  };
}

function withKnownGoodImage(record: TargetRecord, image: string): TargetRecord {
  const others = record.knownGoodImages.filter((good) => good !== image);
  return { ...record, knownGoodImages: [image, ...others].slice(0, GOOD_IMAGES) };
}

function withLeadTime(
  doraTotals: TargetRecord['doraTotals'],
  { data }: ReleaseRecord,
  at: number,
): TargetRecord['doraTotals'] {
  const { completed, leadTime } = doraTotals;
  if (!data.commit) return { ...doraTotals, completed: completed + 1 };
  const seconds = leadTime.seconds + secondsBetween(Date.parse(data.commit.timestamp), at);
  return { ...doraTotals, completed: completed + 1, leadTime: { count: leadTime.count + 1, seconds } };
}

function nowFailing(record: TargetRecord, at: number): TargetRecord {
  const { doraTotals, failingSince = at } = record;
  return { ...record, failingSince, doraTotals: { ...doraTotals, failed: doraTotals.failed + 1 } };
}

/** What runs now is good: nothing is unverified, and an outage has ended. */
function restored({ failingSince, ...record }: TargetRecord, at: number): TargetRecord {
  const { restore } = record.doraTotals;
  if (failingSince === undefined) return { ...record, unverified: [] };
  const seconds = restore.seconds + secondsBetween(failingSince, at);
  return {
    ...record,
    unverified: [],
    doraTotals: { ...record.doraTotals, restore: { count: restore.count + 1, seconds } },
  };
}

/** Keeps the record small: of the releases that are over, the newest; the others only by id. */
function prune(record: TargetRecord): TargetRecord {
  if (record.releases.length <= LISTED) return record;
  let over = 0;
  const newest = newestOf(record);
  const kept = record.releases.filter(
    (release) => release === newest || release.steps.at(-1)?.to !== 'closed' || ++over < LISTED,
  );
  if (kept.length === record.releases.length) return record;
  const dropped = record.releases.filter((release) => !kept.includes(release)).map(({ requestId }) => requestId);
  return { ...record, releases: kept, ended: [...dropped, ...record.ended].slice(0, REMEMBERED) };
}
