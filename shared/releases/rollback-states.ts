/**
 * What follows from a failure: the rollback, or why there is none. Pure, as in `release-states.ts`, which has the diagram.
 */
import { isImage } from '../image.ts';
import type { Rollout } from '../ports/cluster.ts';
import type { RolloutStatus } from './apply-change.ts';
import { askedImages, containerNames, imagesText, type NamedImage, runningImages } from './containers.ts';
import { stillAnsweredFor } from './left-behind.ts';
import {
  pruned,
  unverifiedBeside,
  withDeployed,
  withFailure,
  withKnownGood,
  withRelease,
  withRestore,
  withStep,
} from './record-changes.ts';
import {
  isNewest,
  type KnownGoodImage,
  knownContainers,
  knownGoodIn,
  phaseOf,
  type ReleaseRecord,
  releaseOf,
  stepBy,
  stepTo,
  type TargetRecord,
} from './release-record.ts';
import type { Cause, ReleaseFailure } from './release-states.ts';
import { isSuspect } from './suspects.ts';

const NEWER_DECIDES = 'a newer request decides what runs';
/** Why a release is left alone that somebody else has taken the place of, without a request. */
export const OTHERS_DECIDE = 'somebody else decides what runs';

/** The policy of the configuration for failures. */
interface RollbackPolicy {
  /** Why nothing is rolled back; undefined when it is. */
  readonly against: string | undefined;
  readonly deadlineMs: number;
}

/**
 * Handles a failure: starts the rollback, or closes the release when nothing was changed, no known good image exists, or
 * a newer request decides what runs. A burnt error budget, or somebody who asks for it, fails a release here, a completed
 * one too.
 */
export function handleFailure(
  record: TargetRecord,
  release: ReleaseRecord,
  cause: Cause,
  failure: ReleaseFailure,
  policy: RollbackPolicy,
): TargetRecord {
  if (stepBy(release, cause.by)?.to === 'rolling-back') {
    return isNewest(record, release) ? narrowed(record, release) : closeSuperseded(record, release, cause);
  }
  const failed = failLate(record, release, cause, failure);
  const now = releaseOf(failed, release.key) ?? release;
  const last = now.steps.at(-1);
  if (last?.to !== 'failed' || last.reason !== failure.reason) return record;

  const note = noteAgainstRollback(failed, now, failure, policy);
  const good = goodImagesFor(failed, now);
  if (note !== undefined || !good) {
    const isFailing = failed.failingSince !== undefined && hasUnverified(failed, now);
    const needsAttention = isNewest(failed, now) && isFailing;
    return pruned(withStep(failed, now, { to: 'closed', ...cause, ...(note && { note }), needsAttention }));
  }
  return withStep(failed, now, { to: 'rolling-back', ...cause, ...good, deadline: cause.at + policy.deadlineMs });
}

/** Why a failed release is not rolled back; undefined when it is. */
function noteAgainstRollback(
  record: TargetRecord,
  release: ReleaseRecord,
  { reason }: ReleaseFailure,
  { against }: RollbackPolicy,
): string | undefined {
  if (release.steps[0]?.to === 'failed') return 'it was never started';
  if (!isNewest(record, release)) return NEWER_DECIDES;
  if (reason === 'Superseded') return OTHERS_DECIDE;
  if (!hasUnverified(record, release)) return 'nothing was changed';
  if (against !== undefined) return against;
  const good = goodImagesFor(record, release);
  if (!good) return 'no known good image exists';
  return isItself(good.images, release) ? `${imagesText(good.images)} is the last known good image itself` : undefined;
}

/** By what the cluster showed of the failed release, if it did: a tag may mean another image than it did when it was good. */
function isItself(good: readonly NamedImage[], release: ReleaseRecord): boolean {
  const shown = stepTo(release, 'failed')?.images ?? stepTo(release, 'completed')?.images;
  if (shown) return good.every(({ name, image }) => shown.some((one) => one.name === name && one.image === image));
  return askedImages(release.data).every(({ image }, index) => isImage(good[index]?.image ?? '', image));
}

/** Whether something that is not known to be good may run in the containers that a release answers for. */
function hasUnverified(record: TargetRecord, release: ReleaseRecord): boolean {
  return unverifiedBeside(record, release, shownIn(record, release)).length < record.unverified.length;
}

/** The containers that the cluster showed when a release failed, and that it still answers for. */
function shownIn(record: TargetRecord, release: ReleaseRecord): readonly string[] {
  const seen = release.steps.findLast((step) => step.to === 'failed' && step.images !== undefined);
  const images = (seen?.to === 'failed' && seen.images) || [];
  return stillAnsweredFor(record, release, images).map(({ name }) => name);
}

/** What ran well last in each container that a release answers for; undefined when that is not known of all of them. */
function goodImagesFor(
  record: TargetRecord,
  release: ReleaseRecord,
): { readonly images: readonly NamedImage[]; readonly revision?: string } | undefined {
  const known = knownContainers(record, release);
  // Of several containers the cluster takes no image without a name; what the request superseded may run all the same.
  const own = known.length > 0 ? known : supersededContainers(record);
  const left = shownIn(record, release).filter((name) => knownGoodIn(record, name).length > 0);
  const names = [...new Set([...own, ...(own.length > 0 ? left : [])])];
  const good = names.flatMap((name) =>
    knownGoodIn(record, name)
      .slice(0, 1)
      .map((last) => ({ name, ...last })),
  );
  if (good.length === 0 || good.length < names.length) return undefined;
  const revision = good[0]?.revision;
  // What completed apart never ran together.
  const isOne = good.every((one) => one.revision === revision);
  return {
    images: good.map(({ name, image }) => ({ name, image })),
    ...(isOne && revision !== undefined && { revision }),
  };
}

function supersededContainers(record: TargetRecord): readonly string[] {
  return record.unverified.flatMap((key) => {
    const one = releaseOf(record, key);
    return (one && containerNames(one)) ?? [];
  });
}

/** What a release is to go back to by somebody's wish, or why it cannot. */
export function rollbackPlan(
  record: TargetRecord,
  release: ReleaseRecord,
): { readonly images: readonly NamedImage[] } | { readonly against: string } {
  const against = objectionToUndo(record, release);
  if (against !== undefined) return { against };
  // As it will be when it has failed.
  const cause = { by: '', at: 0 };
  const failure = { reason: 'RollbackRequested', message: '' } as const;
  const failed = failLate(record, release, cause, failure);
  const now = releaseOf(failed, release.key) ?? release;
  const note = noteAgainstRollback(failed, now, failure, { against: undefined, deadlineMs: 0 });
  const good = goodImagesFor(failed, now);
  return note === undefined && good ? { images: good.images } : { against: note ?? 'no known good image exists' };
}

/** Why somebody's wish cannot undo a release; undefined when it can. */
function objectionToUndo(record: TargetRecord, release: ReleaseRecord): string | undefined {
  if (!isNewest(record, release)) return NEWER_DECIDES;
  const phase = phaseOf(release);
  switch (phase) {
    case 'started':
    case 'completed':
      return undefined;
    case 'failed':
      // Until then its failure is being handled, which may roll it back.
      return release.steps.at(-1)?.to === 'closed' ? undefined : 'its failure is being handled';
    case 'requested':
      return 'it has not begun';
    default:
      return phase === 'rolling-back' ? 'it is being rolled back' : 'it is rolled back already';
  }
}

/** A release fails after it was thought to be good, or once more after it had failed and nothing was done. */
function failLate(record: TargetRecord, release: ReleaseRecord, cause: Cause, failure: ReleaseFailure): TargetRecord {
  const { reason } = failure;
  if (reason === 'SLOViolation')
    return isSuspect(record, release) ? failAgain(record, release, cause, failure) : record;
  const isAsked = reason === 'RollbackRequested' && objectionToUndo(record, release) === undefined;
  return isAsked ? failAgain(record, release, cause, failure) : record;
}

function failAgain(record: TargetRecord, release: ReleaseRecord, cause: Cause, failure: ReleaseFailure): TargetRecord {
  const phase = phaseOf(release);
  const ended = phase === 'started' ? withDeployed(record, release) : record;
  const { reason, message } = failure;
  const failed = withStep(ended, release, { to: 'failed', ...cause, reason, message });
  // One failure of one change.
  const next = phase === 'failed' ? failed : withFailure(failed, cause.at);
  const asked = askedImages(release.data);
  const completed = stepTo(release, 'completed')?.images;
  const blamed = knownContainers(record, release).map((name, index) => {
    const isBlamed = ({ image }: KnownGoodImage): boolean =>
      completed
        ? completed.some((one) => one.name === name && one.image === image)
        : isImage(image, asked[index]?.image ?? '');
    return [name, knownGoodIn(record, name).filter((good) => !isBlamed(good))];
  });
  const knownGoodImages = { ...record.knownGoodImages, ...Object.fromEntries(blamed) };
  return {
    ...next,
    knownGoodImages,
    unverified:
      phase === 'failed' ? record.unverified : [...record.unverified.filter((key) => key !== release.key), release.key],
  };
}

/** A rollback leaves a container beside its own to a newer release that was admitted for it meanwhile. */
function narrowed(record: TargetRecord, release: ReleaseRecord): TargetRecord {
  const rolling = stepTo(release, 'rolling-back');
  if (!rolling) return record;
  const images = stillAnsweredFor(record, release, rolling.images);
  if (images.length === rolling.images.length) return record;
  const steps = release.steps.map((step) => (step === rolling ? { ...rolling, images } : step));
  return withRelease(record, { ...release, steps });
}

/** A rollback ends as soon as a newer request is admitted: that one decides what runs. */
function closeSuperseded(record: TargetRecord, release: ReleaseRecord, cause: Cause): TargetRecord {
  if (isNewest(record, release)) return record;
  return pruned(withStep(record, release, { to: 'closed', ...cause, note: NEWER_DECIDES }));
}

type RollbackOutcome =
  | { readonly to: 'rolled-back'; readonly rollout: Rollout }
  /** The rollback itself failed, or was superseded. */
  | { readonly to: 'closed'; readonly note: string; readonly needsAttention: boolean };

/** How a rollback ends, by the status of its rollout. */
export function rollbackOutcomeOf(status: Exclude<RolloutStatus, { to: 'waiting' }>): RollbackOutcome {
  if (status.to === 'ready') return { to: 'rolled-back', rollout: status.rollout };
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
  const rolling = stepBy(release, cause.by);
  if (rolling?.to !== 'rolling-back') return record;
  if (!isNewest(record, release)) return closeSuperseded(record, release, cause);
  // The cluster refuses all of it because of one container: it goes on without that one.
  const left = narrowed(record, release);
  if (left !== record) return left;
  if (outcome.to === 'closed') return pruned(withStep(record, release, { ...outcome, ...cause }));
  const { rollout } = outcome;
  const images = runningImages(rollout, rolling.images);
  const step = withStep(record, release, { to: 'rolled-back', images, ...cause });
  const next = withRestore(step, release, { at: cause.at, rollout, names: images.map(({ name }) => name) });
  // From now on this is the revision in which they ran.
  const good = withKnownGood(next, images, rollout.revision);
  const { doraTotals } = good;
  return { ...good, doraTotals: { ...doraTotals, rolledBack: doraTotals.rolledBack + 1 } };
}
