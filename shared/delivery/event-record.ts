/**
 * The record of one event at one handler, and what a message means beside it. The record makes delivery that happens
 * at least once take effect once: it says who runs the handler now, which redelivery is awaited, or how it ended.
 *
 * Its invariant: a record that is not at its end (`completed`, `dead-lettered`) always has a message that drives it, be it one
 * that is locked (it comes back when its process dies) or one that is scheduled. So a message may be completed once the
 * record has ended, or once another message is sure to come.
 */
import type { CloudEvent } from '../events/cloud-event.ts';
import type { RedeliveryMarks } from '../events/parse.ts';
import type { StateStore, Stored } from '../ports/state.ts';

/** The partitions that hold them: each takes so many writes a second, and one would bound the whole app. */
export const RECORD_PARTITIONS: readonly string[] = [...'0123456789abcdef'].map((digit) => `records-${digit}`);

export interface EventRecord {
  /**
   * `in-progress`: a run has claimed it until `leaseUntil`; `waiting`: for the redelivery `redelivery`, due at `dueAt`;
   * `completed`; `dead-lettered`: in the errors queue until it is replayed or discarded.
   */
  readonly status: 'in-progress' | 'waiting' | 'completed' | 'dead-lettered';
  /** The subscription of the handler. */
  readonly handler: string;
  readonly id: string;
  readonly type: string;
  readonly source: string;
  readonly subject: string;
  /** The event's own time. */
  readonly time: string;
  /** What its data says of why it came to this; of few events. */
  readonly summary?: string | undefined;
  readonly correlationId: string;
  readonly causationId?: string | undefined;
  /** The redelivery that is run or awaited, or the last one: 0 is the original message. Never falls. */
  readonly redelivery: number;
  /** Failed attempts in a row. */
  readonly attempts: number;
  /** Runs in a row that vanished: neither an end nor a failure was heard of. */
  readonly vanished?: number | undefined;
  /** How often the handler was run. */
  readonly runs: number;
  /** How many events of its own chain a run of it has published, at most: so many follow. */
  readonly caused?: number | undefined;
  /** Names the run that wrote this. */
  readonly runId: string;
  /** Drawn when the event was first claimed: nobody who sends can guess the ids of the messages that follow from it. */
  readonly nonce: string;
  readonly leaseUntil?: number | undefined;
  readonly dueAt?: number | undefined;
  /** When the event was first seen; also its place in the history. */
  readonly startedAt: number;
  readonly updatedAt: number;
  readonly endedAt?: number | undefined;
  /** Of the last failed attempt: PascalCase. */
  readonly reason?: string | undefined;
  readonly error?: string | undefined;
}

/** An event whose runs vanished so often in a row is held to be what ends the process. */
export const MAX_VANISHED = 3;

/** Of a summary, in characters. */
const MAX_SUMMARY = 500;

/** The same message always finds the same record. @param eventKey of the event: its source and id */
export function recordKey(handler: string, eventKey: string): string {
  return `${handler}|${eventKey}`;
}

/** The partition of a record, and of the rows that the history finds it by. An event's key is a hash already. */
export function recordPartition(key: string): string {
  return `records-${key.charAt(key.indexOf('|') + 1)}`;
}

/** The record of an event at a handler. */
export async function readRecord(
  state: StateStore,
  handler: string,
  eventKey: string,
): Promise<Stored<EventRecord> | undefined> {
  const key = recordKey(handler, eventKey);
  return state.get<EventRecord>(recordPartition(key), key);
}

/** What a message does about a record. */
export type ClaimDecision =
  /** Nothing: the event is at its end, or another message drives it. */
  | 'ignore'
  /** It was delivered again after its step: the awaited redelivery is sent again. */
  | 'resend'
  /** Another run holds the lease: the message comes back when that is over. */
  | 'wait'
  | 'run'
  /** It runs the handler in the place of a run that died or hangs. */
  | 'take-over'
  /** It goes on, since this very run claimed the record already without hearing so. */
  | 'resume'
  /** It runs the handler in the place of a run that did nothing, as it had not heard that it had claimed the record. */
  | 'reclaim';

/** A decision that takes the record for a run. */
export type Taking = Extract<ClaimDecision, 'run' | 'take-over' | 'reclaim'>;

/**
 * Reads a record for a message. Never compares the broker's time with ours: a message that has waited for a lease takes
 * over whatever our clock says, and an awaited redelivery is taken when it comes.
 */
export function decideClaim(
  record: EventRecord,
  {
    redelivery,
    awaitedRunId,
    endedRunId,
    unheardRunIds,
  }: Pick<RedeliveryMarks, 'redelivery' | 'awaitedRunId' | 'endedRunId' | 'unheardRunIds'>,
  runId: string,
  now: number,
): ClaimDecision {
  switch (record.status) {
    case 'completed':
      return 'ignore';
    case 'dead-lettered':
      // A later redelivery of a dead-lettered event is a replay.
      return redelivery > record.redelivery ? 'run' : 'ignore';
    case 'waiting':
      return redelivery < record.redelivery ? 'resend' : 'run';
    case 'in-progress':
      if (record.runId === runId) return 'resume';
      // Taking the awaited redelivery took its message, which is locked until the record moves on.
      if (redelivery < record.redelivery) return 'ignore';
      if (endedRunId === record.runId) return 'run';
      if (unheardRunIds?.includes(record.runId)) return 'reclaim';
      return awaitedRunId === record.runId || now >= (record.leaseUntil ?? 0) ? 'take-over' : 'wait';
  }
}

/** A run's claim on a record. */
interface Lease {
  /** The redelivery that is run. */
  readonly redelivery: number;
  readonly runId: string;
  readonly now: number;
  readonly leaseMs: number;
}

/**
 * The record of an event seen for the first time, with a run's lease on it. It has every field: to change one of a copy is
 * cheap, to add one is not.
 */
export function firstRecord(
  { handler, event, summary }: { handler: string; event: CloudEvent; summary: string | undefined },
  { redelivery, runId, now, leaseMs }: Lease,
): EventRecord {
  const { id, type, source, subject, time, correlationid, causationid } = event;
  return {
    status: 'in-progress',
    handler,
    id,
    type,
    source,
    subject,
    time,
    summary: summary?.slice(0, MAX_SUMMARY),
    correlationId: correlationid,
    causationId: causationid,
    redelivery,
    attempts: 0,
    vanished: 0,
    runs: 1,
    caused: 0,
    runId,
    nonce: runId,
    leaseUntil: now + leaseMs,
    dueAt: undefined,
    startedAt: now,
    updatedAt: now,
    endedAt: undefined,
    reason: undefined,
    error: undefined,
  };
}

/** A record with another run's lease on it. A run that vanished counts as a failed attempt too. */
export function claimedRecord(
  record: EventRecord,
  decision: Taking,
  { redelivery, runId, now, leaseMs }: Lease,
): EventRecord {
  const isReplay = record.status === 'dead-lettered';
  return {
    ...record,
    dueAt: undefined,
    endedAt: undefined,
    status: 'in-progress',
    redelivery: Math.max(redelivery, record.redelivery),
    attempts: isReplay ? 0 : record.attempts + (decision === 'take-over' ? 1 : 0),
    vanished: vanishedOf(record, decision),
    runs: record.runs + (decision === 'reclaim' ? 0 : 1),
    runId,
    leaseUntil: now + leaseMs,
    updatedAt: now,
  };
}

/** How many runs in a row have vanished, for the one that takes the record. */
export function vanishedOf({ status, vanished = 0 }: EventRecord, decision: Taking): number {
  if (decision === 'take-over') return vanished + 1;
  if (decision === 'reclaim') return vanished;
  // A condemned event was not run: that the record could not be told of its dead letter must not acquit it.
  return status === 'in-progress' && vanished >= MAX_VANISHED ? vanished : 0;
}

/** Whether a handler is done with an event. A record that is gone completed longer ago than records are kept. */
export async function isCompleted(state: StateStore, handler: string, eventKey: string): Promise<boolean> {
  const record = (await readRecord(state, handler, eventKey))?.value;
  return record === undefined || record.status === 'completed';
}
