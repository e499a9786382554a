/** The pages that a release had a part in, and what was weighed about them. */
import type { Page, Weighed } from '../../blame/pages.ts';
import { describeVerdict } from '../../blame/verdict-text.ts';
import { HOUR_MS } from '../../duration.ts';
import type { RecordedChange } from '../../releases/changes.ts';
import { stepTo } from '../../releases/release-record.ts';
import type { Evidence } from './evidence.ts';

/** The part of a release in a page. */
type Part =
  /** It is to blame, and goes back when the objective says so. */
  | 'blamed'
  /** It goes back with a later release of the same container. */
  | 'undone'
  /** It was weighed. */
  | 'suspect'
  /** It was the newest when the page opened. */
  | 'present';

export interface PageExplanation {
  readonly slo: string;
  readonly openedAt: number;
  readonly part: Part;
  /** Oldest first. */
  readonly weighed: readonly WeighedExplanation[];
  /** Whether it burns no more, once something went back. */
  readonly helped?: boolean;
}

export interface WeighedExplanation {
  readonly at: number;
  /** When the burn began, when that was seen. */
  readonly onset?: { readonly from: number; readonly to: number };
  /** The likeliest first. */
  readonly suspects: readonly RecordedChange[];
  /** Those that are to blame. */
  readonly blamed: readonly RecordedChange[];
  /** Why these, or why none. */
  readonly because: string;
  /** The decision in a sentence. */
  readonly decision: string;
}

/** What was weighed about a page, in short. */
export interface WeighedSummary extends Pick<PageExplanation, 'slo' | 'openedAt' | 'part' | 'helped'> {
  /** How many releases were weighed. */
  readonly suspects: number;
  readonly decision: string;
}

/** By the last that was weighed. */
export function weighedSummaryOf({ weighed, ...page }: PageExplanation): WeighedSummary {
  const last = weighed.at(-1);
  return { ...page, suspects: last?.suspects.length ?? 0, decision: last?.decision ?? 'nothing was weighed yet' };
}

/** The slowest rule pages so long after a burn began, and is watched as long. */
const REACH_MS = 8 * HOUR_MS;

/** @param until when the release was rolled back or replaced; still running when absent */
export function pagesAbout(
  found: Pick<Evidence, 'release' | 'objectives' | 'pages'>,
  until: number | undefined,
): PageExplanation[] {
  return found.pages
    .flatMap((page): PageExplanation[] => {
      const part = partIn(page, found, until);
      return part === undefined ? [] : [explanationOf(page, part, found)];
    })
    .sort((a, b) => a.openedAt - b.openedAt);
}

function partIn(
  { slo, weighed, openedAt }: Page,
  found: Pick<Evidence, 'release' | 'objectives'>,
  until = Number.POSITIVE_INFINITY,
): Part | undefined {
  const { release, objectives } = found;
  const isIn = (changes: readonly RecordedChange[]): boolean => changes.some(({ key }) => key === release.key);
  if (weighed.some(({ blamed }) => isIn(blamed))) return 'blamed';
  if (weighed.some(({ alsoUndone }) => isIn(alsoUndone))) return 'undone';
  if (weighed.some(({ suspects }) => isIn(suspects))) return 'suspect';
  const started = stepTo(release, 'started')?.at ?? Number.POSITIVE_INFINITY;
  const isAfter = openedAt >= started && openedAt <= Math.min(until, started + REACH_MS);
  return isAfter && objectives.some((objective) => objective.slo === slo) ? 'present' : undefined;
}

function explanationOf(
  { slo, openedAt, weighed, helped }: Page,
  part: Part,
  { objectives }: Pick<Evidence, 'objectives'>,
): PageExplanation {
  const mode = objectives.find((objective) => objective.slo === slo)?.rollbackOnPage ?? 'act';
  return {
    ...{ slo, openedAt, part },
    weighed: weighed.map((one) => weighedOf(one, mode)),
    ...(helped !== undefined && { helped }),
  };
}

function weighedOf(weighed: Weighed, mode: 'off' | 'observe' | 'act'): WeighedExplanation {
  const { at, onset, suspects, blamed, because } = weighed;
  return {
    at,
    ...(onset && { onset: { from: onset.from, to: onset.to } }),
    ...{ suspects, blamed, because, decision: describeVerdict(weighed, mode) },
  };
}
