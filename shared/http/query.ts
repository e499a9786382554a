/** What the HTTP functions that list things read from their query. Every error is a 400 that names the parameter. */
import { isAttributeText } from '../events/text.ts';
import { ProblemError } from './problem.ts';

const MAX_LIMIT = 1_000;
/** No attribute of an event is longer. */
const MAX_LENGTH = 1_024;

/** The parameters of a list that is returned in pages, for the reference page. */
export const PAGE_PARAMETERS = {
  limit: `How many at most, 1 to ${MAX_LIMIT}; 100 when absent.`,
  cursor: 'Where to continue: the `next` of the previous answer.',
} as const;

/** The answer to a parameter that is wrong or not known, for the reference page. */
export const WRONG_PARAMETER = 'A parameter is not known, or its value does not fit; the title names it.';

/**
 * Everything but these, and the function key, is refused: a filter that is misspelt must not be ignored. So is what no
 * event could hold.
 */
export function refuseUnknown(query: URLSearchParams, known: Readonly<Record<string, string>>): void {
  for (const [name, value] of query) {
    if (name === 'code') continue;
    if (!Object.hasOwn(known, name))
      throw wrong(name.slice(0, 100), `one of ${Object.keys(known).join(', ')}`, 'this parameter');
    if (value.length > MAX_LENGTH) throw wrong(name, `at most ${MAX_LENGTH} characters`, value);
    if (!isAttributeText(value)) throw wrong(name, 'text without control characters', value);
  }
}

/** Milliseconds since the Unix epoch. */
export function timeIn(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null) return undefined;
  const time = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d))?$/i.test(text) ? Date.parse(text) : NaN;
  if (Number.isNaN(time)) throw wrong(name, 'an RFC 3339 time such as 2026-03-01T12:00:00Z', text);
  return time;
}

/** How many are asked for; 100 unless said. */
export function limitIn(query: URLSearchParams): number {
  const text = query.get('limit') ?? '100';
  const limit = /^[1-9][0-9]*$/.test(text) ? Number(text) : NaN;
  if (!(limit <= MAX_LIMIT)) throw wrong('limit', `a whole number from 1 to ${MAX_LIMIT}`, text);
  return limit;
}

export function wrong(name: string, expected: string, got: string | undefined): ProblemError {
  const shown = got === undefined ? 'nothing' : `'${got.length > 120 ? `${got.slice(0, 117)}...` : got}'`;
  return new ProblemError(400, `${name}: expected ${expected}, got ${shown}`);
}
