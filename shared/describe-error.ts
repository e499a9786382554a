/**
 * What an error says. Libraries hide the reason: an SDK that gave up after several attempts throws an `AggregateError`
 * without a message, `fetch` says `fetch failed` and keeps why as its cause, and a name with two addresses is refused as an
 * `AggregateError` again.
 */

/** Causes may go in circles. */
const DEEPEST = 5;

/** The reason in words, for people; each of several once. Never empty. */
export function describeError(error: unknown, depth = 0): string {
  if (!(error instanceof Error)) return String(error) || 'unknown error';
  const { message, cause } = error;
  const isEmpty = message === '' || message === 'fetch failed';
  if (isEmpty && depth < DEEPEST) {
    const inner = error instanceof AggregateError ? error.errors : cause === undefined ? [] : [cause];
    if (inner.length > 0) return [...new Set(inner.map((one) => describeError(one, depth + 1)))].join('; ');
  }
  const { code } = error as { code?: unknown };
  return message || (typeof code === 'string' && code) || error.name;
}

/** The errors of all attempts, oldest first; of an error that is none of several, itself. */
export function attemptsIn(error: unknown): readonly unknown[] {
  return error instanceof AggregateError && error.errors.length > 0 ? error.errors.flatMap(attemptsIn) : [error];
}
