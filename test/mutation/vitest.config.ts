import { defineConfig } from 'vitest/config';

/** The tests of the heart that need no process, socket or bundle of their own. */
export default defineConfig({
  test: {
    include: [
      'test/functions/**/*.test.ts',
      'test/shared/{clusters,delivery,releases,slo,http}/**/*.test.ts',
      'test/shared/{app-ports,on-event,on-timer}.test.ts',
      'test/shared/events/identity.test.ts',
    ],
    exclude: ['**/node_modules/**', 'test/functions/http/hostile-requests.test.ts'],
    testTimeout: 20_000,
  },
});
