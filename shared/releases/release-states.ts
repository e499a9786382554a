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
  canBeBlamed,
  type FailureReason,
  isNewest,
  newestOf,
  phaseOf,
  type ReleaseData,
  type ReleaseRecord,
  releaseOf,
  type Step,
  secondsBetween,
  stepBy,
  type TargetRecord,
} from './release-record.ts';

/** Releases that are over are listed up to this number, and after that remembered by id up to the second. */
const LISTED = 20;
const REMEMBERED = 500;
const GOOD_IMAGES = 5;

/** The event that is being handled, and when. */
export interface Cause {
  readonly by: string;
  readonly at: number;
}

export interface Failure {
  readonly reason: FailureReason;
  readonly message: string;
}

export interface Request {
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
export function rankOf({ requestId, time }: Pick<Request, 'requestId' | 'time'>, now: number): string {
  const id = requestId.replace(/[^!-~]|[/%]/gu, (char) => `%${char.codePointAt(0)?.toString(16)}`);
  return `${new Date(Math.min(time, now)).toISOString()}/${id}`;
}

/**
 * Lets a request in, or enters it as rejected: because of the objection, or because a newer one was let in. The
 * release that it finds in flight is superseded by it in the same write.
 */
export function admit(
  record: TargetRecord,
  request: Request,
  { objection, overrode, at }: { objection: Failure | undefined; overrode: string | undefined; at: number },
): TargetRecord {
  const { requestId, correlationId, data } = request;
  if (releaseOf(record, requestId) || record.ended.includes(requestId)) return record;
  const rank = rankOf(request, at);
  const newest = newestOf(record);
  const rejection = objection ?? (newest && newest.rank > rank ? supersededBy(newest) : undefined);
  const previousImage = record.goodImages[0];
  const first: Step = rejection
    ? { to: 'failed', at, by: requestId, ...rejection }
    : { to: 'requested', at, by: requestId, ...(previousImage && { previousImage }), ...(overrode && { overrode }) };
  const release: ReleaseRecord = { requestId, correlationId, rank, data, steps: [first] };

  const next = !rejection && newest && isInFlight(newest) ? supersede(record, newest, release, at) : record;
  const releases = [...next.releases, release].sort((a, b) => (a.rank < b.rank ? 1 : -1));
  return prune({ ...next, releases });
}

function supersededBy({ requestId, data, rank }: Pick<ReleaseRecord, 'requestId' | 'data' | 'rank'>): Failure {
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
export function start(record: TargetRecord, release: ReleaseRecord, cause: Cause, deadlineMs: number): TargetRecord {
  if (phaseOf(release) !== 'requested') return record;
  const started: ReleaseRecord = {
    ...release,
    provenBefore: record.goodImages.some((good) => isImage(good, release.data.image)),
  };
  const next = withStep(record, started, { to: 'started', ...cause, deadline: cause.at + deadlineMs });
  return { ...next, unproven: [...record.unproven, release.requestId].slice(-LISTED) };
}

/**
 * Takes note of what ran before a release: an image that somebody else deployed is what a rollback returns to, but
 * never one that a release of ours failed with or was superseded with.
 */
export function observe(record: TargetRecord, release: ReleaseRecord, seen: Rollout): TargetRecord {
  if (phaseOf(release) !== 'started' || seen.state !== 'complete' || seen.image === record.goodImages[0]) return record;
  const ours = record.releases.filter(
    ({ data, requestId }) => isImage(seen.image, data.image) && requestId !== release.requestId,
  );
  if (ours.length > 0 && !ours.some((other) => phaseOf(other) === 'completed')) return record;
  return { ...withGoodImage(record, seen.image), unproven: [release.requestId] };
}

export type Outcome =
  | { readonly to: 'completed'; readonly image: string; readonly replicas: number; readonly revision?: string }
  /** `untouched`: the cluster refused the change, so that nothing of it is there. */
  | ({ readonly to: 'failed'; readonly untouched?: boolean } & Failure);

/** Decides how a started release ends. */
export function end(record: TargetRecord, release: ReleaseRecord, cause: Cause, outcome: Outcome): TargetRecord {
  if (phaseOf(release) !== 'started') return record;
  if (outcome.to === 'completed') {
    const next = restored(withStep(record, release, { ...outcome, ...cause }), cause.at);
    return { ...withGoodImage(next, outcome.image), numbers: withLeadTime(next.numbers, release, cause.at) };
  }
  const { untouched = false, ...failure } = outcome;
  const next = withStep(record, release, { ...failure, ...cause });
  if (untouched) return { ...next, unproven: record.unproven.filter((id) => id !== release.requestId) };
  return failure.reason === 'Superseded' ? next : broken(next, cause.at);
}

/** What is to be done about a failure. */
export interface RollbackPolicy {
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
  failure: Failure,
  policy: RollbackPolicy,
): TargetRecord {
  if (stepBy(release, cause.by)?.to === 'rolling-back') return giveWay(record, release, cause);
  const failed = failure.reason === 'SLOViolation' ? blame(record, release, cause, failure) : record;
  const now = releaseOf(failed, release.requestId) ?? release;
  const last = now.steps.at(-1);
  if (last?.to !== 'failed' || last.reason !== failure.reason) return record;

  const image = failed.goodImages[0];
  const note = noteAgainstRollback(failed, now, failure, policy);
  if (note !== undefined || image === undefined) {
    const needsAttention = isNewest(failed, now) && failed.brokenSince !== undefined;
    return prune(withStep(failed, now, { to: 'closed', ...cause, ...(note && { note }), needsAttention }));
  }
  return withStep(failed, now, { to: 'rolling-back', ...cause, image, deadline: cause.at + policy.deadlineMs });
}

/** Why a failed release is not rolled back; undefined when it is. */
function noteAgainstRollback(
  record: TargetRecord,
  release: ReleaseRecord,
  { reason }: Failure,
  { enabled }: RollbackPolicy,
): string | undefined {
  if (release.steps[0]?.to === 'failed') return 'it was never started';
  if (reason === 'Superseded' || !isNewest(record, release)) return 'the target is left to what came after it';
  if (record.unproven.length === 0) return 'nothing was changed';
  if (!enabled) return 'automatic rollback is off';
  const [image] = record.goodImages;
  if (image === undefined) return 'no good image is known to return to';
  return isImage(image, release.data.image) ? `${image} is the last good image itself` : undefined;
}

function blame(record: TargetRecord, release: ReleaseRecord, cause: Cause, failure: Failure): TargetRecord {
  if (!canBeBlamed(record, release)) return record;
  const { image } = release.data;
  const next = broken(withStep(record, release, { to: 'failed', ...cause, ...failure }), cause.at);
  const goodImages = record.goodImages.filter((good) => !isImage(good, image));
  return {
    ...next,
    goodImages,
    unproven: [...record.unproven.filter((id) => id !== release.requestId), release.requestId],
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
  const { numbers } = next;
  return restored({ ...next, numbers: { ...numbers, rolledBack: numbers.rolledBack + 1 } }, cause.at);
}

/** Closes a release that is in the given phase and not closed yet. */
export function close(
  record: TargetRecord,
  release: ReleaseRecord,
  cause: Cause,
  phase: 'completed' | 'rolled-back',
): TargetRecord {
  return release.steps.at(-1)?.to === phase ? prune(withStep(record, release, { to: 'closed', ...cause })) : record;
}

// ---------------------------------------------------------------- parts

function withStep(record: TargetRecord, release: ReleaseRecord, step: Step): TargetRecord {
  const moved = { ...release, steps: [...release.steps, step] };
  return {
    ...record,
    releases: record.releases.map((other) => (other.requestId === release.requestId ? moved : other)),
  };
}

function withGoodImage(record: TargetRecord, image: string): TargetRecord {
  const others = record.goodImages.filter((good) => good !== image);
  return { ...record, goodImages: [image, ...others].slice(0, GOOD_IMAGES) };
}

function withLeadTime(numbers: TargetRecord['numbers'], { data }: ReleaseRecord, at: number): TargetRecord['numbers'] {
  const { completed, leadTime } = numbers;
  if (!data.commit) return { ...numbers, completed: completed + 1 };
  const seconds = leadTime.seconds + secondsBetween(Date.parse(data.commit.timestamp), at);
  return { ...numbers, completed: completed + 1, leadTime: { count: leadTime.count + 1, seconds } };
}

function broken(record: TargetRecord, at: number): TargetRecord {
  const { numbers, brokenSince = at } = record;
  return { ...record, brokenSince, numbers: { ...numbers, failed: numbers.failed + 1 } };
}

/** What runs now is good: nothing is unproven, and an outage has ended. */
function restored({ brokenSince, ...record }: TargetRecord, at: number): TargetRecord {
  const { restore } = record.numbers;
  if (brokenSince === undefined) return { ...record, unproven: [] };
  const seconds = restore.seconds + secondsBetween(brokenSince, at);
  return { ...record, unproven: [], numbers: { ...record.numbers, restore: { count: restore.count + 1, seconds } } };
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
