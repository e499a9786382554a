/** When a message that follows from the one in hand is due, whatever the clocks of broker and host say. */
import { DAY_MS } from '../duration.ts';

/**
 * When a delay begins, in milliseconds since the Unix epoch: now, or when the message in hand was enqueued if that is later. The broker delivers by
 * its own clock, so a clock here that is behind would have a message come before its delay is over, and spin.
 *
 * @param now in milliseconds since the Unix epoch
 * @param enqueuedTime as the host's trigger metadata has it
 */
export function delayStart(now: number, enqueuedTime: unknown): number {
  const enqueuedAt = enqueuedAtOf(enqueuedTime);
  // A field of the body may stand in its place, and say anything.
  if (enqueuedAt === undefined || Math.abs(enqueuedAt - now) > MAX_DIFFERENCE_MS) return now;
  return Math.max(now, enqueuedAt);
}

/** How long a message had been due; undefined when that is not known. The parameters are as above. */
export function lagMs(now: number, enqueuedTime: unknown): number | undefined {
  const enqueuedAt = enqueuedAtOf(enqueuedTime);
  // A field of the body may say anything here too, and no message lives longer.
  if (enqueuedAt === undefined || now - enqueuedAt > MAX_AGE_MS) return undefined;
  return Math.max(0, now - enqueuedAt);
}

function enqueuedAtOf(enqueuedTime: unknown): number | undefined {
  if (typeof enqueuedTime !== 'string' || !WITH_ZONE.test(enqueuedTime)) return undefined;
  const at = Date.parse(enqueuedTime);
  return Number.isNaN(at) ? undefined : at;
}

/** Without a zone it would be read as local time. */
const WITH_ZONE = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$/;

const MAX_DIFFERENCE_MS = 60 * 60_000;
const MAX_AGE_MS = 14 * DAY_MS;
