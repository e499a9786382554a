/**
 * A trigger, and a function that publishes, behind a network that cuts, half-closes, stalls and freezes. Whatever came,
 * everything is handled within ten seconds of the last fault, and the broker gives nothing up. Longer and more plans of
 * faults: `service-bus-faults.full.test.ts`.
 */
import { expect, it } from 'vitest';
import { type Fault, faultsOf } from '../../../support/fault-proxy.ts';
import { SURVIVED, survive } from '../../../support/faulty-network.ts';

it.concurrent('goes on after six resets 0.8 s apart', { timeout: 60_000 }, async () => {
  const resets = Array.from({ length: 6 }, (): Fault => ({ kind: 'cut', thenMs: 800 }));

  const { outcome, ...how } = await survive(resets, 0);

  expect(outcome, JSON.stringify(how)).toEqual(SURVIVED);
});

it.concurrent.each([1, 2, 3, 4, 5])(
  'goes on after cuts, half-closes, stalls and freezes, plan %i',
  { timeout: 60_000 },
  async (seed) => {
    const faults = faultsOf(seed, 4_000);

    const { outcome, ...how } = await survive(faults, seed);

    expect(outcome, JSON.stringify({ faults, ...how })).toEqual(SURVIVED);
  },
);
