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

/** `[d.]hh:mm[:ss[.fffffff]]`, as .NET writes it. */
const TIME_SPAN = /^(?:(\d+)\.)?(\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d{1,7})?)?$/;

/** Milliseconds of a time span of .NET such as `00:05:00`, in whole seconds; undefined when it is none. */
export function parseTimeSpan(text: string): number | undefined {
  const match = TIME_SPAN.exec(text);
  if (!match) return undefined;
  const [days = 0, hours = 0, minutes = 0, seconds = 0] = match.slice(1).map((part) => Number(part ?? 0));
  return days * DAY_MS + hours * HOUR_MS + minutes * MINUTE_MS + seconds * SECOND_MS;
}
