/**
 * The `retry` of a function, as the WebJobs SDK acts on it for every trigger that does not refuse one: in process, all
 * attempts of a delivery under one lock. So 2 retries and 3 deliveries are 9 runs.
 */
import type { RetryContext, RetryOptions } from './core-module.ts';

export interface RetryClock {
  /** From 0 (inclusive) to 1 (exclusive). */
  readonly random: () => number;
  wait(ms: number): Promise<void>;
}

const systemClock: RetryClock = {
  random: Math.random,
  wait: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
};

/**
 * Runs a function until it succeeds or the policy ends, and rejects with the last failure. Without a policy it runs once,
 * and is told of no attempt.
 */
export async function withRetries<Result>(
  policy: RetryOptions | undefined,
  run: (attempt: RetryContext | undefined) => Promise<Result>,
  clock: RetryClock = systemClock,
): Promise<Result> {
  if (!policy) return run(undefined);
  // -1 is without end.
  const { maxRetryCount = 0 } = policy;
  let failure: unknown;
  for (let retryCount = 0; ; retryCount++) {
    try {
      return await run({ retryCount, maxRetryCount, ...(retryCount > 0 && { exception: exceptionOf(failure) }) });
    } catch (error) {
      failure = error;
      if (maxRetryCount !== -1 && retryCount >= maxRetryCount) throw error;
      await clock.wait(delayMs(policy, retryCount, clock.random));
    }
  }
}

function exceptionOf(error: unknown): NonNullable<RetryContext['exception']> {
  return error instanceof Error
    ? { message: error.message, stackTrace: error.stack ?? '' }
    : { message: String(error), stackTrace: '' };
}

/** Of an exponential policy the first delay is the minimum; each later one adds to it twice what the one before did. */
function delayMs(policy: RetryOptions, retryCount: number, random: () => number): number {
  const ms = ({ seconds = 0 }: { seconds?: number } = {}): number => seconds * 1000;
  if (policy.retryStrategy?.toLowerCase() !== 'exponentialbackoff') return ms(policy.delayInterval);
  const minimum = ms(policy.minimumInterval);
  const added = retryCount === 0 ? 0 : (0.8 + 0.4 * random()) * 2 ** (retryCount - 1) * minimum;
  return Math.min(minimum + added, ms(policy.maximumInterval));
}
