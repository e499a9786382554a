/**
 * How events travel on Service Bus: the one place that says which message an event, a scheduled copy or a parked
 * message becomes. Every `EventBus` sends these.
 */

import { createHash } from 'node:crypto';
import { PermanentError } from '../errors.ts';
import { CLOUD_EVENT_CONTENT_TYPE, type CloudEvent, encodeEvent, MAX_MESSAGE_BYTES } from '../events/cloud-event.ts';
import type { ParkedEntry, ParkedMessage, ScheduledCopy } from '../ports.ts';
import { ERRORS_QUEUE, routeOf, routeTo } from '../topology.ts';
import { truncate } from '../truncate.ts';
import { bytesOf, GZIP_CONTENT_TYPE } from './body-bytes.ts';

/** A message and the entity that it goes to. */
export interface BusMessage {
  readonly entity: string;
  readonly body: Buffer;
  readonly messageId: string;
  readonly subject: string;
  readonly contentType: string;
  readonly correlationId?: string;
  /** One subscription alone. */
  readonly to?: string;
  /** Milliseconds since the Unix epoch. */
  readonly scheduledEnqueueTimeMs?: number;
  readonly applicationProperties: Readonly<Record<string, string | number>>;
}

/** Service Bus takes no longer message ids. */
const LONGEST_MESSAGE_ID = 128;

/** @throws PermanentError for a type that no topic carries @throws EventTooLargeError */
export function messageOf(event: CloudEvent): BusMessage {
  const route = routeOf(event.type);
  if (!route) throw new PermanentError(`no topic carries events of type '${event.type}'`);
  return messageWith(route.topic, event, event.type, event.id, encodeEvent(event));
}

/** @throws PermanentError for a subscription that does not exist */
export function messageOfCopy(scheduled: ScheduledCopy): BusMessage {
  const { event, at, to, copy, putOff = 0, waitedFor, endedRun, messageId } = scheduled;
  const route = routeTo(to);
  if (!route) throw new PermanentError(`no handler has a subscription '${to}'`);
  // In the body and not in properties: the Functions host lets a body's fields shadow a message's properties.
  const marks = {
    ...(copy > 0 && { copy }),
    ...(putOff > 0 && { putoff: putOff }),
    ...(waitedFor !== undefined && { waitedfor: waitedFor }),
    ...(endedRun !== undefined && { endedrun: endedRun }),
  };
  // An event that was accepted may not become too large by its marks: what `encodeEvent` leaves free is for them.
  const body = Buffer.from(JSON.stringify({ ...event, ...marks }));
  return { ...messageWith(route.topic, event, route.type, messageId, body), to, scheduledEnqueueTimeMs: at };
}

/** Reason and description are where the broker puts them when it dead-letters a message. */
export function messageOfParked(parked: ParkedMessage): BusMessage {
  const { messageId, type, correlationId, traceparent, reason, subscription, tries, copy } = parked;
  const isEvent = typeof parked.body === 'object' && !(parked.body instanceof Uint8Array);
  const body = bytesOf(parked.body);
  const rest = reason.length + subscription.length + (type?.length ?? 0) + 2 * (correlationId?.length ?? 0) + 1024;
  const room = Math.min(LONGEST_DESCRIPTION, Math.max(MAX_MESSAGE_BYTES - body.length - rest, 256));
  return {
    entity: ERRORS_QUEUE,
    body,
    messageId: shortened(messageId),
    subject: type ?? '',
    contentType: isEvent ? CLOUD_EVENT_CONTENT_TYPE : 'application/octet-stream',
    ...(correlationId !== undefined && { correlationId }),
    applicationProperties: {
      DeadLetterReason: reason,
      DeadLetterErrorDescription: truncate(parked.description, room),
      Subscription: subscription,
      Tries: tries,
      Copy: copy,
      ...(traceparent !== undefined && { 'Diagnostic-Id': traceparent }),
    },
  };
}

/** What a message in the errors queue says of itself, whoever put it there. */
export function parkedEntry({
  body,
  contentType,
  subject,
  correlationId,
  deadLetterSource,
  applicationProperties,
  ...known
}: Pick<ParkedEntry, 'sequenceNumber' | 'messageId' | 'parkedAt' | 'applicationProperties'> & {
  readonly body: Uint8Array;
  readonly contentType: string | undefined;
  readonly subject: string | undefined;
  readonly correlationId: string | undefined;
  /** Where the broker gave it up, such as `deployment-events/Subscriptions/deployment-requested`. */
  readonly deadLetterSource: string | undefined;
}): ParkedEntry {
  // Whoever sends may write what they like in these, and a list holds a thousand.
  const text = (name: string, longest = 256): string | undefined => {
    const value = applicationProperties[name]?.toString();
    return value === undefined ? undefined : truncate(value, longest);
  };
  const count = (name: string): number | undefined => {
    const value = Number(text(name));
    return Number.isSafeInteger(value) && value >= 0 ? value : undefined;
  };
  const isGzip = contentType === GZIP_CONTENT_TYPE;
  return {
    ...known,
    body: isGzip ? '' : Buffer.from(body).toString(),
    gzipped: isGzip ? body : undefined,
    isCut: text('BodyWasCutFrom') !== undefined,
    type: subject ? truncate(subject, 256) : undefined,
    correlationId: correlationId === undefined ? undefined : truncate(correlationId, 256),
    reason: text('DeadLetterReason') ?? '',
    description: text('DeadLetterErrorDescription', LONGEST_DESCRIPTION) ?? '',
    subscription: text('Subscription') ?? deadLetterSource?.split('/').at(-1),
    tries: count('Tries'),
    copy: count('Copy'),
    applicationProperties,
  };
}

const LONGEST_DESCRIPTION = 4096;

/** A message whose own fields are filled from the event's envelope. */
function messageWith(entity: string, event: CloudEvent, subject: string, id: string, body: Buffer): BusMessage {
  const { correlationid, traceparent } = event;
  return {
    entity,
    body,
    messageId: shortened(id),
    subject,
    contentType: CLOUD_EVENT_CONTENT_TYPE,
    // An event that this build cannot read may have none.
    correlationId: correlationid ?? event.id,
    applicationProperties: typeof traceparent === 'string' ? { 'Diagnostic-Id': traceparent } : {},
  };
}

/** A message id that Service Bus takes: a long one is replaced by its digest, the same every time. */
function shortened(id: string): string {
  return id.length <= LONGEST_MESSAGE_ID ? id : `sha256-${createHash('sha256').update(id).digest('hex')}`;
}
