import { availableParallelism } from 'node:os';
import { configDefaults, defineConfig } from 'vitest/config';

/** What takes long in real time: `npm run test:full`, which is `vitest run --mode full`. */
const LONG = 'test/**/*.full.test.ts';

export default defineConfig(({ mode }) => ({
  test: {
    ...(mode === 'full'
      ? { include: [LONG] }
      : { include: ['test/**/*.test.ts'], exclude: [...configDefaults.exclude, LONG] }),
    testTimeout: 20_000,
    // Many files mostly wait for processes and sockets of their own: on two cores, three at a time.
    maxWorkers: Math.max(3, availableParallelism() - 1),
    // @azure/functions says at every registration that no Functions host is there.
    onConsoleLog: (log) => (/^(WARNING: .*"@azure\/functions" package.*\s*)+$/.test(log) ? false : undefined),
  },
}));
