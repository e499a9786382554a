/** Plays a made-up history: counts its checks, and judges as the handler does while a page is open. */
import { judge, type Neighbour, type Verdict } from '../../shared/blame/judge.ts';
import type { RecordedChange } from '../../shared/releases/changes.ts';
import { assess, failureRateOf } from '../../shared/slo/burn-rate.ts';
import { controlThreshold, countedIn } from '../../shared/slo/burns.ts';
import { findOnset, type OnsetFinding, type OnsetInterval } from '../../shared/slo/onset.ts';
import { addCounts, emptyBuckets, type TimeBuckets } from '../../shared/slo/time-buckets.ts';
import { type BurnHistory, MINUTE, type Place, TARGET } from './burn-histories.ts';

const SLO = { target: TARGET, window: '30d', minFailures: 5 } as const;
/** How far from the onset another release would have to lie for an innocent one to be no excuse. */
const BESIDE_MS = 20 * MINUTE;

export interface Judgement {
  /** `ambiguous`: the culprit is among the suspects, and nothing goes back; `innocent`: something does, and nothing should. */
  readonly result: 'no page' | 'found' | 'ambiguous' | 'missed' | 'nobody' | 'wrong' | 'innocent';
  readonly because: string;
  /** Whether a release that is not to blame lies beside the onset. */
  readonly isBeside: boolean;
}

type Judged = Verdict & { onset: OnsetInterval | undefined };
export function judgeHistory(history: BurnHistory): Judgement {
  const { start, end, onset, checkMs, service, neighbours, culprit } = history;
  const places = [service, ...neighbours];
  let counts = places.map(() => emptyBuckets(start));
  let paged: { longWindow: string; at: number } | undefined;
  let verdict: Judged | undefined;
  let [next, judgedAt] = [0, 0];
  let foundAt: number | undefined;
  let found: OnsetInterval | undefined;
  for (let at = start; at < end; at += checkMs) {
    counts = places.map((place, n) => withCheck(counts[n] ?? emptyBuckets(at), place, at, history));
    const [own = emptyBuckets(at)] = counts;
    const { page } = assess(SLO, (window) => own.sums[window]).alerts;
    if (!page) {
      if (paged) break;
      continue;
    }
    // What it burns before it breaks is bad luck, and another story.
    if (at < onset && onset > start) return { result: 'no page', because: 'paged before', isBeside: false };
    paged ??= { longWindow: page.longWindow, at };
    if (at < next) continue;
    next = at + Math.min(5 * MINUTE, Math.max(MINUTE, (at - paged.at) / 10));
    const { longWindow } = paged;
    judgedAt = at;
    const before = foundAt;
    const latest = verdictOf(history, counts, { longWindow, now: at, judgedAt: before, found });
    if (latest.blamed.length > 0 || !verdict?.onset) verdict = latest;
    if (latest.onset && foundAt === undefined) [foundAt, found] = [at, latest.onset];
    if (verdict.blamed.length > 0) break;
  }
  const isInnocent = (change: RecordedChange): boolean => change.kind === 'release' && !culprit.includes(change);
  const isBeside = service.changes.some(
    (one) => isInnocent(one) && one.startedAt < onset + BESIDE_MS && (one.endedAt ?? onset) > onset - BESIDE_MS,
  );
  // What went back before the culprit came, or came to this place too, is judged by what there was.
  const made = culprit.filter(({ startedAt }) => startedAt <= judgedAt);
  return {
    result: resultOf(verdict, made),
    because: verdict?.because ?? '',
    isBeside,
  };
}

function withCheck(
  counts: TimeBuckets,
  { traffic, failing }: Place,
  at: number,
  { checkMs, random }: BurnHistory,
): TimeBuckets {
  const total = random.poisson((traffic(at) * checkMs) / MINUTE);
  return addCounts(counts, at, { bad: random.binomial(total, failing(at)), total });
}

function verdictOf(
  { service, neighbours }: BurnHistory,
  counts: readonly TimeBuckets[],
  {
    longWindow,
    now,
    judgedAt,
    found,
  }: { longWindow: string; now: number; judgedAt: number | undefined; found: OnsetInterval | undefined },
): Judged {
  const threshold = { rate: failureRateOf(longWindow, SLO), minFailures: SLO.minFailures };
  const findingOf = (n: number): OnsetFinding => {
    const own = counts[n] ?? emptyBuckets(now);
    return n === 0 ? findOnset(countedIn(own, found), threshold) : findOnset(countedIn(own), controlThreshold(SLO));
  };
  const known = ({ changes }: Place): RecordedChange[] => changes.filter(({ startedAt }) => startedAt <= now);
  const others = neighbours.map(
    (place, n): Neighbour => ({ name: place.name, finding: findingOf(n + 1), changes: known(place) }),
  );
  const finding = findingOf(0);
  return { ...judge({ finding, changes: known(service), neighbours: others, judgedAt }), onset: finding.onset };
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
