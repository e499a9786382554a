/**
 * Encodes a message for a receiver: header and annotations of this delivery, then the sender's own bytes. This is the
 * hottest path of all, so what never changes is encoded once.
 */

import type { MessageState, PeekedMessage } from '../../core/held-message.ts';
import type { Content } from '../../core/message.ts';
import { DATA, DELIVERY_ANNOTATIONS, HEADER, MESSAGE_ANNOTATIONS } from '../codec/sections.ts';
import type { Uuid } from '../codec/types.ts';
import { Writer } from '../codec/writer.ts';
import { AmqpBody } from './body.ts';
import { rewrite } from './rewrite.ts';

/** A peeked or delivered message. */
type OutgoingView = PeekedMessage & { readonly lockedUntil?: number | undefined };

const STATES: Readonly<Record<MessageState, number>> = { active: 0, deferred: 1, scheduled: 2 };

const SEQUENCE_NUMBER = key('x-opt-sequence-number');
const ENQUEUED_SEQUENCE_NUMBER = key('x-opt-enqueue-sequence-number');
const ENQUEUED_TIME = key('x-opt-enqueued-time');
const LOCKED_UNTIL = key('x-opt-locked-until');
const MESSAGE_STATE = key('x-opt-message-state');
const DEAD_LETTER_SOURCE = key('x-opt-deadletter-source');
const PARTITION_KEY = key('x-opt-partition-key');
const LOCK_TOKEN = key('x-opt-lock-token');
const SCHEDULED_TIME = key('x-opt-scheduled-enqueue-time');

function key(name: string): Buffer {
  const writer = new Writer(64);
  writer.symbol(name);
  return writer.copy();
}

/** The annotations that every message has: their encoding with zeros, and where the values go. */
class CommonAnnotations {
  readonly bytes: Buffer;
  readonly count: number;
  /** The token of the open map. */
  readonly token: number;
  readonly enqueuedTime: number;
  readonly sequenceNumber: number;
  readonly enqueuedSequenceNumber: number;
  readonly lockedUntil: number;

  constructor(isLocked: boolean) {
    const writer = new Writer();
    writer.descriptor(MESSAGE_ANNOTATIONS);
    this.token = writer.open(0xd1);
    const place = (name: Buffer, write: () => void): number => {
      writer.bytes(name);
      write();
      return writer.position - 8;
    };
    this.enqueuedTime = place(ENQUEUED_TIME, () => writer.timestamp(0));
    this.sequenceNumber = place(SEQUENCE_NUMBER, () => writer.long(0));
    this.enqueuedSequenceNumber = place(ENQUEUED_SEQUENCE_NUMBER, () => writer.long(0));
    this.lockedUntil = isLocked ? place(LOCKED_UNTIL, () => writer.timestamp(0)) : 0;
    this.count = isLocked ? 4 : 3;
    this.bytes = writer.copy();
  }
}

const LOCKED = new CommonAnnotations(true);
const UNLOCKED = new CommonAnnotations(false);

/**
 * Writes header and annotations; the bytes of `bareOf` must follow.
 *
 * @param lockToken for a message that goes out without a delivery tag
 */
function writeHead(writer: Writer, message: OutgoingView, lockToken?: Uuid): void {
  const { content, lockedUntil } = message;
  const body = content.body instanceof AmqpBody ? content.body : undefined;
  writer.descriptor(HEADER);
  let token = writer.open(0xd0);
  writer.boolean(body?.durable ?? true);
  if (body?.priority === undefined) writer.null();
  else writer.ubyte(body.priority);
  // The effective time to live: clients add it to the enqueued time.
  const timeToLive = message.expiresAt - message.enqueuedAt;
  if (timeToLive > 0xffffffff) writer.null();
  else writer.uint(Math.max(0, timeToLive));
  writer.boolean(false);
  // Clients in some languages fail without it.
  writer.uint(message.deliveryCount);
  writer.close(token, 5);
  if (lockToken) {
    writer.descriptor(DELIVERY_ANNOTATIONS);
    token = writer.open(0xd1);
    writer.bytes(LOCK_TOKEN);
    writer.uuid(lockToken);
    writer.close(token, 2);
  }
  const common = lockedUntil === undefined ? UNLOCKED : LOCKED;
  const at = writer.position;
  writer.bytes(common.bytes);
  writer.putInt64(at + common.enqueuedTime, message.enqueuedAt);
  writer.putInt64(at + common.sequenceNumber, message.sequenceNumber);
  writer.putInt64(at + common.enqueuedSequenceNumber, message.enqueuedSequenceNumber);
  if (lockedUntil !== undefined) writer.putInt64(at + common.lockedUntil, lockedUntil);
  let { count } = common;
  if (message.state !== 'active') {
    writer.bytes(MESSAGE_STATE);
    writer.int(STATES[message.state]);
    count++;
  }
  if (message.deadLetterSource !== undefined) {
    writer.bytes(DEAD_LETTER_SOURCE);
    writer.string(message.deadLetterSource);
    count++;
  }
  if (content.partitionKey !== undefined) {
    writer.bytes(PARTITION_KEY);
    writer.string(content.partitionKey);
    count++;
  }
  if (content.scheduledEnqueueTimeMs !== undefined) {
    writer.bytes(SCHEDULED_TIME);
    writer.timestamp(content.scheduledEnqueueTimeMs);
    count++;
  }
  if (body) {
    for (const entry of body.annotations) writer.bytes(entry);
    count += body.annotations.length;
  }
  writer.close(at + common.token, count * 2);
}

/** Messages that were changed since they were sent, or never came over AMQP: encoded once for all receivers. */
const encoded = new WeakMap<Content, Buffer>();

/** The bare message: the sender's bytes, except for properties that were changed since. */
function bareOf(content: Content): Buffer {
  const { body, changes } = content;
  if (body instanceof AmqpBody && !changes) return body.bare;
  let bare = encoded.get(content);
  if (!bare) {
    bare =
      body instanceof AmqpBody
        ? rewrite(body.bare, changes?.system ?? {}, changes?.applicationProperties ?? {})
        : rewrite(dataSection(body), content, content.applicationProperties);
    encoded.set(content, bare);
  }
  return bare;
}

/** More than header and annotations of most messages take. */
const HEAD_SIZE = 512;

/** About how many bytes `writeMessage` writes. */
export function encodedSize({ content }: OutgoingView): number {
  const { body, changes } = content;
  return HEAD_SIZE + (body instanceof AmqpBody && !changes ? body.size : bareOf(content).length);
}

/** Writes the whole message. */
export function writeMessage(writer: Writer, message: OutgoingView): void {
  writeHead(writer, message);
  writeBare(writer, message);
}

/**
 * Writes the sender's bytes. An absolute expiry time is ignored when it is sent, and authoritative when it is received:
 * https://learn.microsoft.com/azure/service-bus-messaging/service-bus-amqp-protocol-guide#properties
 */
function writeBare(writer: Writer, { content, expiresAt }: OutgoingView): void {
  const { body, changes } = content;
  const at = writer.position;
  writer.bytes(bareOf(content));
  const offset = body instanceof AmqpBody && !changes ? body.expiryOffset : undefined;
  if (offset !== undefined && expiresAt !== Number.POSITIVE_INFINITY) writer.putInt64(at + offset, expiresAt);
}

/** The whole message, for peek and receive-by-sequence-number. */
export function encodeMessage(message: OutgoingView, lockToken?: Uuid): Buffer {
  const writer = new Writer(encodedSize(message));
  writeHead(writer, message, lockToken);
  writeBare(writer, message);
  return writer.copy();
}

/** The body of a message that did not come over AMQP: bytes and text as they are, anything else as JSON. */
function dataSection(body: unknown): Buffer {
  const writer = new Writer(512);
  writer.descriptor(DATA);
  if (body instanceof Uint8Array) writer.binary(Buffer.from(body.buffer, body.byteOffset, body.byteLength));
  else writer.binary(Buffer.from(typeof body === 'string' ? body : (JSON.stringify(body) ?? '')));
  return writer.copy();
}
