import { availableParallelism } from 'node:os';
import { configDefaults, defineConfig } from 'vitest/config';

/** What takes long in real time: `npm run test:full`, which is `vitest run --mode full`. */
const LONG = 'test/**/*.full.test.ts';

/** These change their process, or measure it: not for a thread beside others. */
const OWN_PROCESS = [
  'test/shared/adapters/webhook/notifier.test.ts',
  'test/shared/on-event-clock.test.ts',
  'test/shared/settings-in-azure.test.ts',
];

/** Rooms whose tests leave nothing behind in their process: the app is loaded once for many of them. */
const TOGETHER = [
  'test/functions/*/**/!(hostile-requests).test.ts',
  'test/shared/{access,blame,client,clusters,config,delivery,events,releases,slo,status}/**/*.test.ts',
  'test/shared/local/{testing,service-bus/config,service-bus/core,service-bus/filters}/**/*.test.ts',
];

export default defineConfig(({ mode }) => {
  /** Groups start in the order of their names: those that wait first, and at the end what keeps every core busy. */
  const group = (
    name: string,
    include: string[],
    options: { exclude?: string[]; pool?: 'threads'; isolate?: false } = {},
  ) => ({
    extends: true as const,
    test: { name, include, ...options, exclude: [...configDefaults.exclude, LONG, ...(options.exclude ?? [])] },
  });
  return {
    test: {
      // Ample, for a machine that is busy with other things as well.
      testTimeout: 60_000,
      // Many files mostly wait for processes and sockets of their own: on two cores, four at a time.
      maxWorkers: Math.max(4, availableParallelism()),
      // @azure/functions says at every registration that no Functions host is there.
      onConsoleLog: (log) => (/^(WARNING: .*"@azure\/functions" package.*\s*)+$/.test(log) ? false : undefined),
      ...(mode === 'full'
        ? { include: [LONG] }
        : {
            projects: [
              group('a process each', OWN_PROCESS),
              group('a thread each', ['test/**/*.test.ts'], {
                pool: 'threads',
                exclude: [...OWN_PROCESS, ...TOGETHER],
              }),
              group('together', TOGETHER, { isolate: false }),
            ],
          }),
    },
  };
});
