/** Shared by all commands: flags, help, signals, exit codes, colours. */

import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type ParseArgsConfig, parseArgs } from 'node:util';
import { describeError } from '../describe-error.ts';
import { ConfigError, PlatformError } from '../errors.ts';
import { stackOf } from '../stack.ts';
import { didYouMean } from './nearest.ts';

/** A command was called wrongly: exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** A wrong call of a command: one line that ends with where its help is. @param usage the command's */
export function wrongCall(usage: string, reason: string): UsageError {
  return new UsageError(`${reason}; see ${helpOf(usage)}`);
}

/** How to ask for the help of the command with this usage. */
function helpOf(usage: string): string {
  const [first = ''] = usage.split('\n', 1);
  const command = first.replace(/^usage: | (?:[[<]|[A-Z]{2}).*/g, '');
  return `'${command} ${command.startsWith('npm ') ? '-- ' : ''}--help'`;
}

type Flags = NonNullable<ParseArgsConfig['options']>;
type Parsed<F extends Flags> = ReturnType<typeof parseArgs<{ options: F; allowPositionals: true }>>;

/**
 * Reads the flags of a command; `--help` prints its usage and ends the process.
 *
 * @param words how many arguments besides flags it may have
 * @throws UsageError for an unknown flag, a flag without a value or with an empty one, and a surplus argument
 */
export function readFlags<const F extends Flags>(
  usage: string,
  options: F,
  { args = process.argv.slice(2), words = 0 }: { args?: readonly string[]; words?: number } = {},
): Parsed<F> {
  if (args.includes('--help') || args.includes('-h')) {
    print(usage);
    process.exit(0);
  }
  // npm removes one `--`; a second one arrives here.
  const parsed = parse(usage, options, args[0] === '--' ? args.slice(1) : args);
  const empty = Object.entries(parsed.values).find(([, value]) => value === '');
  if (empty) throw wrongCall(usage, `--${empty[0]}: expected a value, got nothing`);
  const surplus = parsed.positionals[words];
  if (surplus !== undefined) throw wrongCall(usage, `unexpected argument '${surplus}'`);
  return parsed;
}

function parse<const F extends Flags>(usage: string, options: F, args: readonly string[]): Parsed<F> {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
  } catch (error) {
    // The first sentence says what is wrong. The rest is advice on values that look like flags.
    const [reason = ''] = describeError(error).split(/\. |\.?\n/);
    const unknown = /^Unknown option '(-[^']*)'$/.exec(reason)?.[1];
    if (unknown === undefined) throw wrongCall(usage, reason);
    const names = [...Object.keys(options), 'help'].map((name) => `--${name}`);
    throw new UsageError(`unknown option '${unknown}'; ${didYouMean(unknown, names, `see ${helpOf(usage)}`)}`);
  }
}

/** A TCP port; 0 takes any free one. @throws UsageError */
export function readPort(flag: string, text: string): number {
  const port = Number(text);
  if (/^\d+$/.test(text) && port <= 65_535) return port;
  throw new UsageError(`--${flag}: expected a port between 0 and 65535, got '${text}'`);
}

/** Runs a command. A failure prints one line; the exit code is 2 for a wrong flag, argument or setting, else 1. */
export async function runCommand(main: () => Promise<void>): Promise<void> {
  try {
    await main();
  } catch (error) {
    complain(explain(error));
    // Servers that have started must not keep the process alive.
    process.exit(error instanceof UsageError || error instanceof ConfigError ? 2 : 1);
  }
}

/** The text of an error for people; for a bug with its stack. */
export function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if ('code' in error && error.code === 'EADDRINUSE' && 'port' in error) {
    return `port ${error.port} is in use; stop what listens there, or choose another (see --help)`;
  }
  if ('code' in error && error.code === 'EACCES' && 'port' in error) {
    return `port ${error.port} may not be opened by this user; choose one above 1023`;
  }
  if (error instanceof PlatformError || error instanceof UsageError) return error.message;
  return `${error.name}: ${error.message}\n${stackOf(error)}`;
}

/**
 * Calls `stop` and ends the process on SIGINT or SIGTERM; the second signal ends it at once.
 */
export function stopOnSignal(stop: () => Promise<void>): void {
  let isStopping = false;
  const onSignal = (): void => {
    if (isStopping) process.exit(130);
    isStopping = true;
    stop().then(
      () => process.exit(0),
      (error: unknown) => {
        complain(explain(error));
        process.exit(1);
      },
    );
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
}

/** The app's directory: the nearest one above this code with a host.json. */
export function appDirectory(): string {
  const start = dirname(fileURLToPath(import.meta.url));
  for (let at = start; dirname(at) !== at; at = dirname(at)) {
    if (existsSync(join(at, 'host.json'))) return at;
  }
  throw new UsageError(`no host.json above ${start}`);
}

/** The version in the nearest package.json above this code. */
export function packageVersion(): string {
  const start = dirname(fileURLToPath(import.meta.url));
  for (let at = start; dirname(at) !== at; at = dirname(at)) {
    const file = join(at, 'package.json');
    if (existsSync(file)) return String(Object(JSON.parse(readFileSync(file, 'utf8'))).version);
  }
  throw new UsageError(`no package.json above ${start}`);
}

/** See https://no-color.org. */
const mayColour = !process.env['NO_COLOR'] && process.env['TERM'] !== 'dumb';
const hasColour = mayColour && process.stdout.isTTY === true;
const hasErrorColour = mayColour && process.stderr.isTTY === true;
const style =
  (code: number) =>
  (text: string): string =>
    hasColour ? `\u001b[${code}m${text}\u001b[0m` : text;

export const [bold, dim, red, green, yellow] = [style(1), style(2), style(31), style(32), style(33)];

const OWN_COLOURS = hasColour ? String.raw`\u001b\[(?:0|1|2|31|32|33)m` : '(?!)';
const DRIVING = new RegExp(String.raw`(${OWN_COLOURS})|[^\P{Cc}\n]|\p{Bidi_Control}`, 'gu');

/** Prints lines. Control characters are replaced, except for the colours above. */
export function print(text: string): void {
  console.log(harmless(text, hasColour));
}

/** Prints lines to stderr, like `print`. */
export function complain(text: string): void {
  console.error(harmless(text, hasErrorColour));
}

/** Prints a value as one line of JSON. Control characters are escaped, so that programs read the original value. */
export function printJson(value: unknown): void {
  console.log(
    JSON.stringify(value).replace(
      /[\u007f-\u009f\p{Bidi_Control}]/gu,
      (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
    ),
  );
}

function harmless(text: string, keepsColour: boolean): string {
  return text.replace(DRIVING, (_, colour: string | undefined) =>
    colour === undefined ? ' ' : keepsColour ? colour : '',
  );
}

const USUAL_WIDTH = 80;

/** How many columns a line may have: those of the terminal, or 80 when there is none. */
export function terminalWidth(): number {
  return Math.max(USUAL_WIDTH, process.stdout.columns ?? USUAL_WIDTH);
}

/** A text in at most so many columns. */
export function fitted(text: string, width: number): string {
  return text.length > width ? `${text.slice(0, Math.max(0, width - 3))}...` : text;
}

/** Rows in aligned columns. */
export function columns(rows: readonly (readonly string[])[]): string {
  const widths = rows.reduce<number[]>(
    (found, row) => row.map((cell, index) => Math.max(found[index] ?? 0, cell.length)),
    [],
  );
  return rows
    .map((row) =>
      row
        .map((cell, index) => cell.padEnd(widths[index] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
