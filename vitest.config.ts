import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 20_000,
    // Some files mostly wait for processes and sockets of their own: on two cores, two at a time.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    // @azure/functions says at every registration that no Functions host is there.
    onConsoleLog: (log) => (/^(WARNING: .*"@azure\/functions" package.*\s*)+$/.test(log) ? false : undefined),
  },
});
