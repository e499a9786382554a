/**
 * Which change is to blame for a burning error budget. Pure: the records of the changes, and when the burn began, decide.
 *
 * A change is a suspect when it was made while the burn may have begun. One suspect is blamed; several are, when all of
 * them changed one container, since going back to before the oldest undoes each. Anything else that changed then
 * exonerates: a rollback, an update of the cluster, a change by somebody else, or a service that began to burn at the
 * same time and was not changed.
 */
import { MINUTE_MS } from '../duration.ts';
import type { RecordedChange } from '../releases/changes.ts';

/** After a rollout ends traffic still moves, caches fill and queues drain. */
export const SETTLE_MS = 10 * MINUTE_MS;

/** What shares a cause does not fail in the same minute everywhere: so long the others are waited for. */
const SLACK_MS = 5 * MINUTE_MS;

/** What burns still so long after a release was not mended by it: the shorter window of each rule that pages has passed. */
const HELPS_WITHIN_MS = SETTLE_MS + 30 * MINUTE_MS;

/** When something began to burn, or why nobody can say. */
type Finding =
  | { readonly onset: Interval & { readonly at: number; readonly earliest: number; readonly latest: number } }
  | { readonly onset?: undefined; readonly because: string };

/** Another service, or another place that this one runs at. */
export interface Neighbour {
  readonly name: string;
  /** Whether it began to burn at the same time. */
  readonly burnsToo: boolean;
  readonly changes: readonly RecordedChange[];
}

export interface Verdict {
  /** What goes back: the newest release of each container that the suspect changed. */
  readonly blamed: readonly RecordedChange[];
  /** Releases of the same containers that go back with them: their images are no better. */
  readonly alsoUndone: readonly RecordedChange[];
  /** Every release that was weighed, the likeliest first. */
  readonly suspects: readonly RecordedChange[];
  /** For people: why these, or why none. */
  readonly because: string;
}

/** When a cluster was updated. */
export interface ClusterUpdate {
  readonly cluster: string;
  readonly at: number;
}

interface Evidence {
  readonly finding: Finding;
  /** Of the service, where the objective counts. */
  readonly changes: readonly RecordedChange[];
  /** Of the clusters there. */
  readonly updates?: readonly ClusterUpdate[];
  /** Undefined before they were asked. */
  readonly neighbours?: readonly Neighbour[] | undefined;
  readonly now: number;
  /** Of an onset that was judged before, the suspects then: no other is blamed for it. */
  readonly among?: readonly RecordedChange[] | undefined;
  /** When the page was judged before with an onset in sight: from then on only what is newer can be blamed. */
  readonly judgedAt?: number | undefined;
}

export function judge(evidence: Evidence): Verdict {
  const { finding, changes, updates = [], neighbours = [], now, among, judgedAt = 0 } = evidence;
  if (!finding.onset) return nobody([], finding.because);
  const { onset } = finding;
  const possible = { from: onset.earliest, to: onset.latest };
  const near = changes.filter((change) => isNear(change, possible));
  const suspects = near
    .filter(({ kind }) => kind === 'release')
    .sort((a, b) => Math.abs(a.startedAt - onset.at) - Math.abs(b.startedAt - onset.at));
  if (suspects.length === 0) return nobody([], 'nothing was released when it began');

  const cut = near.find((one) => one.kind !== 'release' && !suspects.some((suspect) => isRepeatedBy(suspect, one)));
  if (cut) return nobody(suspects, `${describeCut(cut)} at the same time`);
  const update = updates.find(({ at }) => isNear({ startedAt: at, endedAt: at }, possible));
  if (update) return nobody(suspects, `cluster ${update.cluster} was updated at the same time`);
  const count = countChanges(suspects);
  const isOneContainer = new Set(suspects.map(containerOf)).size === 1;
  if (count > 1 && !isOneContainer) return nobody(suspects, `${count} changes were released when it began`);
  if (!suspects.every((suspect) => isNear(suspect, onset))) {
    return nobody(suspects, 'it may have begun as early as that, and hardly did');
  }
  const isBarred = ({ key, startedAt }: RecordedChange): boolean =>
    startedAt < judgedAt || (among !== undefined && !among.some((one) => one.key === key));
  if (suspects.some(isBarred)) return nobody(suspects, 'it was judged before');
  const control = neighbours.find((neighbour) => isUnexplained(neighbour, onset, suspects));
  if (control) return nobody(suspects, `${control.name} began to burn at the same time without being part of it`);
  if (neighbours.length > 0 && now < onset.at + SLACK_MS) {
    return nobody(suspects, 'it is too early to tell whether something else burns too');
  }

  const later = changes.filter(
    (one) =>
      one.kind === 'release' &&
      one.startedAt > onset.latest &&
      suspects.some((suspect) => isAsBad(one, suspect, { onset, now })),
  );
  const undone = [...suspects, ...later];
  const blamed = undone.filter((one) => !undone.some((other) => isUndoneBy(one, other)));
  const newer = changes.find(
    (one) => !undone.includes(one) && blamed.some((release) => isUndoneBy(release, one) && !isRepeatedBy(release, one)),
  );
  if (newer) return nobody(suspects, `${suspects[0]?.image} would be to blame, and ${describeNewer(newer)} since then`);
  return {
    blamed,
    alsoUndone: undone.filter((one) => !blamed.includes(one)),
    suspects,
    because: count === 1 ? 'nothing else changed when it began' : 'nothing but this container changed when it began',
  };
}

function nobody(suspects: readonly RecordedChange[], because: string): Verdict {
  return { blamed: [], alsoUndone: [], suspects, because };
}

/** Whether it went on, or settled, at some time of an interval. */
function isNear({ startedAt, endedAt = Number.POSITIVE_INFINITY }: Times, { from, to }: Interval): boolean {
  return startedAt <= to && endedAt + SETTLE_MS >= from;
}

type Times = Pick<RecordedChange, 'startedAt' | 'endedAt'>;

interface Sight {
  readonly onset: { readonly latest: number };
  readonly now: number;
}

interface Interval {
  readonly from: number;
  readonly to: number;
}

function describeCut({ kind, target, image }: RecordedChange): string {
  switch (kind) {
    case 'rollback':
      return `${target} was rolled back`;
    case 'others':
      return `somebody else changed ${target}`;
    default:
      return `${target} went back to ${image}, known to be good,`;
  }
}

function describeNewer(change: RecordedChange): string {
  return change.kind === 'release' ? `${change.image} was released to ${change.target}` : describeCut(change);
}

/** Of one commit, or of one image, wherever it went: one change. */
function isSameChange(a: RecordedChange, b: RecordedChange): boolean {
  return (a.commit !== undefined && a.commit === b.commit) || a.image === b.image;
}

/**
 * Whether a later release goes back with a suspect: it brought the same change elsewhere, or came to the same container
 * and is no fix. It was not made for what burns when it followed at once, and did not help when it has been there for long.
 */
function isAsBad(later: RecordedChange, suspect: RecordedChange, { onset, now }: Sight): boolean {
  if (isSameChange(suspect, later)) return true;
  if (!isUndoneBy(suspect, later)) return false;
  return later.startedAt <= onset.latest + SLACK_MS || (later.endedAt ?? now) + HELPS_WITHIN_MS <= now;
}

/** How many changes they are, all targets of one counted as one. */
function countChanges(releases: readonly RecordedChange[]): number {
  const groups: RecordedChange[][] = [];
  for (const release of releases) {
    const own = groups.filter((group) => group.some((other) => isSameChange(release, other)));
    const rest = groups.filter((group) => !own.includes(group));
    groups.splice(0, groups.length, ...rest, [release, ...own.flat()]);
  }
  return groups.length;
}

function containerOf({ target, container = '' }: RecordedChange): string {
  return `${target} ${container}`;
}

/** Whether going back to before a release undoes an older one, of the same container. */
function isUndoneBy(older: RecordedChange, newer: RecordedChange): boolean {
  return containerOf(older) === containerOf(newer) && older.startedAt < newer.startedAt;
}

/** Whether a later one brought nothing but the same image again: with other replicas, or a pipeline that ran once more. */
function isRepeatedBy(release: RecordedChange, later: RecordedChange): boolean {
  return later.kind === 'known-good' && later.image === release.image && isUndoneBy(release, later);
}

/** Whether it burns from the same time on, and none of the suspects accounts for it. */
function isUnexplained(
  { burnsToo, changes }: Neighbour,
  { earliest, latest }: { readonly earliest: number; readonly latest: number },
  suspects: readonly RecordedChange[],
): boolean {
  if (!burnsToo) return false;
  const then = { from: earliest - SLACK_MS, to: latest + SLACK_MS };
  return !changes.some((change) => isNear(change, then) && suspects.some((suspect) => isSameChange(suspect, change)));
}
