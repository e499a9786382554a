/** What an act of a person comes with, whichever page or route it came through: who asks, and texts that are to be checked. */
import { may } from '../access/rights.ts';
import { isAttributeText } from '../events/text.ts';
import { ProblemError } from '../http/problem.ts';
import { wrong } from '../http/query.ts';
import type { Caller, RequestHeaders, Right } from '../ports/access.ts';

/** The request that an act is asked for with; an `HttpRequest` is one. */
export interface Asked {
  readonly caller: Caller;
  readonly headers: RequestHeaders;
}

/** What somebody filled in, by name. */
export type Fields = Readonly<Record<string, unknown>>;

export const MAX_REASON = 500;

/** A text that is needed. @throws ProblemError 400 naming the field */
export function textIn(fields: Fields, name: string, maxLength: number): string {
  const text = typeof fields[name] === 'string' ? fields[name].trim() : '';
  if (text !== '' && text.length <= maxLength && isAttributeText(text)) return text;
  const expected = `1 to ${maxLength} characters of text, without control characters`;
  throw wrong(name, expected, text || undefined);
}

/** Why it is done, for the audit log. @throws ProblemError 400 */
export function reasonIn(fields: Fields): string {
  return textIn(fields, 'reason', MAX_REASON);
}

/** @throws ProblemError 400 naming a field that the act does not have */
export function refuseUnknownFields(fields: Fields, names: readonly string[]): void {
  const unknown = Object.keys(fields).find((name) => !names.includes(name));
  if (unknown === undefined) return;
  throw new ProblemError(400, `'${unknown.slice(0, 100)}': expected nothing but ${names.join(', ')}`);
}

/** @throws ProblemError 403 */
export function demand({ caller }: Asked, right: Right, scope: Parameters<typeof may>[2], what: string): void {
  if (may(caller, right, scope)) return;
  throw new ProblemError(403, `${caller.name} has no right to ${what.slice(0, 300)}`);
}
