/** A few dozen of the histories that `bench/blame.ts` plays by the thousand. */
import { expect, it } from 'vitest';
import { randomOf, SITUATIONS, type Situation } from '../../support/burn-histories.ts';
import { judgeHistory } from '../../support/judge-history.ts';

const HISTORIES = 20;
// The names are the keys of the table.
const situations = Object.keys(SITUATIONS) as Situation[];
/** Of which hardly any culprit can be known: two changes at once, or a service that burnt before. */
const DARK: readonly Situation[] = ['two releases in one bucket, two workloads', 'low traffic'];

it.each(situations)('%s: never the wrong one, and mostly the right one', (situation) => {
  const judged = Array.from({ length: HISTORIES }, (_, seed) => judgeHistory(SITUATIONS[situation](randomOf(seed))));

  const count = (...results: string[]): number => judged.filter(({ result }) => results.includes(result)).length;
  expect(count('wrong')).toBe(0);
  expect(judged.filter(({ result, isBeside }) => result === 'innocent' && !isBeside)).toEqual([]);
  const culprits = count('found', 'ambiguous', 'missed');
  if (!DARK.includes(situation)) expect(count('found')).toBeGreaterThanOrEqual(0.7 * culprits);
});
