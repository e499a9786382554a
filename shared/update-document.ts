/** Changing a stored document without losing anybody else's change. */
import { ConflictError } from './errors.ts';
import type { Operation, StateStore, Stored } from './ports/state.ts';

/** So many conflicts in a row mean that something else is wrong; the delivery attempts again later. */
const MAX_CONFLICTS = 10;

/** What `change` returns to have the document deleted. */
export const DELETE = Symbol('delete');

/** What is written in one transaction with a document, in its partition: such as the row that a list finds it by. */
export type WrittenBeside<T> = (before: T | undefined, after: T) => readonly Operation[];

/**
 * Reads a document, lets `change` decide, and writes the outcome if the document still is what was read; otherwise
 * decides again on what is there now. `change` must have no effects: it may run several times. Returning what it
 * got (the same object, or undefined) writes nothing; returning `DELETE` deletes the document.
 *
 * @returns what is stored now; undefined when nothing is
 * @throws ConflictError when others kept changing it
 */
export async function updateDocument<T>(
  state: StateStore,
  partition: string,
  key: string,
  change: (current: T | undefined) => T,
  beside?: WrittenBeside<T>,
): Promise<T>;
export async function updateDocument<T>(
  state: StateStore,
  partition: string,
  key: string,
  change: (current: T | undefined) => T | typeof DELETE | undefined,
  beside?: WrittenBeside<T>,
): Promise<T | undefined>;
export async function updateDocument<T>(
  state: StateStore,
  partition: string,
  key: string,
  change: (current: T | undefined) => T | typeof DELETE | undefined,
  beside: WrittenBeside<T> = () => [],
): Promise<T | undefined> {
  for (let attempt = 1; ; attempt++) {
    const stored = await state.get<T>(partition, key);
    const decided = change(stored?.value);
    const next = decided === DELETE ? undefined : decided;
    try {
      if (decided === DELETE) await (stored && state.delete(partition, key, stored.etag));
      else if (next !== undefined && next !== stored?.value) {
        await write(state, partition, { key, value: next, stored }, beside(stored?.value, next));
      }
      return next;
    } catch (error) {
      if (!(error instanceof ConflictError) || attempt >= MAX_CONFLICTS) throw error;
    }
  }
}

async function write<T>(
  state: StateStore,
  partition: string,
  { key, value, stored }: { readonly key: string; readonly value: T; readonly stored: Stored<T> | undefined },
  others: readonly Operation[],
): Promise<void> {
  if (others.length > 0) {
    const own: Operation = stored ? { kind: 'put', key, value, etag: stored.etag } : { kind: 'insert', key, value };
    await state.transact(partition, [own, ...others]);
  } else if (stored) await state.put(partition, key, value, stored.etag);
  else await state.insert(partition, key, value);
}

/**
 * The store for one run that changes one document several times: what it read and wrote, it does not read again. Another's
 * change is not lost, since every write here is guarded: one that fails makes it forget, and `update` decides anew.
 */
export function readOnce(state: StateStore): StateStore {
  const known = new Map<string, Stored<unknown>>();
  const idOf = (partition: string, key: string): string => JSON.stringify([partition, key]);
  const write = async (id: string, key: string, value: unknown, work: Promise<string>): Promise<string> => {
    known.delete(id);
    const etag = await work;
    known.set(id, { key, value, etag });
    return etag;
  };
  return {
    get: async <T>(partition: string, key: string) => {
      const id = idOf(partition, key);
      const found = known.get(id) ?? (await state.get<T>(partition, key));
      if (found) known.set(id, found);
      // What was read or written under a key has the type that its users agree on.
      return found as Stored<T> | undefined;
    },
    insert: (partition, key, value) => write(idOf(partition, key), key, value, state.insert(partition, key, value)),
    put: (partition, key, value, etag) =>
      write(idOf(partition, key), key, value, state.put(partition, key, value, etag)),
    delete: (partition, key, etag) => {
      known.clear();
      return state.delete(partition, key, etag);
    },
    transact: async (partition, operations) => {
      for (const { key } of operations) known.delete(idOf(partition, key));
      const etags = await state.transact(partition, operations);
      for (const [index, operation] of operations.entries()) {
        const etag = etags[index];
        if (operation.kind === 'delete' || etag === undefined) continue;
        const { key, value } = operation;
        known.set(idOf(partition, key), { key, value, etag });
      }
      return etags;
    },
    query: (partition, query) => state.query(partition, query),
    ping: () => state.ping(),
  };
}
