/**
 * Reads and writes the nine AMQP 1.0 performatives. Fields that a broker does not need are not read. All fields are
 * written, as the service does: AMQP allows a list to end after its last value, but some clients (azure-servicebus for
 * Python up to 7.14) then read past its end.
 * @see https://docs.oasis-open.org/amqp/core/v1.0/os/amqp-core-transport-v1.0-os.html
 */
import { Reader } from './reader.ts';
import { AmqpError, type AmqpMap, type AmqpValue, Described } from './types.ts';
import type { Writer } from './writer.ts';

export const OPEN = 0x10;
export const BEGIN = 0x11;
export const ATTACH = 0x12;
export const FLOW = 0x13;
export const TRANSFER = 0x14;
export const DISPOSITION = 0x15;
export const DETACH = 0x16;
export const END = 0x17;
export const CLOSE = 0x18;

export const ACCEPTED = 0x24;
export const REJECTED = 0x25;
export const RELEASED = 0x26;
export const MODIFIED = 0x27;

export interface Performative {
  readonly code: number;
  readonly fields: readonly AmqpValue[];
  /**
   * The offset of each field in the frame, and the end of the last one: for fields that are copied without decoding.
   */
  readonly offsets: readonly number[];
  /** The offset of the payload. */
  readonly end: number;
}

const SYMBOLIC: Readonly<Record<string, number>> = {
  'amqp:open:list': OPEN,
  'amqp:begin:list': BEGIN,
  'amqp:attach:list': ATTACH,
  'amqp:flow:list': FLOW,
  'amqp:transfer:list': TRANSFER,
  'amqp:disposition:list': DISPOSITION,
  'amqp:detach:list': DETACH,
  'amqp:end:list': END,
  'amqp:close:list': CLOSE,
};

/** Reads a described list; `start` and `end` bound the body of a frame. */
export function readPerformative(
  frame: Buffer,
  start: number,
  end: number,
  symbolic: Readonly<Record<string, number>> = SYMBOLIC,
): Performative {
  const reader = new Reader(frame, start, end);
  if (frame[reader.take(1)] !== 0x00) throw new AmqpError('amqp:decode-error', 'a frame body must be a described list');
  const descriptor = reader.value();
  const code = typeof descriptor === 'string' ? symbolic[descriptor] : descriptor;
  if (typeof code !== 'number') throw new AmqpError('amqp:decode-error', `unknown performative ${String(descriptor)}`);
  const type = frame[reader.take(1)];
  const fields: AmqpValue[] = [];
  const offsets: number[] = [];
  if (type !== 0x45) {
    if (type !== 0xc0 && type !== 0xd0) throw new AmqpError('amqp:decode-error', 'a performative must be a list');
    const wide = type === 0xd0;
    const size = wide ? frame.readUInt32BE(reader.take(4)) : (frame[reader.take(1)] as number);
    const stop = reader.position + size;
    const count = wide ? frame.readUInt32BE(reader.take(4)) : (frame[reader.take(1)] as number);
    if (stop > end || count > size) throw new AmqpError('amqp:decode-error', 'a performative is truncated');
    for (let i = 0; i < count; i++) {
      offsets.push(reader.position);
      fields.push(reader.value());
    }
    if (reader.position !== stop) throw new AmqpError('amqp:decode-error', 'a performative has the wrong size');
  }
  offsets.push(reader.position);
  return { code, fields, offsets, end: reader.position };
}

export function numberAt({ fields }: Performative, index: number, name: string): number | undefined {
  const value = fields[index];
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'number' && value >= 0) return value;
  throw new AmqpError('amqp:decode-error', `${name} is not an unsigned number`);
}

export function requiredNumberAt(performative: Performative, index: number, name: string): number {
  const value = numberAt(performative, index, name);
  if (value === undefined) throw new AmqpError('amqp:decode-error', `${name} is missing`);
  return value;
}

export function textAt({ fields }: Performative, index: number): string | undefined {
  const value = fields[index];
  return typeof value === 'string' ? value : undefined;
}

export function mapAt({ fields }: Performative, index: number): AmqpMap | undefined {
  return asMap(fields[index]);
}

export function asMap(value: AmqpValue): AmqpMap | undefined {
  return value instanceof Map ? value : undefined;
}

const COMPOSITES: Readonly<Record<string, number>> = {
  'amqp:source:list': 0x28,
  'amqp:target:list': 0x29,
  'amqp:coordinator:list': 0x30,
  'amqp:error:list': 0x1d,
  'amqp:received:list': 0x23,
  'amqp:accepted:list': ACCEPTED,
  'amqp:rejected:list': REJECTED,
  'amqp:released:list': RELEASED,
  'amqp:modified:list': MODIFIED,
};

/** The fields of a composite such as a source, a target or a delivery state; undefined for any other value. */
export function compositeOf(value: AmqpValue): { code: number; fields: readonly AmqpValue[] } | undefined {
  if (!(value instanceof Described) || !Array.isArray(value.value)) return undefined;
  const { descriptor } = value;
  const code = typeof descriptor === 'string' ? COMPOSITES[descriptor] : descriptor;
  return typeof code === 'number' ? { code, fields: value.value } : undefined;
}

// ---------------------------------------------------------------- writing

function writeList(writer: Writer, code: number, fields: number, write: () => void): void {
  writer.descriptor(code);
  const token = writer.open(0xd0);
  write();
  writer.close(token, fields);
}

export function writeError(writer: Writer, error: AmqpError | undefined): void {
  if (!error) {
    writer.null();
    return;
  }
  writeList(writer, 0x1d, 3, () => {
    writer.symbol(error.condition);
    writer.string(error.message);
    writer.null();
  });
}

export function writeOpen(writer: Writer, open: { containerId: string; maxFrameSize: number; idleMs: number }): void {
  writeList(writer, OPEN, 10, () => {
    writer.string(open.containerId);
    writer.null();
    writer.uint(open.maxFrameSize);
    writer.ushort(MAX_CHANNEL);
    writer.uint(open.idleMs);
    writer.nulls(5);
  });
}

/** The highest handle of a session, and the highest channel of a connection. */
export const MAX_HANDLE = 0xffff;
export const MAX_CHANNEL = 4999;

export function writeBegin(
  writer: Writer,
  begin: { remoteChannel: number; nextOutgoingId: number; window: number },
): void {
  writeList(writer, BEGIN, 8, () => {
    writer.ushort(begin.remoteChannel);
    writer.uint(begin.nextOutgoingId);
    writer.uint(begin.window);
    writer.uint(0xffffffff);
    writer.uint(MAX_HANDLE);
    writer.nulls(3);
  });
}

export interface AttachAnswer {
  readonly name: string;
  readonly handle: number;
  /** True when we receive on this link. */
  readonly isReceiver: boolean;
  readonly sndSettleMode: number;
  readonly rcvSettleMode: number;
  /** Encoded. A refusal leaves both out. */
  readonly source: Buffer | undefined;
  readonly target: Buffer | undefined;
  readonly maxMessageSize: number;
  readonly properties: ReadonlyMap<AmqpValue, AmqpValue> | undefined;
}

export function writeAttach(writer: Writer, attach: AttachAnswer): void {
  writeList(writer, ATTACH, 14, () => {
    writer.string(attach.name);
    writer.uint(attach.handle);
    writer.boolean(attach.isReceiver);
    writer.ubyte(attach.sndSettleMode);
    writer.ubyte(attach.rcvSettleMode);
    if (attach.source) writer.bytes(attach.source);
    else writer.null();
    if (attach.target) writer.bytes(attach.target);
    else writer.null();
    writer.null(); // unsettled: what an earlier link held is back in the entity
    writer.null();
    if (attach.isReceiver) writer.null();
    else writer.uint(0);
    writer.ulong(attach.maxMessageSize);
    writer.null();
    writer.null();
    if (attach.properties) writer.map(attach.properties);
    else writer.null();
  });
}

interface Flow {
  readonly nextIncomingId: number;
  readonly incomingWindow: number;
  readonly nextOutgoingId: number;
  readonly link?: { handle: number; deliveryCount: number; credit: number; drain: boolean };
}

export function writeFlow(writer: Writer, flow: Flow): void {
  const { link } = flow;
  writeList(writer, FLOW, 11, () => {
    writer.uint(flow.nextIncomingId);
    writer.uint(flow.incomingWindow);
    writer.uint(flow.nextOutgoingId);
    writer.uint(0xffffffff);
    if (!link) {
      writer.nulls(7);
      return;
    }
    writer.uint(link.handle);
    writer.uint(link.deliveryCount);
    writer.uint(link.credit);
    writer.null();
    writer.boolean(link.drain);
    writer.nulls(2);
  });
}

/** `tag` is absent in all frames of a delivery after the first. */
export function writeTransfer(
  writer: Writer,
  handle: number,
  deliveryId: number,
  tag: Buffer | undefined,
  settled: boolean,
  more: boolean,
): void {
  writer.descriptor(TRANSFER);
  const token = writer.open(0xd0);
  writer.uint(handle);
  writer.uint(deliveryId);
  if (tag) {
    writer.binary(tag);
    writer.uint(0);
  } else {
    writer.null();
    writer.null();
  }
  writer.boolean(settled);
  writer.boolean(more);
  writer.nulls(5);
  writer.close(token, 11);
}

/** The outcome of a delivery: accepted, released or rejected. A rejection may have an error. */
export interface DispositionOutcome {
  readonly code: number;
  readonly error?: AmqpError;
}

export function writeDisposition(
  writer: Writer,
  { role, first, last, outcome }: { role: boolean; first: number; last: number; outcome: DispositionOutcome },
): void {
  writeList(writer, DISPOSITION, 6, () => {
    writer.boolean(role);
    writer.uint(first);
    writer.uint(last);
    writer.boolean(true);
    const { code, error } = outcome;
    if (code !== REJECTED || !error) {
      writer.descriptor(code);
      writer.byte(0x45);
    } else writeList(writer, REJECTED, 1, () => writeError(writer, error));
    writer.null();
  });
}

export function writeDetach(writer: Writer, handle: number, closed: boolean, error?: AmqpError): void {
  writeList(writer, DETACH, 3, () => {
    writer.uint(handle);
    writer.boolean(closed);
    writeError(writer, error);
  });
}

/** Writes `end` of a session or `close` of a connection. */
export function writeEnd(writer: Writer, code: typeof END | typeof CLOSE, error?: AmqpError): void {
  writeList(writer, code, 1, () => writeError(writer, error));
}
