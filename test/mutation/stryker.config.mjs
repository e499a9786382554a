/** Mutation tests of the heart: does a test fail when a line is changed? Run by `npm run mutate`. */
import { fileURLToPath } from 'node:url';
import { addDrops } from './drops.mjs';

const plugin = new URL('node_modules/@stryker-mutator/vitest-runner/dist/src/index.js', import.meta.url);

await addDrops();

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
  incrementalFile: 'dist/mutation/incremental.json',
  tempDirName: 'dist/mutation/sandbox',
  reporters: ['clear-text', process.stdout.isTTY ? 'progress' : 'progress-append-only', 'json', 'html'],
  clearTextReporter: { logTests: false, reportTests: false, allowColor: process.stdout.isTTY === true },
  jsonReporter: { fileName: 'dist/mutation/report.json' },
  htmlReporter: { fileName: 'dist/mutation/report.html' },
  concurrency: 2,
  // The slowest of these tests takes two seconds. What makes one endless shall not hold up the rest.
  timeoutMS: 15_000,
  timeoutFactor: 2,
};
