/**
 * Making a change in a cluster and watching it. A fault of the cluster is an answer here and no exception: it must
 * not use up the attempts of the delivery and leave a target half done. The deadline of the change bounds it instead.
 */

import { NotFoundError, PlatformError, SupersededError, TransientError } from '../errors.ts';
import { isImage } from '../image.ts';
import type { Change, Cluster, Rollout } from '../ports/cluster.ts';
import type { Log } from '../ports/log.ts';
import { stackOf } from '../stack.ts';
import type { FailureReason } from './release-record.ts';

/** However long a rollout drags on, it is looked at once a minute. */
const MAX_PAUSE_MS = 60_000;

/** A change to be made once, and seen through. */
export interface ChangePlan {
  /** @throws NotFoundError when the configuration does not name it (any more) */
  readonly cluster: () => Cluster;
  readonly change: Change & { readonly image: string };
  readonly make: (cluster: Cluster) => Promise<void>;
  /** Runs before the change is made, with what runs until then; again when an earlier run died. May throw. */
  readonly before: (running: Rollout | undefined) => Promise<void>;
  /** When it was begun, when it must have ended, and what time it is: milliseconds since the Unix epoch. */
  readonly since: number;
  readonly deadline: number;
  readonly now: () => number;
  readonly requeueAfterMs: number;
  readonly log: Log;
}

/** How a change stands. */
export type RolloutStatus =
  | { readonly to: 'waiting'; readonly afterMs: number }
  | { readonly to: 'ready'; readonly rollout: Rollout }
  | {
      readonly to: 'failed';
      readonly reason: ClusterFaultReason | 'DeadlineExceeded';
      readonly message: string;
      /** Whether the cluster refused the change, so that nothing of it is there. */
      readonly untouched: boolean;
    };

type ClusterFaultReason = Extract<FailureReason, 'NotFound' | 'Superseded' | 'ClusterError'>;

/**
 * Makes the change unless the cluster shows that it was made, and says how it stands. Safe to repeat after a crash
 * at any point: whether the change was made is found out by looking.
 */
export async function applyChange(plan: ChangePlan): Promise<RolloutStatus> {
  const { cluster, change, make, before, log } = plan;
  const look = (): Promise<Rollout | ClusterFault> => ask(log, () => cluster().rollout(change));
  const found = await look();
  if (found instanceof ClusterFault ? found.reason !== 'NotFound' : found.requestId === change.requestId) {
    return judge(plan, found);
  }
  await before(found instanceof ClusterFault ? undefined : found);
  const refusal = await ask(log, () => make(cluster()));
  const status = judge(plan, refusal ?? (await look()));
  return refusal && status.to === 'failed' ? { ...status, untouched: !refusal.mayPass } : status;
}

/** Why a cluster did not do, or say, what it was asked. */
class ClusterFault {
  readonly #error: unknown;

  constructor(error: unknown) {
    this.#error = error;
  }

  /** An unknown error counts as transient, as everywhere; the deadline makes it a failure that says what it was. */
  get mayPass(): boolean {
    return !(this.#error instanceof PlatformError) || this.#error.isTransient;
  }

  get reason(): ClusterFaultReason {
    if (this.#error instanceof NotFoundError) return 'NotFound';
    return this.#error instanceof SupersededError ? 'Superseded' : 'ClusterError';
  }

  get message(): string {
    return this.#error instanceof Error ? this.#error.message : String(this.#error);
  }

  get retryAfterMs(): number {
    return (this.#error instanceof TransientError && this.#error.retryAfterMs) || 0;
  }
}

/** Asks the cluster something; nothing else may be in the question, lest a fault of the store pass for its own. */
async function ask<T>(log: Log, question: () => Promise<T>): Promise<T | ClusterFault> {
  try {
    return await question();
  } catch (error) {
    const stack = stackOf(error);
    // It goes on as a fault of the cluster, which has no stack.
    if (stack !== undefined) log.error('asking the cluster failed unexpectedly', { error: String(error), stack });
    return new ClusterFault(error);
  }
}

function judge(
  { change, since, deadline, now, requeueAfterMs }: ChangePlan,
  answer: Rollout | ClusterFault,
): RolloutStatus {
  const at = now();
  const isLate = at >= deadline;
  const { message } = answer;
  if (answer instanceof ClusterFault) {
    if (isLate || !answer.mayPass) return { to: 'failed', reason: answer.reason, message, untouched: false };
  } else {
    const { state, image } = answer;
    if (!isImage(image, change.image)) {
      return {
        to: 'failed',
        reason: 'Superseded',
        message: `somebody else set the image to ${image}`,
        untouched: false,
      };
    }
    if (state === 'complete') return { to: 'ready', rollout: answer };
    if (isLate || state === 'failed') return { to: 'failed', reason: 'DeadlineExceeded', message, untouched: false };
  }
  // A tenth of the time waited so far: quick while it matters, and no burden on a cluster in trouble.
  const pause = Math.max(requeueAfterMs, Math.min((at - since) / 10, MAX_PAUSE_MS));
  const askedFor = answer instanceof ClusterFault ? answer.retryAfterMs : 0;
  return { to: 'waiting', afterMs: Math.ceil(Math.min(Math.max(pause, askedFor), deadline - at)) };
}
