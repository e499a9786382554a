/** When a message that follows from the one in hand is due, whatever the clocks of broker and host say. */

/**
 * When a delay begins, in milliseconds since the Unix epoch: now, or when the message in hand was enqueued if that is later. The broker delivers by
 * its own clock, so a clock here that is behind would have a message come before its delay is over, and spin.
 *
 * @param now in milliseconds since the Unix epoch
 * @param enqueuedTime as the host's trigger metadata has it
 */
export function delayStart(now: number, enqueuedTime: unknown): number {
  if (typeof enqueuedTime !== 'string' || !WITH_ZONE.test(enqueuedTime)) return now;
  const enqueuedAt = Date.parse(enqueuedTime);
  // A field of the body may stand in its place, and say anything.
  return Math.abs(enqueuedAt - now) <= MAX_DIFFERENCE_MS ? Math.max(now, enqueuedAt) : now;
}

/** Without a zone it would be read as local time. */
const WITH_ZONE = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$/;

const MAX_DIFFERENCE_MS = 60 * 60_000;
