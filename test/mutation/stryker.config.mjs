/** Mutation tests of the heart: does a test fail when a line is changed? Run by `npm run mutate`. */
import { fileURLToPath } from 'node:url';
import { addDrops } from './drops.mjs';
import { trySample } from './sample.mjs';

const plugin = new URL('node_modules/@stryker-mutator/vitest-runner/dist/src/index.js', import.meta.url);

const { MUTATION_SAMPLE: percent, MUTATION_SEED: seed = '1', MUTATION_TIMEOUT_S: timeoutS = '15' } = process.env;

await addDrops();
if (percent !== undefined) await trySample(Number(percent), seed);

export default {
  plugins: [fileURLToPath(plugin)],
  testRunner: 'vitest',
  // Some tests load the functions by folder: Vitest would not count them as related, and leave them out.
  vitest: { configFile: 'test/mutation/vitest.config.ts', related: false },
  // TypeScript 7 has no API that Stryker could rewrite a configuration with: a name that does not exist leaves it alone.
  tsconfigFile: 'none.json',
  coverageAnalysis: 'perTest',
  mutate: [
    'shared/delivery/**/*.ts',
    'shared/events/identity.ts',
    'shared/on-event.ts',
    'shared/on-timer.ts',
    'shared/http/on-http.ts',
    'shared/releases/**/*.ts',
    'shared/blame/**/*.ts',
    'shared/slo/**/*.ts',
    'shared/clusters/**/*.ts',
    'functions/**/*.ts',
  ],
  ignorePatterns: ['dist', 'bench', '.github', 'test/mutation/node_modules'],
  incremental: true,
  // A sample forgets what is not in it: what is known of the whole is kept apart.
  incrementalFile: percent === undefined ? 'dist/mutation/incremental.json' : 'dist/mutation/sample.json',
  tempDirName: 'dist/mutation/sandbox',
  reporters: ['clear-text', process.stdout.isTTY ? 'progress' : 'progress-append-only', 'json', 'html'],
  clearTextReporter: { logTests: false, reportTests: false, allowColor: process.stdout.isTTY === true },
  jsonReporter: { fileName: 'dist/mutation/report.json' },
  htmlReporter: { fileName: 'dist/mutation/report.html' },
  concurrency: 2,
  // The slowest of these tests takes two seconds. What makes one endless shall not hold up the rest.
  timeoutMS: Number(timeoutS) * 1000,
  timeoutFactor: 2,
};
