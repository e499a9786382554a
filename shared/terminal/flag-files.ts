/** Files and directories that flags name. An error is one line that names the flag and the path. */

import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { describeError } from '../describe-error.ts';
import { UsageError } from './command.ts';

/** @throws UsageError */
export function readTextFile(flag: string, path: string): string {
  return attempt(flag, `cannot read '${path}'`, () => decodeText(readFileSync(path)));
}

/** UTF-8; or UTF-16 with its mark at the beginning, as Windows PowerShell writes with `>`. */
export function decodeText(bytes: Uint8Array): string {
  const isUtf16 = bytes[0] === 0xff && bytes[1] === 0xfe;
  return new TextDecoder(isUtf16 ? 'utf-16le' : 'utf-8').decode(bytes);
}

/** @throws UsageError */
export function writeTextFile(flag: string, path: string, text: string): void {
  attempt(flag, `cannot write '${path}'`, () => writeFileSync(path, text));
}

/** Makes a directory, and those above it, unless they exist. @throws UsageError */
export function makeDirectory(flag: string, path: string): void {
  attempt(flag, `cannot make the directory '${path}'`, () => {
    // One by one: Node's recursive mkdir never returns where no directory can be made, such as below /proc.
    const missing: string[] = [];
    for (let at = resolve(path); !existsSync(at); at = dirname(at)) missing.unshift(at);
    for (const directory of missing) mkdirSync(directory);
  });
  checkDirectory(flag, path);
}

/** @throws UsageError when the directory does not exist */
export function checkDirectory(flag: string, path: string): void {
  if (!attempt(flag, `no directory '${path}'`, () => statSync(path)).isDirectory()) {
    throw new UsageError(`--${flag}: '${path}' is not a directory`);
  }
}

function attempt<T>(flag: string, problem: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    // Node's message repeats the path: `EISDIR: illegal operation on a directory, open '/x'`.
    const reason = describeError(error).split(', ', 1)[0];
    throw new UsageError(`--${flag}: ${problem}: ${reason}`);
  }
}
