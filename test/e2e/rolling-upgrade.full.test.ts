/** A roll-out of a build that adds an event and a field costs no event, and neither does taking it back: for a minute, as it takes. */
import { expect, it } from 'vitest';
import { rollingUpgrade } from '../support/rolling-upgrade.ts';

it('loses nothing and dead-letters nothing while two builds run side by side for a minute, and back', {
  timeout: 400_000,
}, async () => {
  const { answers, sent, waiting, ...outcome } = await rollingUpgrade(60);

  expect(outcome).toEqual({ lost: [], incomplete: [], errors: [], shared: { byN: true, byNext: true } });
  expect([sent, waiting].map((count) => count > 50)).toEqual([true, true]);
  expect(Object.entries(answers).filter(([, status]) => status !== 200)).toEqual([]);
});
