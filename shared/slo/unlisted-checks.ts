/**
 * Health checks of services that the configuration names no objective for. Whoever may send checks can make names up, so
 * nothing is kept by name: one counter for all of them, and at most one notification an hour.
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
  /** When somebody was told last, in milliseconds since the Unix epoch. */
  readonly toldAt: number;
  /** The event that they were told by: handled again, it tells them again. */
  readonly toldBy: string;
}

/**
 * Counts a check.
 *
 * @returns how many there were, when this check is the one to tell it
 */
export async function countUnlisted(state: StateStore, eventId: string, now: number): Promise<number | undefined> {
  const { count, toldBy } = await withKeyLock(state, KEY, () =>
    updateDocument<Counter>(state, PARTITION, KEY, (found) => {
      if (found?.toldBy === eventId) return found;
      const count = (found?.count ?? 0) + 1;
      return found && now < found.toldAt + QUIET_MS ? { ...found, count } : { count, toldAt: now, toldBy: eventId };
    }),
  );
  return toldBy === eventId ? count : undefined;
}

/** How many checks were counted so, ever. */
export async function unlistedChecks(state: StateStore): Promise<number> {
  return (await state.get<Counter>(PARTITION, KEY))?.value.count ?? 0;
}
