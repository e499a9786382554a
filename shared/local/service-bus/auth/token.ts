/**
 * Shared access signatures: `SharedAccessSignature sr=<audience>&sig=<signature>&se=<expiry>&skn=<rule>`, signed with
 * HMAC-SHA256 over the encoded audience, a line feed and the expiry.
 *
 * @see https://learn.microsoft.com/azure/service-bus-messaging/service-bus-sas
 */
import { createHmac } from 'node:crypto';
import type { AccessRight, AuthorizationRule } from '../core/authorization-rule.ts';
import { pathInAddress } from '../core/entity-path.ts';
import { sameText } from './sasl.ts';

const PREFIX = 'SharedAccessSignature ';

/** What a token gives. */
export interface TokenGrant {
  readonly rights: readonly AccessRight[];
  readonly expiresAtMs: number;
}

/**
 * What a token gives for an audience, or the reason to refuse it.
 *
 * @param audience the address that access is asked for, such as `sb://localhost:5672/queue`
 * @param rulesAt the rules that may sign for a path, those of the entity and of the namespace
 */
export function readSignature(
  token: string,
  audience: string,
  rulesAt: (path: string) => readonly AuthorizationRule[],
  nowMs: number,
): TokenGrant | string {
  if (!token.startsWith(PREFIX)) return 'the token is not a shared access signature';
  const fields = new Map(token.slice(PREFIX.length).split('&').map(splitField));
  const resource = fields.get('sr');
  const signature = fields.get('sig');
  const expiry = fields.get('se');
  if (!resource || !signature || !expiry || !/^[0-9]+$/.test(expiry)) {
    return 'the shared access signature lacks sr, sig or se';
  }
  const scope = pathOf(decode(resource));
  const rules = rulesAt(scope);
  const name = decode(fields.get('skn') ?? '');
  const named = rules.filter((rule) => rule.name === name);
  if (named.length === 0) {
    return `the key '${name}' is unknown; expected '${rules.map((rule) => rule.name).join("' or '")}'`;
  }
  const isSignedWith = (key: string): boolean =>
    sameText(decode(signature), createHmac('sha256', key).update(`${resource}\n${expiry}`).digest('base64'));
  const signing = named.find(
    ({ primaryKey, secondaryKey = primaryKey }) => isSignedWith(primaryKey) || isSignedWith(secondaryKey),
  );
  if (!signing) return 'the signature is wrong: is the shared access key right?';
  const expiresAtMs = Number(expiry) * 1000;
  if (expiresAtMs <= nowMs) return `the token expired at ${new Date(expiresAtMs).toISOString()}`;
  if (scope !== '' && !`${pathOf(audience)}/`.startsWith(`${scope}/`)) {
    return `the token is for '${decode(resource)}', not for '${audience}'`;
  }
  return { rights: signing.rights, expiresAtMs };
}

/** The path of an audience in lower case, for comparison. */
export function pathOf(audience: string): string {
  return pathInAddress(audience).toLowerCase();
}

function splitField(field: string): [string, string] {
  const at = field.indexOf('=');
  return at < 0 ? [field, ''] : [field.slice(0, at), field.slice(at + 1)];
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // A text that is not encoded properly is compared as it is, and so refused.
    return text;
  }
}
