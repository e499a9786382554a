#!/usr/bin/env node
/**
 * `npm run bench [-- name…]`: runs the benchmarks named, or each in turn, in a process of its own. What begins with a dash
 * after one name is for that benchmark.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { buildIfNeeded, root } from './build.mjs';

await buildIfNeeded();
const known = readdirSync(join(root, 'bench')).flatMap((name) => /^(.+)\.ts$/.exec(name)?.[1] ?? []);
const all = process.argv.slice(2);
const firstOption = all.findIndex((one) => one.startsWith('-'));
const [named, options] = firstOption === 1 ? [all.slice(0, 1), all.slice(1)] : [all, []];
const unknown = named.filter((name) => !known.includes(name));
if (unknown.length > 0) {
  console.error(`unknown benchmark: ${unknown.join(', ')}; expected one of ${known.join(', ')}`);
  process.exit(2);
}
let failed = false;
for (const name of named.length > 0 ? named : known) {
  console.log(`# ${name}`);
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
