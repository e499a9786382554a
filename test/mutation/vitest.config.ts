import { defineConfig } from 'vitest/config';

/** The tests of the heart that need no process, socket or bundle of their own. */
export default defineConfig({
  test: {
    include: [
      'test/functions/**/*.test.ts',
      'test/shared/{delivery,releases,slo,http}/**/*.test.ts',
      'test/shared/{on-event,app-ports}.test.ts',
    ],
    exclude: ['**/node_modules/**', 'test/functions/http/hostile-requests.test.ts'],
    testTimeout: 20_000,
  },
});
