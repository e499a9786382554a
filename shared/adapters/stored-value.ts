/** What every state store holds alike: values as JSON of a bounded size, and how a query chooses among them. */
import { PermanentError } from '../errors.ts';
import type { Query } from '../ports/state.ts';

/** The limit of Table Storage, in UTF-8; the others keep it, so that what works there works in Azure. */
const MAX_VALUE_BYTES = 700 * 1024;

/** @throws PermanentError when JSON cannot hold the value, or it takes more than 700 KiB */
export function jsonOfValue(value: unknown): string {
  const json = JSON.stringify(value);
  if (json === undefined) throw new PermanentError(`expected a value that JSON can hold, got ${String(value)}`);
  // No text takes more than three bytes a character.
  const bytes = json.length * 3 <= MAX_VALUE_BYTES ? 0 : Buffer.byteLength(json);
  if (bytes > MAX_VALUE_BYTES) {
    throw new PermanentError(`value takes ${bytes} bytes; the state store takes at most ${MAX_VALUE_BYTES}`);
  }
  return json;
}

/** Whether the top-level fields of a value equal those of a query. */
export function matchesWhere(value: unknown, where: NonNullable<Query['where']>): boolean {
  return Object.entries(where).every(
    ([name, wanted]) => typeof value === 'object' && value !== null && Reflect.get(value, name) === wanted,
  );
}
