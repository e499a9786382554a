#!/usr/bin/env node
/**
 * `npm run mutate`: changes the code of the heart line by line, and tells which changes no test notices. Fails when the
 * tests notice fewer than they should, or miss a word dropped that must be there (`test/mutation/drops.mjs`). What it needs has a lock file of its own in `test/mutation`, installed when missing.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = resolve(fileURLToPath(import.meta.url), '../..');
const home = join(root, 'test', 'mutation');
const reportFile = join(root, 'dist', 'mutation', 'report.json');
const incrementalFile = join(root, 'dist', 'mutation', 'incremental.json');

const HELP = `Usage: npm run mutate [-- options]

Changes the heart of the code line by line, and runs the tests that reach each change: those nearby first, and all for
what they leave. A change that fails no test shows what the tests do not hold. Later runs try only what has changed since.
A change that makes no difference is left out by a comment beside it, which says why: // Stryker disable next-line <change>

  --mutate <globs>     only these files, separated by commas, such as shared/delivery/replay.ts
  --concurrency <n>    so many at once; 2 unless given
  --force              try again what an earlier run has tried
  --help               this text

Exit codes: 0 all is noticed that should be, 1 it is not, 2 an option is wrong.
`;

/**
 * What share of the changes must be noticed, in percent. A file is judged in every group that it is in.
 *
 * @type {readonly { name: string, files: RegExp, atLeast: number }[]}
 */
export const groups = [
  { name: 'the heart', files: /./, atLeast: 85 },
  { name: 'from delivery to replay', files: /^shared\/delivery\//, atLeast: 90 },
  { name: 'on-event', files: /^shared\/on-event\.ts$/, atLeast: 85 },
  { name: 'on-http', files: /^shared\/http\/on-http\.ts$/, atLeast: 85 },
];

/**
 * The part that is read of a report of Stryker's.
 *
 * @typedef {{ status: string, mutatorName: string, replacement?: string, location: { start: { line: number } } }} Mutant
 * @typedef {{ files: Record<string, { mutants: Mutant[] }> }} Report
 * @typedef {{ name: string, atLeast: number, noticed: number, tried: number, score: number }} Score
 */

const NOTICED = ['Killed', 'Timeout'];
const MISSED = ['Survived', 'NoCoverage'];

/**
 * Rooms, and the tests nearby. Most changes fail one of those, and running all for each takes ten times as long.
 *
 * @type {readonly { mutate: string, tests: string }[]}
 */
export const rounds = [
  { mutate: 'shared/slo/**/*.ts', tests: 'test/shared/slo/**/*.test.ts' },
  { mutate: 'shared/slo/**/*.ts', tests: 'test/functions/platform/**/*.test.ts' },
  { mutate: 'shared/releases/**/*.ts', tests: 'test/shared/releases/**/*.test.ts' },
  { mutate: 'functions/deployment/**/*.ts,shared/releases/**/*.ts', tests: 'test/functions/deployment/[c-s]*.test.ts' },
  { mutate: 'functions/platform/**/*.ts,shared/blame/**/*.ts', tests: 'test/functions/platform/**/*.test.ts' },
  {
    mutate: 'functions/infrastructure/**/*.ts,shared/clusters/**/*.ts',
    tests: 'test/functions/infrastructure/**/*.test.ts test/shared/clusters/**/*.test.ts',
  },
  { mutate: 'functions/{http,timer}/**/*.ts', tests: 'test/functions/{http,timer}/**/*.test.ts' },
  { mutate: 'shared/delivery/**/*.ts', tests: 'test/shared/delivery/{[d-p]*,r*,au*,b*}.test.ts' },
  { mutate: 'shared/on-*.ts,shared/http/on-http.ts', tests: 'test/shared/on-*.test.ts test/shared/http/**/*.test.ts' },
];

/** What `test/mutation/drops.mjs` calls its changes. They are judged one by one, and count in no share. */
const DROP = 'Drop';

/**
 * The score of each group that has a file in the report, in percent. What could not be compiled, or is ignored with its
 * reason, counts nowhere.
 *
 * @param {Report} report
 * @returns {Score[]}
 */
export function scoresOf({ files }) {
  return groups.flatMap(({ name, files: pattern, atLeast }) => {
    const mutants = Object.entries(files).flatMap(([file, one]) =>
      pattern.test(file) ? one.mutants.filter(({ mutatorName }) => mutatorName !== DROP) : [],
    );
    const noticed = mutants.filter(({ status }) => NOTICED.includes(status)).length;
    const tried = noticed + mutants.filter(({ status }) => MISSED.includes(status)).length;
    return tried === 0 ? [] : [{ name, atLeast, noticed, tried, score: (100 * noticed) / tried }];
  });
}

/**
 * The words that no test misses: each with its place, and what is left without it.
 *
 * @param {Report} report
 */
export function missedDrops({ files }) {
  return Object.entries(files).flatMap(([file, { mutants }]) =>
    mutants
      .filter(({ mutatorName, status }) => mutatorName === DROP && MISSED.includes(status))
      .map(({ location, replacement = '' }) => `${file}:${location.start.line}: ${replacement.replace(/\s+/g, ' ')}`),
  );
}

/** @param {string[]} args @returns the options, or why they are wrong */
function optionsOf(args) {
  try {
    const { values } = parseArgs({
      args,
      options: {
        mutate: { type: 'string' },
        concurrency: { type: 'string' },
        force: { type: 'boolean' },
        help: { type: 'boolean' },
      },
    });
    if (values.concurrency !== undefined && !/^[1-9][0-9]?$/.test(values.concurrency)) {
      return `--concurrency: expected a number from 1 to 99, got '${values.concurrency}'`;
    }
    return values;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** @param {string} command @param {string[]} args @param {string} cwd @param {Record<string, string>} [env] added */
function run(command, args, cwd, env = {}) {
  const options = { cwd, env: { ...process.env, ...env }, shell: process.platform === 'win32' };
  const { status, error } = spawnSync(command, args, { ...options, stdio: 'inherit' });
  if (error) throw error;
  return status ?? 1;
}

function main() {
  const options = optionsOf(process.argv.slice(2));
  if (typeof options === 'string') {
    console.error(`${options}\n\n${HELP}`);
    return 2;
  }
  if (options.help) {
    console.log(HELP);
    return 0;
  }
  const stryker = join(home, 'node_modules', '@stryker-mutator', 'core', 'bin', 'stryker.js');
  if (!existsSync(stryker)) {
    console.log('installing what mutation tests need in test/mutation');
    if (run('npm', ['ci', '--no-audit', '--no-fund'], home) !== 0) return 1;
  }
  rmSync(reportFile, { force: true });
  const { mutate, concurrency, force } = options;
  // What an earlier run, or an earlier round, has seen to fail is not tried again while its test and its file stay the same.
  if (force) rmSync(incrementalFile, { force: true });
  /** @param {string | undefined} files @param {Record<string, string>} [env] */
  const tryChanges = (files, env) => {
    const args = [
      ...[stryker, 'run', join('test', 'mutation', 'stryker.config.mjs')],
      ...(files === undefined ? [] : ['--mutate', files]),
      ...(concurrency === undefined ? [] : ['--concurrency', concurrency]),
    ];
    return run(process.execPath, args, root, env);
  };
  for (const [index, { mutate: files, tests }] of (mutate === undefined ? rounds : []).entries()) {
    console.log(`round ${index + 1} of ${rounds.length + 1}: ${files} by ${tests}`);
    if (tryChanges(files, { MUTATION_TESTS: tests }) !== 0) return 1;
  }
  const status = tryChanges(mutate);
  if (status !== 0 || !existsSync(reportFile)) return 1;

  const report = JSON.parse(readFileSync(reportFile, 'utf8'));
  const scores = scoresOf(report);
  for (const { name, noticed, tried, score, atLeast } of scores) {
    const verdict = score < atLeast ? `too few: at least ${atLeast} %` : `at least ${atLeast} %`;
    console.log(`${name}: ${score.toFixed(1)} % of ${tried} changes noticed (${noticed}); ${verdict}`);
  }
  if (scores.length === 0) {
    console.error('nothing was tried: --mutate names no file with code');
    return 1;
  }
  const missed = missedDrops(report);
  for (const place of missed) console.log(`no test misses what is dropped here: ${place}`);
  return missed.length > 0 || scores.some(({ score, atLeast }) => score < atLeast) ? 1 : 0;
}

if (process.argv[1] !== undefined && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  process.exitCode = main();
}
