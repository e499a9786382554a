/**
 * Where an error came from that nobody expected: for the log, so that a bug is found. The places are those of the sources.
 * Source maps are read here, when a stack is, and not by Node: that would read the map of every file at the cold start.
 */

import { readFileSync } from 'node:fs';
import { SourceMap } from 'node:module';
import { fileURLToPath } from 'node:url';
import { failureOf } from './describe-error.ts';
import { PlatformError } from './errors.ts';

/** So many causes of causes are followed. */
const MAX_CAUSES = 3;

/**
 * The frames of an error, a line each, and those of its causes. Undefined for a `PlatformError`, which says what happened
 * and is no bug, and for what is no error. Messages are left out: they are logged beside it, and may repeat what was sent.
 */
export function stackOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || error instanceof PlatformError) return undefined;
  const lines = framesOf(error);
  let cause = error.cause;
  for (let depth = 0; cause instanceof Error && depth < MAX_CAUSES; depth++, cause = cause.cause) {
    lines.push(`caused by ${cause.name}`, ...framesOf(cause));
  }
  return lines.join('\n');
}

const FRAME = /^ {4}at .*(?::\d+:\d+\)?|<anonymous>\)?|\(native\))$/;

function framesOf({ message, stack }: Error): string[] {
  if (typeof stack !== 'string') return [];
  // A message may hold lines that look like frames.
  const at = stack.indexOf(message);
  const from = at < 0 ? 0 : at + message.length;
  return stack
    .slice(from)
    .split('\n')
    .filter((line) => FRAME.test(line))
    .map(toSource);
}

/** What is before the place, the file (an address in ES modules), line and column. */
const PLACE = /^( {4}at (?:async )?(?:.*? \()?)(file:\/\/.+|\/.+|[A-Za-z]:\\.+):(\d+):(\d+)(\)?)$/;

function toSource(frame: string): string {
  const [, before = '', file = '', line, column, after = ''] = PLACE.exec(frame) ?? [];
  if (file === '') return frame;
  // Maps count from 0.
  const entry = mapOf(file)?.findEntry(Number(line) - 1, Number(column) - 1);
  if (!entry || !('originalSource' in entry)) return frame;
  const { originalSource, originalLine, originalColumn } = entry;
  // Relative to the map; from the root of the repository it can be found anywhere.
  const source = originalSource.replace(/^(\.\.?\/)+/, '');
  return `${before}${source}:${originalLine + 1}:${originalColumn + 1}${after}`;
}

const maps = new Map<string, SourceMap | undefined>();

/** The map beside a file; undefined when there is none, as when the sources themselves are run. */
function mapOf(file: string): SourceMap | undefined {
  if (!maps.has(file)) maps.set(file, readMap(file));
  return maps.get(file);
}

function readMap(file: string): SourceMap | undefined {
  try {
    const path = file.startsWith('file:') ? fileURLToPath(file) : file;
    return new SourceMap(JSON.parse(readFileSync(`${path}.map`, 'utf8')));
  } catch {
    return undefined;
  }
}

/** An error for the log; one that nobody expected with where it came from. */
export function failureWithStack(error: unknown): { reason: string; error: string; stack?: string | undefined } {
  return { ...failureOf(error), stack: stackOf(error) };
}
