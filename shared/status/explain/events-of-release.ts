/** Which events of a chain a release was made of: one chain may hold the requests of a whole pipeline. */
import type { EventRecord } from '../../delivery/event-record.ts';
import { eventKey, isDerived, parseReference } from '../../events/identity.ts';
import type { ReleaseRecord } from '../../releases/release-record.ts';

/** An event at its handler. */
export interface EventExplanation {
  readonly type: string;
  readonly id: string;
  readonly source: string;
  /** The event's own, RFC 3339. */
  readonly time: string;
  readonly handler: string;
  readonly status: EventRecord['status'];
  /** When its handler first saw it, and when it was done with it; milliseconds since the Unix epoch. */
  readonly receivedAt: number;
  readonly endedAt?: number;
  /** How often its handler ran. */
  readonly runs: number;
  /** Attempts in a row that failed last, and why. */
  readonly failedAttempts: number;
  readonly reason?: string;
  readonly error?: string;
  /** When it is looked at next, while it waits. */
  readonly dueAt?: number;
}

/**
 * Those that the release was made of, oldest first, each with its key.
 *
 * @param blamedBy the key of the violation that it was blamed by
 */
export function eventsOf(
  release: ReleaseRecord,
  events: readonly EventRecord[],
  blamedBy: string | undefined,
): (EventExplanation & { readonly key: string })[] {
  const keyed = events.map((record) => ({ key: eventKey(record), record }));
  const found = new Map<string, EventRecord>();
  let before: number;
  do {
    before = found.size;
    for (const { key, record } of keyed) {
      const isOne = key === release.key || isStepOf(release, key, record);
      if (isOne || isEndFrom(release, record, blamedBy) || followsFrom(found, record)) found.set(key, record);
    }
  } while (found.size > before);
  return [...found]
    .map(([key, record]) => ({ key, ...explanationOf(record) }))
    .sort((a, b) => a.receivedAt - b.receivedAt);
}

/** Whether a step was taken by it. Of a newer request that has superseded the release, the rest is not its own. */
function isStepOf({ steps }: ReleaseRecord, key: string, { type }: EventRecord): boolean {
  return type !== 'DeploymentRequested' && steps.some(({ by }) => by === key);
}

/** Those events end a release by another's event: a newer request, or a violation. */
const ENDED_BY_OTHERS = ['deployment-requested', 'slo-violation'];

function isEndFrom({ key, steps }: ReleaseRecord, record: EventRecord, blamedBy: string | undefined): boolean {
  if (record.type !== 'DeploymentFailed') return false;
  const parents = [...steps.flatMap(({ to, by }) => (to === 'failed' ? [by] : [])), ...(blamedBy ? [blamedBy] : [])];
  return parents.some((parent) =>
    ENDED_BY_OTHERS.some((handler) => isDerived(record, { parent, type: record.type, handler, key })),
  );
}

function followsFrom(found: ReadonlyMap<string, EventRecord>, { source, causationId, type }: EventRecord): boolean {
  // Of another release that the same event has ended.
  if (type === 'DeploymentFailed' && source !== '/handlers/deployment-started') return false;
  const parent = parseReference(causationId ?? '');
  return parent !== undefined && found.has(eventKey(parent));
}

function explanationOf(record: EventRecord): EventExplanation {
  const { type, id, source, time, handler, status, startedAt, endedAt, runs, attempts, reason, error, dueAt } = record;
  return {
    ...{ type, id, source, time, handler, status, receivedAt: startedAt, runs, failedAttempts: attempts },
    ...(endedAt !== undefined && { endedAt }),
    ...(reason !== undefined && { reason }),
    ...(error !== undefined && { error }),
    ...(dueAt !== undefined && { dueAt }),
  };
}
