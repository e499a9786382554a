#!/usr/bin/env node
/**
 * `npm run mutate`: changes the code of the heart line by line, and tells which changes no test notices. Fails when the
 * tests notice fewer than they should, or miss a word dropped that must be there (`test/mutation/drops.mjs`). What it needs has a lock file of its own in `test/mutation`, installed when missing.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join, posix, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

const root = resolve(fileURLToPath(import.meta.url), '../..');
const home = join(root, 'test', 'mutation');
const reportFile = join(root, 'dist', 'mutation', 'report.json');
// The second is of samples.
const incrementalFiles = ['incremental.json', 'sample.json'].map((name) => join(root, 'dist', 'mutation', name));

const HELP = `Usage: npm run mutate [-- options]

Changes the heart of the code line by line, and runs the tests that reach each change: those nearby first, and all for
what they leave. A change that fails no test shows what the tests do not hold. Later runs try only what has changed since.
A change that makes no difference is left out by a comment beside it, which says why: // Stryker disable next-line <change>

  --mutate <globs>     only these files, separated by commas, such as shared/delivery/replay.ts
  --sample <percent>   only so many of the changes, drawn by lot, and all words dropped; fails when the tests surely
                       notice fewer than they should. 0: only the words dropped
  --seed <word>        another draw; 1 unless given, the same changes for the same word
  --timeout <s>        how long a change may hold up its tests before it counts as noticed; 15 unless given. More on a
                       machine that does other work meanwhile
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
 * @typedef {{ noticed: number, timedOut: number, tried: number, score: number }} Share `timedOut` of the noticed ones made
 *   their tests endless, or were tried on a machine too busy
 * @typedef {Share & { name: string, atLeast: number }} Score
 */

const NOTICED = ['Killed', 'Timeout'];
const MISSED = ['Survived', 'NoCoverage'];

/**
 * Rooms, and the tests nearby. Most changes fail one of those, and running all for each takes ten times as long. Each file
 * is in one round: with other tests, what an earlier one has found out would be tried anew.
 *
 * @type {readonly { mutate: string, tests: string }[]}
 */
export const rounds = [
  {
    mutate: 'shared/slo/**/*.ts',
    tests:
      'test/shared/slo/**/*.test.ts test/functions/platform/**/*.test.ts test/functions/timer/{notice-s,t}*.test.ts',
  },
  {
    mutate: 'functions/deployment/**/*.ts,shared/releases/**/*.ts',
    tests:
      'test/shared/releases/**/*.test.ts test/functions/deployment/[c-s]*.test.ts test/functions/timer/notice-p*.test.ts',
  },
  {
    mutate: 'functions/platform/**/*.ts,shared/blame/**/*.ts',
    tests: 'test/functions/platform/**/*.test.ts test/shared/blame/[!h]*.test.ts',
  },
  {
    mutate: 'functions/infrastructure/**/*.ts,shared/clusters/**/*.ts',
    tests: 'test/functions/infrastructure/**/*.test.ts test/shared/clusters/**/*.test.ts',
  },
  { mutate: 'functions/http/**/*.ts,functions/timer/**/*.ts', tests: 'test/functions/{http,timer}/**/*.test.ts' },
  { mutate: 'shared/delivery/**/*.ts', tests: 'test/shared/delivery/{[d-p]*,r*,au*,b*,call*}.test.ts' },
  { mutate: 'shared/on-*.ts,shared/http/on-http.ts', tests: 'test/shared/on-*.test.ts test/shared/http/**/*.test.ts' },
];

/** What `test/mutation/drops.mjs` calls its changes. They are judged one by one, and count in no share. */
const DROP = 'Drop';

/**
 * The score of each group that has a file in the report, in percent.
 *
 * @param {Report} report
 * @returns {Score[]}
 */
export function scoresOf(report) {
  return groups.flatMap(({ name, files, atLeast }) => {
    const share = shareOf(report, (file) => files.test(file));
    return share.tried === 0 ? [] : [{ name, atLeast, ...share }];
  });
}

/**
 * The same for each folder that was tried.
 *
 * @param {Report} report
 * @returns {(Share & { name: string })[]}
 */
export function foldersOf(report) {
  const names = new Set(Object.keys(report.files).map((file) => posix.dirname(file)));
  return [...names]
    .sort()
    .map((name) => ({ name, ...shareOf(report, (file) => posix.dirname(file) === name) }))
    .filter(({ tried }) => tried > 0);
}

/**
 * What could not be compiled, or is ignored with its reason, counts nowhere.
 *
 * @param {Report} report
 * @param {(file: string) => boolean} isIn
 * @returns {Share}
 */
function shareOf({ files }, isIn) {
  const stati = Object.entries(files)
    .filter(([file]) => isIn(file))
    .flatMap(([, { mutants }]) => mutants.filter(({ mutatorName }) => mutatorName !== DROP))
    .map(({ status }) => status);
  const noticed = stati.filter((status) => NOTICED.includes(status)).length;
  const tried = noticed + stati.filter((status) => MISSED.includes(status)).length;
  const timedOut = stati.filter((status) => status === 'Timeout').length;
  return { noticed, timedOut, tried, score: (100 * noticed) / tried };
}

/**
 * Between what shares the one of the whole lies with 95 % certainty, in percent (Wilson's interval): those tried are drawn
 * by lot.
 *
 * @param {{ noticed: number, tried: number }} share
 * @returns {[number, number]}
 */
export function intervalOf({ noticed, tried }) {
  const z = 1.96;
  const share = noticed / tried;
  const middle = share + z ** 2 / (2 * tried);
  const reach = z * Math.sqrt((share * (1 - share)) / tried + z ** 2 / (4 * tried ** 2));
  const scale = 100 / (1 + z ** 2 / tried);
  return [Math.max(0, scale * (middle - reach)), scale * (middle + reach)];
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

/**
 * The report without the files that were not asked for: what earlier runs have found out about those may no longer hold.
 *
 * @param {Report} report
 * @param {string} asked globs as in `--mutate`
 * @param {(file: string, glob: string) => boolean} fits
 * @returns {Report}
 */
export function partOf({ files }, asked, fits) {
  const globs = asked.split(',').map((glob) => glob.replace(/:\d.*$/, ''));
  const isIn = (/** @type {string} */ file) =>
    globs.some((glob) => fits(file, glob)) && !globs.some((glob) => glob.startsWith('!') && fits(file, glob.slice(1)));
  return { files: Object.fromEntries(Object.entries(files).filter(([file]) => isIn(file))) };
}

/** Stryker's own way to match. @returns {Promise<(file: string, glob: string) => boolean>} */
async function globMatcher() {
  const { minimatch } = await import(pathToFileURL(join(home, 'node_modules/minimatch/dist/esm/index.js')).href);
  // Otherwise an excluded glob would fit all the rest.
  return (file, glob) => minimatch(file, glob, { nonegate: true });
}

/** @param {string[]} args @returns the options, or why they are wrong */
function optionsOf(args) {
  try {
    const { values } = parseArgs({
      args,
      options: {
        mutate: { type: 'string' },
        sample: { type: 'string' },
        seed: { type: 'string' },
        timeout: { type: 'string' },
        concurrency: { type: 'string' },
        force: { type: 'boolean' },
        help: { type: 'boolean' },
      },
    });
    if (values.concurrency !== undefined && !/^[1-9][0-9]?$/.test(values.concurrency)) {
      return `--concurrency: expected a number from 1 to 99, got '${values.concurrency}'`;
    }
    if (values.sample !== undefined && !(/^\d+(\.\d+)?$/.test(values.sample) && Number(values.sample) <= 100)) {
      return `--sample: expected a percentage from 0 to 100, got '${values.sample}'`;
    }
    if (values.seed !== undefined && values.sample === undefined) return '--seed: goes with --sample only';
    if (values.timeout !== undefined && !/^[1-9][0-9]{0,3}$/.test(values.timeout)) {
      return `--timeout: expected a number of seconds from 1 to 9999, got '${values.timeout}'`;
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

async function main() {
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
  const { mutate, sample, seed, timeout, concurrency, force } = options;
  // What an earlier run, or an earlier round, has seen to fail is not tried again while its test and its file stay the same.
  if (force) for (const file of incrementalFiles) rmSync(file, { force: true });
  const settings = {
    ...(sample === undefined ? {} : { MUTATION_SAMPLE: sample }),
    ...(seed === undefined ? {} : { MUTATION_SEED: seed }),
    ...(timeout === undefined ? {} : { MUTATION_TIMEOUT_S: timeout }),
  };
  /** @param {string | undefined} files @param {Record<string, string>} [env] */
  const tryChanges = (files, env) => {
    const args = [
      ...[stryker, 'run', join('test', 'mutation', 'stryker.config.mjs')],
      ...(files === undefined ? [] : ['--mutate', files]),
      ...(concurrency === undefined ? [] : ['--concurrency', concurrency]),
    ];
    return run(process.execPath, args, root, { ...settings, ...env });
  };
  for (const [index, { mutate: files, tests }] of (mutate === undefined ? rounds : []).entries()) {
    console.log(`round ${index + 1} of ${rounds.length + 1}: ${files} by ${tests}`);
    if (tryChanges(files, { MUTATION_TESTS: tests }) !== 0) return 1;
  }
  const status = tryChanges(mutate);
  if (status !== 0 || !existsSync(reportFile)) return 1;

  const all = JSON.parse(readFileSync(reportFile, 'utf8'));
  const report = mutate === undefined ? all : partOf(all, mutate, await globMatcher());
  for (const { name, ...share } of foldersOf(report)) console.log(`${name}: ${textOf(share, sample)}`);
  const scores = scoresOf(report);
  for (const { name, atLeast, ...share } of scores) {
    const verdict = isTooFew(share, atLeast, sample) ? `too few: at least ${atLeast} %` : `at least ${atLeast} %`;
    console.log(`${name}: ${textOf(share, sample)}; ${verdict}`);
  }
  if (Object.values(report.files).every(({ mutants }) => mutants.length === 0)) {
    console.error('nothing was tried: --mutate names no file with code');
    return 1;
  }
  const missed = missedDrops(report);
  for (const place of missed) console.log(`no test misses what is dropped here: ${place}`);
  return missed.length > 0 || scores.some((score) => isTooFew(score, score.atLeast, sample)) ? 1 : 0;
}

/** @param {Share} share @param {string | undefined} sample */
function textOf(share, sample) {
  const [low, high] = intervalOf(share).map((percent) => percent.toFixed(1));
  const text = `${share.score.toFixed(1)} % of ${share.tried} changes noticed (${share.noticed}, ${share.timedOut} by time)`;
  return sample === undefined ? text : `${text}, of all ${low} to ${high} %`;
}

/** @param {Share} share @param {number} atLeast @param {string | undefined} sample */
function isTooFew(share, atLeast, sample) {
  return (sample === undefined ? share.score : intervalOf(share)[1]) < atLeast;
}

if (process.argv[1] !== undefined && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  process.exitCode = await main();
}
