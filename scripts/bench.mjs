#!/usr/bin/env node
/** `npm run bench [-- name… [--option…]]`: runs the benchmarks named, or each in turn, each in a process and with the options. */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildIfNeeded, root } from './build.mjs';

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
if (options.includes('--help') && (named.length === 0 || named.some((name) => !hasOptions(name)))) {
  console.log('usage: npm run bench [-- NAME… [OPTION…]]\n\nRuns the benchmarks named, or all.');
  for (const name of named.length > 0 ? named : known) {
    const own = hasOptions(name) ? `\nIts options: npm run bench -- ${name} --help` : '';
    console.log(`\n${name}\n${aboutOf(name)}${own}`);
  }
  process.exit(0);
}
await buildIfNeeded();
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

/** @param {string} name */
function sourceOf(name) {
  return readFileSync(join(root, 'bench', `${name}.ts`), 'utf8');
}

/** @param {string} name */
function hasOptions(name) {
  return sourceOf(name).includes('USAGE');
}

/**
 * What the file says of itself at its beginning.
 *
 * @param {string} name
 */
function aboutOf(name) {
  const [, text = ''] = /^\/\*\*(.*?)\*\//s.exec(sourceOf(name)) ?? [];
  return text.replace(/^\s*\* ?/gm, '').trim();
}
