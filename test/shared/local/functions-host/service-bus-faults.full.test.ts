/** Many plans of faults of ten seconds each; a plan that fails is named by its seed. SEEDS=200 runs as many. */
import { expect, it } from 'vitest';
import { faultsOf } from '../../../support/fault-proxy.ts';
import { SURVIVED, survive } from '../../../support/faulty-network.ts';

const SEEDS = Number(process.env['SEEDS'] ?? 50);
const AT_ONCE = 8;

it(`goes on after ${SEEDS} plans of cuts, half-closes, stalls and freezes`, { timeout: 900_000 }, async () => {
  const seeds = Array.from({ length: SEEDS }, (_, index) => index + 1);
  const failed: unknown[] = [];
  const worker = async (): Promise<void> => {
    for (let seed = seeds.shift(); seed !== undefined; seed = seeds.shift()) {
      const faults = faultsOf(seed, 10_000);
      const { outcome, ...how } = await survive(faults, seed);
      if (JSON.stringify(outcome) !== JSON.stringify(SURVIVED)) failed.push({ faults, outcome, ...how });
    }
  };

  await Promise.all(Array.from({ length: AT_ONCE }, worker));

  expect(failed).toEqual([]);
});
