/**
 * A roll-out of a build that adds an event and a field costs no event, and neither does taking it back. For a minute, as
 * roll-outs take: `rolling-upgrade.full.test.ts`.
 */
import { expect, it } from 'vitest';
import { rollingUpgrade } from '../support/rolling-upgrade.ts';

it('loses nothing and dead-letters nothing while two builds run side by side, and back', {
  timeout: 240_000,
}, async () => {
  const { answers, waiting, sent, ...outcome } = await rollingUpgrade(3);

  expect(outcome).toEqual({ lost: [], incomplete: [], errors: [], shared: { byN: true, byNext: true } });
  expect(sent).toBeGreaterThan(15);
  // This build has no function for it, and so it waits for the one that has.
  expect(waiting).toBeGreaterThan(0);
  expect(Object.entries(answers).filter(([, status]) => status !== 200)).toEqual([]);
});
