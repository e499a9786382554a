/** When to try again. Pure: the random source is an argument. */

/** How often a handler is run for one event before the event is parked. A recheck is not a try and starts anew. */
export const MAX_TRIES = 12;

const LEAST_MS = 1_000;
const MOST_MS = 5 * 60_000;
/** Bounds of 1 s, 3 s, 9 s … 5 min, 5 min: about half an hour in twelve tries. */
const GROWTH = 3;
/** A service that asks for more than this is not believed. */
const LONGEST_RETRY_AFTER_MS = 60 * 60_000;

/**
 * The wait after so many failed tries: exponential with full jitter, so that a thousand events that failed together
 * do not come back together, and never before the service said it wants to be asked again.
 *
 * @param random yields numbers from 0 (inclusive) to 1 (exclusive)
 */
export function backoffMs(tries: number, random: () => number, retryAfterMs = 0): number {
  const bound = Math.min(MOST_MS, LEAST_MS * GROWTH ** Math.max(0, tries - 1));
  const jittered = Math.max(LEAST_MS, Math.floor(random() * bound));
  return Math.max(jittered, Math.min(retryAfterMs, LONGEST_RETRY_AFTER_MS));
}
