/** The steps of an event at its handler: begin, handle, publish, finish; each may be the last that a process does. */

import { failureOf } from '../describe-error.ts';
import { ConflictError, isPermanent, PermanentError, TransientError } from '../errors.ts';
import type { PlatformEvent } from '../events/catalog.ts';
import type { Handler } from '../ports/handler.ts';
import type { Stored } from '../ports/state.ts';
import { failureWithStack } from '../stack.ts';
import type { Timer } from '../timeout.ts';
import { begin, type EventRecord, firstRecord, MAX_VANISHED, meaningOf, RECORDS, recordKey } from './event-record.ts';
import {
  deadLetter,
  deadLetterFailedNotification,
  retryUnrecorded,
  SendError,
  type Sender,
  sendAwaited,
  waitForLease,
  waitForTurn,
} from './follow-up-messages.ts';
import { enterHistory } from './history.ts';
import type { Place } from './isolation.ts';
import { backoffMs, MAX_ATTEMPTS } from './retry-policy.ts';
import { type Outcome, runHandler, withFields } from './run-handler.ts';

/** One event, as one message brings it. */
export interface Step extends Sender {
  readonly event: PlatformEvent;
  /** What the history says of its data. */
  readonly summary: string | undefined;
  /** Names this run. */
  readonly runId: string;
  /** Among the runs of this process. */
  readonly place: Place;
  readonly handle: Handler<never>;
  readonly timer: Timer;
  readonly handlerTimeoutMs: number;
}

/** A lease outlasts the handler's time by this: for what comes before and after the handler. */
const LEASE_MARGIN_MS = 10_000;

/** More than two at odds over one record is rare, and each round needs somebody else's progress. */
const MAX_ROUNDS = 5;

/**
 * Carries the event as far as this message can: to its end, or to where another message drives it.
 *
 * @throws SendError when that other message could not be sent
 */
export async function carry(step: Step): Promise<void> {
  for (let round = 1; ; round++) {
    let begun: Stored<EventRecord> | undefined;
    try {
      begun = await beginRun(step);
      if (begun) await endRun(step, begun, await run(step, begun.value));
      return;
    } catch (error) {
      if (error instanceof SendError) throw error;
      // Somebody else moved the record, or the answer to our own write was lost: what it says now decides.
      if (!(error instanceof ConflictError) || round === MAX_ROUNDS) {
        return retryUnrecorded(step, error, begun ? step.runId : step.endedRunId);
      }
    }
  }
}

/** The record with our lease on it; undefined when this message has nothing more to do. */
async function beginRun(step: Step): Promise<Stored<EventRecord> | undefined> {
  const { ports, name, event, redelivery, runId, handlerTimeoutMs, log } = step;
  const { state } = ports;
  const key = recordKey(name, event.id);
  const now = ports.clock.now();
  const lease = { redelivery, runId, now, leaseMs: handlerTimeoutMs + LEASE_MARGIN_MS };

  const insert = async (): Promise<Stored<EventRecord>> => {
    const value = begin(firstRecord(step, now), 'run', lease);
    return { key, value, etag: await state.insert(RECORDS, key, value) };
  };
  if (redelivery === 0) {
    // An original is nearly always new: one call instead of two.
    const inserted = await insert().catch(undefinedOnConflict);
    if (inserted) return inserted;
  }
  const stored = await state.get<EventRecord>(RECORDS, key);
  if (!stored) return insert();

  const meaning = meaningOf(stored.value, step, runId, now);
  switch (meaning) {
    case 'ignore':
      log.info('nothing to do for this message', { status: stored.value.status, redelivery });
      return undefined;
    case 'resend':
      await sendAwaited(step, stored.value);
      return undefined;
    case 'wait':
      await waitForLease(step, stored.value, lease.leaseMs);
      return undefined;
    case 'resume':
      return stored;
    case 'run':
    case 'take-over': {
      if (meaning === 'take-over' && !(await mayTakeOver(step, stored.value))) {
        await waitForTurn(step, stored.value);
        return undefined;
      }
      // Who waited for the turn begins later than it came.
      const value = begin(stored.value, meaning, { ...lease, now: ports.clock.now() });
      if (meaning === 'take-over') log.warn('the last run vanished', { vanished: value.vanished, redelivery });
      return { key, value, etag: await state.put(RECORDS, key, value, stored.etag) };
    }
  }
}

/**
 * Whether an event that may be what ends processes may be run in this one. The last run before it is condemned has the
 * process to itself, or else it might be condemned for what ran beside it.
 */
async function mayTakeOver({ place, unrecordedAttempts = 0 }: Step, record: EventRecord): Promise<boolean> {
  const vanished = (record.vanished ?? 0) + 1;
  // Condemned, it is not run; and scheduled again often enough, it must be.
  if (vanished >= MAX_VANISHED || unrecordedAttempts >= MAX_ATTEMPTS) return true;
  return place.sparedMs === 0 && (vanished < MAX_VANISHED - 1 || (await place.alone()));
}

function undefinedOnConflict(error: unknown): undefined {
  if (!(error instanceof ConflictError)) throw error;
}

/** The process ends whenever it handles the event: it would take others with it for ever. */
class WorkerCrashedError extends PermanentError {
  override readonly reason = 'WorkerCrashed';
}

/** What a run came to, and whether the event is in the history. */
interface Run {
  readonly outcome: Outcome;
  readonly isIndexed: boolean;
}

/** Runs the handler, enters the event into the history, and sends what the handler asked for. Never rejects. */
async function run(step: Step, record: EventRecord): Promise<Run> {
  const { ports, log, name, event } = step;
  if ((record.vanished ?? 0) >= MAX_VANISHED) {
    const error = new WorkerCrashedError(
      `${name} vanished ${MAX_VANISHED} times in a row at ${event.type} ${event.id}, without a result or an error: this event may be what ends the worker process`,
    );
    return { outcome: { kind: 'failed', error }, isIndexed: record.indexed === true };
  }
  // Beside the handler; what comes of it is looked at when the handler has ended.
  const indexing = record.indexed ? undefined : enterHistory(ports.state, record).then(() => undefined, asFailure);
  const outcome = await runHandler(
    { ...step, log: withFields(log, { try: record.attempts + 1, redelivery: record.redelivery }) },
    ports,
  );
  const indexFailure = await indexing;
  const isIndexed = !indexFailure;
  if (outcome.kind === 'failed') return { outcome, isIndexed };
  if (indexFailure) return { outcome: indexFailure, isIndexed };
  try {
    if (outcome.children.length > 0) await ports.publisher.publishAll(outcome.children);
    const { untold } = outcome;
    if (untold) {
      // A run that is to be followed by another has no end yet, and the next may have no cause to tell it again.
      const isWorthAnother = outcome.kind === 'completed' && !untold.isFinal && record.attempts + 1 < MAX_ATTEMPTS;
      if (isWorthAnother) return { outcome: { kind: 'failed', error: untold.error }, isIndexed };
      await deadLetterFailedNotification(step, untold.error, record);
    }
    return { outcome, isIndexed };
  } catch (error) {
    return { outcome: { kind: 'failed', error }, isIndexed };
  }
}

function asFailure(error: unknown): Outcome {
  return { kind: 'failed', error };
}

/** Records how the run ended, and sees to the message that follows from it. */
async function endRun(
  step: Step,
  { key, value, etag }: Stored<EventRecord>,
  { outcome, isIndexed }: Run,
): Promise<void> {
  const { state, clock } = step.ports;
  const now = clock.now();
  const ended = {
    ...value,
    leaseUntil: undefined,
    reason: undefined,
    error: undefined,
    vanished: 0,
    indexed: isIndexed,
    updatedAt: now,
  };
  const write = (next: EventRecord): Promise<string> => state.put(RECORDS, key, next, etag);
  const waitFor = async (dueAt: number, fields: Pick<EventRecord, 'attempts' | 'reason' | 'error'>): Promise<void> => {
    const next: EventRecord = { ...ended, ...fields, status: 'waiting', redelivery: value.redelivery + 1, dueAt };
    // On record before it is sent: a death between is mended when this message comes again and is found stale.
    await write(next);
    await sendAwaited(step, next);
  };

  switch (outcome.kind) {
    case 'completed':
      await write({ ...ended, status: 'completed', attempts: 0, endedAt: now });
      step.log.info('handled', { ms: now - value.updatedAt, runs: value.runs, published: outcome.children.length });
      return;
    case 'requeue':
      // A look that went well ends a row of failures.
      return waitFor(now + outcome.afterMs, { attempts: 0 });
    case 'failed': {
      const failure = failureOf(outcome.error);
      const isCrash = outcome.error instanceof WorkerCrashedError;
      // The runs that vanished are counted already.
      const attempts = Math.min(value.attempts + (isCrash ? 0 : 1), MAX_ATTEMPTS);
      // What follows from it is told when it is done, and may come to nothing: the reason must not be lost with it.
      step.log.warn('failed', { ...failureWithStack(outcome.error), try: attempts, redelivery: value.redelivery });
      if (isPermanent(outcome.error) || attempts === MAX_ATTEMPTS) {
        // In the queue before it is on record: a death between makes two messages of one id, never none.
        await deadLetter(step, outcome.error, attempts, value.redelivery).catch(async (error: unknown) => {
          // The message comes again and takes over, but this run did not vanish. When the store is away too, it counts as if.
          if (!isCrash) await write({ ...value, vanished: 0, leaseUntil: now }).catch(() => undefined);
          throw error;
        });
        await write({ ...ended, ...failure, status: 'dead-lettered', attempts, endedAt: now });
        return;
      }
      const asked = outcome.error instanceof TransientError ? outcome.error.retryAfterMs : undefined;
      const inMs = backoffMs(attempts, step.random, asked);
      await waitFor(now + inMs, { attempts, ...failure });
      step.log.info('to be tried again', { try: attempts, redelivery: value.redelivery, inMs });
      return;
    }
  }
}
