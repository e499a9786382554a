/**
 * Health checks that the configuration names no objective for. Senders of checks can make names up, so nothing
 * is kept by name: one counter for all of them, and at most one notification an hour.
 */

import type { StateStore } from '../ports/state.ts';
import { updateDocument } from '../update-document.ts';
import { withKeyLock } from './key-lock.ts';

const PARTITION = 'counters';
const KEY = 'checks-without-objective';
const QUIET_MS = 3_600_000;

interface Counter {
  /** A check that is handled again after a crash may count twice. */
  readonly count: number;
  /** When the last notification was sent, in milliseconds since the Unix epoch. */
  readonly notifiedAt: number;
  /** The key of the event that it was sent for: handled again, it sends it again. */
  readonly notifiedBy: string;
}

/**
 * Counts a check, by its key.
 *
 * @returns how many there were, when this check is the one to notify people
 */
export async function countUnlisted(state: StateStore, by: string, now: number): Promise<number | undefined> {
  const { count, notifiedBy } = await withKeyLock(state, KEY, () =>
    updateDocument<Counter>(state, PARTITION, KEY, (found) => {
      if (found?.notifiedBy === by) return found;
      const count = (found?.count ?? 0) + 1;
      return found && now < found.notifiedAt + QUIET_MS
        ? { ...found, count }
        : { count, notifiedAt: now, notifiedBy: by };
    }),
  );
  return notifiedBy === by ? count : undefined;
}

/** How many such checks were counted since the beginning. */
export async function unlistedChecks(state: StateStore): Promise<number> {
  return (await state.get<Counter>(PARTITION, KEY))?.value.count ?? 0;
}
