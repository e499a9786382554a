/** A few of the histories that `bench/blame.ts` plays by the thousand: enough to see a rule break, not to measure shares. */
import { expect, it } from 'vitest';
import { CONTROLLED, PAIRED, type Row, rowOf, SITUATION_NAMES } from '../../support/blame-table.ts';

const HISTORIES = 3;
const rows: Row[] = [];

it.each(SITUATION_NAMES)('%s: never the wrong one', (situation) => {
  const row = rowOf(situation, HISTORIES, 0);
  rows.push(row);

  expect({ wrong: row.counts.wrong, alone: row.alone }).toEqual({ wrong: 0, alone: 0 });
  if (CONTROLLED.includes(situation)) expect(row.counts.innocent).toBe(0);
});

it('finds most of the culprits that can be told', () => {
  const told = rows.filter(({ situation, foundShare }) => foundShare !== undefined && !PAIRED.includes(situation));

  const sum = (...results: (keyof Row['counts'])[]): number =>
    told.reduce((all, { counts }) => all + results.reduce((so, result) => so + counts[result], 0), 0);
  expect(sum('found') / sum('found', 'ambiguous', 'missed', 'wrong')).toBeGreaterThanOrEqual(0.85);
});
