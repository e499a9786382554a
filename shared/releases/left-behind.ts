/**
 * Containers that no release answers for any more. A release for several containers loses its say when a newer one is
 * admitted for one of them; what it has set in the others was never proven good, and nobody takes it back. The newest
 * release answers for these beside its own: all containers of a pod become ready together, so that a rollout which
 * completes has proven them too, and one that fails takes them back with it. Pure.
 */
import type { Rollout } from '../ports/cluster.ts';
import { containerNames, type NamedImage, shareContainer } from './containers.ts';
import { isBy } from './marks-of-release.ts';
import { newestOf, phaseOf, type ReleaseRecord, type TargetRecord } from './release-record.ts';

/** What runs in them by a release that has lost its say, and not by anybody else. */
export function leftBehind(record: TargetRecord, release: ReleaseRecord, rollout: Rollout): readonly NamedImage[] {
  const own = containerNames(release);
  if (!own) return [];
  let names: readonly string[] | undefined = own;
  const chain = new Set<ReleaseRecord>();
  // The newest first, as each may lead to an older one: also one that never came to change anything took the say of that.
  for (const one of record.releases) {
    const its = containerNames(one);
    if (one.rank >= release.rank || !hasLostItsSay(one) || !shareContainer(its, names)) continue;
    chain.add(one);
    names = its && names && [...names, ...its];
  }
  const unverified = [...chain].filter(({ key }) => record.unverified.includes(key));
  return rollout.containers.flatMap((running) => {
    const { name, image } = running;
    if (own.includes(name) || names?.includes(name) === false) return [];
    const newest = newestOf(record, [name]);
    const isLeft = newest && chain.has(newest) && unverified.some((one) => isBy(one, running));
    return isLeft ? [{ name, image }] : [];
  });
}

/** Whether it was admitted, and is over without success, or will be. */
function hasLostItsSay(release: ReleaseRecord): boolean {
  const phase = phaseOf(release);
  return release.steps[0]?.to === 'requested' && (phase === 'failed' || phase === 'rolling-back');
}

/** The images without those of containers that a newer release was admitted for. */
export function stillAnsweredFor<Image extends NamedImage>(
  record: TargetRecord,
  release: ReleaseRecord,
  images: readonly Image[],
): readonly Image[] {
  return images.filter(({ name }) => (newestOf(record, [name])?.rank ?? '') <= release.rank);
}
