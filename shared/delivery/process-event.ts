/** An event at its handler: claim, execute, complete. */
import { ConflictError } from '../errors.ts';
import type { DeliveryRun } from './delivery-run.ts';
import { SendError } from './follow-up-messages.ts';

/** More than two at odds over one record is rare, and each round needs somebody else's progress. */
const MAX_ROUNDS = 5;

/**
 * Takes the event as far as its message can: to its end, or to where another message drives it.
 *
 * @throws SendError when that other message could not be sent
 */
export async function processEvent(run: DeliveryRun): Promise<void> {
  for (let round = 1; ; round++) {
    let isClaimed = false;
    try {
      const claimed = await run.claim();
      if (!claimed) return;
      isClaimed = true;
      return await run.complete(claimed, await run.execute(claimed.value));
    } catch (error) {
      if (error instanceof SendError) throw error;
      // Somebody else moved the record, or the answer to our own write was lost: what it says now decides.
      if (error instanceof ConflictError && round < MAX_ROUNDS) continue;
      return run.followUps.retryUnrecorded(error, { runId: run.id, isClaimed });
    }
  }
}
