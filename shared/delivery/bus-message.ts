/**
 * How events travel on Service Bus: the one place that says which message an event, a redelivery or a dead
 * letter becomes. Every `EventBus` sends these.
 */

import { PermanentError } from '../errors.ts';
import { CLOUD_EVENT_CONTENT_TYPE, type CloudEvent, encodeEvent, MAX_MESSAGE_BYTES } from '../events/cloud-event.ts';
import { exactJson } from '../events/exact-numbers.ts';
import { eventKey } from '../events/identity.ts';
import type { DeadLetter, DeadLetterEntry, Redelivery } from '../ports/bus.ts';
import type { EntryPlace } from '../ports/dead-letter-list.ts';
import { truncate } from '../shown-text.ts';
import { addressOf, ERRORS_QUEUE, routeOf, routeTo } from '../topology.ts';
import { bytesOf, GZIP_CONTENT_TYPE } from './body-bytes.ts';

/** A message and the entity that it goes to. */
export interface BusMessage {
  readonly entity: string;
  readonly body: Buffer;
  readonly messageId: string;
  readonly subject: string;
  readonly contentType: string;
  readonly correlationId?: string;
  /** The address of one subscription alone. */
  readonly to?: string;
  /** Milliseconds since the Unix epoch. */
  readonly scheduledEnqueueTimeMs?: number;
  readonly applicationProperties: Readonly<Record<string, string | number>>;
}

/** @param nonce as in `Publisher` @throws PermanentError for a type that no topic carries @throws EventTooLargeError */
export function eventMessage(event: CloudEvent, nonce?: string): BusMessage {
  const route = routeOf(event.type);
  if (!route) throw new PermanentError(`no topic carries events of type '${event.type}'`);
  // No source holds a space: with a nonce and without, no two are one.
  const messageId = eventKey(nonce === undefined ? event : { source: `${nonce} ${event.source}`, id: event.id });
  return messageWith(route.topic, event, event.type, messageId, encodeEvent(event));
}

/** @throws PermanentError for a subscription that does not exist */
export function redeliveryMessage(scheduled: Redelivery): BusMessage {
  const { event, at, to, redelivery, unrecordedAttempts = 0, awaitedRunId, endedRunId, messageId } = scheduled;
  const { unheardRunIds = [], automaticReplays = 0, replayOf } = scheduled;
  const route = routeTo(to);
  if (!route) throw new PermanentError(`no handler has a subscription '${to}'`);
  // In the body and not in properties: the Functions host lets a body's fields shadow a message's properties.
  const marks = {
    ...(redelivery > 0 && { redelivery }),
    ...(unrecordedAttempts > 0 && { unrecordedattempts: unrecordedAttempts }),
    ...(awaitedRunId !== undefined && { awaitedrun: awaitedRunId }),
    ...(endedRunId !== undefined && { endedrun: endedRunId }),
    ...(unheardRunIds.length > 0 && { unheardruns: unheardRunIds.join(' ') }),
    ...(automaticReplays > 0 && { automaticreplays: automaticReplays }),
    ...(replayOf !== undefined && { replayof: replayOf }),
  };
  // An event that was accepted may not become too large by its marks: what `encodeEvent` leaves free is for them.
  const body = Buffer.from(exactJson({ ...event, ...marks }));
  const message = messageWith(route.topic, event, route.type, messageId, body);
  return { ...message, to: addressOf(to), scheduledEnqueueTimeMs: at };
}

/** Reason and description are where the broker puts them when it dead-letters a message. */
export function deadLetterMessage(deadLetter: DeadLetter): BusMessage {
  const { messageId, type, correlationId, traceparent, reason, subscription, attempts, redelivery } = deadLetter;
  const isEvent = typeof deadLetter.body === 'object' && !(deadLetter.body instanceof Uint8Array);
  const body = bytesOf(deadLetter.body);
  const rest = reason.length + subscription.length + (type?.length ?? 0) + 2 * (correlationId?.length ?? 0) + 1024;
  const room = Math.min(MAX_DESCRIPTION, Math.max(MAX_MESSAGE_BYTES - body.length - rest, 256));
  return {
    entity: ERRORS_QUEUE,
    body,
    messageId,
    subject: type ?? '',
    contentType: isEvent ? CLOUD_EVENT_CONTENT_TYPE : 'application/octet-stream',
    ...(correlationId !== undefined && { correlationId }),
    applicationProperties: {
      DeadLetterReason: reason,
      DeadLetterErrorDescription: truncate(deadLetter.description, room),
      Subscription: subscription,
      Attempts: attempts,
      Redelivery: redelivery,
      ...(traceparent !== undefined && { 'Diagnostic-Id': traceparent }),
    },
  };
}

/**
 * What a message in the errors queue says of itself, whoever put it there. Only this app may send to that queue, so what
 * comes without a source is believed; what the broker took from somewhere else is its sender's word but for the source.
 */
export function deadLetterEntry({
  body,
  contentType,
  subject,
  correlationId,
  deadLetterSource,
  applicationProperties,
  place,
  ...known
}: Pick<DeadLetterEntry, 'sequenceNumber' | 'messageId' | 'deadLetteredAt' | 'applicationProperties'> & {
  readonly body: Uint8Array;
  readonly contentType: string | undefined;
  readonly subject: string | undefined;
  readonly correlationId: string | undefined;
  readonly place: EntryPlace;
  /** Where the broker gave it up, such as `health-check/Subscriptions/health-check`. */
  readonly deadLetterSource: string | undefined;
}): DeadLetterEntry {
  // Whoever sends may write what they like in these, and a list holds a thousand.
  const text = (name: string, longest = 256): string | undefined => {
    const value = applicationProperties[name]?.toString();
    return value === undefined ? undefined : truncate(value, longest);
  };
  const count = (name: string): number | undefined => {
    const value = Number(text(name));
    return Number.isSafeInteger(value) && value >= 0 ? value : undefined;
  };
  // In the dead-letter queue of the errors queue a source that was lost would be whatever the sender wrote.
  const isOurs = deadLetterSource === undefined && place === 'queue';
  const isGzip = contentType === GZIP_CONTENT_TYPE;
  return {
    ...known,
    body: isGzip ? '' : Buffer.from(body).toString(),
    gzipped: isGzip ? body : undefined,
    isCut: text('BodyWasCutFrom') !== undefined,
    type: subject ? truncate(subject, 256) : undefined,
    correlationId: correlationId === undefined ? undefined : truncate(correlationId, 256),
    reason: text('DeadLetterReason') ?? '',
    description: text('DeadLetterErrorDescription', MAX_DESCRIPTION) ?? '',
    subscription: isOurs ? text('Subscription') : subscriptionAt(deadLetterSource),
    attempts: isOurs ? count('Attempts') : undefined,
    redelivery: isOurs ? count('Redelivery') : undefined,
    applicationProperties,
  };
}

/** The name of a handler's subscription; the whole path of anything else. */
function subscriptionAt(path: string | undefined): string | undefined {
  const [topic, , name] = path?.toLowerCase().split('/') ?? [];
  return name !== undefined && routeTo(name)?.topic === topic ? name : path;
}

const MAX_DESCRIPTION = 4096;

/** A message whose own fields are filled from the event's envelope. */
function messageWith(entity: string, event: CloudEvent, subject: string, messageId: string, body: Buffer): BusMessage {
  const { correlationid, traceparent } = event;
  return {
    entity,
    body,
    messageId,
    subject,
    contentType: CLOUD_EVENT_CONTENT_TYPE,
    // An event that this build cannot read may have none.
    correlationId: correlationid ?? eventKey(event),
    applicationProperties: typeof traceparent === 'string' ? { 'Diagnostic-Id': traceparent } : {},
  };
}
