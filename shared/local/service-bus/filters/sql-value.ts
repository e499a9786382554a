/** Values of filter expressions. Types, arithmetic and comparison follow C#, as the service documents them. */

import { parseIsoDuration } from '../config/iso-duration.ts';
import { FilterError } from '../core/broker-error.ts';
import { Float, type PropertyValue } from '../core/message.ts';

/** Undefined for a property that is absent or null, and for every operation on such a value. */
export type Value = Exclude<PropertyValue, null> | TimeSpan | undefined;

/** The time between two times, such as a time to live; `Infinity` for one without end. */
export class TimeSpan {
  readonly ms: number;

  constructor(ms: number) {
    this.ms = ms;
  }
}

function isNumeric(value: Value): value is number | bigint | Float {
  return typeof value === 'number' || typeof value === 'bigint' || value instanceof Float;
}

function isFloating(value: number | bigint | Float): boolean {
  return value instanceof Float || (typeof value === 'number' && !Number.isInteger(value));
}

function toNumber(value: number | bigint | Float): number {
  return value instanceof Float ? value.value : Number(value);
}

function fromFloating(value: number): number | Float {
  return Number.isInteger(value) ? new Float(value) : value;
}

/** Wraps around at 64 bits, as in C# without overflow checks. */
function fromInteger(value: bigint): number | bigint {
  const wrapped = BigInt.asIntN(64, value);
  const small = Number(wrapped);
  return Number.isSafeInteger(small) ? small : wrapped;
}

function describe(value: Value): string {
  if (typeof value === 'string') return `the string '${value.slice(0, 40)}'`;
  if (value instanceof Date) return 'a time';
  if (value instanceof TimeSpan) return 'a time span';
  if (value instanceof Uint8Array) return 'bytes';
  return `${typeof value === 'boolean' ? 'the boolean' : 'the number'} ${value instanceof Float ? value.value : value}`;
}

/** @throws FilterError when the operator does not take such values, or when an integer is divided by zero */
export function calculate(operator: '+' | '-' | '*' | '/' | '%', left: Value, right: Value): Value {
  if (left === undefined || right === undefined) return undefined;
  if (isNumeric(left) && isNumeric(right)) {
    return isFloating(left) || isFloating(right)
      ? fromFloating(calculateFloating(operator, toNumber(left), toNumber(right)))
      : calculateIntegers(operator, left, right);
  }
  if (operator === '+' && (typeof left === 'string' || typeof right === 'string'))
    return sqlText(left) + sqlText(right);
  const time = calculateTime(operator, left, right);
  if (time) return time;
  throw new FilterError(`'${operator}' cannot be applied to ${describe(left)} and ${describe(right)}`);
}

/** Times and time spans, as in C#. */
function calculateTime(operator: string, left: Value, right: Value): Value {
  const sign = operator === '+' ? 1 : operator === '-' ? -1 : undefined;
  if (sign === undefined) return undefined;
  if (left instanceof TimeSpan && right instanceof TimeSpan) return new TimeSpan(left.ms + sign * right.ms);
  if (!(left instanceof Date)) return undefined;
  if (right instanceof TimeSpan) return new Date(left.getTime() + sign * right.ms);
  return right instanceof Date && sign < 0 ? new TimeSpan(left.getTime() - right.getTime()) : undefined;
}

function calculateFloating(operator: string, left: number, right: number): number {
  if (operator === '+') return left + right;
  if (operator === '-') return left - right;
  if (operator === '*') return left * right;
  return operator === '/' ? left / right : left % right;
}

function calculateIntegers(operator: string, left: number | bigint | Float, right: number | bigint | Float): Value {
  const a = BigInt(left.valueOf());
  const b = BigInt(right.valueOf());
  if (operator === '+') return fromInteger(a + b);
  if (operator === '-') return fromInteger(a - b);
  if (operator === '*') return fromInteger(a * b);
  if (b === 0n) throw new FilterError(`the integer ${a} cannot be divided by zero`);
  return fromInteger(operator === '/' ? a / b : a % b);
}

/** @throws FilterError when the value is not a number */
export function negate(value: Value): Value {
  if (value === undefined) return undefined;
  if (!isNumeric(value)) throw new FilterError(`'-' cannot be applied to ${describe(value)}`);
  return isFloating(value) ? fromFloating(-toNumber(value)) : fromInteger(-BigInt(value.valueOf()));
}

export function sqlText(value: Exclude<Value, undefined>): string {
  if (value instanceof Date) return value.toISOString();
  if (value instanceof TimeSpan) return `${value.ms / 1000}`;
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  return String(value instanceof Float ? value.value : value);
}

/** `[d.]hh:mm[:ss[.fffffff]]`, as .NET writes time spans. */
const SPAN = /^(?:(\d+)\.)?(\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,7}))?)?$/;

/** The time span that a value or its text stands for. @throws FilterError when it stands for none */
export function toTimeSpan(value: Value): TimeSpan | undefined {
  if (value === undefined || value instanceof TimeSpan) return value;
  const ms = typeof value === 'string' ? (spanMs(value) ?? parseIsoDuration(value)) : undefined;
  if (ms === undefined || ms <= 0) throw new FilterError(`${describe(value)} is no time to live, such as '00:01:00'`);
  return new TimeSpan(ms);
}

function spanMs(text: string): number | undefined {
  const match = SPAN.exec(text);
  if (!match) return undefined;
  const [days = 0, hours = 0, minutes = 0, seconds = 0] = match.slice(1, 5).map((part) => Number(part ?? 0));
  if (hours > 23 || minutes > 59 || seconds > 59) return undefined;
  return (((days * 24 + hours) * 60 + minutes) * 60 + seconds + Number(`0.${match[5] ?? 0}`)) * 1000;
}

/** The time that a value or its text stands for. @throws FilterError when it stands for none */
export function toTime(value: Value): Date | undefined {
  if (value === undefined || value instanceof Date) return value;
  const time = new Date(typeof value === 'string' ? value : Number.NaN);
  if (Number.isNaN(time.getTime()))
    throw new FilterError(`${describe(value)} is no time, such as '2026-01-01T00:00:00Z'`);
  return time;
}

/** Negative, zero or positive. Undefined when the two have no order, for example because their types differ. */
export function order(left: Value, right: Value): number | undefined {
  if (left === undefined || right === undefined) return undefined;
  if (typeof left === 'string' && typeof right === 'string') return left < right ? -1 : left > right ? 1 : 0;
  if (isNumeric(left) && isNumeric(right)) {
    // Mixed comparison of bigint and number is exact in JavaScript.
    const a = left instanceof Float ? left.value : left;
    const b = right instanceof Float ? right.value : right;
    return a < b ? -1 : a > b ? 1 : a >= b ? 0 : undefined; // NaN has no order
  }
  if (left instanceof Date && right instanceof Date) return left.getTime() - right.getTime();
  if (left instanceof TimeSpan || right instanceof TimeSpan) return orderSpans(left, right);
  return undefined;
}

/** A parameter that is a time span comes as the text of its XML, `PT1M`. */
function orderSpans(left: Value, right: Value): number | undefined {
  const [a, b] = [left, right].map((value) =>
    value instanceof TimeSpan ? value.ms : typeof value === 'string' ? parseIsoDuration(value) : undefined,
  );
  if (a === undefined || b === undefined) return undefined;
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Undefined when the two cannot be compared. */
export function isEqual(left: Value, right: Value): boolean | undefined {
  if (typeof left === 'boolean' && typeof right === 'boolean') return left === right;
  if (left instanceof Uint8Array && right instanceof Uint8Array) return Buffer.from(left).equals(right);
  const result = order(left, right);
  return result === undefined ? undefined : result === 0;
}

/** `%` matches any text, `_` any character. Costs O(text × pattern) at worst. */
export function isLike(text: string, pattern: readonly LikePart[]): boolean {
  let at = 0;
  let part = 0;
  let retryAt = -1;
  let retryPart = -1;
  while (at < text.length) {
    const wanted = pattern[part];
    if (wanted === 'any') {
      retryPart = ++part;
      retryAt = at;
    } else if (wanted !== undefined && (wanted === 'one' || wanted.text === text[at])) {
      part++;
      at++;
    } else if (retryPart >= 0) {
      part = retryPart;
      at = ++retryAt;
    } else {
      return false;
    }
  }
  while (pattern[part] === 'any') part++;
  return part === pattern.length;
}

type LikePart = 'any' | 'one' | { readonly text: string };

/** @throws FilterError when the pattern ends with its escape character */
export function readPattern(pattern: string, mark: string | undefined): LikePart[] {
  const parts: LikePart[] = [];
  for (let index = 0; index < pattern.length; index++) {
    const char = pattern.charAt(index);
    if (char === mark) {
      index++;
      if (index >= pattern.length) throw new FilterError(`the pattern '${pattern}' ends with its escape character`);
      parts.push({ text: pattern.charAt(index) });
    } else {
      parts.push(char === '%' ? 'any' : char === '_' ? 'one' : { text: char });
    }
  }
  return parts;
}
