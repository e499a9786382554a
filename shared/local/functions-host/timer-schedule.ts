/**
 * The schedule of a timer trigger: NCRONTAB, `{second} {minute} {hour} {day} {month} {day of week}`, or without the seconds;
 * in UTC. https://learn.microsoft.com/azure/azure-functions/functions-bindings-timer#ncrontab-expressions
 */
import { Cron } from 'croner';
import { ConfigError } from '../../errors.ts';

export interface TimerSchedule {
  /** As it was written. */
  readonly expression: string;
  /** The first occurrence after a time; both in milliseconds since the Unix epoch. */
  nextAfter(time: number): number;
}

/** croner reads more than NCRONTAB has (`L`, `#`, `@daily`, a seventh day), which the real host refuses. */
const VALUE = String.raw`(?:\*|[0-9]{1,2}|[A-Za-z]{3,9})`;
const FIELD = new RegExp(`^${VALUE}(?:-${VALUE})?(?:/[0-9]+)?(?:,${VALUE}(?:-${VALUE})?(?:/[0-9]+)?)*$`);
const DAY_OF_WEEK = /^(?:[^7]|\/\d+)*$/;

/** @throws ConfigError for a schedule that the real host does not take on every plan, or that never comes */
export function parseSchedule(functionName: string, expression: unknown): TimerSchedule {
  const text = typeof expression === 'string' ? expression.trim() : '';
  const wrong = (why: string): ConfigError =>
    new ConfigError(
      `${functionName}: schedule: expected an NCRONTAB expression such as '0 */5 * * * *', got '${text}' (${why})`,
    );
  const fields = text.split(/\s+/);
  if (/^[\d.]*\d+:\d{2}(:\d{2})?$/.test(text)) throw wrong('a time span works on dedicated plans alone');
  if (fields.length < 5 || fields.length > 6) throw wrong(`${fields.length} fields`);
  const bad = fields.find((field) => !FIELD.test(field));
  if (bad !== undefined) throw wrong(`'${bad}'`);
  if (!DAY_OF_WEEK.test(fields.at(-1) ?? '')) throw wrong('the days of the week are 0 to 6');
  let cron: Cron;
  try {
    // NCRONTAB wants both the day and the day of the week to fit, and has steps without a range (`5/15`).
    cron = new Cron(text, { mode: '5-or-6-parts', utcOffset: 0, domAndDow: true, sloppyRanges: true });
  } catch (error) {
    throw wrong(error instanceof Error ? error.message : String(error));
  }
  const nextAfter = (time: number): number => {
    const next = cron.nextRun(new Date(time));
    if (!next) throw wrong('it never comes');
    return next.getTime();
  };
  nextAfter(0);
  return { expression: text, nextAfter };
}
