/**
 * The messages that a delivery sends on its own account: the awaited copy, the wait for somebody's lease, another try
 * without a record, and the parked message. Each has an id that is the same when it is sent again for the same cause.
 */

import { describeError, failureOf } from '../describe-error.ts';
import { isPermanent, type PlatformError, TransientError } from '../errors.ts';
import type { CloudEvent } from '../events/cloud-event.ts';
import type { CopyMarks } from '../events/parse.ts';
import type { Log, ParkedMessage, Ports } from '../ports.ts';
import { failureWithStack } from '../stack.ts';
import type { EventRecord } from './event-record.ts';
import type { Place } from './isolation.ts';
import { backoffMs, MAX_TRIES } from './retry-policy.ts';

/** What the messages are made from. */
export interface Sender extends CopyMarks {
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
  const { copy, owner, dueAt: at = ports.clock.now() } = record;
  // The owner is part of the id: no other event's id, and no life before a lost store, can stand in its way.
  await send(ports.bus.schedule({ event, at, to: name, copy, messageId: `${event.id}:${copy}:${owner}` }));
}

/**
 * Comes back when the lease of a running record is over. The copy says for whose lease it waited, and then takes over
 * whatever the clocks say. It waits no longer than a whole lease, since another machine's clock may run ahead.
 *
 * @throws SendError
 */
export async function waitForLease(sender: Sender, record: EventRecord, leaseMs: number): Promise<void> {
  const { ports, name, event, copy, putOff } = sender;
  const now = ports.clock.now();
  const at = Math.min(Math.max(record.leaseUntil ?? now, now), now + leaseMs);
  // Having waited and then been put off, it may have to wait again, and must not pass for a repetition.
  const messageId = `${event.id}:${copy}@${record.owner}+${putOff ?? 0}`;
  await send(ports.bus.schedule({ event, at, to: name, copy, putOff, waitedFor: record.owner, messageId }));
  sender.log.info('somebody else is at it: to be looked at when their lease is over', { inMs: at - now, copy });
}

/**
 * Comes back to take over where that may end the process without harm: this one is too young, or others were under way
 * in it for too long.
 *
 * @throws SendError
 */
export async function waitForTurn(sender: Sender & { place: Place }, { owner }: EventRecord): Promise<void> {
  const { ports, name, event, copy, random, log } = sender;
  const putOff = (sender.putOff ?? 0) + 1;
  const inMs = sender.place.sparedMs + backoffMs(putOff, random);
  const at = ports.clock.now() + inMs;
  const messageId = `${event.id}:${copy}@${owner}+${putOff}`;
  await send(ports.bus.schedule({ event, at, to: name, copy, putOff, waitedFor: owner, messageId }));
  log.info('the last run vanished: put off until this one can harm no other', { inMs, copy });
}

/**
 * Another try later, counted in the message, since the store could not be asked or told. Parks the message when it
 * cannot be mended, or has been tried often enough.
 *
 * @param endedRun this run, if it had begun
 * @throws SendError
 */
export async function putOffUnrecorded(sender: Sender, error: unknown, endedRun = sender.endedRun): Promise<void> {
  const { ports, name, event, copy, waitedFor, random, log } = sender;
  const putOff = (sender.putOff ?? 0) + 1;
  log.warn('failed', { ...failureWithStack(error), try: putOff, copy });
  if (isPermanent(error) || putOff >= MAX_TRIES) return park(sender, error, putOff, copy);

  const inMs = backoffMs(putOff, random, error instanceof TransientError ? error.retryAfterMs : undefined);
  const at = ports.clock.now() + inMs;
  const messageId = `${event.id}:${copy}+${putOff}`;
  await send(ports.bus.schedule({ event, at, to: name, copy, putOff, waitedFor, endedRun, messageId }));
  log.info('put off without a record', { try: putOff, copy, inMs });
}

/** Puts the event into the errors queue. @throws SendError */
export function park(sender: Parking, error: unknown, tries: number, copy: number): Promise<void> {
  return parkAs(`${sender.event.id}:${sender.name}:${copy}`, sender, error, tries, copy);
}

/** An entry in the errors queue for what nobody was told of; the event itself goes on. @throws SendError */
export function parkUntold(sender: Parking, error: PlatformError, { tries, copy }: EventRecord): Promise<void> {
  // Not the id of the event's own parking, which may still come.
  return parkAs(`${sender.event.id}:${sender.name}:${copy}:untold`, sender, error, tries + 1, copy);
}

type Parking = Pick<Sender, 'ports' | 'name' | 'event' | 'log'>;

async function parkAs(
  messageId: string,
  { ports, name, event, log }: Parking,
  error: unknown,
  tries: number,
  copy: number,
): Promise<void> {
  const { reason } = failureOf(error);
  const parked: ParkedMessage = {
    messageId,
    body: event,
    type: event.type,
    correlationId: event.correlationid,
    traceparent: event.traceparent,
    reason,
    description: describeError(error),
    subscription: name,
    tries,
    copy,
  };
  await send(ports.bus.park(parked));
  log.error('parked in the errors queue', { ...failureOf(error), tries, copy });
}

/** Puts a message that is no event of this handler into the errors queue. @throws SendError */
export async function parkUnread(
  ports: Ports,
  parked: Omit<ParkedMessage, 'reason' | 'description'>,
  error: PlatformError,
): Promise<void> {
  await send(ports.bus.park({ ...parked, reason: error.reason, description: error.message }));
  ports.log.error('parked in the errors queue', { handler: parked.subscription, ...failureOf(error) });
}
