/**
 * What is kept of a target (`cluster/namespace/deployment`): one document with its releases. How a release changes its
 * state is in `release-states.ts`, how the document is read and written in `target-store.ts`.
 */
import type { DataOf } from '../events/cloud-event.ts';
import type { DeploymentFailed, DeploymentRequested } from '../events/deployment.ts';
import { eventKey, eventReference } from '../events/identity.ts';
import { isImage } from '../image.ts';
import { askedImages, containerNames, type NamedImage, shareContainer } from './containers.ts';

/** What was asked for; of several containers, `image` is that of the first. */
export type ReleaseData = DataOf<typeof DeploymentRequested> & { readonly image: string };

export type FailureReason = DataOf<typeof DeploymentFailed>['reason'];

/** Whose word let a release through a freeze, and why. */
export interface UsedOverride {
  readonly by: string;
  readonly reason: string;
}

/** One transition of a release; its steps are its history. */
export type ReleaseStep = {
  /** Milliseconds since the Unix epoch, by the clock of the handler that took the step. */
  readonly at: number;
  /** `eventKey` of the event that was being handled: run again for it, the handler finds its own step and publishes again. */
  readonly by: string;
} & (
  | {
      readonly to: 'requested';
      readonly previousImage?: string;
      /** The freeze that it was let through, and by whose word. */
      readonly overrode?: string;
      readonly override?: UsedOverride;
    }
  | { readonly to: 'started'; readonly deadline: number }
  | {
      readonly to: 'completed';
      /** As the cluster shows them. */
      readonly images: readonly NamedImage[];
      readonly replicas: number;
      readonly revision?: string;
      /** From the commit; absent when the lead time of that commit was counted before. */
      readonly leadSeconds?: number;
    }
  | {
      readonly to: 'failed';
      readonly reason: FailureReason;
      readonly message: string;
      /** As the cluster showed them, when it did. */
      readonly images?: readonly NamedImage[];
    }
  | {
      readonly to: 'rolling-back';
      readonly images: readonly NamedImage[];
      /** The one in which they completed, if it is one. */
      readonly revision?: string;
      readonly deadline: number;
    }
  | { readonly to: 'rolled-back'; readonly images: readonly NamedImage[] }
  /** The release is over; the note says why when the step before does not. */
  | { readonly to: 'closed'; readonly note?: string; readonly needsAttention?: boolean }
);

/** Where a release is. A rejected request has failed without having been admitted (`requested`). */
export type Phase = Exclude<ReleaseStep['to'], 'closed'>;

/** One request, and its history. */
export interface ReleaseRecord {
  /** `eventKey` of the DeploymentRequested. */
  readonly key: string;
  /** The id and the source of the DeploymentRequested. */
  readonly requestId: string;
  readonly requestSource: string;
  readonly correlationId: string;
  /** Who sent the request, as far as the platform knows; absent where nothing depended on it. */
  readonly sentBy?: string | undefined;
  /** Orders the requests of a target; see `rankOf`. */
  readonly rank: string;
  readonly data: ReleaseData;
  /** Which one an image without a name is for, once the cluster was seen. */
  readonly container?: string;
  /** Whether its image was known to be good before it started: then a burnt budget is not caused by this release. */
  readonly wasKnownGood?: boolean;
  /** The cluster ran just what was asked for: this release is no change, and nothing is broken by it. */
  readonly changesNothing?: boolean;
  /** What ran in its containers before, where an admission policy may make just that of what it asks for. */
  readonly ranBefore?: readonly NamedImage[];
  /** Started, but the cluster could not be seen yet: nothing of it is there. */
  readonly isUnbegun?: boolean;
  readonly steps: readonly ReleaseStep[];
  /** While its image runs again, though it was rolled back. */
  readonly putBack?: PutBack;
}

/** Somebody has set what was rolled back. */
export interface PutBack {
  /** When that was noticed, in milliseconds since the Unix epoch. */
  readonly at: number;
  /** What runs again, as the cluster shows it. */
  readonly images: readonly NamedImage[];
  /** Who has set it, as the cluster names them, if it does. */
  readonly by?: string;
  readonly isNotified: boolean;
}

/**
 * Running sums for DORA's five measures of a target (https://dora.dev/guides/dora-metrics/). A change is a release that
 * changed something in the cluster: a rejected or superseded request is none, nor is one whose image ran already.
 */
export interface DoraTotals {
  /** Changes that completed or failed. */
  readonly deployed: number;
  readonly completed: number;
  /** Changes that failed, some of them after they had completed: each once. */
  readonly failed: number;
  /** Unplanned changes: after a change that failed, or let through a freeze by an override. */
  readonly rework: number;
  readonly rolledBack: number;
  /** From the commit to completion: once a commit. */
  readonly leadTime: { readonly count: number; readonly seconds: number };
  /** From a failure to the rollback or the next completion. */
  readonly recovery: { readonly count: number; readonly seconds: number };
}

/** An image as the cluster shows it, and the revision of the Deployment in which it completed. */
export interface KnownGoodImage {
  readonly image: string;
  /** As it was asked for, when an admission policy has rewritten it. */
  readonly asked?: string | undefined;
  readonly revision?: string | undefined;
}

export interface TargetRecord {
  /** The newest request first. */
  readonly releases: readonly ReleaseRecord[];
  /** By container: images that completed here, the last one first: a rollback goes to the first. */
  readonly knownGoodImages: Readonly<Record<string, readonly KnownGoodImage[]>>;
  /** The keys of releases that may have changed the cluster and did not complete, since the last completion or rollback. */
  readonly unverified: readonly string[];
  /** Since when the target has been failing. */
  readonly failingSince?: number;
  /** Whether the last change failed, rolled back or not: the next one is rework. */
  readonly isReworkDue?: boolean;
  /** The commits whose lead time was counted, the last one first. */
  readonly countedCommits?: readonly string[];
  /** The keys of releases that are over and no longer listed, the last one first. */
  readonly ended: readonly string[];
  readonly doraTotals: DoraTotals;
  /** The key of the row that lists find it by; absent when it was last written by a build that had none. */
  readonly listedAs?: string;
}

/** How much a target needs somebody, the most first. */
export const URGENCIES = ['failing', 'refused', 'under-way', 'quiet'] as const;
export type Urgency = (typeof URGENCIES)[number];

/** How much a target needs somebody, and since when. */
export function urgencyOf(record: TargetRecord): readonly [urgency: Urgency, since: number] {
  const { failingSince } = record;
  const [last] = record.releases;
  const newest = newestOf(record);
  const putBack = newest?.putBack;
  const phase = newest && phaseOf(newest);
  const since = (newest && phase && stepTo(newest, phase)?.at) ?? 0;
  // What runs although it was rolled back is as bad as what fails.
  if (failingSince !== undefined || putBack) return ['failing', failingSince ?? putBack?.at ?? 0];
  if (newest && (isInFlight(newest) || phase === 'rolling-back')) return ['under-way', newest.steps[0]?.at ?? 0];
  if (last && isRefused(last)) return ['refused', last.steps[0]?.at ?? 0];
  return ['quiet', since];
}

/** Whether it was rejected because of what it asked for, and not because a newer one was there. */
export function isRefused({ steps: [first] }: ReleaseRecord): boolean {
  return first?.to === 'failed' && first.reason !== 'Superseded';
}

/** What the data of every deployment event but the first says of its release. */
export type OfRequest = Pick<
  DataOf<typeof DeploymentFailed>,
  'cluster' | 'namespace' | 'deployment' | 'requestId' | 'requestSource'
>;

/** The key of a release, by what an event says of its request; undefined when that does not name the source. */
export function releaseKeyOf({ requestId: id, requestSource: source }: OfRequest): string | undefined {
  return source === undefined ? undefined : eventKey({ source, id });
}

/** The request as people read it, and as the cluster shows whose change it is. */
export function requestReference({ requestId: id, requestSource: source }: ReleaseRecord): string {
  return eventReference({ source, id });
}

export function releaseOf(record: TargetRecord, key: string): ReleaseRecord | undefined {
  return record.releases.find((release) => release.key === key);
}

/** The step that the handling of an event (its key) took last; undefined when it took none. */
export function stepBy(release: ReleaseRecord | undefined, by: string): ReleaseStep | undefined {
  return release?.steps.findLast((step) => step.by === by);
}

/** The last step to a phase; undefined when the release never was there. */
export function stepTo<To extends ReleaseStep['to']>(
  release: ReleaseRecord,
  to: To,
): Extract<ReleaseStep, { to: To }> | undefined {
  // The predicate compares the discriminant.
  return release.steps.findLast((step) => step.to === to) as Extract<ReleaseStep, { to: To }> | undefined;
}

/** The images that are known to be good in a container, the last one first. */
export function knownGoodIn({ knownGoodImages }: TargetRecord, container: string): readonly KnownGoodImage[] {
  // A container may be called 'constructor'.
  return (Object.hasOwn(knownGoodImages, container) && knownGoodImages[container]) || [];
}

/** The containers of a release by name; one without a name is the only one that is known of the target. */
export function knownContainers(
  record: TargetRecord,
  release: Pick<ReleaseRecord, 'data' | 'container'>,
): readonly string[] {
  const [only, ...others] = Object.keys(record.knownGoodImages);
  return containerNames(release) ?? (only !== undefined && others.length === 0 ? [only] : []);
}

/** Where the release is; being closed is no phase of its own. A rollback that ended without success leaves it failed. */
export function phaseOf({ steps }: ReleaseRecord): Phase {
  // Every release has a first step, and it is never 'closed'.
  const phase = steps.findLast((step) => step.to !== 'closed')?.to as Phase;
  return phase === 'rolling-back' && steps.at(-1)?.to === 'closed' ? 'failed' : phase;
}

/** Whether the release's outcome is still open. */
export function isInFlight(release: ReleaseRecord): boolean {
  const phase = phaseOf(release);
  return phase === 'requested' || phase === 'started';
}

/** Seconds from one time to another, both in milliseconds; never negative, whatever two clocks say. */
export function secondsBetween(from: number, to: number): number {
  return Math.max(0, to - from) / 1_000;
}

/** Whether no newer request for any of its containers was admitted. */
export function isNewest(record: TargetRecord, release: ReleaseRecord): boolean {
  return newestOf(record, containerNames(release))?.key === release.key;
}

/** The newest request that was admitted; of those for some containers, if they are given. */
export function newestOf(record: TargetRecord, containers?: readonly string[]): ReleaseRecord | undefined {
  return record.releases.find(
    (release) => release.steps[0]?.to === 'requested' && shareContainer(containerNames(release), containers),
  );
}

/** Whether all images that a request asks for completed here before. */
export function isKnownGood(record: TargetRecord, data: ReleaseData): boolean {
  const names = knownContainers(record, { data });
  const asked = askedImages(data);
  return (
    names.length === asked.length &&
    asked.every(({ image }, index) =>
      knownGoodIn(record, names[index] ?? '').some((good) => isImage(good.image, image) || good.asked === image),
    )
  );
}
