/**
 * Reads AMQP messages. A sender's bare message is kept as bytes, so that a receiver in any language gets the types that
 * were sent. The broker decodes what filters need. Header and annotations are written for every delivery.
 * @see https://docs.oasis-open.org/amqp/core/v1.0/os/amqp-core-messaging-v1.0-os.html
 */
import { randomBytes } from 'node:crypto';
import { Encoded, Float, type OutgoingMessage, type PropertyValue } from '../../core/message.ts';
import { encodedEntriesOf, Reader } from '../codec/reader.ts';
import {
  APPLICATION_PROPERTIES,
  DATA,
  eachEntry,
  HEADER,
  MESSAGE_ANNOTATIONS,
  PROPERTIES,
  readSection,
} from '../codec/sections.ts';
import { type AmqpMap, type AmqpValue, Described, Uuid } from '../codec/types.ts';
import { AmqpBody } from './body.ts';
import { ABSOLUTE_EXPIRY_TIME, expiryOffsetOf, rewrite } from './rewrite.ts';

/** The format of a transfer with several messages: each data section of the envelope is a message. */
const BATCH_FORMAT = 0x80013700;

/** Annotations that the broker writes itself. A client's values for them are dropped. */
const OWN_ANNOTATIONS: ReadonlySet<AmqpValue> = new Set([
  'x-opt-partition-key',
  'x-opt-scheduled-enqueue-time',
  'x-opt-sequence-number',
  'x-opt-enqueue-sequence-number',
  'x-opt-enqueued-time',
  'x-opt-locked-until',
  'x-opt-message-state',
  'x-opt-deadletter-source',
]);

/** What a sender's annotations say to the broker; the others are kept as they are. */
interface Annotations {
  partitionKey: AmqpValue;
  scheduled: AmqpValue;
  others: readonly Buffer[];
}

const NONE: readonly Buffer[] = [];
const NO_ANNOTATIONS: Annotations = { partitionKey: undefined, scheduled: undefined, others: NONE };

/**
 * The messages of one transfer. Their bytes are copied.
 *
 * @throws AmqpError when the payload is neither a message nor a batch
 */
export function readMessages(format: number, payload: Buffer): OutgoingMessage[] {
  if (format !== BATCH_FORMAT) return [readMessage(payload)];
  const messages: OutgoingMessage[] = [];
  const reader = new Reader(payload);
  while (!reader.done) {
    if (readSection(reader) !== DATA) reader.skip();
    else {
      messages.push(readWhole(reader.binary()));
    }
  }
  return messages;
}

/** One message; `bytes` are copied. A missing message id is generated, since receivers need one. */
export function readMessage(bytes: Buffer): OutgoingMessage {
  return readWhole(new Reader(bytes));
}

function readWhole(reader: Reader): OutgoingMessage {
  const from = reader.position;
  let header: readonly AmqpValue[] = [];
  let annotations = NO_ANNOTATIONS;
  let properties: readonly AmqpValue[] = [];
  let applicationProperties: Record<string, PropertyValue> | undefined;
  let bareStart = -1;
  while (!reader.done) {
    const start = reader.position;
    const code = readSection(reader);
    if (code >= PROPERTIES && bareStart < 0) bareStart = start;
    if (code === HEADER) header = reader.list();
    else if (code === MESSAGE_ANNOTATIONS) annotations = readAnnotations(reader);
    else if (code === PROPERTIES) properties = reader.list();
    else if (code === APPLICATION_PROPERTIES) applicationProperties = readProperties(reader);
    else reader.skip();
  }
  const given = textOf(properties[0]);
  const messageId = given || randomBytes(16).toString('hex');
  const view = bareStart < 0 ? EMPTY : reader.buffer.subarray(bareStart, reader.end);
  const bare = given ? view : rewrite(view, { messageId }, {});
  const priority = header[1];
  return {
    messageId,
    sessionId: textOf(properties[10]),
    correlationId: textOf(properties[5]),
    subject: textOf(properties[3]),
    to: textOf(properties[2]),
    replyTo: textOf(properties[4]),
    replyToSessionId: textOf(properties[12]),
    contentType: textOf(properties[6]),
    partitionKey: textOf(annotations.partitionKey),
    timeToLiveMs: typeof header[2] === 'number' ? header[2] : undefined,
    scheduledEnqueueTimeMs: annotations.scheduled instanceof Date ? annotations.scheduled.getTime() : undefined,
    applicationProperties,
    body: new AmqpBody(
      bare,
      header[0] === true,
      typeof priority === 'number' ? priority : undefined,
      annotations.others,
      properties[ABSOLUTE_EXPIRY_TIME] instanceof Date ? expiryOffsetOf(bare) : undefined,
    ),
    sizeBytes: reader.end - from,
  };
}

const EMPTY = Buffer.alloc(0);

/** A property as text; ids may be numbers, UUIDs or bytes. */
function textOf(value: AmqpValue): string | undefined {
  if (typeof value === 'string') return value;
  if (value === undefined || value === null) return undefined;
  if (Buffer.isBuffer(value)) return value.toString('hex');
  if (typeof value === 'number' || typeof value === 'bigint' || value instanceof Uuid) return String(value);
  return undefined;
}

function readAnnotations(reader: Reader): Annotations {
  const others: Buffer[] = [];
  const annotations: Annotations = { partitionKey: undefined, scheduled: undefined, others: NONE };
  eachEntry(reader, (start) => {
    const key = reader.value();
    const value = reader.value();
    if (key === 'x-opt-partition-key') annotations.partitionKey = value;
    else if (key === 'x-opt-scheduled-enqueue-time') annotations.scheduled = value;
    else if (!OWN_ANNOTATIONS.has(key)) others.push(Buffer.from(reader.buffer.subarray(start, reader.position)));
  });
  if (others.length > 0) annotations.others = others;
  return annotations;
}

/** Application properties, with the types that filters distinguish. */
function readProperties(reader: Reader): Record<string, PropertyValue> {
  const entries: [string, PropertyValue][] = [];
  eachEntry(reader, () => {
    const key = reader.value();
    entries.push([String(key), readProperty(reader)]);
  });
  // Not by assignment: a property may be called __proto__.
  return Object.fromEntries(entries);
}

function readProperty(reader: Reader): PropertyValue {
  const code = reader.buffer[reader.position];
  const value = reader.value();
  if (typeof value === 'number') {
    // An integral double must not become an integer, and a long must stay a long when it is changed.
    if ((code === 0x72 || code === 0x82) && Number.isInteger(value)) return new Float(value);
    return code === 0x55 || code === 0x81 || code === 0x53 || code === 0x80 ? BigInt(value) : value;
  }
  return toProperty(value);
}

/** .NET counts time in ticks of 100 ns from the year 1. */
const TICKS_PER_MS = 10_000n;
const EPOCH_TICKS = 621_355_968_000_000_000n;

/** The types of .NET that AMQP lacks: the client describes them with these names. */
function ofDotnet({ descriptor, value }: Described): PropertyValue | undefined {
  if (descriptor === 'com.microsoft:uri') return String(value);
  if (typeof value !== 'number' && typeof value !== 'bigint') return undefined;
  const ticks = BigInt(value);
  if (descriptor === 'com.microsoft:datetime-offset') return new Date(Number((ticks - EPOCH_TICKS) / TICKS_PER_MS));
  return descriptor === 'com.microsoft:timespan' ? `PT${Number(ticks / TICKS_PER_MS) / 1000}S` : undefined;
}

/** The broker's form of a property value. */
function toProperty(value: AmqpValue): PropertyValue {
  if (value === undefined || value === null) return null;
  if (value instanceof Described) return ofDotnet(value) ?? toProperty(value.value);
  if (Buffer.isBuffer(value)) return Buffer.from(value);
  if (value instanceof Uuid) return value.toString();
  if (typeof value !== 'object' || value instanceof Date) return value;
  return String(value);
}

/** The properties that a client sets when it settles a message, in the client's encoding. Names may be symbols. */
export function toChanges(map: AmqpMap | undefined): Record<string, Encoded> | undefined {
  if (!map || map.size === 0) return undefined;
  const reader = new Reader(encodedEntriesOf(map));
  const changes: [string, Encoded][] = [];
  while (!reader.done) {
    const name = String(reader.value());
    const start = reader.position;
    const value = readProperty(reader);
    changes.push([name, new Encoded(value, Buffer.from(reader.buffer.subarray(start, reader.position)))]);
  }
  return Object.fromEntries(changes);
}

/** The properties that a client sets on a rule. */
export function toProperties(map: AmqpMap | undefined): Record<string, PropertyValue> | undefined {
  if (!map || map.size === 0) return undefined;
  return Object.fromEntries([...map].map(([key, value]) => [String(key), toProperty(value)]));
}
