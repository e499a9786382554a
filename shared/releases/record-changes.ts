/** The changes to a target's record that its transitions are made of. Pure. */
import type { Rollout } from '../ports/cluster.ts';
import { containerIn, containerNames, type NamedImage, shareContainer } from './containers.ts';
import {
  type DoraTotals,
  type KnownGoodImage,
  knownGoodIn,
  newestOf,
  phaseOf,
  type ReleaseRecord,
  type ReleaseStep,
  releaseOf,
  secondsBetween,
  stepTo,
  type TargetRecord,
} from './release-record.ts';

/** How many releases that are over are listed, and how many more are known by key. */
export const MAX_LISTED = 20;
const MAX_ENDED = 500;
const MAX_KNOWN_GOOD_IMAGES = 5;
const MAX_COUNTED_COMMITS = 100;

export function withStep(record: TargetRecord, release: ReleaseRecord, step: ReleaseStep): TargetRecord {
  return withRelease(record, { ...release, steps: [...release.steps, step] });
}

export function withRelease(record: TargetRecord, release: ReleaseRecord): TargetRecord {
  return { ...record, releases: record.releases.map((other) => (other.key === release.key ? release : other)) };
}

/** The images are the first that a rollback of their containers returns to. */
export function withKnownGood(
  record: TargetRecord,
  images: readonly (NamedImage & Pick<KnownGoodImage, 'asked'>)[],
  revision: string | undefined,
): TargetRecord {
  const added = images.map(({ name, image, asked }) => {
    const [known] = knownGoodIn(record, name).filter((good) => good.image === image);
    const others = knownGoodIn(record, name).filter((good) => good.image !== image);
    const first: KnownGoodImage = {
      ...known,
      image,
      ...(asked !== undefined && asked !== image && { asked }),
      ...(revision !== undefined && { revision }),
    };
    return [name, [first, ...others].slice(0, MAX_KNOWN_GOOD_IMAGES)];
  });
  return { ...record, knownGoodImages: { ...record.knownGoodImages, ...Object.fromEntries(added) } };
}

/** One more change that was deployed, and its lead time when that counts. */
export function withDeployed(record: TargetRecord, release: ReleaseRecord, leadSeconds?: number): TargetRecord {
  const { doraTotals, countedCommits = [] } = record;
  const isRework = record.isReworkDue === true || stepTo(release, 'requested')?.overrode !== undefined;
  const next = {
    ...record,
    doraTotals: {
      ...doraTotals,
      deployed: doraTotals.deployed + 1,
      rework: doraTotals.rework + (isRework ? 1 : 0),
    },
  };
  const sha = release.data.commit?.sha;
  if (leadSeconds === undefined || sha === undefined) return next;
  return {
    ...next,
    countedCommits: [sha, ...countedCommits].slice(0, MAX_COUNTED_COMMITS),
    doraTotals: { ...next.doraTotals, leadTime: plusOne(doraTotals.leadTime, leadSeconds) },
  };
}

/** The change completed: what comes after it is planned again. */
export function withCompletion({ isReworkDue: _, ...record }: TargetRecord): TargetRecord {
  const { doraTotals } = record;
  return { ...record, doraTotals: { ...doraTotals, completed: doraTotals.completed + 1 } };
}

/**
 * From the commit to its completion here; undefined when the request named none, when that commit was counted before, and
 * when it was made after it was asked for, so that somebody's clock or word is wrong.
 */
export function leadSecondsOf(
  { countedCommits = [] }: TargetRecord,
  { data, steps }: ReleaseRecord,
  at: number,
): number | undefined {
  const { commit } = data;
  if (!commit) return undefined;
  const made = Date.parse(commit.timestamp);
  // The same commit, cut or whole.
  const isCounted = countedCommits.some((sha) => sha.startsWith(commit.sha) || commit.sha.startsWith(sha));
  return isCounted || made > (steps[0]?.at ?? 0) ? undefined : secondsBetween(made, at);
}

/** A change failed: the target is failing from now on, unless it is already. */
export function withFailure(record: TargetRecord, at: number): TargetRecord {
  const { doraTotals, failingSince = at } = record;
  return { ...record, failingSince, isReworkDue: true, doraTotals: { ...doraTotals, failed: doraTotals.failed + 1 } };
}

/** A rollout that is complete: all containers of its pods are ready. */
interface Restore {
  readonly at: number;
  readonly rollout: Rollout;
  /** The containers that it was about. */
  readonly names: readonly string[];
}

/** What runs now in the containers of a release is good: nothing there is unverified, and they are not failing. */
export function withRestore(
  record: TargetRecord,
  release: ReleaseRecord,
  { at, rollout, names }: Restore,
): TargetRecord {
  const { failingSince, ...rest } = record;
  const unverified = unverifiedBeside(record, release, names).filter((key) => !isRestored(record, key, rollout));
  const isFailing = unverified.some((key) => {
    const other = releaseOf(record, key);
    return other && phaseOf(other) === 'failed';
  });
  if (failingSince === undefined || isFailing) return { ...record, unverified };
  const recovery = plusOne(rest.doraTotals.recovery, secondsBetween(failingSince, at));
  return { ...rest, unverified, doraTotals: { ...rest.doraTotals, recovery } };
}

/**
 * Whether a release is over whose containers run what is known to be good there: its rollback could not succeed as long as
 * another container was not ready.
 */
function isRestored(record: TargetRecord, key: string, rollout: Rollout): boolean {
  const release = releaseOf(record, key);
  const names = release?.steps.at(-1)?.to === 'closed' ? containerNames(release) : undefined;
  const isGood = (name: string): boolean =>
    containerIn(rollout, name)?.image === (knownGoodIn(record, name)[0]?.image ?? '');
  return names?.every(isGood) ?? false;
}

/** The unverified releases that share no container with a release, and are not for one of the others. */
export function unverifiedBeside(
  record: TargetRecord,
  release: ReleaseRecord,
  others: readonly string[] = [],
): readonly string[] {
  const own = containerNames(release);
  const names = own && [...own, ...others];
  return record.unverified.filter((key) => {
    const other = releaseOf(record, key);
    return other && !shareContainer(containerNames(other), names);
  });
}

function plusOne({ count, seconds }: DoraTotals['recovery'], more: number): DoraTotals['recovery'] {
  return { count: count + 1, seconds: seconds + more };
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
