/**
 * Images that were rolled back and run again, since somebody put them back: a GitOps controller whose repository still
 * says so, or a person. Each put-back is told once, and nothing more is done: whoever set the image would set it again.
 *
 * A rollback is watched from its beginning until a newer release decides what runs, or for a week.
 */
import { describeError } from '../describe-error.ts';
import { DAY_MS, MINUTE_MS } from '../duration.ts';
import { ConflictError, combineErrors, isPermanent, RefusedError } from '../errors.ts';
import { targetOf } from '../events/deployment-target.ts';
import { isImage } from '../image.ts';
import type { Rollout, RunningContainer } from '../ports/cluster.ts';
import type { Ports } from '../ports/handler.ts';
import type { Notification } from '../ports/notifier.ts';
import type { StateStore, Stored } from '../ports/state.ts';
import { askedImages, imagesText } from './containers.ts';
import { withRelease } from './record-changes.ts';
import { isNewest, type PutBack, type ReleaseRecord, releaseOf, requestReference, stepTo } from './release-record.ts';
import { failedData, noticeOf } from './report.ts';
import { changeTarget, readTarget } from './target-store.ts';

/** By target: the rollback that is watched there. */
const WATCHED = 'watched-rollbacks';
const WATCH_MS = 7 * DAY_MS;
/** So many are looked at in one pass, those that were rolled back last. */
const MAX_WATCHED = 200;
/** Well within the time of a function. */
const MAX_MS = 2 * MINUTE_MS;

interface WatchedRollback {
  /** Of the release that is rolled back. */
  readonly key: string;
  readonly since: number;
}

/** Watches what a release is rolled back to, in the place of what was watched there before. */
export async function watchRolledBack(state: StateStore, target: string, watched: WatchedRollback): Promise<void> {
  await state.put<WatchedRollback>(WATCHED, target, watched, '*');
}

type WatchPorts = Pick<Ports, 'state' | 'clusters' | 'config' | 'clock' | 'notifier' | 'log'>;

/** Looks at each deployment once. Safe to repeat: a put-back that is on record is told until people were notified. */
export async function noticePutBacks(ports: WatchPorts): Promise<void> {
  const begun = ports.clock.now();
  const errors: unknown[] = [];
  /** Clusters that do not answer: in this pass nothing more is asked of them. */
  const silent = new Set<string>();
  for (const { key: target, value: watched, etag } of await watchedIn(ports.state, begun)) {
    const [cluster = ''] = target.split('/');
    if (silent.has(cluster) || ports.clock.now() >= begun + MAX_MS) continue;
    try {
      if (isOver(watched, begun) || !(await look(target, watched, ports)))
        await ports.state.delete(WATCHED, target, etag);
    } catch (error) {
      if (error instanceof SilentClusterError) silent.add(cluster);
      // Another rollback began there meanwhile.
      else if (!(error instanceof ConflictError)) errors.push(error);
    }
  }
  // The others were looked at all the same, and this one is again.
  if (errors.length > 0) throw combineErrors(errors);
}

/** Those to look at, and those to be forgotten. */
async function watchedIn(state: StateStore, now: number): Promise<Stored<WatchedRollback>[]> {
  const [over, watched]: [Stored<WatchedRollback>[], Stored<WatchedRollback>[]] = [[], []];
  for await (const one of state.query<WatchedRollback>(WATCHED)) (isOver(one.value, now) ? over : watched).push(one);
  const newest = watched.sort((a, b) => b.value.since - a.value.since).slice(0, MAX_WATCHED);
  return [...newest, ...over];
}

function isOver({ since }: WatchedRollback, now: number): boolean {
  return now >= since + WATCH_MS;
}

/** @returns whether it is to be watched any longer */
async function look(target: string, { key }: WatchedRollback, ports: WatchPorts): Promise<boolean> {
  const { state, clock } = ports;
  const record = await readTarget(state, target);
  const release = record && releaseOf(record, key);
  if (!release || !isNewest(record, release)) return false;
  // Until the rollback has ended, what runs is still on its way.
  if (release.steps.at(-1)?.to !== 'closed') return true;
  const rollout = await rolloutOf(release, ports);
  if (!rollout) return true;
  const images = runningAgain(release, rollout);
  const at = clock.now();
  const [by] = images.flatMap(({ setBy }) => setBy ?? []);
  const now = await changeRelease(state, target, key, (one) => withPutBack(one, images, { at, by }));
  if (!now?.putBack || now.putBack.isNotified) return true;
  const { putBack } = now;
  await ports.notifier.notify(putBackNotice(now, putBack, ports));
  await changeRelease(state, target, key, (one) =>
    one.putBack?.at === putBack.at ? { ...one, putBack: { ...putBack, isNotified: true } } : one,
  );
  return true;
}

class SilentClusterError extends Error {}

/** What runs; undefined when it is not known of this deployment. @throws SilentClusterError */
async function rolloutOf({ data }: ReleaseRecord, { clusters, log }: WatchPorts): Promise<Rollout | undefined> {
  const { cluster, namespace, deployment } = data;
  try {
    return await clusters.get(cluster).rollout({ namespace, deployment });
  } catch (error) {
    log.warn('deployment not looked at', { target: targetOf(data), error: describeError(error) });
    if (isPermanent(error) || error instanceof RefusedError) return undefined;
    throw new SilentClusterError('the cluster does not answer', { cause: error });
  }
}

/** The containers that run what failed, and not what they were rolled back to. Pure. */
export function runningAgain(release: ReleaseRecord, { containers }: Rollout): readonly RunningContainer[] {
  const asked = askedImages(release.data);
  const shown = stepTo(release, 'failed')?.images ?? stepTo(release, 'completed')?.images ?? [];
  const restored = stepTo(release, 'rolling-back')?.images ?? [];
  return restored.flatMap(({ name, image: good }) => {
    const running = containers.find((container) => container.name === name);
    if (!running || running.image === good || isUntouched(release, running)) return [];
    const wanted = asked.find((one) => one.name === name || one.name === undefined)?.image ?? '';
    const isShown = shown.some((one) => one.name === name && one.image === running.image);
    // A tag that both have says nothing: the digests differ.
    return isShown || (isImage(running.image, wanted) && !isImage(good, wanted)) ? [running] : [];
  });
}

/**
 * Whether a rollback that did not succeed has not even been made here: the cluster refused it, or did not answer. After one
 * that did the marks say nothing: `kubectl rollout undo` brings back those of the release, too.
 */
function isUntouched(release: ReleaseRecord, { requestId, isAsChanged }: RunningContainer): boolean {
  return stepTo(release, 'rolled-back') === undefined && isAsChanged && requestId === requestReference(release);
}

function withPutBack(
  { putBack, ...release }: ReleaseRecord,
  found: readonly RunningContainer[],
  { at, by }: { readonly at: number; readonly by: string | undefined },
): ReleaseRecord {
  if (found.length === 0) return release;
  const images = found.map(({ name, image }) => ({ name, image }));
  return { ...release, putBack: putBack ?? { at, images, ...(by !== undefined && { by }), isNotified: false } };
}

async function changeRelease(
  state: StateStore,
  target: string,
  key: string,
  change: (release: ReleaseRecord) => ReleaseRecord,
): Promise<ReleaseRecord | undefined> {
  const record = await changeTarget(state, target, (current) => {
    const release = releaseOf(current, key);
    const next = release && change(release);
    return next && next.putBack !== release?.putBack ? withRelease(current, next) : current;
  });
  return releaseOf(record, key);
}

function putBackNotice(release: ReleaseRecord, { at, images, by }: PutBack, { config }: WatchPorts): Notification {
  const { reason, message } = failedData(release);
  const good = imagesText(stepTo(release, 'rolling-back')?.images ?? []);
  return noticeOf(release, undefined, config, {
    what: `put-back/${at}`,
    severity: 'critical',
    title: `${targetOf(release.data)}: ${imagesText(images)} was rolled back, and runs again`,
    text: `${by ?? 'somebody else'} has put it back in the place of ${good}, though it had failed (${reason}: ${message}). Nothing is rolled back twice. ${ADVICE}`,
    facts: { ...(by !== undefined && { 'Set by': by }) },
  });
}

const ADVICE =
  "A GitOps controller does so as long as its repository says so: take the image out there, and let it leave images to this app: in Argo CD ignoreDifferences with managedFieldsManagers [platform-events] and RespectIgnoreDifferences=true, in Flux the annotation kustomize.toolkit.fluxcd.io/ssa: IfNotPresent ('Argo CD and Flux' in docs/kubernetes.md)";
