#!/usr/bin/env node
/** `npm run bench [-- name… [--option…]]`: runs the benchmarks named, or each in turn, each in a process and with the options. */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { buildIfNeeded, root } from './build.mjs';

await buildIfNeeded();
const known = readdirSync(join(root, 'bench')).flatMap((name) => /^(.+)\.ts$/.exec(name)?.[1] ?? []);
const args = process.argv.slice(2);
const firstOption = args.findIndex((arg) => arg.startsWith('-'));
const named = firstOption < 0 ? args : args.slice(0, firstOption);
const options = firstOption < 0 ? [] : args.slice(firstOption);
const unknown = named.filter((name) => !known.includes(name));
if (unknown.length > 0) {
  console.error(`unknown benchmark: ${unknown.join(', ')}; expected one of ${known.join(', ')}`);
  process.exit(2);
}
let failed = false;
for (const name of named.length > 0 ? named : known) {
  if (!options.includes('--json')) console.log(`# ${name}`);
  const { status } = spawnSync(
    process.execPath,
    ['--expose-gc', join(root, 'dist', 'bench', `${name}.js`), ...options],
    {
      stdio: 'inherit',
    },
  );
  failed ||= status !== 0;
}
process.exitCode = failed ? 1 : 0;
