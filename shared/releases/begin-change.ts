import { isImage } from '../image.ts';
import type { Rollout } from '../ports/cluster.ts';
import {
  askedImages,
  containerIn,
  containerNames,
  type NamedImage,
  runningImages,
  shareContainer,
} from './containers.ts';
import { isBy } from './marks-of-release.ts';
import { MAX_LISTED, unverifiedBeside, withKnownGood, withRelease } from './record-changes.ts';
import {
  isInFlight,
  knownGoodIn,
  phaseOf,
  type ReleaseData,
  type ReleaseRecord,
  releaseOf,
  type TargetRecord,
} from './release-record.ts';

/**
 * Records that a release is about to change the cluster, and what runs until then: a rollback returns to an image that
 * others deployed, but never to one with which a release of ours failed or was superseded.
 */
export function beginChange(before: TargetRecord, started: ReleaseRecord, seen: Rollout | undefined): TargetRecord {
  if (phaseOf(started) !== 'started') return before;
  const { isUnbegun, ...begun } = started;
  const now = isUnbegun ? { record: withRelease(before, begun), release: begun } : { record: before, release: started };
  const { record, release } = seen ? withContainer(now.record, now.release, seen) : now;
  const { key } = release;
  const good = seen ? newlyGood(record, release, seen) : [];
  const known = withKnownGood(record, good, seen?.revision);
  const others = record.unverified.filter((other) => other !== key && !isReplacedBy(record, other, good));
  const isClean = others.length === unverifiedBeside({ ...record, unverified: others }, release).length;
  if (seen && isClean && asksFor(release.data, seen)) {
    if (release.changesNothing && others.length === record.unverified.length) return record;
    return withRelease({ ...known, unverified: others }, { ...release, changesNothing: true, wasKnownGood: true });
  }
  const { ranBefore: _, ...rest } = release;
  const ranBefore = isClean ? mayBeAskedFor(record, release.data, seen) : undefined;
  const isKnown = record.unverified.includes(key) && JSON.stringify(ranBefore) === JSON.stringify(release.ranBefore);
  if (good.length === 0 && isKnown) return record;
  const next = { ...known, unverified: [...others, key].slice(-MAX_LISTED) };
  return withRelease(next, ranBefore ? { ...rest, ranBefore } : rest);
}

/** What runs, when it is what an admission policy made of these images before: it may make the same of them again. */
function mayBeAskedFor(
  record: TargetRecord,
  data: ReleaseData,
  seen: Rollout | undefined,
): readonly NamedImage[] | undefined {
  if (!seen || (data.replicas ?? seen.replicas) !== seen.replicas) return undefined;
  const asked = askedImages(data);
  const running = runningImages(seen, asked);
  const isMade = ({ name, image }: NamedImage, by: string | undefined): boolean =>
    by !== undefined &&
    (isImage(image, by) || knownGoodIn(record, name).some((good) => good.image === image && good.asked === by));
  return running.length === asked.length && running.every((one, n) => isMade(one, asked[n]?.image))
    ? running
    : undefined;
}

/** The release, known as no change when what runs now is just what ran before. */
export function withoutChange(release: ReleaseRecord, now: Rollout | undefined): ReleaseRecord {
  const isSame = release.ranBefore?.every(({ name, image }) => now && containerIn(now, name)?.image === image);
  return isSame ? { ...release, changesNothing: true, wasKnownGood: true } : release;
}

/** Finds out which container an image without a name is for. */
export function withContainer(
  record: TargetRecord,
  release: ReleaseRecord,
  seen: Rollout,
): { record: TargetRecord; release: ReleaseRecord } {
  const { container, containers } = release.data;
  const found = container === undefined && containers === undefined ? containerIn(seen, undefined) : undefined;
  if (!found || found.name === release.container) return { record, release };
  const named = { ...release, container: found.name };
  return { record: withRelease(record, named), release: named };
}

/** What is complete, and neither known already nor what a failed or superseded release of ours left. */
function newlyGood(record: TargetRecord, release: ReleaseRecord, seen: Rollout): readonly NamedImage[] {
  if (seen.state !== 'complete') return [];
  return seen.containers.filter((running) => {
    const { name, image } = running;
    if (image === knownGoodIn(record, name)[0]?.image) return false;
    const ours = record.releases.filter((other) => other.key !== release.key && isBy(other, running));
    return ours.length === 0 || ours.some((other) => phaseOf(other) === 'completed');
  });
}

/** Whether an unverified release is over, and somebody has put a good image in its place. */
function isReplacedBy(record: TargetRecord, key: string, good: readonly NamedImage[]): boolean {
  const release = releaseOf(record, key);
  const isOver = release === undefined || !isInFlight(release);
  return (
    isOver &&
    good.length > 0 &&
    shareContainer(
      release && containerNames(release),
      good.map(({ name }) => name),
    )
  );
}

/** Whether the cluster is asked for just what it runs. A tag to which a digest was added may be another image by now. */
function asksFor(data: ReleaseData, seen: Rollout): boolean {
  const { replicas = seen.replicas } = data;
  return (
    replicas === seen.replicas && askedImages(data).every(({ name, image }) => containerIn(seen, name)?.image === image)
  );
}
