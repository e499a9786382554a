/** Plays a made-up history: counts its checks, and judges as the handler does while a page is open. */
import { judge, type Neighbour, type Verdict } from '../../shared/blame/judge.ts';
import { type FirstOnset, type Look, lookAt } from '../../shared/blame/looks.ts';
import type { RecordedChange } from '../../shared/releases/changes.ts';
import { assess, failureRateOf } from '../../shared/slo/burn-rate.ts';
import { burnsToo, controlRate, countedIn } from '../../shared/slo/burns.ts';
import { findOnset, type Onset } from '../../shared/slo/onset.ts';
import {
  addCounts,
  type CountsFrom,
  emptyBuckets,
  recentBuckets,
  type TimeBuckets,
} from '../../shared/slo/time-buckets.ts';
import { type BurnHistory, MINUTE, type Place, TARGET } from './burn-histories.ts';
import { areTwins } from './ideal-observer.ts';

const SLO = { target: TARGET, window: '30d', minFailures: 5 } as const;
/** How far from the onset another release would have to lie for an innocent one to be no excuse. */
const BESIDE_MS = 20 * MINUTE;

export interface Judgement {
  /**
   * `twins`: nothing goes back, and an ideal observer could not tell the culprit from another release; `ambiguous`: the
   * culprit is among the suspects, and nothing goes back; `innocent`: something does, and nothing should.
   */
  readonly result: 'no page' | 'found' | 'twins' | 'ambiguous' | 'missed' | 'nobody' | 'wrong' | 'innocent';
  readonly because: string;
  /** Whether a release that is not to blame lies beside the onset. */
  readonly isBeside: boolean;
}

type Judged = Verdict & { readonly onset: Onset | undefined };

export function judgeHistory(history: BurnHistory): Judgement {
  const { start, end, onset, checkMs, service, neighbours, culprit } = history;
  const places = [service, ...neighbours];
  const checks: CountsFrom[] = [];
  let counts = places.map(() => emptyBuckets(start));
  let paged: { longWindow: string; at: number } | undefined;
  let verdict: Judged | undefined;
  let first: FirstOnset | undefined;
  let [next, judgedAt] = [0, 0];
  for (let at = start; at < end; at += checkMs) {
    const taken = places.map((place) => check(place, at, history));
    checks.push({ from: at, ...(taken[0] ?? { bad: 0, total: 0 }) });
    counts = taken.map((one, n) => addCounts(counts[n] ?? emptyBuckets(at), at, one));
    const [own = emptyBuckets(at)] = counts;
    const { page } = assess(SLO, (window) => own.sums[window]).alerts;
    if (!page) {
      [paged, first, next] = [undefined, undefined, 0];
      continue;
    }
    // What it burns before it breaks is bad luck, and another story.
    if (at < onset && onset > start) return { result: 'no page', because: 'paged before', isBeside: false };
    paged ??= { longWindow: page.longWindow, at };
    if (at < next) continue;
    next = at + Math.min(5 * MINUTE, Math.max(MINUTE, (at - paged.at) / 10));
    judgedAt = at;
    const latest = verdictOf(history, counts, { longWindow: paged.longWindow, now: at, first });
    if (latest.blamed.length > 0 || !verdict?.onset) verdict = latest;
    if (latest.onset) first ??= { at, onset: latest.onset, suspects: latest.suspects };
    if (verdict.blamed.length > 0) break;
  }
  const isInnocent = (change: RecordedChange): boolean => change.kind === 'release' && !culprit.includes(change);
  const isBeside = service.changes.some(
    (one) => isInnocent(one) && one.startedAt < onset + BESIDE_MS && (one.endedAt ?? onset) > onset - BESIDE_MS,
  );
  // What went back before the culprit came, or came to this place too, is judged by what there was.
  const made = culprit.filter(({ startedAt }) => startedAt <= judgedAt);
  const result = resultOf(verdict, made);
  const isMissed = result === 'ambiguous' || result === 'missed';
  const known = checks.filter(({ from }) => from <= judgedAt);
  return {
    result: isMissed && areTwins(history, known) ? 'twins' : result,
    because: verdict?.because ?? '',
    isBeside,
  };
}

function check({ traffic, failing }: Place, at: number, { checkMs, random }: BurnHistory) {
  const total = random.poisson((traffic(at) * checkMs) / MINUTE);
  return { bad: random.binomial(total, failing(at)), total };
}

interface Sight {
  readonly longWindow: string;
  readonly now: number;
  readonly first: FirstOnset | undefined;
}

function verdictOf(history: BurnHistory, counts: readonly TimeBuckets[], { longWindow, now, first }: Sight): Judged {
  const [own = emptyBuckets(now)] = counts;
  const threshold = { rate: failureRateOf(longWindow, SLO), minFailures: SLO.minFailures };
  const look = lookAt(first, (known) => findOnset(countedIn(own, known), threshold));
  return { ...judgeLook(history, counts, look, now), onset: look.finding.onset };
}

function judgeLook(
  { service, neighbours }: BurnHistory,
  counts: readonly TimeBuckets[],
  look: Look,
  now: number,
): Verdict {
  const known = ({ changes }: Place): RecordedChange[] => changes.filter(({ startedAt }) => startedAt <= now);
  const evidence = { ...look, changes: known(service), now };
  const verdict = judge(evidence);
  const { onset } = look.finding;
  if (verdict.blamed.length === 0 || !onset) return verdict;
  const interval = { from: onset.earliest, to: onset.latest };
  const asked = neighbours.map((place, n): Neighbour => {
    const buckets = recentBuckets(counts[n + 1] ?? emptyBuckets(now));
    const isBurning = burnsToo(buckets, interval, controlRate(SLO), neighbours.length);
    return { name: place.name, burnsToo: isBurning, changes: known(place) };
  });
  return judge({ ...evidence, neighbours: asked });
}

function resultOf(verdict: Verdict | undefined, culprit: readonly RecordedChange[]): Judgement['result'] {
  if (!verdict) return 'no page';
  const { blamed, alsoUndone, suspects } = verdict;
  const goBack = [...blamed, ...alsoUndone];
  if (culprit.length === 0) return goBack.length > 0 ? 'innocent' : 'nobody';
  if (goBack.length === 0) return culprit.some((one) => suspects.includes(one)) ? 'ambiguous' : 'missed';
  const targets = new Set(culprit.map(({ target }) => target));
  const isFound = culprit.every((one) => goBack.includes(one)) && goBack.every(({ target }) => targets.has(target));
  return isFound ? 'found' : 'wrong';
}
