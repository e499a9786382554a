/** What a transaction of the state store takes: as Table Storage has it, so that what works in memory works there. */
import { PermanentError } from '../errors.ts';
import type { Operation } from '../ports/state.ts';

const MAX_OPERATIONS = 100;
const MAX_BYTES = 4 * 1024 * 1024;
/** So few are never too large, as no value takes more than 700 KiB (`stored-value.ts`); measuring would double the work. */
const NEVER_TOO_LARGE = 4;

/** Keys and headers of one operation, as they are sent. */
const OVERHEAD = 2 * 1024;
/** Longer values are sent as bytes in base64 (`table-entity.ts`). */
const MAX_TEXT = 32 * 1024;

/** @throws PermanentError when these are too few, too many or too large for one transaction, or name a key twice */
export function checkOperations(operations: readonly Operation[]): void {
  if (operations.length < 1 || operations.length > MAX_OPERATIONS) {
    throw new PermanentError(`a transaction takes 1 to ${MAX_OPERATIONS} operations, got ${operations.length}`);
  }
  const keys = new Set<string>();
  for (const { key } of operations) {
    if (keys.has(key)) throw new PermanentError(`a transaction changes each key once, got '${key}' twice`);
    keys.add(key);
  }
  if (operations.length <= NEVER_TOO_LARGE) return;
  const bytes = operations.reduce((sum, operation) => sum + bytesOf(operation), 0);
  if (bytes > MAX_BYTES) {
    throw new PermanentError(`operations take ${bytes} bytes; a transaction takes at most ${MAX_BYTES}`);
  }
}

/** At most, as it is sent: a value may have copies of its fields beside it. */
function bytesOf(operation: Operation): number {
  if (operation.kind === 'delete') return OVERHEAD;
  const json = JSON.stringify(operation.value) ?? '';
  if (json.length > MAX_TEXT) return OVERHEAD + 2 * MAX_TEXT + Math.ceil((Buffer.byteLength(json) * 4) / 3);
  return OVERHEAD + 2 * Buffer.byteLength(JSON.stringify(json));
}
