/** Releases that a burning error budget is blamed on: whether they can go back, and which event blamed them. */
import { describeError } from '../describe-error.ts';
import { MINUTE_MS } from '../duration.ts';
import { isImage } from '../image.ts';
import type { HandlerPorts } from '../ports/handler.ts';
import type { StateStore } from '../ports/state.ts';
import { updateDocument } from '../update-document.ts';
import type { RecordedChange } from './changes.ts';
import { askedImages, containerIn, containerNames, imagesText, shareContainer } from './containers.ts';
import {
  isNewest,
  type KnownGoodImage,
  newestOf,
  phaseOf,
  type ReleaseRecord,
  releaseOf,
  requestReference,
  stepTo,
  type TargetRecord,
} from './release-record.ts';
import { changeTarget, readTarget } from './target-store.ts';

/** By the key of a release: the violation that it was failed for. */
const BLAMED = 'blamed-releases';

interface Blame {
  readonly by: string;
  /** When, in milliseconds since the Unix epoch; absent when an earlier build wrote it. */
  readonly at?: number;
}

/** Whoever blames a release fails it at once; one that runs unfailed for so long is left to the next. */
const ABANDONED_MS = 15 * MINUTE_MS;

/** Whether a release may have burnt the budget: it runs, no newer request was admitted, and its image is new here. */
export function isSuspect(record: TargetRecord, release: ReleaseRecord): boolean {
  const phase = phaseOf(release);
  const isRunning = phase === 'started' || phase === 'completed';
  return isRunning && isNewest(record, release) && !originalOf(record, release).wasKnownGood;
}

/**
 * The release that a newer one merely repeats: it asked for the same images first, and they have run since then. The
 * release itself when it is no repetition.
 */
function originalOf(record: TargetRecord, release: ReleaseRecord): ReleaseRecord {
  const older = record.releases.slice(record.releases.indexOf(release) + 1);
  let original = release;
  for (const one of older) {
    if (!stepTo(one, 'started') || !shareContainer(containerNames(one), containerNames(release))) continue;
    const hasRunSince = phaseOf(one) === 'completed' && asksForSame(one, release);
    if (!hasRunSince) break;
    original = one;
  }
  return original;
}

function asksForSame(one: ReleaseRecord, other: ReleaseRecord): boolean {
  const imagesOf = ({ data }: ReleaseRecord): string => imagesText(askedImages(data));
  return imagesOf(one) === imagesOf(other) && String(containerNames(one)) === String(containerNames(other));
}

/** The release that stands for one in its containers now: the newest, where that only repeats it. */
function latestOf(record: TargetRecord, release: ReleaseRecord): ReleaseRecord {
  const newest = newestOf(record, containerNames(release)) ?? release;
  return originalOf(record, newest).key === originalOf(record, release).key ? newest : release;
}

/** How far a release that is to go back has come. */
export type Undoing =
  /** It runs, and can be failed. */
  | { readonly to: 'fail'; readonly release: ReleaseRecord }
  | { readonly to: 'waiting' }
  | { readonly to: 'rolled-back'; readonly at: number }
  /** It is not what runs any more, or it stays. */
  | { readonly to: 'left' };

export async function undoingOf(
  state: StateStore,
  { target, key }: Pick<RecordedChange, 'target' | 'key'>,
): Promise<Undoing> {
  const record = await readTarget(state, target);
  const blamed = record && releaseOf(record, key);
  if (!blamed) return { to: 'left' };
  const release = latestOf(record, blamed);
  if (isSuspect(record, release)) return { to: 'fail', release };
  const last = release.steps.at(-1);
  const back = release.steps.find(({ to }) => to === 'rolled-back');
  if (back) return { to: 'rolled-back', at: back.at };
  return last?.to === 'failed' || last?.to === 'rolling-back' ? { to: 'waiting' } : { to: 'left' };
}

/** What somebody else has changed where a release completed, by the marks on it in its cluster; nothing when that does not answer. */
export async function changeByOthers(
  { state, clusters, log }: Pick<HandlerPorts, 'state' | 'clusters' | 'log'>,
  change: RecordedChange,
): Promise<RecordedChange[]> {
  const record = await readTarget(state, change.target);
  const first = record && releaseOf(record, change.key);
  const release = first && latestOf(record, first);
  // What a newer release of ours has changed is in its own record.
  if (!release || !isNewest(record, release) || phaseOf(release) !== 'completed') return [];
  const { cluster, namespace, deployment } = release.data;
  try {
    const rollout = await clusters.get(cluster).rollout({ namespace, deployment });
    const requestId = containerIn(rollout, change.container)?.requestId;
    const ours = record.releases.filter((one) => latestOf(record, one).key === release.key);
    if (ours.some((one) => requestReference(one) === requestId)) return [];
  } catch (error) {
    log.warn('deployment not looked at', { target: change.target, error: describeError(error) });
    return [];
  }
  return [{ ...change, kind: 'others', startedAt: change.endedAt ?? change.startedAt, endedAt: undefined }];
}

/**
 * Blames a release that is not failed yet, unless another event did so first and may be about to fail it. That event may have
 * lost its page to a newer one before it could: then it never will.
 *
 * @returns whether this event blames it
 */
export async function blameRelease(state: StateStore, key: string, by: string, now: number): Promise<boolean> {
  const blame = await updateDocument<Blame>(state, BLAMED, key, (found) =>
    found && (found.by === by || now < (found.at ?? 0) + ABANDONED_MS) ? found : { by, at: now },
  );
  return blame.by === by;
}

/** The key of the event that a release (its key) was blamed by; undefined when none was. */
export async function blameOf(state: StateStore, key: string): Promise<string | undefined> {
  return (await state.get<Blame>(BLAMED, key))?.value.by;
}

/** Takes it that an image completed here for no proof that it is good, so that no rollback goes there. */
export async function distrust(state: StateStore, { target, image }: RecordedChange): Promise<void> {
  await changeTarget(state, target, (record) => {
    const isTrusted = (good: KnownGoodImage): boolean => image === undefined || !isImage(good.image, image);
    const all = Object.entries(record.knownGoodImages);
    if (all.every(([, known]) => known.every(isTrusted))) return record;
    const knownGoodImages = Object.fromEntries(all.map(([name, known]) => [name, known.filter(isTrusted)]));
    return { ...record, knownGoodImages };
  });
}
