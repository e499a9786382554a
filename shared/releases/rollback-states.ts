/**
 * What follows from a failure: the rollback, or why there is none. Pure, as in `release-states.ts`, which has the diagram.
 */
import { isImage } from '../image.ts';
import type { RolloutStatus } from './apply-change.ts';
import { pruned, withFailure, withRestore, withStep } from './record-changes.ts';
import { isNewest, type ReleaseRecord, releaseOf, stepBy, type TargetRecord } from './release-record.ts';
import type { Cause, ReleaseFailure } from './release-states.ts';
import { isSuspect } from './suspects.ts';

/** The policy of the configuration for failures. */
interface RollbackPolicy {
  /** Why nothing is rolled back; undefined when it is. */
  readonly against: string | undefined;
  readonly deadlineMs: number;
}

/**
 * Handles a failure: starts the rollback, or closes the release when nothing was changed, no known good image exists, or
 * a newer request decides what runs. A burnt error budget fails a release here, a completed one too.
 */
export function handleFailure(
  record: TargetRecord,
  release: ReleaseRecord,
  cause: Cause,
  failure: ReleaseFailure,
  policy: RollbackPolicy,
): TargetRecord {
  if (stepBy(release, cause.by)?.to === 'rolling-back') return closeSuperseded(record, release, cause);
  const failed = failure.reason === 'SLOViolation' ? blame(record, release, cause, failure) : record;
  const now = releaseOf(failed, release.key) ?? release;
  const last = now.steps.at(-1);
  if (last?.to !== 'failed' || last.reason !== failure.reason) return record;

  const image = failed.knownGoodImages[0];
  const note = noteAgainstRollback(failed, now, failure, policy);
  if (note !== undefined || image === undefined) {
    const needsAttention = isNewest(failed, now) && failed.failingSince !== undefined;
    return pruned(withStep(failed, now, { to: 'closed', ...cause, ...(note && { note }), needsAttention }));
  }
  return withStep(failed, now, { to: 'rolling-back', ...cause, image, deadline: cause.at + policy.deadlineMs });
}

/** Why a failed release is not rolled back; undefined when it is. */
function noteAgainstRollback(
  record: TargetRecord,
  release: ReleaseRecord,
  { reason }: ReleaseFailure,
  { against }: RollbackPolicy,
): string | undefined {
  if (release.steps[0]?.to === 'failed') return 'it was never started';
  if (reason === 'Superseded' || !isNewest(record, release)) return 'a newer request decides what runs';
  if (record.unverified.length === 0) return 'nothing was changed';
  if (against !== undefined) return against;
  const [image] = record.knownGoodImages;
  if (image === undefined) return 'no known good image exists';
  return isImage(image, release.data.image) ? `${image} is the last known good image itself` : undefined;
}

function blame(record: TargetRecord, release: ReleaseRecord, cause: Cause, failure: ReleaseFailure): TargetRecord {
  if (!isSuspect(record, release)) return record;
  const { image } = release.data;
  const next = withFailure(withStep(record, release, { to: 'failed', ...cause, ...failure }), cause.at);
  const knownGoodImages = record.knownGoodImages.filter((good) => !isImage(good, image));
  return {
    ...next,
    knownGoodImages,
    unverified: [...record.unverified.filter((key) => key !== release.key), release.key],
  };
}

/** A rollback ends as soon as a newer request is admitted: that one decides what runs. */
function closeSuperseded(record: TargetRecord, release: ReleaseRecord, cause: Cause): TargetRecord {
  if (isNewest(record, release)) return record;
  return pruned(withStep(record, release, { to: 'closed', ...cause, note: 'a newer request decides what runs' }));
}

type RollbackOutcome =
  | { readonly to: 'rolled-back'; readonly image: string }
  /** The rollback itself failed, or was superseded. */
  | { readonly to: 'closed'; readonly note: string; readonly needsAttention: boolean };

/** How a rollback ends, by the status of its rollout. */
export function rollbackOutcomeOf(status: Exclude<RolloutStatus, { to: 'waiting' }>): RollbackOutcome {
  if (status.to === 'ready') return { to: 'rolled-back', image: status.rollout.image };
  const { reason, message } = status;
  return reason === 'Superseded'
    ? { to: 'closed', note: `the rollback was superseded: ${message}`, needsAttention: false }
    : { to: 'closed', note: `the rollback failed: ${reason}: ${message}`, needsAttention: true };
}

/** Decides how a rollback ends. */
export function endRollback(
  record: TargetRecord,
  release: ReleaseRecord,
  cause: Cause,
  outcome: RollbackOutcome,
): TargetRecord {
  if (stepBy(release, cause.by)?.to !== 'rolling-back') return record;
  if (!isNewest(record, release)) return closeSuperseded(record, release, cause);
  const next = withStep(record, release, { ...outcome, ...cause });
  if (outcome.to === 'closed') return pruned(next);
  const { doraTotals } = next;
  return withRestore({ ...next, doraTotals: { ...doraTotals, rolledBack: doraTotals.rolledBack + 1 } }, cause.at);
}
