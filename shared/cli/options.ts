/** What the commands of the command line share: the app's address, durations, and how an entry is shown. */
import { setTimeout as pause } from 'node:timers/promises';
import { parseDuration } from '../config.ts';
import { PlatformError, TransientError } from '../errors.ts';
import { dim, green, oneLine, red, UsageError } from '../local/command.ts';
import { AppClient, type HistoryEntry } from './api.ts';

/** Flags that every command has. */
export const COMMON = { url: { type: 'string' }, json: { type: 'boolean', default: false } } as const;

/** @throws UsageError for an address that is none */
export function appAt(url: string | undefined): AppClient {
  const address = url ?? (process.env['PLATFORM_EVENTS_URL'] || 'http://127.0.0.1:7071');
  // The address is part of many messages.
  if (/[@?#;=]/.test(address)) {
    throw new UsageError('--url: expected a URL without user and query (a key goes into PLATFORM_EVENTS_KEY)');
  }
  if (!URL.canParse(address)) throw new UsageError(`--url: expected a URL, got '${address}'`);
  return new AppClient(address, process.env['PLATFORM_EVENTS_KEY'] || undefined);
}

/** Milliseconds. @throws UsageError naming the flag */
export function durationFlag(flag: string, text: string): number {
  try {
    return parseDuration(text);
  } catch (error) {
    throw new UsageError(`--${flag}: ${error instanceof PlatformError ? error.message : error}`);
  }
}

/** A few tries, seconds apart, as long as the app is busy or away. */
export async function retried(
  request: () => Promise<void>,
  wait: (ms: number) => Promise<void> = (ms) => pause(ms),
): Promise<void> {
  for (const waitMs of [500, 2_000]) {
    try {
      return await request();
    } catch (error) {
      if (!(error instanceof TransientError)) throw error;
      await wait(waitMs);
    }
  }
  await request();
}

/** Passes an entry on when it is new or its status or tries have changed: a rollout that is looked at again is no news. */
export function changes(onChange: (entry: HistoryEntry) => void): (entry: HistoryEntry) => void {
  const seen = new Map<string, string>();
  return (entry) => {
    const key = `${entry.handler} ${entry.id}`;
    const state = `${entry.status} ${entry.tries}`;
    if (seen.get(key) === state) return;
    seen.set(key, state);
    onChange(entry);
  };
}

/** An entry of the history as a line, for people or for programs. */
export function show(entry: HistoryEntry, isJson: boolean): void {
  console.log(isJson ? JSON.stringify(entry) : entryLine(entry));
}

/** For sorting entries by the times that their lines show. */
export function byTimeShown(a: HistoryEntry, b: HistoryEntry): number {
  return Date.parse(shownAt(a)) - Date.parse(shownAt(b));
}

function shownAt({ startedAt, endedAt }: HistoryEntry): string {
  return endedAt ?? startedAt;
}

function entryLine(entry: HistoryEntry): string {
  const { type, subject, status, tries, reason, error, summary } = entry;
  const colour = status === 'parked' ? red : status === 'finished' ? green : dim;
  const why = reason === undefined ? summary : `try ${tries}: ${reason}: ${error ?? ''}`;
  const time = dim(shownAt(entry).slice(11, 23));
  return `${time}  ${type.padEnd(21)}  ${oneLine(subject)}  ${colour(status)}  ${why === undefined ? '' : dim(oneLine(why))}`.trimEnd();
}
