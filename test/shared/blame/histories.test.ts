/** A few of the histories that `bench/blame.ts` plays by the thousand; too few to hold shares to its bars. */
import { expect, it } from 'vitest';
import { CONTROLLED, PAIRED, rowOf, SITUATION_NAMES } from '../../support/blame-table.ts';

const HISTORIES = 10;

it.each(SITUATION_NAMES)('%s: never the wrong one, and mostly the right one', (situation) => {
  const { counts, alone, foundShare = 1 } = rowOf(situation, HISTORIES, 0);

  expect({ wrong: counts.wrong, alone }).toEqual({ wrong: 0, alone: 0 });
  if (CONTROLLED.includes(situation)) expect(counts.innocent).toBe(0);
  if (!PAIRED.includes(situation)) expect(foundShare).toBeGreaterThanOrEqual(0.7);
});
