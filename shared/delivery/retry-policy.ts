/** When to try again. Pure: the random source is an argument. */

/** How often a handler is run for one event before the event is dead-lettered. A requeueAfter is not a try and starts anew. */
export const MAX_ATTEMPTS = 12;

const MIN_MS = 1_000;
const MAX_MS = 5 * 60_000;
/** Bounds of 1 s, 3 s, 9 s … 5 min, 5 min: about half an hour in twelve attempts. */
const GROWTH = 3;
/** A service that asks for more than this is not believed. */
const MAX_RETRY_AFTER_MS = 60 * 60_000;

/**
 * The wait after so many failed attempts: exponential with full jitter, so that a thousand events that failed together
 * do not come back together, and never before the service said it wants to be asked again.
 *
 * @param random yields numbers from 0 (inclusive) to 1 (exclusive)
 */
export function backoffMs(attempts: number, random: () => number, retryAfterMs = 0): number {
  const bound = Math.min(MAX_MS, MIN_MS * GROWTH ** Math.max(0, attempts - 1));
  const jittered = Math.max(MIN_MS, Math.floor(random() * bound));
  return Math.max(jittered, Math.min(retryAfterMs, MAX_RETRY_AFTER_MS));
}
