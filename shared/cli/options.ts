/** Shared by the commands: the app's address, durations, retries, and the display of entries. */
import { addressFault } from '../client/app-address.ts';
import { AppClient, type HistoryEntry } from '../client/app-client.ts';
import { parseDuration } from '../duration.ts';
import { PlatformError } from '../errors.ts';
import { oneLine } from '../shown-text.ts';
import { dim, green, print, printJson, red, UsageError } from '../terminal/command.ts';

/** Flags that every command has. */
export const COMMON = {
  url: { type: 'string' },
  'insecure-http': { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
} as const;

/**
 * The app at `--url`, or where the environment says.
 *
 * @throws UsageError for a malformed address, or one that would send the function key unencrypted over the network
 */
export function appAt(flags: { readonly url?: string | undefined; readonly 'insecure-http': boolean }): AppClient {
  const setting = process.env['PLATFORM_EVENTS_URL'];
  const address = flags.url ?? (setting || 'http://127.0.0.1:7071');
  const name = flags.url === undefined ? 'PLATFORM_EVENTS_URL' : '--url';
  const wording = { key: 'PLATFORM_EVENTS_KEY', allowing: '--insecure-http' };
  const wrong = addressFault(address, flags['insecure-http'], wording);
  if (wrong !== undefined) throw new UsageError(`${name}: ${wrong}`);
  const key = process.env['PLATFORM_EVENTS_KEY'] || undefined;
  if (key !== undefined && !/^[!-~]+$/.test(key)) {
    throw new UsageError('PLATFORM_EVENTS_KEY: expected a function key, got something else (not shown)');
  }
  const token = process.env['PLATFORM_EVENTS_TOKEN'] || undefined;
  if (token !== undefined && !/^[A-Za-z0-9_.-]+$/.test(token)) {
    throw new UsageError('PLATFORM_EVENTS_TOKEN: expected a token (JWT), got something else (not shown)');
  }
  return new AppClient(address, key, token);
}

/** Milliseconds. @throws UsageError naming the flag */
export function durationFlag(flag: string, text: string): number {
  try {
    return parseDuration(text);
  } catch (error) {
    throw new UsageError(`--${flag}: ${error instanceof PlatformError ? error.message : error}`);
  }
}

/** Passes on an entry when it is new, or when its status or attempts have changed. */
export function whenChanged(onChange: (entry: HistoryEntry) => void): (entry: HistoryEntry) => void {
  const seen = new Map<string, string>();
  return (entry) => {
    const key = `${entry.handler} ${entry.id}`;
    const state = `${entry.status} ${entry.attempts}`;
    if (seen.get(key) === state) return;
    seen.set(key, state);
    onChange(entry);
  };
}

/** Prints an entry of the history, for people or for programs. */
export function showEntry(entry: HistoryEntry, isJson: boolean): void {
  if (isJson) printJson(entry);
  else print(entryLine(entry));
}

/** Sorts entries by the times that their lines show. */
export function byTimeShown(a: HistoryEntry, b: HistoryEntry): number {
  return Date.parse(shownAt(a)) - Date.parse(shownAt(b));
}

function shownAt({ startedAt, endedAt }: HistoryEntry): string {
  return endedAt ?? startedAt;
}

function entryLine(entry: HistoryEntry): string {
  const { type, subject, status, attempts, reason, error, summary } = entry;
  const colour = status === 'dead-lettered' ? red : status === 'completed' ? green : dim;
  const why = reason === undefined ? summary : `attempt ${attempts}: ${reason}: ${error ?? ''}`;
  const time = dim(shownAt(entry).slice(11, 23));
  return `${time}  ${oneLine(type).padEnd(21)}  ${oneLine(subject)}  ${colour(oneLine(status))}  ${why === undefined ? '' : dim(oneLine(why))}`.trimEnd();
}
