import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 20_000,
    // @azure/functions says so of every function that is registered where no Functions host is.
    onConsoleLog: (log) => (log.startsWith('WARNING: Skipping call to register function') ? false : undefined),
  },
});
