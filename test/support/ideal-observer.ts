/**
 * One who knows all that a history was made of, but not which release broke it: what it usually fails at, how that
 * scatters, and by how much and in what shape it broke. What such an observer cannot tell apart, no rule can.
 */
import { SETTLE_MS } from '../../shared/blame/judge.ts';
import type { CountsFrom } from '../../shared/slo/time-buckets.ts';
import { type BurnHistory, MINUTE, SCATTER } from './burn-histories.ts';

const BUCKET_MS = 5 * MINUTE;
const LOOK_BACK_MS = 8 * 60 * MINUTE;
/** Twenty times as likely. */
const TELLS_APART = 3;
/** A gamma with the same scatter as the rates. */
const SHAPE = 1 / (Math.exp(SCATTER ** 2) - 1);

/**
 * @param checks of the service, up to when it was judged last
 * @returns whether the counts speak less than twenty times as loud for the culprit as for another workload's release, had
 *   that broken the service some time between its start and when it has settled
 */
export function areTwins({ onset, service, culprit }: BurnHistory, checks: readonly CountsFrom[]): boolean {
  const buckets = bucketsOf(checks, onset - LOOK_BACK_MS);
  const end = checks.at(-1)?.from ?? onset;
  const likelihood = (delay: number): number =>
    buckets.reduce((sum, { from, bad, total }) => {
      const rate = Math.min(1, service.usual + service.broken(from + BUCKET_MS / 2 - delay));
      const mean = Math.max(1e-12, total * rate);
      return sum + bad * Math.log(mean) - (bad + SHAPE) * Math.log1p(mean / SHAPE);
    }, 0);
  const truth = likelihood(0);
  return service.changes.some(({ kind, target, startedAt, endedAt = startedAt }) => {
    const isRival = kind === 'release' && startedAt <= end && !culprit.some((one) => one.target === target);
    if (!isRival || endedAt + SETTLE_MS < onset - LOOK_BACK_MS) return false;
    for (let at = startedAt; at <= endedAt + SETTLE_MS; at += BUCKET_MS) {
      if (truth - likelihood(at - onset) < TELLS_APART) return true;
    }
    return truth - likelihood(endedAt + SETTLE_MS - onset) < TELLS_APART;
  });
}

function bucketsOf(checks: readonly CountsFrom[], since: number): CountsFrom[] {
  const buckets = new Map<number, CountsFrom>();
  for (const { from: at, bad, total } of checks) {
    if (at < since) continue;
    const from = since + Math.floor((at - since) / BUCKET_MS) * BUCKET_MS;
    const found = buckets.get(from) ?? { bad: 0, total: 0 };
    buckets.set(from, { from, bad: found.bad + bad, total: found.total + total });
  }
  return [...buckets.values()];
}
