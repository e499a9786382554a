import { defineConfig } from 'vitest/config';

/** The tests of the heart that need no process, socket or bundle of their own. */
const HEART = [
  'test/functions/**/*.test.ts',
  'test/shared/{blame,clusters,delivery,http,releases,slo,telemetry}/**/*.test.ts',
  'test/shared/{app-ports,on-event,on-timer}.test.ts',
  'test/shared/events/identity.test.ts',
];

export default defineConfig({
  test: {
    // A round of `npm run mutate` tries some of them alone.
    include: process.env.MUTATION_TESTS?.split(' ') ?? HEART,
    exclude: [
      '**/node_modules/**',
      'test/functions/http/hostile-requests.test.ts',
      // These change the zone of their process.
      'test/shared/{delivery/due-time-zone,on-event-clock}.test.ts',
      // These start Azurite, or play months: half a minute for each change.
      'test/shared/delivery/{operations,retention-rate}.test.ts',
      'test/shared/slo/objective-health.test.ts',
    ],
    testTimeout: 60_000,
  },
});
