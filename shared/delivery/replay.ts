/**
 * Sends what lies in the errors queue to its handler again: the same event, as the next redelivery, to the one subscription
 * that it failed in. The record of the event at its handler lets a replay take effect once, however often it is asked for.
 *
 * A replay is sent with the rights of this app, which the sender of the entry need not have. So it goes back to the topic
 * that it came from, or not at all: an event on the topic of another type had no way in, and a replay is none either.
 */
import { PermanentError } from '../errors.ts';
import type { CloudEvent } from '../events/cloud-event.ts';
import { exactNumbersIn, putExactNumbers } from '../events/exact-numbers.ts';
import { eventKey } from '../events/identity.ts';
import { REDELIVERY_MARKS, redeliveryMarksOf, structured } from '../events/parse.ts';
import type { DeadLetterEntry } from '../ports/bus.ts';
import type { Ports } from '../ports/handler.ts';
import { ERRORS_KEPT_MS, routeOf, routeTo } from '../topology.ts';
import { jsonOrText } from './body-bytes.ts';
import { bodyOf, MAX_UNPACKED_BYTES } from './dead-letter-body.ts';
import { readRecord } from './event-record.ts';

/** Handling it again would not help, or not happen. The entry stays. */
export class NotReplayableError extends PermanentError {
  override readonly reason = 'NotReplayable';
}

/** The handler is done with the event: nothing is lost with the entry. */
export class FinishedError extends NotReplayableError {}

/** What was sent. */
export interface Replay {
  readonly eventId: string;
  readonly type: string;
  readonly subscription: string;
}

/**
 * Sends an entry to its handler and takes it out of the errors queue. A process that dies between leaves the entry, and
 * replaying that again has no second effect.
 *
 * @param automaticReplays the how manieth in a row by the timer it is; a person's replay is none, and begins anew
 * @returns undefined when the entry no longer exists
 * @throws NotReplayableError saying why @throws TransientError while another process takes it
 */
export async function replay(sequenceNumber: string, ports: Ports, automaticReplays = 0): Promise<Replay | undefined> {
  const { publisher, deadLetterQueue, clock, log } = ports;
  const found = await deadLetterQueue.findDeadLetter(sequenceNumber);
  if (!found) return undefined;
  if (found.deadLetteredAt < clock.now() - ERRORS_KEPT_MS) {
    // Its record may be forgotten, and then nothing would tell that the event was handled.
    throw new NotReplayableError(
      'it has been here for longer than entries are kept; publish it again, and discard this',
    );
  }
  const entry = unpacked(found);
  const event = eventIn(entry);
  const subscription = handlerOf(event, entry);
  const redelivery = await nextRedelivery(event, subscription, { ...entry, isAutomatic: automaticReplays > 0 }, ports);
  const messageId = `${eventKey(event)}:${redelivery}:replay-${sequenceNumber}`;
  const sendRedelivery = async (): Promise<void> => {
    try {
      const marks = { redelivery, automaticReplays, replayOf: sequenceNumber };
      await publisher.schedule({ ...marks, event, at: clock.now(), to: subscription, messageId });
    } catch (error) {
      // What was unpacked may be larger than the broker takes.
      throw error instanceof PermanentError ? new NotReplayableError(error.message, { cause: error }) : error;
    }
  };
  if (!(await deadLetterQueue.takeDeadLetter(sequenceNumber, sendRedelivery))) return undefined;
  log.info('replayed', {
    ...{ eventId: event.id, handler: subscription, redelivery, sequenceNumber },
    ...(automaticReplays > 0 && { automaticReplays }),
  });
  return { eventId: event.id, type: event.type, subscription };
}

/** @throws NotReplayableError when the body unpacks to too much */
function unpacked(entry: DeadLetterEntry): DeadLetterEntry {
  const body = bodyOf(entry);
  if (body !== undefined) return { ...entry, body };
  const why = `the body is a gzip that unpacks to more than ${MAX_UNPACKED_BYTES} bytes`;
  throw new NotReplayableError(`${why}; publish what was meant, and discard this`);
}

/** The event of an entry without its marks. It need not be valid: a newer build may take what an older one refused. */
function eventIn({ body, applicationProperties, deadLetteredAt, isCut }: DeadLetterEntry): CloudEvent {
  if (isCut) throw new NotReplayableError('the message was too large to be kept whole; publish it again, smaller');
  const parsed = jsonOrText(body);
  if (typeof parsed === 'object') putExactNumbers(parsed, exactNumbersIn(body));
  const value = structured({ body: parsed, applicationProperties, receivedAt: deadLetteredAt });
  const attributes = Object.entries(isObject(value) ? value : {});
  const event: Record<string, unknown> = Object.fromEntries(
    attributes.filter(([name]) => !REDELIVERY_MARKS.includes(name)),
  );
  if (!isText(event['id']) || !isText(event['source']) || !isText(event['type'])) {
    throw new NotReplayableError('the body is no CloudEvent; publish what was meant, and discard this');
  }
  // The wire carries it as it is; the delivery validates.
  return event as unknown as CloudEvent;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

/** The subscription that it failed in, if that is one for its type. */
function handlerOf({ type }: CloudEvent, { subscription }: DeadLetterEntry): string {
  const own = routeOf(type);
  if (!own) {
    throw new NotReplayableError(`no handler of this build takes '${type}'; deploy the one that does, or discard this`);
  }
  const source = subscription === undefined ? undefined : routeTo(subscription);
  if (subscription !== undefined && source?.type === type) return subscription;
  const came = source
    ? `the event is a ${type} and came on the topic '${source.topic}', which carries ${source.type} alone`
    : `the event is a ${type} and came from ${subscription === undefined ? 'nobody knows where' : `'${subscription}'`}`;
  throw new NotReplayableError(`${came}; publish it to the topic '${own.topic}', and discard this`);
}

/**
 * The redelivery that counts as new at its record.
 *
 * @throws NotReplayableError when the handler would pass it over
 */
async function nextRedelivery(
  event: CloudEvent,
  subscription: string,
  { redelivery, body, reason, isAutomatic }: DeadLetterEntry & { readonly isAutomatic: boolean },
  { state }: Ports,
): Promise<number> {
  const record = (await readRecord(state, subscription, eventKey(event)))?.value;
  if (record?.status === 'completed') {
    const what = reason === 'NotificationFailed' ? 'its notification alone failed' : 'this is no longer of use';
    throw new FinishedError(`${subscription} has handled the event: ${what}; discard it`);
  }
  // The broker gives up the very message that drives the record, so that one is sent again; a dead-lettered event begins anew.
  const given = redeliveryMarksOf(Object(jsonOrText(body))).redelivery;
  // But not by itself: what the handler refused waits for a person.
  const isRefused = record?.status === 'dead-lettered' && !isAutomatic;
  const next = redelivery !== undefined ? redelivery + 1 : isRefused ? record.redelivery + 1 : given;
  if (record?.status === 'dead-lettered' && record.redelivery >= next) {
    throw new NotReplayableError(
      'it was replayed before, and what failed then has an entry of its own; discard this one',
    );
  }
  return next;
}
