/** Writes AMQP 1.0 values. */
import { type AmqpValue, Described, Opaque, Typed, TypedArray, Uuid } from './types.ts';

/** Up to this many bytes a loop copies faster than a call does. */
const FEW_BYTES = 64;

/** Writes values into a buffer that grows. */
export class Writer {
  position = 0;
  #buffer: Buffer;
  /** The same memory: its setters are compiled to one instruction each, those of a Buffer are not. */
  #view: DataView;

  constructor(size = 256) {
    this.#buffer = Buffer.allocUnsafeSlow(size);
    this.#view = viewOf(this.#buffer);
  }

  get buffer(): Buffer {
    return this.#buffer;
  }

  /** Goes on at the start of other memory. */
  use(buffer: Buffer): void {
    this.#buffer = buffer;
    this.#view = viewOf(buffer);
    this.position = 0;
  }

  /** A copy of what was written. */
  copy(): Buffer {
    return Buffer.from(this.#buffer.subarray(0, this.position));
  }

  /** Reserves bytes. When the buffer is full, what was written moves to a larger one. @returns their offset */
  claim(count: number): number {
    const at = this.position;
    this.position = at + count;
    if (this.position > this.#buffer.length) this.#grow(at);
    return at;
  }

  #grow(used: number): void {
    const bigger = Buffer.allocUnsafeSlow(Math.max(this.position, this.#buffer.length * 2));
    this.#buffer.copy(bigger, 0, 0, used);
    this.#buffer = bigger;
    this.#view = viewOf(bigger);
  }

  byte(value: number): void {
    const at = this.claim(1);
    this.#buffer[at] = value;
  }

  bytes(source: Buffer): void {
    const { length } = source;
    const at = this.claim(length);
    const buffer = this.#buffer;
    if (length > FEW_BYTES) buffer.set(source, at);
    else for (let i = 0; i < length; i++) buffer[at + i] = source[i] as number;
  }

  null(): void {
    this.byte(0x40);
  }

  nulls(count: number): void {
    for (let i = 0; i < count; i++) this.null();
  }

  boolean(value: boolean): void {
    this.byte(value ? 0x41 : 0x42);
  }

  ubyte(value: number): void {
    const at = this.claim(2);
    this.#buffer[at] = 0x50;
    this.#buffer[at + 1] = value;
  }

  ushort(value: number): void {
    const at = this.claim(3);
    this.#buffer[at] = 0x60;
    this.#view.setUint16(at + 1, value);
  }

  uint(value: number): void {
    if (value === 0) this.byte(0x43);
    else if (value < 256) {
      const at = this.claim(2);
      this.#buffer[at] = 0x52;
      this.#buffer[at + 1] = value;
    } else {
      const at = this.claim(5);
      this.#buffer[at] = 0x70;
      this.#view.setUint32(at + 1, value);
    }
  }

  int(value: number): void {
    const at = this.claim(5);
    this.#buffer[at] = 0x71;
    this.#view.setInt32(at + 1, value);
  }

  ulong(value: number | bigint): void {
    if (typeof value === 'number' && value < 256) {
      const at = this.claim(2);
      this.#buffer[at] = 0x53;
      this.#buffer[at + 1] = value;
      return;
    }
    const at = this.claim(9);
    this.#buffer[at] = 0x80;
    this.#view.setBigUint64(at + 1, BigInt(value));
  }

  long(value: number | bigint): void {
    const at = this.claim(9);
    this.#buffer[at] = 0x81;
    this.putInt64(at + 1, value);
  }

  timestamp(milliseconds: number): void {
    const at = this.claim(9);
    this.#buffer[at] = 0x83;
    this.putInt64(at + 1, milliseconds);
  }

  double(value: number): void {
    const at = this.claim(9);
    this.#buffer[at] = 0x82;
    this.#view.setFloat64(at + 1, value);
  }

  string(value: string): void {
    this.#text(value, Buffer.byteLength(value), 0xa1);
  }

  /** Symbols are ASCII. */
  symbol(value: string): void {
    this.#text(value, Buffer.byteLength(value), 0xa3);
  }

  binary(value: Buffer): void {
    this.#variable(value.length, 0xa0);
    this.bytes(value);
  }

  uuid(value: Uuid): void {
    this.byte(0x98);
    this.bytes(value.bytes);
  }

  /** Writes the constructor of a described value; the value must follow. */
  descriptor(code: number): void {
    this.byte(0x00);
    this.ulong(code);
  }

  /** Opens a list (0xd0), map (0xd1) or array (0xf0). @returns the token for `close` */
  open(code: 0xd0 | 0xd1 | 0xf0): number {
    const at = this.claim(9);
    this.#buffer[at] = code;
    return at;
  }

  close(token: number, count: number): void {
    this.#view.setUint32(token + 1, this.position - token - 5);
    this.#view.setUint32(token + 5, count);
  }

  map(entries: ReadonlyMap<AmqpValue, AmqpValue> | readonly (readonly [AmqpValue, AmqpValue])[]): void {
    const token = this.open(0xd1);
    let count = 0;
    for (const [key, value] of entries) {
      this.value(key);
      this.value(value);
      count += 2;
    }
    this.close(token, count);
  }

  /** Writes a value as the type that its JavaScript type suggests, or as the type that `Typed` names. */
  value(value: AmqpValue): void {
    if (value === null || value === undefined) this.null();
    else if (typeof value === 'boolean') this.boolean(value);
    else if (typeof value === 'string') this.string(value);
    else if (typeof value === 'bigint') this.long(value);
    else if (typeof value === 'number') this.#number(value);
    else if (Buffer.isBuffer(value)) this.binary(value);
    else if (value instanceof Date) this.timestamp(value.getTime());
    else if (value instanceof Uuid) this.uuid(value);
    else if (value instanceof Typed) this.#typed(value);
    else if (value instanceof TypedArray) this.#array(value);
    else if (value instanceof Map) this.map(value);
    else if (value instanceof Described) {
      this.byte(0x00);
      this.value(typeof value.descriptor === 'number' ? new Typed('ulong', value.descriptor) : value.descriptor);
      this.value(value.value);
    } else if (value instanceof Opaque) {
      this.byte(value.code);
      this.bytes(value.bytes);
    } else {
      // Only lists are left in the union.
      const items = value as readonly AmqpValue[];
      const token = this.open(0xd0);
      for (const item of items) this.value(item);
      this.close(token, items.length);
    }
  }

  #number(value: number): void {
    if (!Number.isInteger(value) || Object.is(value, -0)) this.double(value);
    else if (value >= -0x80000000 && value <= 0x7fffffff) this.int(value);
    else if (Number.isSafeInteger(value)) this.long(value);
    else this.double(value);
  }

  #typed({ type, value }: Typed): void {
    if (type === 'symbol') this.symbol(String(value));
    else if (type === 'timestamp') this.timestamp(Number(value));
    else if (type === 'long' || type === 'ulong') this[type](typeof value === 'bigint' ? value : Number(value));
    else this[type](Number(value));
  }

  #array({ type, items }: TypedArray): void {
    const token = this.open(0xf0);
    const codes = { long: 0x81, timestamp: 0x83, uuid: 0x98, symbol: 0xb3, string: 0xb1 };
    this.byte(codes[type]);
    for (const item of items) {
      if (item instanceof Uuid) this.bytes(item.bytes);
      else if (type === 'symbol' || type === 'string') {
        const text = Buffer.from(String(item));
        const at = this.claim(4);
        this.#view.setUint32(at, text.length);
        this.bytes(text);
      } else {
        const at = this.claim(8);
        this.putInt64(at, typeof item === 'bigint' ? item : Number(item));
      }
    }
    this.close(token, items.length);
  }

  /** Writes four bytes over those at an offset. */
  putUint32(at: number, value: number): void {
    this.#view.setUint32(at, value);
  }

  /** Writes eight bytes over those at an offset. */
  putInt64(at: number, value: number | bigint): void {
    if (typeof value === 'number' && value >= 0) {
      this.#view.setUint32(at, Math.floor(value / 0x1_0000_0000));
      this.#view.setUint32(at + 4, value % 0x1_0000_0000);
    } else this.#view.setBigInt64(at, BigInt(value));
  }

  #text(value: string, length: number, code: number): void {
    this.#variable(length, code);
    const at = this.claim(length);
    this.#buffer.write(value, at, length, 'utf8');
  }

  #variable(length: number, code: number): void {
    if (length < 256) {
      const at = this.claim(2);
      this.#buffer[at] = code;
      this.#buffer[at + 1] = length;
    } else {
      const at = this.claim(5);
      this.#buffer[at] = code + 0x10;
      this.#view.setUint32(at + 1, length);
    }
  }
}

function viewOf(buffer: Buffer): DataView {
  return new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength);
}
