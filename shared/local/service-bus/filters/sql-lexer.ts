/**
 * The tokens of SQL filters and actions.
 *
 * @see https://learn.microsoft.com/azure/service-bus-messaging/service-bus-messaging-sql-filter
 */
import { Float } from '../core/message.ts';

/** An expression is wrong. */
export class SqlSyntaxError extends Error {
  /** The wrong character, counted from 1. */
  readonly position: number;

  constructor(problem: string, position: number) {
    super(`${problem} at position ${position}`);
    this.name = 'SqlSyntaxError';
    this.position = position;
  }
}

export type SqlToken = {
  /** The position of its first character, counted from 1. */
  readonly at: number;
  /** As written in the expression, for error messages. */
  readonly text: string;
} & (
  | { readonly kind: 'word'; readonly word: string }
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'constant'; readonly value: string | number | bigint | Float }
  | { readonly kind: 'parameter'; readonly name: string }
  | { readonly kind: 'symbol'; readonly symbol: string }
  | { readonly kind: 'end' }
);

/**
 * The service refuses longer expressions: https://learn.microsoft.com/azure/service-bus-messaging/service-bus-quotas
 */
const MAX_EXPRESSION = 1024;

const SPACE = /\s+/y;
const WORD = /\p{L}[\p{L}\p{Nd}_]*/uy;
const NUMBER = /[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?/y;
const PARAMETER = /@[\p{L}_][\p{L}\p{Nd}_]*/uy;
const SYMBOL = /<>|!=|>=|<=|[=<>+\-*/%(),.;]/y;
/** A doubled closing quote means one such character. */
const QUOTED: readonly (readonly [string, string, RegExp])[] = [
  ["'", "'", /'((?:[^']|'')*)'/y],
  ['"', '"', /"((?:[^"]|"")*)"/y],
  ['[', ']', /\[((?:[^\]]|\]\])*)\]/y],
];

/** @throws SqlSyntaxError */
export function tokenize(expression: string): SqlToken[] {
  if (expression.length > MAX_EXPRESSION) {
    const problem = `the expression has ${expression.length} characters, at most ${MAX_EXPRESSION} are allowed: too long`;
    throw new SqlSyntaxError(problem, MAX_EXPRESSION + 1);
  }
  const tokens: SqlToken[] = [];
  let index = 0;
  const match = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = index;
    return pattern.exec(expression);
  };
  for (;;) {
    index += match(SPACE)?.[0].length ?? 0;
    if (index >= expression.length) break;
    const token = quoted(expression, index) ?? plain(match, index);
    if (!token)
      throw new SqlSyntaxError(
        `unexpected character '${String.fromCodePoint(expression.codePointAt(index) ?? 0)}'`,
        index + 1,
      );
    tokens.push(token);
    index += token.text.length;
  }
  tokens.push({ kind: 'end', at: expression.length + 1, text: '' });
  return tokens;
}

function quoted(expression: string, index: number): SqlToken | undefined {
  const style = QUOTED.find(([open]) => expression[index] === open);
  if (!style) return undefined;
  const [open, close, pattern] = style;
  pattern.lastIndex = index;
  const found = pattern.exec(expression);
  if (!found) throw new SqlSyntaxError(`the ${open} is not closed by ${close}`, index + 1);
  const value = (found[1] ?? '').replaceAll(close + close, close);
  const base = { at: index + 1, text: found[0] };
  if (open === "'") return { ...base, kind: 'constant', value };
  if (value === '') throw new SqlSyntaxError('a property name is empty', index + 1);
  return { ...base, kind: 'name', name: value };
}

function plain(match: (pattern: RegExp) => RegExpExecArray | null, index: number): SqlToken | undefined {
  const at = index + 1;
  const word = match(WORD)?.[0];
  if (word !== undefined) return { kind: 'word', at, text: word, word };
  const number = match(NUMBER);
  if (number) return { kind: 'constant', at, text: number[0], value: readNumber(number, at) };
  const parameter = match(PARAMETER)?.[0];
  if (parameter !== undefined) return { kind: 'parameter', at, text: parameter, name: parameter };
  const symbol = match(SYMBOL)?.[0];
  return symbol === undefined ? undefined : { kind: 'symbol', at, text: symbol, symbol };
}

function readNumber([text, fraction, exponent]: RegExpExecArray, at: number): number | bigint | Float {
  if (fraction !== undefined || exponent !== undefined) return new Float(Number(text));
  const value = BigInt(text);
  if (value > 0x7fff_ffff_ffff_ffffn) throw new SqlSyntaxError(`the integer ${text} does not fit into 64 bits`, at);
  return Number.isSafeInteger(Number(value)) ? Number(value) : value;
}
