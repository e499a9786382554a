/** ISO 8601 durations, as .NET's TimeSpan reads and prints them. */
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from '../../../duration.ts';

const PATTERN =
  /^P(?!$)(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?(?:T(?!$)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)(?:\.(\d+))?S)?)?$/;

/** .NET counts a year as 365 days and a month as 30. */
const UNITS = [365 * DAY_MS, 30 * DAY_MS, 7 * DAY_MS, DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS] as const;

/** The longest TimeSpan, which means never. */
const NEVER_MS = 922_337_203_685_477;
const NEVER = 'P10675199DT2H48M5.4775807S';

/**
 * Milliseconds of a duration such as `PT1M30.5S`; `Infinity` for the longest; undefined when the text is not a
 * duration.
 */
export function parseIsoDuration(text: string): number | undefined {
  const match = PATTERN.exec(text);
  if (!match) return undefined;
  const whole = UNITS.reduce((sum, unit, index) => sum + unit * Number(match[index + 1] ?? 0), 0);
  const ms = whole + Math.floor(Number(`0.${match[8] ?? 0}`) * SECOND_MS);
  return ms >= NEVER_MS ? Number.POSITIVE_INFINITY : ms;
}

/** `90_000` → `PT1M30S`. Takes whole milliseconds; `Infinity` gives the longest duration. */
export function formatIsoDuration(ms: number): string {
  if (ms >= NEVER_MS) return NEVER;
  const part = (unit: number, above: number): number => Math.floor((ms % above) / unit);
  const date = part(DAY_MS, Number.POSITIVE_INFINITY);
  const seconds = (ms % MINUTE_MS) / SECOND_MS;
  const time = `${written(part(HOUR_MS, DAY_MS), 'H')}${written(part(MINUTE_MS, HOUR_MS), 'M')}${written(seconds, 'S')}`;
  if (date === 0 && time === '') return 'PT0S';
  return `P${written(date, 'D')}${time === '' ? '' : `T${time}`}`;
}

function written(value: number, unit: string): string {
  return value === 0 ? '' : `${value}${unit}`;
}
