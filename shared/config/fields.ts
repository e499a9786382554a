/** Values that several sections of the configuration have. */
import * as z from 'zod/mini';
import { DURATION_FORM, parseDuration } from '../duration.ts';
import { described } from '../events/described.ts';

/** `90s`, `15m`, `2h`, `30d` → milliseconds. */
export const duration = described(
  z.pipe(
    z.string({ error: DURATION_FORM }).check(z.regex(/^(0|[1-9][0-9]*)(ms|s|m|h|d)$/, DURATION_FORM)),
    z.transform((text) => parseDuration(text)),
  ),
  DURATION_FORM,
);

export const environment = z.enum(['production', 'staging', 'development']);

const NAME_PATTERN = "a name in lower case, in which '*' stands for any run of characters";

/** `shop-*`, `*-production` or `*`. */
export const namePattern = z
  .string({ error: NAME_PATTERN })
  .check(
    z.maxLength(63, { error: NAME_PATTERN, abort: true }),
    z.regex(/^[a-z0-9*]([-a-z0-9*]*[a-z0-9*])?$/, NAME_PATTERN),
  );

/** Marks a field that may hold a secret, perhaps by mistake: no message shows its value. */
export const SECRET = { writeOnly: true } as const;

/** Notifications show such an address, and tokens are sent to it. */
function hasCredentials(address: string): boolean {
  if (!URL.canParse(address)) return false;
  const { username, password, search, hash } = new URL(address);
  return `${username}${password}${search}${hash}` !== '';
}

export const address = z
  .url()
  .check(z.refine((text) => !hasCredentials(text), 'an address without user, password and query'));
