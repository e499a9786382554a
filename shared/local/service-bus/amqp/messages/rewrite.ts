/** Changes properties of an encoded message and keeps every other byte. */

import {
  type ChangedProperties,
  Encoded,
  Float,
  type PropertyValue,
  type SystemProperties,
} from '../../core/message.ts';
import { Reader } from '../codec/reader.ts';
import { APPLICATION_PROPERTIES, eachEntry, PROPERTIES, readSection } from '../codec/sections.ts';
import { Writer } from '../codec/writer.ts';

const FIELDS: Readonly<Partial<Record<keyof SystemProperties, number>>> = {
  messageId: 0,
  to: 2,
  subject: 3,
  replyTo: 4,
  correlationId: 5,
  contentType: 6,
  sessionId: 10,
  replyToSessionId: 12,
};
/** Its place among the properties. */
export const ABSOLUTE_EXPIRY_TIME = 8;

/**
 * The bare message with some properties set, or removed where the value is undefined. Everything else stays byte for
 * byte.
 */
export function rewrite(
  bare: Buffer,
  system: Partial<SystemProperties>,
  applicationProperties: ChangedProperties,
): Buffer {
  const reader = new Reader(bare);
  let fields: Buffer[] = [];
  const entries = new Map<string, Buffer>();
  let rest = 0;
  while (!reader.done) {
    const code = readSection(reader);
    if (code === PROPERTIES) fields = splitList(reader);
    else if (code === APPLICATION_PROPERTIES) {
      eachEntry(reader, (start) => {
        const key = String(reader.value());
        reader.skip();
        entries.set(key, bare.subarray(start, reader.position));
      });
    } else break;
    rest = reader.position;
  }
  const writer = new Writer(bare.length + 256);
  writeFields(writer, fields, system);
  const changed = Object.entries(applicationProperties);
  for (const [key] of changed) entries.delete(key);
  const added = changed.filter((entry): entry is [string, PropertyValue | Encoded] => entry[1] !== undefined);
  if (entries.size + added.length > 0) {
    writer.descriptor(APPLICATION_PROPERTIES);
    const token = writer.open(0xd1);
    for (const entry of entries.values()) writer.bytes(entry);
    for (const [key, value] of added) {
      writer.string(key);
      writeProperty(writer, value);
    }
    writer.close(token, (entries.size + added.length) * 2);
  }
  writer.bytes(bare.subarray(rest));
  return writer.copy();
}

/** The offset of the eight bytes of the absolute expiry time in a bare message; undefined when it has none. */
export function expiryOffsetOf(bare: Buffer): number | undefined {
  const reader = new Reader(bare);
  if (reader.done || readSection(reader) !== PROPERTIES) return undefined;
  const field = splitList(reader)[ABSOLUTE_EXPIRY_TIME];
  return field?.[0] === 0x83 ? field.byteOffset - bare.byteOffset + 1 : undefined;
}

function splitList(reader: Reader): Buffer[] {
  const fields: Buffer[] = [];
  const code = reader.buffer[reader.take(1)];
  if (code === 0x45) return fields;
  const width = code === 0xc0 ? 1 : 4;
  reader.take(width);
  const count = reader.buffer.readUIntBE(reader.take(width), width);
  for (let i = 0; i < count; i++) {
    const start = reader.position;
    reader.skip();
    fields.push(reader.buffer.subarray(start, reader.position));
  }
  return fields;
}

function writeFields(writer: Writer, fields: readonly Buffer[], system: Partial<SystemProperties>): void {
  const changes = new Map<number, string | undefined>();
  for (const [name, index] of Object.entries(FIELDS)) {
    // Object.entries widens the keys of FIELDS to string; every one of them names a text.
    const key = name as keyof SystemProperties;
    if (key in system) changes.set(index, system[key] as string | undefined);
  }
  // With the sender's, clients would compute the time to live that the sender gave.
  if ('timeToLiveMs' in system && fields.length > ABSOLUTE_EXPIRY_TIME) changes.set(ABSOLUTE_EXPIRY_TIME, undefined);
  const count = Math.max(fields.length, ...[...changes.keys()].map((index) => index + 1));
  if (count === 0) return;
  writer.descriptor(PROPERTIES);
  const token = writer.open(0xd0);
  for (let i = 0; i < count; i++) {
    const value = changes.get(i);
    if (value === undefined) {
      const kept = changes.has(i) ? undefined : fields[i];
      if (kept) writer.bytes(kept);
      else writer.null();
    } else if (i === 6) writer.symbol(value);
    else writer.string(value);
  }
  writer.close(token, count);
}

function writeProperty(writer: Writer, value: PropertyValue | Encoded): void {
  if (value instanceof Encoded) writer.bytes(Buffer.from(value.bytes));
  else if (value instanceof Float) writer.double(value.value);
  else if (value instanceof Uint8Array) writer.binary(Buffer.from(value));
  else writer.value(value);
}
