/**
 * Containers that no release answers for any more. A release for several containers loses its say when a newer one is
 * admitted for one of them; what it has set in the others was never proven good, and nobody takes it back. The newest
 * release answers for these beside its own: all containers of a pod become ready together, so that a rollout which
 * completes has proven them too, and one that fails takes them back with it. Pure.
 */
import type { Rollout } from '../ports/cluster.ts';
import { containerNames, type NamedImage, shareContainer } from './containers.ts';
import { isBy } from './marks-of-release.ts';
import { isInFlight, newestOf, type ReleaseRecord, releaseOf, type TargetRecord } from './release-record.ts';

/** What runs in them by a release that has lost its say, and not by anybody else. */
export function leftBehind(record: TargetRecord, release: ReleaseRecord, rollout: Rollout): readonly NamedImage[] {
  const own = containerNames(release);
  if (!own) return [];
  const names = new Set(own);
  const chain = new Set<ReleaseRecord>();
  const over = record.unverified.flatMap((key) => {
    const one = releaseOf(record, key);
    return one && one.rank < release.rank && !isInFlight(one) ? [one] : [];
  });
  // The newest first, as each may lead to an older one.
  for (const one of over.toSorted((a, b) => (a.rank < b.rank ? 1 : -1))) {
    const its = containerNames(one);
    if (!its || !shareContainer(its, [...names])) continue;
    chain.add(one);
    for (const name of its) names.add(name);
  }
  return rollout.containers.flatMap((running) => {
    const { name, image } = running;
    if (own.includes(name) || !names.has(name)) return [];
    const newest = newestOf(record, [name]);
    const isLeft = newest && chain.has(newest) && [...chain].some((one) => isBy(one, running));
    return isLeft ? [{ name, image }] : [];
  });
}

/** The images without those of containers that a newer release was admitted for. */
export function stillAnsweredFor<Image extends NamedImage>(
  record: TargetRecord,
  release: ReleaseRecord,
  images: readonly Image[],
): readonly Image[] {
  return images.filter(({ name }) => (newestOf(record, [name])?.rank ?? '') <= release.rank);
}
