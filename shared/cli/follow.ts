/** Follows an event, and what came of it, through the history to its end. */
import { isDeepStrictEqual } from 'node:util';
import type { AppClient, HistoryEntry } from './app-client.ts';

/** How a chain ended. */
export type Ending = 'completed' | 'rolled-back' | 'failed' | 'dead-lettered' | 'timeout';

/** An ending, and why it came to that when the history says so. */
interface End {
  readonly ending: Ending;
  readonly why?: string;
}

interface FollowOptions {
  readonly app: Pick<AppClient, 'history'>;
  /** The event that is followed. Its chain may hold others that came of another one. */
  readonly eventId: string;
  readonly correlationId: string;
  readonly timeoutMs: number;
  /** Every entry as it appears, and again when it changed; oldest first. */
  readonly onEntry: (entry: HistoryEntry) => void;
  readonly now: () => number;
  readonly pause: (ms: number) => Promise<void>;
}

/** An event that was published is seen in the history once it was delivered: so long nothing new must appear. */
const QUIET_MS = 1_500;
const POLL_MS = 200;

/** Resolves when the chain ended or the time is up. An app that is away for a moment is asked again. */
export async function follow(options: FollowOptions): Promise<End> {
  const { app, eventId, correlationId, timeoutMs, onEntry, now, pause } = options;
  const deadline = now() + timeoutMs;
  const found = new Map<string, HistoryEntry>();
  const seen = new Map<string, HistoryEntry>();
  let quietSince = now();
  let failure: unknown;
  while (now() < deadline) {
    try {
      const entries = await app.history({ correlationId, limit: 100 });
      failure = undefined;
      for (const entry of entries.toReversed()) found.set(keyOf(entry), entry);
      const run = entriesOf(eventId, [...found.values()]);
      for (const entry of run) {
        const key = keyOf(entry);
        if (isDeepStrictEqual(seen.get(key), entry)) continue;
        seen.set(key, entry);
        quietSince = now();
        onEntry(entry);
      }
      const ending = endingOf(run, now() - quietSince >= QUIET_MS);
      if (ending) return { ending, ...whyOf(run, ending) };
    } catch (error) {
      failure = error;
    }
    await pause(POLL_MS);
  }
  if (failure !== undefined) throw failure;
  return { ending: 'timeout' };
}

function keyOf({ handler, id }: HistoryEntry): string {
  return `${handler} ${id}`;
}

/**
 * Of a chain's entries those of one event: itself, and what it caused. A failure is also caused from outside (by the
 * request that supersedes this one, by an objective that blames it): that of the same resource, since then.
 */
export function entriesOf(eventId: string, chain: readonly HistoryEntry[]): HistoryEntry[] {
  const first = chain.find(({ id }) => id === eventId);
  if (!first) return [];
  const ids = new Set([eventId]);
  const known = new Set(chain.map(({ id }) => id));
  const isOurs = (entry: HistoryEntry): boolean => {
    const { type, subject, causationId, startedAt } = entry;
    if (causationId === undefined) return false;
    const isOfAnother = isOfSuperseded(entry, chain);
    if (ids.has(causationId)) return !isOfAnother || causationId !== eventId;
    const isFromOutside = type === 'DeploymentFailed' && (isOfAnother || !known.has(causationId));
    return isFromOutside && subject === first.subject && startedAt >= first.startedAt;
  };
  // Until nothing is added: an effect may be listed before its cause.
  for (let size = 0; size !== ids.size; ) {
    size = ids.size;
    for (const entry of chain) if (isOurs(entry)) ids.add(entry.id);
  }
  return chain.filter(({ id }) => ids.has(id));
}

/** A request that started has not failed by itself: the failure beside its start is that of the one it superseded. */
function isOfSuperseded({ type, causationId }: HistoryEntry, chain: readonly HistoryEntry[]): boolean {
  const isStart = (one: HistoryEntry): boolean => one.type === 'DeploymentStarted' && one.causationId === causationId;
  return type === 'DeploymentFailed' && chain.some(isStart);
}

/**
 * Whether these entries are a whole chain. A DeploymentFailed may still be rolled back, so that only a while of quiet
 * makes it the end; Completed and RolledBack are ends by themselves.
 */
export function endingOf(entries: readonly HistoryEntry[], isQuiet: boolean): Ending | undefined {
  const has = (type: string): boolean => entries.some((entry) => entry.type === type);
  if (entries.length === 0 || !entries.every(isSettled)) return undefined;
  if (entries.some(({ status }) => status === 'dead-lettered')) return 'dead-lettered';
  if (has('DeploymentRolledBack')) return 'rolled-back';
  if (has('DeploymentFailed')) return isQuiet ? 'failed' : undefined;
  if (has('DeploymentCompleted')) return 'completed';
  return isQuiet ? 'completed' : undefined;
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

/** What only waits for a channel to be told through has done its work. */
function isSettled({ status, reason }: HistoryEntry): boolean {
  return (
    status === 'completed' || status === 'dead-lettered' || (status === 'waiting' && reason === 'NotificationFailed')
  );
}
