import { defineConfig } from 'vitest/config';

/** The tests of the heart that need no process, socket or bundle of their own. */
export default defineConfig({
  test: {
    include: ['test/functions/**/*.test.ts', 'test/shared/{record,delivery*,retention,replay,on-*}.test.ts'],
    testTimeout: 20_000,
  },
});
