/**
 * Reads an event from the wire: structured JSON, AMQP binary mode, or an Event Grid delivery.
 *
 * @see https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/amqp-protocol-binding.md
 */
import type { z } from 'zod';
import { InvalidEventError, type Issue, UnknownEventError } from '../errors.ts';
import { catalog, type PlatformEvent } from './catalog.ts';
import { envelope } from './cloud-event.ts';

/** A message as it came: the body, and the application properties that may carry a binary-mode envelope. */
export interface WireEvent {
  /** Text, bytes, or the value that the Functions library made of the text. */
  readonly body: unknown;
  readonly applicationProperties?: Readonly<Record<string, unknown>> | undefined;
  /** When it came (RFC 3339): the event's time when the sender gave none. */
  readonly receivedAt: string;
}

/** An event, and which scheduled copy of it this is: 0 for the original. */
export interface ParsedEvent {
  readonly event: PlatformEvent;
  readonly copy: number;
}

/**
 * The event of a message, validated and brought to this build's data version.
 *
 * @throws InvalidEventError with every issue: its path, the value found and what was expected
 * @throws UnknownEventError when the type, or its data version, is newer than this build
 */
export function parseEvent(wire: WireEvent): ParsedEvent {
  const raw = readAttributes(wire);
  const parsed = envelope.safeParse(raw);
  if (!parsed.success) throw new InvalidEventError(identityOf(raw), issuesOf(parsed.error, raw));
  const { copy, data_base64: _, data: __, ...attributes } = parsed.data;

  const entry = catalog.get(attributes.type);
  if (!entry) throw new UnknownEventError(attributes.id, attributes.type, `unknown event type '${attributes.type}'`);
  const { definition } = entry;
  const version = attributes.dataversion ?? 1;
  if (version > definition.version) {
    const message = `${definition.type} version ${version} is newer than this build, which reads up to ${definition.version}`;
    throw new UnknownEventError(attributes.id, definition.type, message);
  }

  let current: unknown = raw['data'];
  for (let from = version; from < definition.version; from++) current = definition.upgrades[from]?.(current);
  const data = definition.schema.safeParse(current);
  if (!data.success) throw new InvalidEventError(identityOf(raw), issuesOf(data.error, current, ['data']));

  const event = {
    ...attributes,
    subject: attributes.subject ?? definition.subjectOf(data.data),
    time: attributes.time ?? wire.receivedAt,
    datacontenttype: 'application/json',
    dataversion: definition.version,
    correlationid: attributes.correlationid ?? attributes.id,
    data: data.data,
  };
  // The catalog's schema for this very type has just accepted the data.
  return {
    event: event as unknown as PlatformEvent,
    copy: typeof copy === 'number' && Number.isSafeInteger(copy) && copy > 0 ? copy : 0,
  };
}

type Attributes = Record<string, unknown>;

function readAttributes({ body, applicationProperties }: WireEvent): Attributes {
  const value = readJson(body);
  // Event Grid may deliver in arrays; to Service Bus it sends one event a message.
  const single = Array.isArray(value) && value.length === 1 ? value[0] : value;
  if (isObject(single) && 'specversion' in single) return withDecodedData(single);

  const attributes = binaryAttributes(applicationProperties ?? {});
  if ('specversion' in attributes) return { ...attributes, data: value };
  if (isObject(single)) return withDecodedData(single); // the envelope's schema says what is missing
  throw new InvalidEventError({}, [
    { path: '', value: value === '' ? '(an empty body)' : value, expected: 'a CloudEvent as a JSON object' },
  ]);
}

function readJson(body: unknown): unknown {
  let text = body;
  if (body instanceof Uint8Array) {
    try {
      text = new TextDecoder('utf-8', { fatal: true }).decode(body);
    } catch {
      throw new InvalidEventError({}, [{ path: '', value: '(bytes)', expected: 'UTF-8 text' }]);
    }
  }
  if (typeof text !== 'string' || text === '') return text;
  try {
    return JSON.parse(text);
  } catch {
    throw new InvalidEventError({}, [{ path: '', value: text, expected: 'JSON' }]);
  }
}

/** Attributes travel as `cloudEvents:id`, or `cloudEvents_id` from senders that cannot write a colon. */
function binaryAttributes(properties: Readonly<Record<string, unknown>>): Attributes {
  const attributes: Attributes = {};
  for (const [name, value] of Object.entries(properties)) {
    const attribute = /^cloudEvents[:_](.+)$/i.exec(name)?.[1];
    // The Functions library lower-cases first letters only; attribute names are lower-case by the specification.
    if (attribute) attributes[attribute.toLowerCase()] = value instanceof Date ? value.toISOString() : value;
  }
  return attributes;
}

function withDecodedData(attributes: Attributes): Attributes {
  const encoded = attributes['data_base64'];
  if (typeof encoded !== 'string' || 'data' in attributes) return attributes;
  return { ...attributes, data: readJson(Buffer.from(encoded, 'base64')) };
}

function identityOf(raw: Attributes): { id?: string; type?: string } {
  const { id, type } = raw;
  return { ...(typeof id === 'string' && { id }), ...(typeof type === 'string' && { type }) };
}

function isObject(value: unknown): value is Attributes {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function issuesOf(error: z.ZodError, input: unknown, prefix: readonly PropertyKey[] = []): Issue[] {
  return error.issues.map(({ path, message }) => ({
    path: [...prefix, ...path].map(String).join('.'),
    value: path.reduce<unknown>(
      (at, key) => (typeof at === 'object' && at !== null ? Reflect.get(at, key) : undefined),
      input,
    ),
    expected: message,
  }));
}
