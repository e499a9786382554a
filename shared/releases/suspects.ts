/** Which release may be to blame for a burning error budget: the newest of the service, when it is new there. */
import { targetOf } from '../events/deployment-target.ts';
import type { StateStore } from '../ports/state.ts';
import { updateDocument } from '../update-document.ts';
import {
  isNewest,
  phaseOf,
  type ReleaseData,
  type ReleaseRecord,
  readTarget,
  releaseOf,
  stepTo,
  type TargetRecord,
} from './release-record.ts';

const NEWEST = 'releases';
/** By the key of a release: the violation that it was failed for. */
const BLAMED = 'blamed-releases';

/** A release that may have caused what its service suffers. */
export interface Suspect {
  readonly key: string;
  readonly requestId: string;
  readonly requestSource: string;
  readonly target: string;
  readonly service: string;
  readonly correlationId: string;
  /** Milliseconds since the Unix epoch. */
  readonly startedAt: number;
  readonly data: ReleaseData;
}

interface Blame {
  readonly by: string;
}

interface NewestPointer {
  readonly target: string;
  readonly key: string;
  readonly rank: string;
}

/** Remembers the release as the newest of its service, unless a newer one is remembered. */
export async function rememberNewest(
  state: StateStore,
  service: string,
  { key, rank, data }: ReleaseRecord,
): Promise<void> {
  await updateDocument<NewestPointer>(state, NEWEST, service, (current) =>
    current && current.rank >= rank ? current : { target: targetOf(data), key, rank },
  );
}

/**
 * The release that was started last for a service, on any target; undefined when there is none, when it failed, was
 * superseded or rolled back, or when its image was known to be good before.
 */
export async function newestSuspectOf(state: StateStore, service: string): Promise<Suspect | undefined> {
  const pointer = (await state.get<NewestPointer>(NEWEST, service))?.value;
  if (!pointer) return undefined;
  const { target, key } = pointer;
  const record = await readTarget(state, target);
  const release = record && releaseOf(record, key);
  const started = release && stepTo(release, 'started');
  if (!started || !isSuspect(record, release)) return undefined;
  const { requestId, requestSource, correlationId, data } = release;
  return { key, requestId, requestSource, target, service, correlationId, startedAt: started.at, data };
}

/** Whether a release may have burnt the budget: it runs, no newer request was admitted, and its image is new here. */
export function isSuspect(record: TargetRecord, release: ReleaseRecord): boolean {
  const phase = phaseOf(release);
  return (phase === 'started' || phase === 'completed') && !release.wasKnownGood && isNewest(record, release);
}

/** A service that burns its error budget. */
interface BurningService {
  readonly service: string;
  /** The key of the event that says so: the same one, run again, finds the same release. */
  readonly by: string;
  /** When, in milliseconds since the Unix epoch, and how long before that a release may have started. */
  readonly at: number;
  readonly lookbackMs: number;
}

/** The suspect that started within the look-back. */
export async function recentSuspectOf(
  state: StateStore,
  { service, at, lookbackMs }: Omit<BurningService, 'by'>,
): Promise<Suspect | undefined> {
  const suspect = await newestSuspectOf(state, service);
  return !suspect || suspect.startedAt > at || at - suspect.startedAt > lookbackMs ? undefined : suspect;
}

/** The suspect that started within the look-back, unless another event was the first to blame it. */
export async function releaseToBlame(
  state: StateStore,
  { by, ...burning }: BurningService,
): Promise<Suspect | undefined> {
  const suspect = await recentSuspectOf(state, burning);
  if (!suspect) return undefined;
  const blame = await updateDocument<Blame>(state, BLAMED, suspect.key, (found) => found ?? { by });
  return blame.by === by ? suspect : undefined;
}

/** The key of the event that a release (its key) was blamed by; undefined when none was. */
export async function blameOf(state: StateStore, key: string): Promise<string | undefined> {
  return (await state.get<Blame>(BLAMED, key))?.value.by;
}
