/** Finds the sections of a message without decoding their contents. */
import type { Reader } from './reader.ts';
import { AmqpError } from './types.ts';

export const HEADER = 0x70;
export const DELIVERY_ANNOTATIONS = 0x71;
export const MESSAGE_ANNOTATIONS = 0x72;
export const PROPERTIES = 0x73;
export const APPLICATION_PROPERTIES = 0x74;
export const DATA = 0x75;
const FOOTER = 0x78;

const SECTION_NAMES: Readonly<Record<string, number>> = {
  'amqp:header:list': HEADER,
  'amqp:delivery-annotations:map': DELIVERY_ANNOTATIONS,
  'amqp:message-annotations:map': MESSAGE_ANNOTATIONS,
  'amqp:properties:list': PROPERTIES,
  'amqp:application-properties:map': APPLICATION_PROPERTIES,
  'amqp:data:binary': DATA,
  'amqp:amqp-sequence:list': 0x76,
  'amqp:amqp-value:*': 0x77,
  'amqp:footer:map': FOOTER,
};

/** Reads the descriptor of the next section, and leaves the reader at the section's value. */
export function readSection(reader: Reader): number {
  const at = reader.take(1);
  if (reader.buffer[at] !== 0x00) throw new AmqpError('amqp:decode-error', 'expected a message section');
  const descriptor = reader.value();
  const code = typeof descriptor === 'string' ? SECTION_NAMES[descriptor] : descriptor;
  if (typeof code !== 'number' || code < HEADER || code > FOOTER) {
    throw new AmqpError('amqp:decode-error', `unknown message section ${String(descriptor)}`);
  }
  return code;
}

/** Visits the entries of an encoded map; `visit` must read exactly one key and one value. */
export function eachEntry(reader: Reader, visit: (start: number) => void): void {
  const code = reader.buffer[reader.take(1)];
  if (code !== 0xc1 && code !== 0xd1) throw new AmqpError('amqp:decode-error', 'expected a map');
  const width = code === 0xc1 ? 1 : 4;
  const size = reader.buffer.readUIntBE(reader.take(width), width);
  const end = reader.position + size;
  if (end > reader.end) throw new AmqpError('amqp:decode-error', 'a map is truncated');
  const count = reader.buffer.readUIntBE(reader.take(width), width);
  for (let i = 0; i < count; i += 2) visit(reader.position);
  if (reader.position !== end) throw new AmqpError('amqp:decode-error', 'a map has the wrong size');
}
