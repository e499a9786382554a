/**
 * Shared access signatures: `SharedAccessSignature sr=<audience>&sig=<signature>&se=<expiry>&skn=<key name>`, signed
 * with HMAC-SHA256 over the encoded audience, a line feed and the expiry.
 * @see https://learn.microsoft.com/azure/service-bus-messaging/service-bus-sas
 */
import { createHmac } from 'node:crypto';
import { pathInAddress } from '../core/entity-path.ts';
import { type SharedKey, sameText } from './sasl.ts';

const PREFIX = 'SharedAccessSignature ';

/**
 * The reason to refuse a token for an audience; undefined when it is valid.
 *
 * @param audience the address that access is asked for, such as `sb://localhost:5672/queue`
 */
export function refuseToken(token: string, audience: string, key: SharedKey, nowMs: number): string | undefined {
  if (!token.startsWith(PREFIX)) {
    return token.startsWith('ey')
      ? 'this endpoint has no identity provider and takes shared access signatures only, not JSON web tokens'
      : 'the token is not a shared access signature';
  }
  const fields = new Map(token.slice(PREFIX.length).split('&').map(splitField));
  const resource = fields.get('sr');
  const signature = fields.get('sig');
  const expiry = fields.get('se');
  if (!resource || !signature || !expiry || !/^[0-9]+$/.test(expiry)) {
    return 'the shared access signature lacks sr, sig or se';
  }
  if (fields.get('skn') !== key.name) return `the key '${fields.get('skn') ?? ''}' is unknown; expected '${key.name}'`;
  const expected = createHmac('sha256', key.key).update(`${resource}\n${expiry}`).digest('base64');
  if (!sameText(decode(signature), expected)) return 'the signature is wrong: is the shared access key right?';
  if (Number(expiry) * 1000 <= nowMs) return `the token expired at ${new Date(Number(expiry) * 1000).toISOString()}`;
  const scope = pathOf(decode(resource));
  if (scope !== '' && !`${pathOf(audience)}/`.startsWith(`${scope}/`)) {
    return `the token is for '${decode(resource)}', not for '${audience}'`;
  }
  return undefined;
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
