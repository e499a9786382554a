/** Follows an event and its effects through the history, until the chain ends. */
import { isDeepStrictEqual } from 'node:util';
import type { HistoryEntry } from '../api/events.ts';
import { PermanentError } from '../errors.ts';
import { type EventIdentity, eventReference } from '../events/identity.ts';
import type { AppClient } from './app-client.ts';

/** How a chain ended. */
export type Ending = 'completed' | 'rolled-back' | 'failed' | 'dead-lettered' | 'timeout';

/** Each ending in words. */
export const ENDINGS: Readonly<Record<Ending, string>> = {
  completed: 'completed',
  'rolled-back': 'failed, and rolled back',
  failed: 'failed',
  'dead-lettered': 'an event could not be handled and is in the errors queue',
  timeout: 'not ended in time; the chain goes on',
};

/** An ending, with its reason when the history has one. */
export interface ChainEnd {
  readonly ending: Ending;
  readonly why?: string;
}

interface FollowOptions {
  readonly app: Pick<AppClient, 'history'>;
  /** The event to follow. Its chain may also hold effects of other events. */
  readonly event: EventIdentity;
  readonly correlationId: string;
  readonly timeoutMs: number;
  /** Takes every entry when it appears and when it changes, oldest first. */
  readonly onEntry: (entry: HistoryEntry) => void;
  readonly now: () => number;
  readonly pause: (ms: number) => Promise<void>;
}

const POLL_MS = 200;
/** So many of a chain are asked for, the newest, and more where others of it came after what is followed. */
const COUNT = 100;
const MAX_COUNT = 3_200;

/**
 * Resolves when the chain has ended or the time is up. While the app is away it is asked again; a first answer that refuses,
 * for want of a right or at a wrong address, would be the same for the whole time.
 */
export async function follow(options: FollowOptions): Promise<ChainEnd> {
  const { app, event, correlationId, timeoutMs, onEntry, now, pause } = options;
  const deadline = now() + timeoutMs;
  const found = new Map<string, HistoryEntry>();
  const seen = new Map<string, HistoryEntry>();
  let failure: unknown;
  let hasAnswered = false;
  let count = COUNT;
  while (now() < deadline) {
    try {
      const entries = await app.history({ correlationId, limit: count });
      failure = undefined;
      hasAnswered = true;
      for (const entry of entries.toReversed()) found.set(keyOf(entry), entry);
      const listed = new Set(entries.map(keyOf));
      const run = entriesOfEvent(event, [...found.values()]);
      for (const entry of run) {
        const key = keyOf(entry);
        if (isDeepStrictEqual(seen.get(key), entry)) continue;
        seen.set(key, entry);
        onEntry(entry);
      }
      const ending = endingOf(run, [...found.values()]);
      if (ending) return { ending, ...whyOf(run, ending) };
      const isListed = run.length > 0 && run.every((entry) => listed.has(keyOf(entry)));
      if (!isListed && entries.length >= count) count = Math.min(2 * count, MAX_COUNT);
    } catch (error) {
      if (error instanceof PermanentError && !hasAnswered) throw error;
      failure = error;
    }
    // Each entry is a call of the store: many are asked for as often as a few.
    await pause((POLL_MS * count) / COUNT);
  }
  if (failure !== undefined) throw failure;
  return { ending: 'timeout' };
}

function keyOf(entry: HistoryEntry): string {
  return `${entry.handler} ${eventReference(entry)}`;
}

/**
 * The entries of one event in a chain: the event, and what it caused. A DeploymentFailed may also be caused from
 * outside: by a request that supersedes this one, or by an objective. It counts when it has the same subject and is
 * later.
 */
export function entriesOfEvent(event: EventIdentity, chain: readonly HistoryEntry[]): HistoryEntry[] {
  const start = eventReference(event);
  const first = chain.find((entry) => eventReference(entry) === start);
  if (!first) return [];
  const ours = new Set([start]);
  const known = new Set(chain.map(eventReference));
  const isOurs = (entry: HistoryEntry): boolean => {
    const { type, subject, causationId, startedAt } = entry;
    if (causationId === undefined) return false;
    const isOfAnother = isOfSuperseded(entry, chain);
    if (ours.has(causationId)) return !isOfAnother || causationId !== start;
    const isFromOutside = type === 'DeploymentFailed' && (isOfAnother || !known.has(causationId));
    return isFromOutside && subject === first.subject && startedAt >= first.startedAt;
  };
  // Repeated until nothing is added, since an effect may be listed before its cause.
  for (let size = 0; size !== ours.size; ) {
    size = ours.size;
    for (const entry of chain) if (isOurs(entry)) ours.add(eventReference(entry));
  }
  return chain.filter((entry) => ours.has(eventReference(entry)));
}

/** Whether a failure is that of a superseded request: its cause is a request that started. */
function isOfSuperseded({ type, causationId }: HistoryEntry, chain: readonly HistoryEntry[]): boolean {
  const isStart = (one: HistoryEntry): boolean => one.type === 'DeploymentStarted' && one.causationId === causationId;
  return type === 'DeploymentFailed' && chain.some(isStart);
}

/**
 * How a chain has ended; undefined while it goes on. An event appears in the history when it is delivered, which may take
 * long where the function for it has to start first: so silence says nothing, and what was published is waited for.
 *
 * @param entries those of the event that is followed
 * @param chain all of the chain: an event may also cause what belongs to another
 */
export function endingOf(entries: readonly HistoryEntry[], chain: readonly HistoryEntry[]): Ending | undefined {
  const has = (type: string): boolean => entries.some((entry) => entry.type === type);
  if (entries.length === 0 || !entries.every(isSettled)) return undefined;
  if (entries.some(({ status }) => status === 'dead-lettered')) return 'dead-lettered';
  if (!entries.every((entry) => hasAllItCaused(entry, chain))) return undefined;
  if (has('DeploymentRolledBack')) return 'rolled-back';
  if (has('DeploymentFailed')) return 'failed';
  // A request always ends in one of the three; the one that supersedes it may be the one to say so.
  const isRelease = has('DeploymentRequested') || has('DeploymentStarted');
  return has('DeploymentCompleted') || !isRelease ? 'completed' : undefined;
}

function hasAllItCaused(entry: HistoryEntry, chain: readonly HistoryEntry[]): boolean {
  const cause = eventReference(entry);
  const effects = chain.filter(({ causationId }) => causationId === cause);
  return new Set(effects.map(eventReference)).size >= entry.caused;
}

function whyOf(entries: readonly HistoryEntry[], ending: Ending): { why?: string } {
  if (ending === 'dead-lettered') {
    const deadLetter = entries.find(({ status }) => status === 'dead-lettered');
    return deadLetter?.reason === undefined
      ? {}
      : { why: `${deadLetter.type}: ${deadLetter.reason}: ${deadLetter.error ?? ''}` };
  }
  if (ending !== 'failed' && ending !== 'rolled-back') return {};
  const why = entries.find(({ type }) => type === 'DeploymentFailed')?.summary;
  return why === undefined ? {} : { why };
}

/** Whether a handler has done its work; only a notification may be missing. */
function isSettled({ status, reason }: HistoryEntry): boolean {
  return (
    status === 'completed' || status === 'dead-lettered' || (status === 'waiting' && reason === 'NotificationFailed')
  );
}
