/** Mutation tests of the heart: does a test fail when a line is changed? Run by `npm run mutate`. */
export default {
  plugins: [new URL('node_modules/@stryker-mutator/vitest-runner/dist/src/index.js', import.meta.url).pathname],
  testRunner: 'vitest',
  vitest: { configFile: 'test/mutation/vitest.config.ts' },
  // TypeScript 7 has no API that Stryker could rewrite a configuration with: a name that does not exist leaves it alone.
  tsconfigFile: 'none.json',
  coverageAnalysis: 'perTest',
  ignorePatterns: ['dist', 'bench', '.github'],
  mutate: ['shared/delivery/retry-policy.ts', 'shared/delivery/event-record.ts'],
  incremental: true,
  incrementalFile: 'dist/mutation/incremental.json',
  tempDirName: 'dist/mutation/sandbox',
  reporters: ['clear-text', 'progress'],
  concurrency: 2,
};
