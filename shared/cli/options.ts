/** Shared by the commands: the app's address, event types, durations. */
import { addressFault } from '../client/app-address.ts';
import { AppClient } from '../client/app-client.ts';
import { parseDuration } from '../duration.ts';
import { PlatformError } from '../errors.ts';
import { type CatalogEntry, catalog } from '../events/catalog.ts';
import { UsageError, wrongCall } from '../terminal/command.ts';
import { didYouMean, nearest } from '../terminal/nearest.ts';

/** Flags of every command that asks the app. */
export const COMMON = {
  url: { type: 'string' },
  'insecure-http': { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
} as const;

/** Their help. */
export const COMMON_USAGE = `  --url URL              the app (PLATFORM_EVENTS_URL, http://127.0.0.1:7071)
  --insecure-http        allow plain http to other machines
  --json                 one JSON object a line, for programs`;

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
  return new AppClient(address, { key, token });
}

/** An event type by its name. @throws UsageError that says which name is near */
export function knownType(type: string, where = ''): CatalogEntry {
  const entry = catalog.get(type);
  if (entry) return entry;
  const names = [...catalog.keys()];
  throw new UsageError(
    `${where}unknown event type '${type}'; ${didYouMean(type, names, `expected one of ${names.join(', ')}`)}`,
  );
}

/** The error for a second word of a command that is none of these. @param words at least two */
export function wrongWord(usage: string, got: string | undefined, words: readonly string[]): UsageError {
  const expected = `expected ${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;
  const name = got === undefined ? undefined : nearest(got, words);
  if (name !== undefined) return new UsageError(`${expected}, got '${got}'; did you mean '${name}'?`);
  return wrongCall(usage, `${expected}, got ${got === undefined ? 'nothing' : `'${got}'`}`);
}

/** Milliseconds. @throws UsageError naming the flag */
export function durationFlag(flag: string, text: string): number {
  try {
    return parseDuration(text);
  } catch (error) {
    throw new UsageError(`--${flag}: ${error instanceof PlatformError ? error.message : error}`);
  }
}

/** The time so long ago, as RFC 3339. @throws UsageError naming the flag */
export function timeBack(flag: string, text: string): string {
  return new Date(Date.now() - durationFlag(flag, text)).toISOString();
}

const MAX_LIMIT = 1_000;

/** How many are asked for. @throws UsageError */
export function limitFlag(text: string): number {
  const limit = /^[1-9]\d*$/.test(text) ? Number(text) : Number.NaN;
  if (limit <= MAX_LIMIT) return limit;
  throw new UsageError(`--limit: expected a whole number from 1 to ${MAX_LIMIT}, got '${text}'`);
}
