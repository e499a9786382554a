/** Shared by the commands: the app's address, durations, retries, and the display of entries. */
import { setTimeout as pause } from 'node:timers/promises';
import { parseDuration } from '../duration.ts';
import { PlatformError, TransientError } from '../errors.ts';
import { isLoopback } from '../local/local-http.ts';
import { oneLine } from '../shown-text.ts';
import { dim, green, print, printJson, red, UsageError } from '../terminal/command.ts';
import { AppClient, type HistoryEntry } from './app-client.ts';

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
  const wrong = addressFault(address, flags['insecure-http']);
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

/** What is wrong with an address; undefined when nothing is. A password or a key in it is not shown. */
function addressFault(address: string, mayBeInsecure: boolean): string | undefined {
  const expected = "expected a URL such as 'https://shop.azurewebsites.net'";
  if (!URL.canParse(address)) {
    return /[@?#;=]/.test(address)
      ? `${expected}, got something else (not shown: it may hold a key)`
      : `${expected}, got '${address}'`;
  }
  const { protocol, hostname, username, password, search, hash, origin } = new URL(address);
  if (protocol !== 'http:' && protocol !== 'https:') return `${expected}, got one of '${protocol}'`;
  if (username !== '' || password !== '') return `${expected}, got one with a user or password in it`;
  if (search !== '' || hash !== '') {
    return `${expected}, got one with '?' or '#' in it; a function key goes into PLATFORM_EVENTS_KEY`;
  }
  if (protocol === 'https:' || isLoopback(hostname) || mayBeInsecure) return undefined;
  return `expected https, got '${origin}': the function key would be sent unencrypted; --insecure-http allows it`;
}

/** Milliseconds. @throws UsageError naming the flag */
export function durationFlag(flag: string, text: string): number {
  try {
    return parseDuration(text);
  } catch (error) {
    throw new UsageError(`--${flag}: ${error instanceof PlatformError ? error.message : error}`);
  }
}

/** Makes up to three attempts, seconds apart, while the app is busy or away. */
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
