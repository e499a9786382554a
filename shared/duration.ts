/** Spans of time in milliseconds, and how people write them. */
import { ConfigError } from './errors.ts';

export const SECOND_MS = 1_000;
export const MINUTE_MS = 60 * SECOND_MS;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;

const UNITS = { ms: 1, s: SECOND_MS, m: MINUTE_MS, h: HOUR_MS, d: DAY_MS } as const;

/** What an error says of the form. */
export const DURATION_FORM = 'a duration such as 90s, 15m, 2h or 30d';

/** Milliseconds of a duration such as `90s`, `15m`, `2h` or `30d`. @throws ConfigError */
export function parseDuration(text: string): number {
  const match = /^([0-9]+)(ms|s|m|h|d)$/.exec(text);
  if (!match) throw new ConfigError(`expected ${DURATION_FORM}, got ${JSON.stringify(text)}`);
  // The pattern admits just the keys of UNITS.
  return Number(match[1]) * UNITS[match[2] as keyof typeof UNITS];
}
