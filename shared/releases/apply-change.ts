/**
 * Making a change in a cluster and watching its rollout. A fault of the cluster is a result here and not an exception: it
 * must not use up the attempts of the delivery and leave a target half changed. The deadline of the change bounds it.
 */

import { describeError, failureOf } from '../describe-error.ts';
import { ConfigError, isPermanent, NotFoundError, RefusedError, SupersededError, TransientError } from '../errors.ts';
import { isImage } from '../image.ts';
import type { Change, Cluster, Rollout, RunningContainer } from '../ports/cluster.ts';
import type { Log } from '../ports/log.ts';
import { stackOf } from '../stack.ts';
import { containerIn } from './containers.ts';
import type { FailureReason } from './release-record.ts';

/** A rollout is looked at once a minute at least, however long it takes. */
const MAX_REQUEUE_MS = 60_000;

/** A change that is made once and watched until it ends. */
interface ChangePlan {
  /** @throws NotFoundError when the configuration does not name the cluster */
  readonly cluster: () => Cluster;
  readonly change: Change;
  readonly make: (cluster: Cluster) => Promise<void>;
  /** Runs before the change is made, with what runs until then; again when the change was not made. May throw. */
  readonly before: (running: Rollout | undefined) => Promise<void>;
  /** When the change began, when it must have ended, and the time now: milliseconds since the Unix epoch. */
  readonly since: number;
  readonly deadline: number;
  readonly now: () => number;
  readonly requeueAfterMs: number;
  readonly log: Log;
}

/** How far a change is. */
export type RolloutStatus =
  /** `isUnseen`: the cluster did not say what it runs, so that this run changed nothing. */
  | { readonly to: 'waiting'; readonly afterMs: number; readonly isUnseen?: boolean }
  | { readonly to: 'ready'; readonly rollout: Rollout }
  | {
      readonly to: 'failed';
      readonly reason: ClusterFaultReason | 'DeadlineExceeded';
      readonly message: string;
      /** Whether the cluster refused the change, so that nothing of it is there. */
      readonly untouched: boolean;
      /** What was seen last: before the change, when it was refused. */
      readonly rollout?: Rollout;
    };

type ClusterFaultReason = Extract<FailureReason, 'NotFound' | 'Superseded' | 'ClusterError'>;

/**
 * Makes the change unless the cluster shows that it was made, and returns its status. Safe to repeat after a crash
 * at any point: the cluster is asked whether the change was made.
 */
export async function applyChange(plan: ChangePlan): Promise<RolloutStatus> {
  const { cluster, change, make, before, log } = plan;
  const readRollout = (): Promise<Rollout | ClusterFault> => ask(log, () => cluster().rollout(change));
  const found = await readRollout();
  if (found instanceof ClusterFault ? found.reason !== 'NotFound' : isMade(found, change)) {
    const status = statusOf(plan, found);
    return found instanceof ClusterFault && status.to === 'waiting' ? { ...status, isUnseen: true } : status;
  }
  await before(found instanceof ClusterFault ? undefined : found);
  const refusal = await ask(log, () => make(cluster()));
  const status = statusOf(plan, refusal ?? (await readRollout()));
  if (!refusal?.changedNothing || status.to !== 'failed') return status;
  return { ...status, untouched: true, ...(!(found instanceof ClusterFault) && { rollout: found }) };
}

function isMade(rollout: Rollout, { containers, requestId }: Change): boolean {
  return containers.every(({ name }) => containerIn(rollout, name)?.requestId === requestId);
}

/** The first container that somebody else has set to another image. */
function foreignIn(rollout: Rollout, { containers, requestId }: Change): RunningContainer | undefined {
  return containers
    .map((asked) => ({ asked, found: containerIn(rollout, asked.name) }))
    .find(({ asked, found }) => {
      const isOurs = found?.requestId === requestId && found.isAsChanged;
      return found && !isOurs && !isImage(found.image, asked.image);
    })?.found;
}

/** Why a cluster did not answer a question, or did not make a change. */
class ClusterFault {
  readonly #error: unknown;

  constructor(error: unknown) {
    this.#error = error;
  }

  /** An unknown error counts as transient, as everywhere. A kubeconfig that is being replaced reads as a wrong one. */
  get isTransient(): boolean {
    return !isPermanent(this.#error) || this.#error instanceof ConfigError;
  }

  /** Whether the cluster said no to a change, rather than nothing. */
  get changedNothing(): boolean {
    return isPermanent(this.#error) || this.#error instanceof RefusedError;
  }

  get reason(): ClusterFaultReason {
    if (this.#error instanceof NotFoundError) return 'NotFound';
    return this.#error instanceof SupersededError ? 'Superseded' : 'ClusterError';
  }

  get message(): string {
    return describeError(this.#error);
  }

  get retryAfterMs(): number {
    return (this.#error instanceof TransientError && this.#error.retryAfterMs) || 0;
  }
}

/** Asks the cluster alone: an error of the state store must not count as a fault of the cluster. */
async function ask<T>(log: Log, question: () => Promise<T>): Promise<T | ClusterFault> {
  try {
    return await question();
  } catch (error) {
    const stack = stackOf(error);
    // The fault that is returned has no stack.
    if (stack !== undefined) log.error('cluster call failed unexpectedly', { ...failureOf(error), stack });
    return new ClusterFault(error);
  }
}

function statusOf(
  { change, since, deadline, now, requeueAfterMs }: ChangePlan,
  answer: Rollout | ClusterFault,
): RolloutStatus {
  const at = now();
  const isLate = at >= deadline;
  const { message } = answer;
  if (answer instanceof ClusterFault) {
    if (!answer.isTransient) return { to: 'failed', reason: answer.reason, message, untouched: false };
    if (isLate)
      return { to: 'failed', reason: 'DeadlineExceeded', message: `last answer: ${message}`, untouched: false };
  } else {
    const { state } = answer;
    const foreign = foreignIn(answer, change);
    if (foreign) {
      const which = change.containers.length > 1 ? ` of ${foreign.name}` : '';
      const who = foreign.setBy === undefined ? 'somebody else' : `somebody else (${foreign.setBy})`;
      return {
        to: 'failed',
        reason: 'Superseded',
        message: `${who} set the image${which} to ${foreign.image}`,
        untouched: false,
      };
    }
    if (state === 'complete') return { to: 'ready', rollout: answer };
    if (isLate || state === 'failed') {
      return { to: 'failed', reason: 'DeadlineExceeded', message, untouched: false, rollout: answer };
    }
  }
  // A tenth of the time waited so far: quick at first, and little load on a cluster in trouble.
  const pause = Math.max(requeueAfterMs, Math.min((at - since) / 10, MAX_REQUEUE_MS));
  const askedFor = answer instanceof ClusterFault ? answer.retryAfterMs : 0;
  return { to: 'waiting', afterMs: Math.ceil(Math.min(Math.max(pause, askedFor), deadline - at)) };
}
