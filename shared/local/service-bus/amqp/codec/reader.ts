/** Reads AMQP 1.0 values from untrusted bytes: every length, count and depth is checked before it is used. */
import { AmqpError, type AmqpMap, type AmqpValue, Described, Opaque, Uuid } from './types.ts';

/** Deeper than clients nest, and safe for the stack. */
const MAX_DEPTH = 32;
/** Limits elements that take no bytes, of which a count could otherwise claim billions. */
const MAX_EMPTY_ELEMENTS = 4096;

/** The encoded entries of maps that were read. They are views: valid as long as the buffer they were read from. */
const encodedEntries = new WeakMap<AmqpMap, Buffer>();

/** The encoded keys and values of a map that a reader returned. */
export function encodedEntriesOf(map: AmqpMap): Buffer {
  const entries = encodedEntries.get(map);
  if (!entries) throw new TypeError('the map was not read from bytes');
  return entries;
}

function malformed(what: string): AmqpError {
  return new AmqpError('amqp:decode-error', what);
}

/** Reads values from a part of a buffer, never past its end. Binary values are views, not copies. */
export class Reader {
  readonly buffer: Buffer;
  readonly end: number;
  position: number;
  #depth = 0;

  constructor(buffer: Buffer, position = 0, end: number = buffer.length) {
    this.buffer = buffer;
    this.position = position;
    this.end = end;
  }

  get done(): boolean {
    return this.position >= this.end;
  }

  /** Claims the next bytes and returns where they start. */
  take(count: number): number {
    const at = this.position;
    if (count > this.end - at) throw malformed(`${count} bytes expected at offset ${at}, ${this.end - at} left`);
    this.position = at + count;
    return at;
  }

  /** @throws AmqpError when the bytes are not a value */
  value(): AmqpValue {
    const code = this.buffer[this.take(1)] as number;
    if (code === 0x00) {
      this.#enter();
      const described = new Described(this.value(), this.value());
      this.#depth--;
      return described;
    }
    return this.#ofCode(code);
  }

  /** The fields of a composite's list; missing fields at its end are undefined. */
  list(): readonly AmqpValue[] {
    const value = this.value();
    if (!Array.isArray(value)) throw malformed('expected a list');
    return value;
  }

  /** A reader of the bytes of a binary value. */
  binary(): Reader {
    const code = this.buffer[this.take(1)];
    if (code !== 0xa0 && code !== 0xb0) throw malformed('expected bytes');
    const size = this.#size(code === 0xa0);
    const start = this.take(size);
    return new Reader(this.buffer, start, start + size);
  }

  /** Skips a value without decoding it, so that its bytes can be copied. */
  skip(): void {
    const code = this.buffer[this.take(1)] as number;
    if (code === 0x00) {
      this.#enter();
      this.skip();
      this.skip();
      this.#depth--;
      return;
    }
    const width = code >>> 4;
    if (width < 4) throw malformed(`unknown type code 0x${code.toString(16)}`);
    if (width < 10) this.take(width === 4 ? 0 : 1 << (width - 5));
    else this.take(this.#size(width % 2 === 0));
  }

  #enter(): void {
    if (++this.#depth > MAX_DEPTH) throw malformed(`values nested more than ${MAX_DEPTH} deep`);
  }

  #size(short: boolean): number {
    return short ? (this.buffer[this.take(1)] as number) : this.buffer.readUInt32BE(this.take(4));
  }

  #ofCode(code: number): AmqpValue {
    const { buffer } = this;
    switch (code) {
      case 0x40:
        return null;
      case 0x41:
        return true;
      case 0x42:
        return false;
      case 0x56:
        return buffer[this.take(1)] !== 0;
      case 0x43:
      case 0x44:
        return 0;
      case 0x50:
      case 0x52:
      case 0x53:
        return buffer[this.take(1)];
      case 0x51:
      case 0x54:
      case 0x55:
        return buffer.readInt8(this.take(1));
      case 0x60:
        return buffer.readUInt16BE(this.take(2));
      case 0x61:
        return buffer.readInt16BE(this.take(2));
      case 0x70:
        return buffer.readUInt32BE(this.take(4));
      case 0x71:
        return buffer.readInt32BE(this.take(4));
      case 0x72:
        return buffer.readFloatBE(this.take(4));
      case 0x82:
        return buffer.readDoubleBE(this.take(8));
      case 0x80:
        return integer(buffer.readBigUInt64BE(this.take(8)));
      case 0x81:
        return integer(buffer.readBigInt64BE(this.take(8)));
      case 0x83:
        return new Date(Number(buffer.readBigInt64BE(this.take(8))));
      case 0x98:
        return new Uuid(Buffer.from(this.#bytes(16)));
      case 0x73:
      case 0x74:
        return new Opaque(code, Buffer.from(this.#bytes(4)));
      case 0x84:
        return new Opaque(code, Buffer.from(this.#bytes(8)));
      case 0x94:
        return new Opaque(code, Buffer.from(this.#bytes(16)));
      case 0xa0:
      case 0xb0:
        return this.#bytes(this.#size(code === 0xa0));
      case 0xa1:
      case 0xb1: {
        const size = this.#size(code === 0xa1);
        const at = this.take(size);
        return buffer.toString('utf8', at, at + size);
      }
      case 0xa3:
      case 0xb3: {
        const size = this.#size(code === 0xa3);
        const at = this.take(size);
        return buffer.toString('latin1', at, at + size);
      }
      case 0x45:
        return [];
      case 0xc0:
      case 0xd0:
        return this.#compound(code === 0xc0, this.#items);
      case 0xc1:
      case 0xd1:
        return this.#compound(code === 0xc1, this.#map);
      case 0xe0:
      case 0xf0:
        return this.#compound(code === 0xe0, this.#array);
      default:
        throw malformed(`unknown type code 0x${code.toString(16)}`);
    }
  }

  #bytes(count: number): Buffer {
    const at = this.take(count);
    return this.buffer.subarray(at, at + count);
  }

  #compound<T extends AmqpValue>(short: boolean, read: (this: this, count: number) => T): T {
    const size = this.#size(short);
    const start = this.position;
    if (size > this.end - start) throw malformed(`compound of ${size} bytes at offset ${start} is truncated`);
    this.#enter();
    const count = this.#size(short);
    // Every element of a list or map has at least its type code.
    if (count > size && count > MAX_EMPTY_ELEMENTS) throw malformed(`${count} elements claimed in ${size} bytes`);
    const value = read.call(this, count);
    this.#depth--;
    if (this.position !== start + size) throw malformed(`compound at offset ${start} has the wrong size`);
    return value;
  }

  #items(count: number): AmqpValue[] {
    const items: AmqpValue[] = [];
    for (let i = 0; i < count; i++) items.push(this.value());
    return items;
  }

  #map(count: number): AmqpMap {
    if (count % 2 !== 0) throw malformed('a map with a key without a value');
    const map: AmqpMap = new Map();
    const start = this.position;
    for (let i = 0; i < count; i += 2) {
      const key = this.value();
      map.set(key, this.value());
    }
    encodedEntries.set(map, this.buffer.subarray(start, this.position));
    return map;
  }

  #array(count: number): AmqpValue[] {
    let code = this.buffer[this.take(1)] as number;
    let descriptor: AmqpValue;
    if (code === 0x00) {
      descriptor = this.value();
      code = this.buffer[this.take(1)] as number;
    }
    const items: AmqpValue[] = [];
    for (let i = 0; i < count; i++) {
      const item = this.#ofCode(code);
      items.push(descriptor === undefined ? item : new Described(descriptor, item));
    }
    return items;
  }
}

function integer(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}
