/**
 * What an error says. Libraries hide the reason: an SDK that gave up after several attempts throws an `AggregateError`
 * without a message, `fetch` says `fetch failed` and keeps why as its cause, and a name with two addresses is refused as an
 * `AggregateError` again.
 */

import { PlatformError } from './errors.ts';
import { truncate } from './shown-text.ts';

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

/**
 * What an error of a library is, without its words: those may quote what was sent, read or answered, and a secret with
 * it. An adapter makes its message of this, and leaves the `cause` out, which a log would print with all its fields. An
 * error of ours speaks for itself.
 *
 * @example faultOf(error) // '403 AuthorizationFailure', 'ECONNREFUSED', 'no answer in time'
 */
export function faultOf(error: unknown): string {
  if (error instanceof PlatformError) return error.message;
  const chain = chainOf(error);
  if (chain.some(({ name }) => name === 'TimeoutError' || name === 'AbortError')) return 'no answer in time';
  const marks = chain.flatMap((one) => [statusOf(one), codeOf(one), ...(one.message.match(CODE_IN_TEXT) ?? [])]);
  const known = [...new Set(marks.filter((mark) => mark !== undefined))];
  if (known.length > 0) return known.join(' ');
  return (
    chain.map(({ name }) => name).find((name) => WORD.test(name) && !/^(Aggregate)?Error$/.test(name)) ??
    'unknown error'
  );
}

/** Why a file or a text cannot be read as JSON. The messages of our own parser are safe to show. */
export function jsonFaultOf(error: unknown): string {
  return error instanceof SyntaxError ? error.message : faultOf(error);
}

/** What Node and the SDKs call their faults: `ECONNRESET`, `MessagingEntityNotFound`, `amqp:not-found`. No key is made of letters alone. */
const WORD = /^[A-Z][A-Za-z]{1,60}$/;
const CODE = /^([A-Z][A-Z0-9_]{1,40}|[A-Z][A-Za-z]{1,60}|(amqp|com\.microsoft):[a-z-]{1,40})$/;
/** Why Entra refuses a sign-in, and what the Service Bus SDK calls GeneralError, stand in the text alone. */
const CODE_IN_TEXT =
  /\b(AADSTS[0-9]{1,10}|ECONN(REFUSED|RESET|ABORTED)|ETIMEDOUT|EPIPE|E(HOST|NET)UNREACH|ENOTFOUND)\b/g;
const MAX_CAUSE = 5;

/** The error, then what caused it. */
function chainOf(error: unknown, depth = 0): Error[] {
  if (!(error instanceof Error) || depth > MAX_CAUSE) return [];
  const inner = error instanceof AggregateError ? error.errors : [error.cause];
  return [error, ...inner.flatMap((one) => chainOf(one, depth + 1))];
}

function statusOf(error: Error): string | undefined {
  const status = 'statusCode' in error ? error.statusCode : undefined;
  return typeof status === 'number' ? String(status) : undefined;
}

function codeOf(error: Error): string | undefined {
  const code = 'code' in error ? error.code : undefined;
  return typeof code === 'string' && CODE.test(code) ? code : undefined;
}

/** An error for the record, and for people. */
export function failureOf(error: unknown): { reason: string; error: string } {
  if (error instanceof PlatformError) return { reason: error.reason, error: truncate(error.message, 1024) };
  return { reason: error instanceof Error ? error.name : 'Unknown', error: truncate(describeError(error), 1024) };
}
