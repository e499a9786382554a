#!/usr/bin/env node
/**
 * `node scripts/run.mjs shared/local/start [arguments]`: builds when needed, then runs the command in this process, so
 * that a signal from a terminal, a shell or a supervisor reaches the command itself.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { buildIfNeeded, root } from './build.mjs';
import { endWithNpm } from './npm-watch.mjs';

endWithNpm();
const [command, ...args] = process.argv.slice(2);
await buildIfNeeded();
const file = join(root, 'dist', `${command}.js`);
if (!existsSync(file)) {
  console.error(`unknown command: ${command}`);
  process.exit(2);
}
process.argv = [process.execPath, file, ...args];
await import(pathToFileURL(file).href);
