/**
 * What was changed for a service lately. A short list of its deployments leads to their records, which hold the releases
 * and the rollbacks themselves.
 */
import { targetOf } from '../events/deployment-target.ts';
import type { StateStore } from '../ports/state.ts';
import { updateDocument } from '../update-document.ts';
import { containerNames } from './containers.ts';
import { type ReleaseRecord, stepTo, type TargetRecord } from './release-record.ts';
import { readTarget } from './target-store.ts';

/** Something that was changed, and when. */
export interface RecordedChange {
  /** The key of its release. */
  readonly key: string;
  /** `known-good`: a release of an image that had completed there before. Only a `release` can be to blame. */
  readonly kind: 'release' | 'known-good' | 'rollback' | 'others';
  /** `cluster/namespace/deployment`. */
  readonly target: string;
  readonly container?: string | undefined;
  readonly image?: string | undefined;
  readonly commit?: string | undefined;
  /** Milliseconds since the Unix epoch; still going on when it has no end. */
  readonly startedAt: number;
  readonly endedAt?: number | undefined;
}

const PARTITION = 'changed-deployments';
/** So many deployments of a service are looked at, those that were released last. */
const MAX_TARGETS = 50;

/** Newest first. */
interface ChangedTargets {
  readonly targets: readonly string[];
}

/** Remembers that a service has a deployment on which something is released; the newest is first. */
export async function rememberTarget(state: StateStore, service: string, { data }: ReleaseRecord): Promise<void> {
  const target = targetOf(data);
  await updateDocument<ChangedTargets>(state, PARTITION, service, (found) => {
    if (found?.targets[0] === target) return found;
    const others = (found?.targets ?? []).filter((other) => other !== target);
    return { targets: [target, ...others].slice(0, MAX_TARGETS) };
  });
}

/**
 * The releases and rollbacks of a service that went on at some time from `since` on.
 *
 * @param isIn whether what happens to a deployment (`cluster/namespace/deployment`) matters
 */
export async function changesOf(
  state: StateStore,
  service: string,
  since: number,
  isIn: (target: string) => boolean,
): Promise<RecordedChange[]> {
  const found = (await state.get<ChangedTargets>(PARTITION, service))?.value.targets ?? [];
  const records = await Promise.all(
    found.filter(isIn).map(async (target) => ({ target, record: await readTarget(state, target) })),
  );
  const all = records.flatMap(({ target, record }) => (record ? changesIn(target, record) : []));
  return all.filter(({ endedAt }) => endedAt === undefined || endedAt >= since);
}

/** The changes that a record tells of. */
export function changesIn(target: string, { releases }: TargetRecord): RecordedChange[] {
  return releases.flatMap((release) => {
    const { key, data, steps, wasKnownGood, changesNothing } = release;
    if (changesNothing) return [];
    const started = steps.find(({ to }) => to === 'started');
    if (!started) return [];
    // Of several containers the first stands for all.
    const [container] = containerNames(release) ?? [];
    const { image, commit } = data;
    const of = { key, target, container, image, commit: commit?.sha };
    const end = steps.find(({ to, at }) => (to === 'completed' || to === 'failed') && at >= started.at);
    const change: RecordedChange = {
      ...of,
      kind: wasKnownGood ? 'known-good' : 'release',
      startedAt: started.at,
      endedAt: end?.at,
    };
    const rollback = stepTo(release, 'rolling-back');
    if (!rollback) return [change];
    const after = steps[steps.indexOf(rollback) + 1];
    return [
      change,
      { ...of, kind: 'rollback', image: rollback.images[0]?.image, startedAt: rollback.at, endedAt: after?.at },
    ];
  });
}
