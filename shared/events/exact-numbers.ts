/**
 * Numbers that JavaScript cannot hold: `4603086877212508601` becomes `4603086877212508700`. In fields that this build does
 * not declare they are carried as a text that no event may hold, and written as the number that came. Fields that are
 * declared hold plain numbers.
 */
import { $ZodObject, $ZodOptional } from 'zod/v4/core';

/** Where a number stands, and its digits. */
export interface ExactNumber {
  readonly path: readonly string[];
  readonly digits: string;
}

/** NUL is refused in what senders write, so that no text of theirs is taken for a number. */
const MARK = '\0number:';

/** Numbers with fewer digits in a row are held as they are, or as they are told apart by nobody. */
const MANY_DIGITS = /\d{16}/;

/** Whether `JSON.parse` may change a number of this text. */
export function hasLongNumbers(json: string): boolean {
  return MANY_DIGITS.test(json);
}

const TOKEN = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*|[{}[\],:]/g;

/** An event has fewer levels, and a path takes memory. */
const MAX_LEVELS = 64;

/** The numbers of a text in JSON that `JSON.parse` would change. The text must be what that accepts. */
export function exactNumbersIn(json: string): ExactNumber[] {
  if (!hasLongNumbers(json)) return [];
  const found: ExactNumber[] = [];
  // One for each open object or list: the name or the index of what comes next.
  const path: (string | number)[] = [];
  let text = '';
  for (const [token] of json.matchAll(TOKEN)) {
    const at = path.length - 1;
    const key = path[at];
    if (token === '{') path.push('');
    else if (token === '[') path.push(0);
    else if (token === '}' || token === ']') path.pop();
    else if (token === ',') path[at] = typeof key === 'number' ? key + 1 : '';
    else if (token === ':') path[at] = String(JSON.parse(text));
    else if (token.startsWith('"')) text = token;
    else if (path.length <= MAX_LEVELS && MANY_DIGITS.test(token) && JSON.stringify(Number(token)) !== token) {
      found.push({ path: path.map(String), digits: token });
    }
  }
  return found;
}

/** Those of a part, by their paths in it. */
export function exactNumbersAt(exact: readonly ExactNumber[], ...prefix: readonly string[]): ExactNumber[] {
  return exact
    .filter(({ path }) => prefix.every((key, n) => path[n] === key))
    .map(({ path, digits }) => ({ path: path.slice(prefix.length), digits }));
}

/** Puts the numbers into a value that was parsed from their text, wherever `isOpen` says that no plain number is needed. */
export function putExactNumbers(
  value: unknown,
  exact: readonly ExactNumber[],
  isOpen: (path: readonly string[]) => boolean = () => true,
): void {
  // The last of several fields of one name counts.
  for (const { path, digits } of exact.toReversed()) {
    const parent = path.slice(0, -1).reduce<unknown>(fieldOf, value);
    const name = path.at(-1) ?? '';
    // An upgrade may have moved the field, or made something else of it.
    if (isOpen(path) && fieldOf(parent, name) === Number(digits)) Reflect.set(parent as object, name, MARK + digits);
  }
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? Reflect.get(value, name)
    : undefined;
}

/** Whether a schema declares a field, or what it is part of. */
export function isDeclared(schema: unknown, path: readonly string[]): boolean {
  const [name, ...rest] = path;
  if (schema instanceof $ZodOptional) return isDeclared(schema._zod.def.innerType, path);
  if (name === undefined || !(schema instanceof $ZodObject)) return true;
  return Object.hasOwn(schema._zod.def.shape, name) && isDeclared(schema._zod.def.shape[name], rest);
}

/** A value as JSON, exact numbers as the digits that came. */
export function exactJson(value: unknown): string {
  const json = JSON.stringify(value);
  // A literal of its own: a quote within a text has a backslash before it, and a name has a colon behind it.
  return json?.includes('\\u0000number:') ? json.replace(/(?<!\\)"\\u0000number:([-+.\deE]+)"(?!:)/g, '$1') : json;
}
