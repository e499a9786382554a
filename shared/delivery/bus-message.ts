/**
 * How events travel on Service Bus: the one place that says which message an event, a scheduled copy or a parked
 * message becomes. Every `EventBus` sends these.
 */
import { createHash } from 'node:crypto';
import { PermanentError } from '../errors.ts';
import { CLOUD_EVENT_CONTENT_TYPE, type CloudEvent, encodeEvent, MAX_MESSAGE_BYTES } from '../events/cloud-event.ts';
import { isDeeperThan } from '../events/parse.ts';
import type { ParkedEntry, ParkedMessage, ScheduledCopy } from '../ports.ts';
import { ERRORS_QUEUE, routeOf, routeTo } from '../topology.ts';

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

/** Of a parked body that had to make room for the reason. */
export const GZIP_CONTENT_TYPE = 'application/gzip';

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
      DeadLetterErrorDescription: cut(parked.description, room),
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
    return value === undefined ? undefined : cut(value, longest);
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
    type: subject ? cut(subject, 256) : undefined,
    correlationId: correlationId === undefined ? undefined : cut(correlationId, 256),
    reason: text('DeadLetterReason') ?? '',
    description: text('DeadLetterErrorDescription', LONGEST_DESCRIPTION) ?? '',
    subscription: text('Subscription') ?? deadLetterSource?.split('/').at(-1),
    tries: count('Tries'),
    copy: count('Copy'),
    applicationProperties,
  };
}

/** What a body in text stands for: JSON when it is and can be written again, else the text. */
export function jsonOrText(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return isDeeperThan(DEEPEST, value) ? text : value;
  } catch {
    return text;
  }
}

/** `JSON.stringify` has no stack for some thousands of levels. */
const DEEPEST = 500;

const LONGEST_DESCRIPTION = 4096;

/** A text of at most so many UTF-8 bytes, whole characters only. */
export function cut(text: string, bytes: number): string {
  if (text.length * 3 <= bytes) return text;
  const encoded = Buffer.from(text);
  if (encoded.length <= bytes) return encoded.toString();
  let end = bytes - 3;
  // 10xxxxxx continues a character.
  while (end > 0 && ((encoded[end] ?? 0) & 0xc0) === 0x80) end--;
  return `${encoded.toString('utf8', 0, end)}...`;
}

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

/** The body of a message that could not be read, as it is sent on. */
export function bytesOf(body: unknown): Buffer {
  if (body instanceof Uint8Array) return Buffer.from(body);
  if (typeof body === 'string') return Buffer.from(body);
  try {
    return Buffer.from(JSON.stringify(body) ?? '');
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return Buffer.from(deepJson(body));
  }
}

/** What was parsed from JSON, as JSON, however deep: `JSON.parse` takes what `JSON.stringify` has no stack for. */
function deepJson(body: unknown): string {
  const written: string[] = [];
  const open: ({ readonly text: string } | { readonly value: unknown })[] = [{ value: body }];
  for (let next = open.pop(); next; next = open.pop()) {
    if ('text' in next) {
      written.push(next.text);
    } else if (typeof next.value !== 'object' || next.value === null) {
      written.push(JSON.stringify(next.value));
    } else {
      const isArray = Array.isArray(next.value);
      written.push(isArray ? '[' : '{');
      open.push({ text: isArray ? ']' : '}' });
      for (const [index, [key, value]] of [...Object.entries(next.value).entries()].reverse()) {
        open.push({ value }, { text: `${index > 0 ? ',' : ''}${isArray ? '' : `${JSON.stringify(key)}:`}` });
      }
    }
  }
  return written.join('');
}
