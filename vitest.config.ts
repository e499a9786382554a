import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 20_000,
    // @azure/functions says at every registration that no Functions host is there.
    onConsoleLog: (log) => (/^(WARNING: .*"@azure\/functions" package.*\s*)+$/.test(log) ? false : undefined),
  },
});
