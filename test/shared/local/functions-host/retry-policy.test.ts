import { expect, it } from 'vitest';
import type { RetryContext, RetryOptions } from '../../../../shared/local/functions-host/core-module.ts';
import { withRetries } from '../../../../shared/local/functions-host/retry-policy.ts';

/** Runs what fails so many times; the waits, what each attempt was told, and the outcome. */
async function retried(policy: RetryOptions | undefined, failures: number) {
  const waits: number[] = [];
  const contexts: (RetryContext | undefined)[] = [];
  const clock = { random: () => 0.5, wait: async (ms: number) => void waits.push(ms) };
  const run = async (context: RetryContext | undefined): Promise<string> => {
    contexts.push(context);
    if (contexts.length <= failures) throw new Error(`failure ${contexts.length}`);
    return 'done';
  };
  const outcome = await withRetries(policy, run, clock).catch((error: Error) => error.message);
  return { waits, contexts, outcome };
}

it('runs once without a policy, and tells the function of no attempt', async () => {
  expect(await retried(undefined, 1)).toEqual({ waits: [], contexts: [undefined], outcome: 'failure 1' });
});

it('waits the same between attempts, and rejects with the last failure', async () => {
  const policy = { retryStrategy: 'fixedDelay', maxRetryCount: 2, delayInterval: { seconds: 3 } };

  const { waits, contexts, outcome } = await retried(policy, 9);

  expect([waits, outcome]).toEqual([[3_000, 3_000], 'failure 3']);
  expect(contexts.map((context) => [context?.retryCount, context?.exception?.message])).toEqual([
    [0, undefined],
    [1, 'failure 1'],
    [2, 'failure 2'],
  ]);
});

it('ends with the first success', async () => {
  const policy = { retryStrategy: 'fixedDelay', maxRetryCount: 5, delayInterval: { seconds: 0 } };

  expect(await retried(policy, 1)).toMatchObject({ waits: [0], outcome: 'done' });
});

it('goes on without end when told to', async () => {
  const policy = { retryStrategy: 'fixedDelay', maxRetryCount: -1, delayInterval: { seconds: 0 } };

  expect((await retried(policy, 100)).contexts).toHaveLength(101);
});

it('waits longer each time of an exponential policy, up to its maximum', async () => {
  const [minimumInterval, maximumInterval] = [{ seconds: 2 }, { seconds: 10 }];
  const policy = { retryStrategy: 'exponentialBackoff', maxRetryCount: 5, minimumInterval, maximumInterval };

  expect((await retried(policy, 9)).waits).toEqual([2_000, 4_000, 6_000, 10_000, 10_000]);
});
