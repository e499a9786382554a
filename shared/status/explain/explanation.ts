/**
 * A release and why it came to what it came to, put together from what is stored of it. Pure; what is read and from where
 * is in `evidence.ts`. Times are milliseconds since the Unix epoch.
 */
import type { ContainerImage } from '../../ports/cluster.ts';
import { askedImages, type NamedImage } from '../../releases/containers.ts';
import {
  type Phase,
  type PutBack,
  phaseOf,
  type ReleaseRecord,
  type ReleaseStep,
  stepTo,
  type TargetRecord,
} from '../../releases/release-record.ts';
import type { Freeze } from '../../slo/freezes.ts';
import { type BurnExplanation, burnsOf } from './burns-around.ts';
import { type EventExplanation, eventsOf } from './events-of-release.ts';
import type { Evidence } from './evidence.ts';
import { type PageExplanation, pagesAbout } from './pages-about.ts';

/** A release and what led to what; every list is oldest first. */
export interface Explanation {
  readonly target: string;
  readonly service?: string;
  readonly team?: string;
  readonly phase: Phase;
  readonly isOver: boolean;
  readonly request: {
    readonly id: string;
    readonly source: string;
    readonly correlationId: string;
    readonly at: number;
    readonly images: readonly ContainerImage[];
    readonly replicas?: number;
    readonly requestedBy?: string;
    readonly commit?: string;
    readonly override?: { readonly reason: string; readonly approvedBy: string };
    /** The image that was known to be good when it was asked for. */
    readonly previousImage?: string;
  };
  /** It was asked for what ran already. */
  readonly changesNothing: boolean;
  /** Its images had completed here before: no page is blamed on it. */
  readonly wasKnownGood: boolean;
  readonly freeze: {
    /** The freeze that an override let it through. */
    readonly overrode?: string;
    /** The freeze that it was refused for. */
    readonly refused?: string;
    /** The freeze that holds now. */
    readonly now?: Freeze;
  };
  /** What happened: each event at its handler, and what the release came to by it. */
  readonly steps: readonly StepExplanation[];
  /** Of each objective that holds there: the counts before the release and since. */
  readonly burns: readonly BurnExplanation[];
  /** The pages that it was weighed for, or that opened while it was the newest. */
  readonly pages: readonly PageExplanation[];
  readonly rollback?: RollbackExplanation;
  /** While it runs again, since somebody put it back. */
  readonly putBack?: Omit<PutBack, 'isNotified'>;
  /** Why nothing was rolled back, or what else was noted at the end. */
  readonly note?: string;
  /** Whether the page that it was blamed for ended with the rollback; absent while that is not known. */
  readonly helped?: boolean;
  /** The next newer release that was admitted. */
  readonly next?: ReleaseReference;
  /** The other releases that are kept of the target, the newest first. */
  readonly others: readonly ReleaseReference[];
}

/** A step of a release without what names the event that it was taken by. */
export type Came = ReleaseStep extends infer Step ? (Step extends ReleaseStep ? Omit<Step, 'by'> : never) : never;

/**
 * An event at its handler, and what it led to. A step has no event when it was taken by that of another release (a newer
 * request), or when the history has forgotten it.
 */
export interface StepExplanation {
  readonly at: number;
  readonly event?: EventExplanation;
  readonly cameTo: readonly Came[];
}

export interface RollbackExplanation {
  readonly images: readonly NamedImage[];
  readonly startedAt: number;
  readonly endedAt?: number;
  readonly isDone: boolean;
}

export interface ReleaseReference {
  readonly id: string;
  readonly source: string;
  readonly images: readonly ContainerImage[];
  readonly phase: Phase;
  /** When it was asked for. */
  readonly at: number;
}

export function explainRelease(found: Evidence): Explanation {
  const { target, record, release, service, team, freeze } = found;
  const { requestId: id, requestSource: source, correlationId, data, steps } = release;
  const { replicas, requestedBy, commit, override } = data;
  const { previousImage, overrode } = stepTo(release, 'requested') ?? {};
  const failed = stepTo(release, 'failed');
  const note = stepTo(release, 'closed')?.note;
  const rollback = rollbackOf(release);
  const next = nextOf(record, release);
  const until = endOfRun(record, release);
  const pages = pagesAbout(found, until);
  const helped = pages.find(({ part }) => part === 'blamed')?.helped;
  return {
    target,
    ...(service !== undefined && { service }),
    ...(team !== undefined && { team }),
    phase: phaseOf(release),
    isOver: steps.at(-1)?.to === 'closed',
    request: {
      ...{ id, source, correlationId, at: steps[0]?.at ?? 0, images: askedImages(data) },
      ...(replicas !== undefined && { replicas }),
      ...(requestedBy !== undefined && { requestedBy }),
      ...(commit && { commit: commit.sha }),
      ...(override && { override }),
      ...(previousImage !== undefined && { previousImage }),
    },
    changesNothing: release.changesNothing === true,
    wasKnownGood: release.wasKnownGood === true,
    freeze: {
      ...(overrode !== undefined && { overrode }),
      ...(failed?.reason === 'Frozen' && { refused: failed.message }),
      ...(freeze && { now: freeze }),
    },
    steps: stepsOf(found),
    burns: burnsOf(found, { until, restoredAt: rollback?.isDone ? rollback.endedAt : undefined }),
    pages,
    ...(rollback && { rollback }),
    ...(release.putBack && { putBack: putBackOf(release.putBack) }),
    ...(note !== undefined && { note }),
    ...(helped !== undefined && { helped }),
    ...(next && { next: referenceTo(next) }),
    others: record.releases.filter((other) => other !== release).map(referenceTo),
  };
}

/** The events at their handlers; and the steps that were taken by none of them. */
function stepsOf({ release, events, blamedBy }: Evidence): StepExplanation[] {
  const known = eventsOf(release, events, blamedBy);
  const cameBy = (key: string): Came[] =>
    release.steps.flatMap(({ by, ...step }): Came[] => (by === key ? [step] : []));
  const others = release.steps.filter(({ by }) => !known.some(({ key }) => key === by));
  return [
    // Before what follows from them in the same millisecond.
    ...others.map(({ by: _, ...step }): StepExplanation => ({ at: step.at, cameTo: [step] })),
    ...known.map(({ key, ...event }) => ({ at: event.receivedAt, event, cameTo: cameBy(key) })),
  ].sort((a, b) => a.at - b.at);
}

function rollbackOf(release: ReleaseRecord): RollbackExplanation | undefined {
  const begun = stepTo(release, 'rolling-back');
  if (!begun) return undefined;
  const end = release.steps[release.steps.indexOf(begun) + 1];
  return {
    images: begun.images,
    startedAt: begun.at,
    ...(end && { endedAt: end.at }),
    isDone: end?.to === 'rolled-back',
  };
}

function putBackOf({ isNotified: _, ...putBack }: PutBack): Omit<PutBack, 'isNotified'> {
  return putBack;
}

/** The oldest of the newer ones that were admitted. */
function nextOf({ releases }: TargetRecord, release: ReleaseRecord): ReleaseRecord | undefined {
  const newer = releases.slice(0, releases.indexOf(release));
  return newer.findLast(({ steps }) => steps[0]?.to === 'requested');
}

/** When a release was rolled back or replaced; undefined while it may run. */
export function endOfRun(record: TargetRecord, release: ReleaseRecord): number | undefined {
  const next = nextOf(record, release);
  return stepTo(release, 'rolling-back')?.at ?? (next && (stepTo(next, 'started') ?? next.steps[0])?.at);
}

function referenceTo(release: ReleaseRecord): ReleaseReference {
  const { requestId: id, requestSource: source, data, steps } = release;
  return { id, source, images: askedImages(data), phase: phaseOf(release), at: steps[0]?.at ?? 0 };
}
