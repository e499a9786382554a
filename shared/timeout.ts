/** Waiting no longer than a time, and how long that is. */
import { TransientError } from './errors.ts';

/** Calls back after so many milliseconds, unless the returned function is called before. */
export type Timer = (ms: number, callback: () => void) => () => void;

export const systemTimer: Timer = (ms, callback) => {
  const handle = setTimeout(callback, ms);
  return () => clearTimeout(handle);
};

/** Rejects when the work has not ended in that time; it goes on all the same. */
export function within<T>(
  ms: number,
  timer: Timer,
  work: Promise<T>,
  lateness = (): Error => new TransientError(`no answer within ${ms} ms`),
): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = timer(ms, () => reject(lateness()));
    work.then(resolve, reject).then(cancel);
  });
}

// What one function may wait for. It has to end before the Functions host ends it, because the host then ends the whole
// worker process, and every other run with it.

/** How long a run waits for its turn: until no other has the process to itself, and then until it has. */
export const MAX_TURN_MS = 30_000;
/** A call of the state store: its attempts, and the pauses between them. */
export const STORE_ATTEMPT_MS = 4_000;
export const STORE_PAUSES_MS: readonly number[] = [150, 600];
/** How long each attempt to send waits for an answer; the last one gives a slow connection more time. */
export const SEND_ATTEMPTS_MS: readonly number[] = [4_000, 4_000, 10_000];
/** How long a message is held that is to be abandoned. */
export const MAX_HOLD_BACK_MS = 20_000;
/** What is too old is forgotten after an event that is not held back, for as long. */
export const MAX_FORGET_MS = MAX_HOLD_BACK_MS;

const sum = (numbers: readonly number[]): number => numbers.reduce((total, one) => total + one, 0);
const STORE_CALL_MS = (STORE_PAUSES_MS.length + 1) * STORE_ATTEMPT_MS + sum(STORE_PAUSES_MS);
const SEND_MS = sum(SEND_ATTEMPTS_MS);

/** The longest that a function takes beside its handler, when everything else is as slow as it may be. */
export const MAX_BESIDE_HANDLER_MS: number = sum([
  // Its turns; and its claim: a record is inserted, or else read and written.
  2 * MAX_TURN_MS,
  3 * STORE_CALL_MS,
  // What the handler publishes: a batch is made and sent. Its end is recorded, and the message that follows is sent.
  2 * SEND_MS,
  STORE_CALL_MS,
  SEND_MS,
  // That failed too.
  MAX_HOLD_BACK_MS,
]);
