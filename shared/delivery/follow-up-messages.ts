/**
 * The messages that a delivery sends on its own account: the awaited copy, the wait for somebody's lease, another try
 * without a record, and the dead-lettered message. Each has an id that is the same when it is sent again for the same cause.
 */

import { describeError, failureOf } from '../describe-error.ts';
import { isPermanent, type PlatformError, TransientError } from '../errors.ts';
import type { CloudEvent } from '../events/cloud-event.ts';
import type { RedeliveryMarks } from '../events/parse.ts';
import type { DeadLetter } from '../ports/bus.ts';
import type { Ports } from '../ports/handler.ts';
import type { Log } from '../ports/log.ts';
import { failureWithStack } from '../stack.ts';
import type { EventRecord } from './event-record.ts';
import type { Place } from './isolation.ts';
import { backoffMs, MAX_ATTEMPTS } from './retry-policy.ts';

/** What the messages are made from. */
export interface Sender extends RedeliveryMarks {
  readonly ports: Ports;
  /** The subscription of the handler. */
  readonly name: string;
  readonly event: CloudEvent;
  readonly log: Log;
  readonly random: () => number;
}

/** The broker does not take a message that must be sent before this one may be completed. */
export class SendError extends Error {
  override readonly name = 'SendError';
}

async function send(work: Promise<void>): Promise<void> {
  try {
    await work;
  } catch (cause) {
    throw new SendError('the broker does not take the message', { cause });
  }
}

/** Schedules the copy that a record waits for. Harmless when it was scheduled already. @throws SendError */
export async function sendAwaited({ ports, name, event }: Sender, record: EventRecord): Promise<void> {
  const { redelivery, runId, dueAt: at = ports.clock.now() } = record;
  // The runId is part of the id: no other event's id, and no life before a lost store, can stand in its way.
  await send(
    ports.publisher.schedule({ event, at, to: name, redelivery, messageId: `${event.id}:${redelivery}:${runId}` }),
  );
}

/**
 * Comes back when the lease of a running record is over. The copy says for whose lease it waited, and then takes over
 * whatever the clocks say. It waits no longer than a whole lease, since another machine's clock may run ahead.
 *
 * @throws SendError
 */
export async function waitForLease(sender: Sender, record: EventRecord, leaseMs: number): Promise<void> {
  const { ports, name, event, redelivery, unrecordedAttempts } = sender;
  const now = ports.clock.now();
  const at = Math.min(Math.max(record.leaseUntil ?? now, now), now + leaseMs);
  // Having waited and then been scheduled again, it may have to wait again, and must not pass for a repetition.
  const messageId = `${event.id}:${redelivery}@${record.runId}+${unrecordedAttempts ?? 0}`;
  await send(
    ports.publisher.schedule({
      event,
      at,
      to: name,
      redelivery,
      unrecordedAttempts,
      awaitedRunId: record.runId,
      messageId,
    }),
  );
  sender.log.info('somebody else is at it: to be looked at when their lease is over', { inMs: at - now, redelivery });
}

/**
 * Comes back to take over where that may end the process without harm: this one is too young, or others were under way
 * in it for too long.
 *
 * @throws SendError
 */
export async function waitForTurn(sender: Sender & { place: Place }, { runId }: EventRecord): Promise<void> {
  const { ports, name, event, redelivery, random, log } = sender;
  const unrecordedAttempts = (sender.unrecordedAttempts ?? 0) + 1;
  const inMs = sender.place.sparedMs + backoffMs(unrecordedAttempts, random);
  const at = ports.clock.now() + inMs;
  const messageId = `${event.id}:${redelivery}@${runId}+${unrecordedAttempts}`;
  await send(
    ports.publisher.schedule({ event, at, to: name, redelivery, unrecordedAttempts, awaitedRunId: runId, messageId }),
  );
  log.info('the last run vanished: scheduled again until this one can harm no other', { inMs, redelivery });
}

/**
 * Another try later, counted in the message, since the store could not be asked or told. Dead-letters the message when it
 * cannot be mended, or has been tried often enough.
 *
 * @param endedRunId this run, if it had begun
 * @throws SendError
 */
export async function retryUnrecorded(sender: Sender, error: unknown, endedRunId = sender.endedRunId): Promise<void> {
  const { ports, name, event, redelivery, awaitedRunId, random, log } = sender;
  const unrecordedAttempts = (sender.unrecordedAttempts ?? 0) + 1;
  log.warn('failed', { ...failureWithStack(error), try: unrecordedAttempts, redelivery });
  if (isPermanent(error) || unrecordedAttempts >= MAX_ATTEMPTS)
    return deadLetter(sender, error, unrecordedAttempts, redelivery);

  const inMs = backoffMs(unrecordedAttempts, random, error instanceof TransientError ? error.retryAfterMs : undefined);
  const at = ports.clock.now() + inMs;
  const messageId = `${event.id}:${redelivery}+${unrecordedAttempts}`;
  await send(
    ports.publisher.schedule({
      event,
      at,
      to: name,
      redelivery,
      unrecordedAttempts,
      awaitedRunId,
      endedRunId,
      messageId,
    }),
  );
  log.info('scheduled again without a record', { try: unrecordedAttempts, redelivery, inMs });
}

/** Puts the event into the errors queue. @throws SendError */
export function deadLetter(sender: DeadLettering, error: unknown, attempts: number, redelivery: number): Promise<void> {
  return deadLetterAs(`${sender.event.id}:${sender.name}:${redelivery}`, sender, error, attempts, redelivery);
}

/** An entry in the errors queue for what nobody was told of; the event itself goes on. @throws SendError */
export function deadLetterFailedNotification(
  sender: DeadLettering,
  error: PlatformError,
  { attempts, redelivery }: EventRecord,
): Promise<void> {
  // Not the id of the event's own dead-lettering, which may still come.
  return deadLetterAs(
    `${sender.event.id}:${sender.name}:${redelivery}:untold`,
    sender,
    error,
    attempts + 1,
    redelivery,
  );
}

type DeadLettering = Pick<Sender, 'ports' | 'name' | 'event' | 'log'>;

async function deadLetterAs(
  messageId: string,
  { ports, name, event, log }: DeadLettering,
  error: unknown,
  attempts: number,
  redelivery: number,
): Promise<void> {
  const { reason } = failureOf(error);
  const deadLetter: DeadLetter = {
    messageId,
    body: event,
    type: event.type,
    correlationId: event.correlationid,
    traceparent: event.traceparent,
    reason,
    description: describeError(error),
    subscription: name,
    attempts,
    redelivery,
  };
  await send(ports.deadLetterQueue.deadLetter(deadLetter));
  log.error('dead-lettered', { ...failureOf(error), attempts, redelivery });
}

/** Puts a message that is no event of this handler into the errors queue. @throws SendError */
export async function deadLetterUnread(
  ports: Ports,
  deadLetter: Omit<DeadLetter, 'reason' | 'description'>,
  error: PlatformError,
): Promise<void> {
  await send(ports.deadLetterQueue.deadLetter({ ...deadLetter, reason: error.reason, description: error.message }));
  ports.log.error('dead-lettered', { handler: deadLetter.subscription, ...failureOf(error) });
}
