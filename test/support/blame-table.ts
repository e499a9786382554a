/** The table of `bench/blame.ts`: what becomes of many made-up histories of each situation, and which bars it misses. */
import { randomOf, SITUATIONS, type Situation } from './burn-histories.ts';
import { type Judgement, judgeHistory } from './judge-history.ts';

export const RESULTS = [
  'no page',
  'found',
  'twins',
  'ambiguous',
  'missed',
  'wrong',
  'nobody',
  'innocent',
] as const satisfies readonly Judgement['result'][];

// The names are the keys of the table.
export const SITUATION_NAMES = Object.keys(SITUATIONS) as Situation[];

/** Where something else that is measured burns too, and so nobody may be blamed. */
export const CONTROLLED: readonly Situation[] = [
  'a dependency outage, with a control',
  "another service's release, which burns too",
];
/** Two changes at once are never told apart, even when one who knows all could. */
export const PAIRED: readonly Situation[] = ['two releases in one bucket, two workloads'];
const MIN_FOUND = 0.85;
const MAX_INNOCENT = 0.12;
/** So many seeds belong to one run. */
const SEEDS = 1_000_000;

export interface Row {
  readonly situation: Situation;
  readonly counts: Readonly<Record<Judgement['result'], number>>;
  /** Of the innocent, with no other release within 20 minutes of the onset. */
  readonly alone: number;
  /** Share of the culprits that could be told apart; undefined when there are none. */
  readonly foundShare: number | undefined;
}

/** @param histories with a page; those without are counted beside them */
export function rowOf(situation: Situation, histories: number, seed: number): Row {
  const judged: Judgement[] = [];
  let withoutPage = 0;
  for (let n = seed * SEEDS; judged.length < histories && withoutPage < 10 * histories; n++) {
    const judgement = judgeHistory(SITUATIONS[situation](randomOf(n)));
    if (judgement.result === 'no page') withoutPage++;
    else judged.push(judgement);
  }
  const count = (wanted: Judgement['result']): number => judged.filter(({ result }) => result === wanted).length;
  const counts = Object.fromEntries(RESULTS.map((result) => [result, count(result)])) as Row['counts'];
  const told = counts.found + counts.ambiguous + counts.missed + counts.wrong;
  return {
    situation,
    counts: { ...counts, 'no page': withoutPage },
    alone: judged.filter(({ result, isBeside }) => result === 'innocent' && !isBeside).length,
    foundShare: told === 0 ? undefined : counts.found / told,
  };
}

/** What the rules promise of a situation, and do not hold. */
export function missedBars({ situation, counts, alone, foundShare }: Row): string[] {
  const paged = RESULTS.reduce((sum, result) => sum + (result === 'no page' ? 0 : counts[result]), 0);
  const maxInnocent = CONTROLLED.includes(situation) ? 0 : MAX_INNOCENT * paged;
  return [
    ...(counts.wrong > 0 ? [`${counts.wrong} wrong culprits`] : []),
    ...(alone > 0 ? [`${alone} innocent with no release beside the onset`] : []),
    ...(counts.innocent > maxInnocent ? [`${counts.innocent} innocent of ${paged}`] : []),
    ...(foundShare !== undefined && foundShare < MIN_FOUND && !PAIRED.includes(situation)
      ? [`${(100 * foundShare).toFixed(1)} % found`]
      : []),
  ].map((miss) => `${situation}: ${miss}`);
}
