/**
 * The CloudEvents 1.0 envelope, the declaration of events, and the creation of new events and their children.
 * `parse.ts` reads events from messages.
 *
 * @see https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md
 */
import { v7 } from 'uuid';
import * as z from 'zod/mini';
import { EventTooLargeError } from '../errors.ts';
import { described } from './described.ts';
import { exactJson } from './exact-numbers.ts';
import { eventSource, timestamp } from './fields.ts';
import { derivedId, eventKey, eventReference, MAX_ID, MAX_SOURCE, sourceOfHandler } from './identity.ts';
import { check } from './issues.ts';
import { refuseForbiddenText } from './text.ts';

/** The content type of a structured-mode event. */
export const CLOUD_EVENT_CONTENT_TYPE = 'application/cloudevents+json';

/** Service Bus Standard refuses larger messages. */
export const MAX_MESSAGE_BYTES = 256 * 1024;

/** A CloudEvent of this platform. Attributes and data fields that this build does not know are kept at run time. */
export interface CloudEvent<Type extends string = string, Data = unknown> {
  readonly specversion: '1.0';
  readonly id: string;
  readonly source: string;
  readonly type: Type;
  readonly subject: string;
  readonly time: string;
  readonly datacontenttype: 'application/json';
  readonly dataversion: number;
  /** Names the chain: `eventKey` of its first event, unless its publisher chose another. */
  readonly correlationid: string;
  /** The event that caused this one, by source and id (`eventReference`); absent on the first. */
  readonly causationid?: string | undefined;
  /** W3C trace context of the publisher. */
  readonly traceparent?: string | undefined;
  readonly data: Data;
}

/** One kind of event: its wire type, the schema of its data, and how older data becomes current. */
export interface EventDefinition<Type extends string = string, Schema extends z.core.$ZodType = z.core.$ZodType> {
  readonly type: Type;
  /** Made when first asked for: most instances see events of one type. */
  readonly schema: Schema;
  /** The `dataversion` this build writes. */
  readonly version: number;
  /** `upgrades[n]` turns data of version n into version n + 1. */
  readonly upgrades: Readonly<Record<number, (data: unknown) => unknown>>;
  /** `app` for a fact that this app alone knows; `publisher` for events that anyone with the right may send. */
  readonly sender: 'app' | 'publisher';
  /** The CloudEvents subject: the resource that the data is about. */
  subjectOf(data: z.output<Schema>): string;
  /** What the history shows of it in one line: the image, the reason. */
  summaryOf?: ((data: z.output<Schema>) => string) | undefined;
}

/** The event that a definition describes. */
export type EventOf<Definition> =
  Definition extends EventDefinition<infer Type, infer Schema> ? CloudEvent<Type, z.output<Schema>> : never;

/** The data of the event that a definition describes. */
export type DataOf<Definition> = Definition extends EventDefinition<string, infer Schema> ? z.output<Schema> : never;

/** The data as a publisher may write it, before defaults. */
export type DataIn<Definition> = Definition extends EventDefinition<string, infer Schema> ? z.input<Schema> : never;

interface DefinitionOptions<Schema extends z.core.$ZodType> {
  subject: (data: z.output<Schema>) => string;
  summary?: (data: z.output<Schema>) => string;
  /** `publisher` when absent. */
  sender?: 'app';
  version?: number;
  upgrades?: Readonly<Record<number, (data: unknown) => unknown>>;
}

/**
 * Declares an event. Topic, subscription, filter, function name and validator follow from it.
 *
 * @example export const DeploymentPaused = defineEvent('DeploymentPaused', () => open({ namespace: dnsLabel }), { subject: (d) => d.namespace });
 * @throws TypeError when a version has no upgrade function leading up to it
 */
export function defineEvent<const Type extends string, Schema extends z.core.$ZodType>(
  type: Type,
  makeSchema: () => Schema,
  { subject, summary, sender, version = 1, upgrades = {} }: DefinitionOptions<Schema>,
): EventDefinition<Type, Schema> {
  for (let from = 1; from < version; from++) {
    if (!upgrades[from]) throw new TypeError(`${type} is at version ${version} but has no upgrade from ${from}`);
  }
  let made: Schema | undefined;
  return {
    ...{ type, version, upgrades, sender: sender ?? 'publisher', subjectOf: subject, summaryOf: summary },
    get schema() {
      made ??= makeSchema();
      return made;
    },
  };
}

/** An id for a new event: a UUID v7, so that ids sort by the time they were made. */
export function newEventId(): string {
  return v7();
}

/** What a publisher gives for a new event; the rest is filled in. */
export interface NewEvent<Data> {
  /** A URI reference naming the publisher, such as `/deployment-service`. */
  source: string;
  data: Data;
  id?: string | undefined;
  /** RFC 3339; now when absent. */
  time?: string | undefined;
  subject?: string | undefined;
  correlationid?: string | undefined;
  traceparent?: string | undefined;
}

/**
 * The first event of a chain. Its id is a UUID v7 unless given; the chain's correlation id is made from source and id.
 *
 * @example newEvent(DeploymentRequested, { source: '/ci', data: { namespace: 'shop', deployment: 'web', image: 'ghcr.io/shop/web:1.2.3' } })
 * @throws InvalidEventError when the data, or an attribute, does not fit
 */
export function newEvent<Type extends string, Schema extends z.core.$ZodType>(
  definition: EventDefinition<Type, Schema>,
  fields: NewEvent<z.input<Schema>>,
): CloudEvent<Type, z.output<Schema>> {
  return makeEvent(definition, fields, undefined);
}

function makeEvent<Type extends string, Schema extends z.core.$ZodType>(
  definition: EventDefinition<Type, Schema>,
  {
    source,
    data,
    id = v7(),
    time = new Date().toISOString(),
    subject,
    correlationid,
    traceparent,
  }: NewEvent<z.input<Schema>>,
  causationid: string | undefined,
): CloudEvent<Type, z.output<Schema>> {
  const { type, version } = definition;
  // For callers without types: the rest is made from these two.
  if (typeof source !== 'string' || typeof id !== 'string')
    check(envelope, { specversion: '1.0', id, source, type }, {});
  const parsed = check(definition.schema, data, { id, type }, ['data']);
  const event: CloudEvent<Type, z.output<Schema>> = {
    specversion: '1.0',
    id,
    source,
    type,
    subject: subject ?? definition.subjectOf(parsed),
    time,
    datacontenttype: 'application/json',
    dataversion: version,
    correlationid: correlationid ?? eventKey({ source, id }),
    causationid,
    traceparent,
    data: parsed,
  };
  // Without a parent it is a sender's own, such as the pipeline's.
  refuseForbiddenText(event, { id, type }, { isOwn: causationid !== undefined });
  check(envelope, event, { id, type });
  return event;
}

/** What a handler gives for an event that follows from the one it handled. */
export interface ChildEvent<Data> {
  /** The subscription of the handler that publishes it, such as `deployment-requested`. */
  handler: string;
  data: Data;
  time: string;
  source?: string;
  subject?: string;
  /** Distinguishes several children of one type; the same on every run of the handler. */
  key?: string | undefined;
  /** The parent's chain when absent. */
  correlationid?: string | undefined;
  /** The span that publishes it; the parent's when nothing is traced, so that a trace goes on through this app. */
  traceparent?: string | undefined;
}

/**
 * An event that follows from another. Its id is derived from the parent's source and id, its own type and the
 * handler, so that publishing it twice is publishing it once.
 *
 * @throws InvalidEventError when the data, or an attribute, does not fit
 */
export function childEvent<Type extends string, Schema extends z.core.$ZodType>(
  parent: Pick<CloudEvent, 'source' | 'id' | 'correlationid' | 'traceparent'>,
  definition: EventDefinition<Type, Schema>,
  {
    handler,
    data,
    time,
    source = sourceOfHandler(handler),
    subject,
    key,
    correlationid,
    traceparent,
  }: ChildEvent<z.input<Schema>>,
): CloudEvent<Type, z.output<Schema>> {
  const fields = {
    id: derivedId({ parent: eventKey(parent), type: definition.type, handler, key }),
    source,
    data,
    time,
    subject,
    correlationid: correlationid ?? parent.correlationid,
    traceparent: traceparent ?? parent.traceparent,
  };
  return makeEvent(definition, fields, eventReference(parent));
}

/** The event as structured-mode JSON. @throws EventTooLargeError when Service Bus would refuse it @internal */
export function encodeEvent(event: CloudEvent): Buffer {
  const body = Buffer.from(exactJson(event));
  // Service Bus counts the message's properties too; ours are a few short strings drawn from the envelope.
  const bytes = body.length + 2 * Buffer.byteLength(event.id + event.type + event.correlationid) + 640;
  if (bytes > MAX_MESSAGE_BYTES) throw new EventTooLargeError(event.type, event.id, bytes, MAX_MESSAGE_BYTES);
  return body;
}

const DATA_VERSION = 'an integer from 1';
const text = (longest: number): z.ZodMiniString => z.string().check(z.minLength(1), z.maxLength(longest));

/** The attributes that every CloudEvent must have, as they arrive; extensions pass through. */
export const envelope = z.looseObject({
  specversion: described(z.literal('1.0'), 'The version of the CloudEvents specification'),
  id: described(text(MAX_ID), 'Unique for this source; sending an event again keeps it. A UUID is best'),
  source: described(z.clone(eventSource), 'A URI reference naming the publisher, such as /deployment-service'),
  type: described(text(256), "The event's name"),
  subject: described(z.optional(text(1024)), 'The resource that the data is about; computed from the data when absent'),
  time: described(z.optional(timestamp), 'When it happened (RFC 3339); when it arrived when absent'),
  datacontenttype: described(
    z.optional(
      z
        .string()
        .check(z.maxLength(256), z.regex(/^[\w.+-]+\/([\w.+-]+\+)?[Jj][Ss][Oo][Nn]\s*(;|$)/, 'a JSON content type')),
    ),
    'A JSON content type',
  ),
  dataversion: described(
    z.optional(
      z.union([z.int().check(z.gte(1)), z.pipe(z.string().check(z.regex(/^[1-9][0-9]{0,8}$/)), z.transform(Number))], {
        error: DATA_VERSION,
      }),
    ),
    'The version of the data; 1 when absent',
  ),
  correlationid: described(
    z.optional(text(256)),
    'Names the chain; made from the source and id of its first event when absent',
  ),
  causationid: described(
    z.optional(text(MAX_ID + MAX_SOURCE + 1)),
    'The event that caused this one: its source, a space, its id; absent on the first',
  ),
  traceparent: described(z.optional(text(128)), 'W3C trace context of the publisher'),
});
