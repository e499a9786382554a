/** The changes to a target's record that its transitions are made of. Pure. */
import { newestOf, type ReleaseRecord, type ReleaseStep, secondsBetween, type TargetRecord } from './release-record.ts';

/** How many releases that are over are listed, and how many more are known by key. */
export const MAX_LISTED = 20;
const MAX_ENDED = 500;
const MAX_KNOWN_GOOD_IMAGES = 5;

export function withStep(record: TargetRecord, release: ReleaseRecord, step: ReleaseStep): TargetRecord {
  const moved = { ...release, steps: [...release.steps, step] };
  return {
    ...record,
    releases: record.releases.map((other) => (other.key === release.key ? moved : other)),
  };
}

/** The image is the first that a rollback returns to. */
export function withKnownGoodImage(record: TargetRecord, image: string): TargetRecord {
  const others = record.knownGoodImages.filter((good) => good !== image);
  return { ...record, knownGoodImages: [image, ...others].slice(0, MAX_KNOWN_GOOD_IMAGES) };
}

/** The totals with one more completion, and its lead time when the request named its commit. */
export function withCompletion(
  doraTotals: TargetRecord['doraTotals'],
  { data }: ReleaseRecord,
  at: number,
): TargetRecord['doraTotals'] {
  const { completed, leadTime } = doraTotals;
  if (!data.commit) return { ...doraTotals, completed: completed + 1 };
  const seconds = leadTime.seconds + secondsBetween(Date.parse(data.commit.timestamp), at);
  return { ...doraTotals, completed: completed + 1, leadTime: { count: leadTime.count + 1, seconds } };
}

/** The target is failing from now on, unless it is already. */
export function withFailure(record: TargetRecord, at: number): TargetRecord {
  const { doraTotals, failingSince = at } = record;
  return { ...record, failingSince, doraTotals: { ...doraTotals, failed: doraTotals.failed + 1 } };
}

/** What runs now is good: nothing is unverified, and the target is not failing. */
export function withRestore({ failingSince, ...record }: TargetRecord, at: number): TargetRecord {
  const { restore } = record.doraTotals;
  if (failingSince === undefined) return { ...record, unverified: [] };
  const seconds = restore.seconds + secondsBetween(failingSince, at);
  return {
    ...record,
    unverified: [],
    doraTotals: { ...record.doraTotals, restore: { count: restore.count + 1, seconds } },
  };
}

/** Keeps the record small: of the releases that are over, the newest; the others only by key. */
export function pruned(record: TargetRecord): TargetRecord {
  if (record.releases.length <= MAX_LISTED) return record;
  let over = 0;
  const newest = newestOf(record);
  const kept = record.releases.filter(
    (release) => release === newest || release.steps.at(-1)?.to !== 'closed' || ++over < MAX_LISTED,
  );
  if (kept.length === record.releases.length) return record;
  const dropped = record.releases.filter((release) => !kept.includes(release)).map(({ key }) => key);
  return { ...record, releases: kept, ended: [...dropped, ...record.ended].slice(0, MAX_ENDED) };
}
