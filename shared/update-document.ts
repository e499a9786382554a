/** Changing a stored document without losing anybody else's change. */
import { ConflictError } from './errors.ts';
import type { StateStore } from './ports/state.ts';

/** Losing this often in a row means that something else is wrong; the delivery attempts again later. */
const ATTEMPTS = 10;

/**
 * Reads a document, lets `change` decide, and writes the outcome if the document still is what was read; otherwise
 * decides again on what is there now. `change` must have no effects: it may run several times. Returning what it
 * got (the same object, or undefined) writes nothing.
 *
 * @returns what is stored now
 * @throws ConflictError when others kept changing it
 */
export async function update<T>(
  state: StateStore,
  partition: string,
  key: string,
  change: (current: T | undefined) => T,
): Promise<T>;
export async function update<T>(
  state: StateStore,
  partition: string,
  key: string,
  change: (current: T | undefined) => T | undefined,
): Promise<T | undefined>;
export async function update<T>(
  state: StateStore,
  partition: string,
  key: string,
  change: (current: T | undefined) => T | undefined,
): Promise<T | undefined> {
  for (let attempt = 1; ; attempt++) {
    const stored = await state.get<T>(partition, key);
    const next = change(stored?.value);
    if (next === stored?.value || next === undefined) return next;
    try {
      if (stored) await state.put(partition, key, next, stored.etag);
      else await state.insert(partition, key, next);
      return next;
    } catch (error) {
      if (!(error instanceof ConflictError) || attempt >= ATTEMPTS) throw error;
    }
  }
}
