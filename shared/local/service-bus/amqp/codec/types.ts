/**
 * AMQP 1.0 values in JavaScript. Reading loses distinctions that JavaScript does not make (int and long, symbol and
 * string); where they matter the bytes are kept.
 * @see https://docs.oasis-open.org/amqp/core/v1.0/os/amqp-core-types-v1.0-os.html
 */

/** A protocol error with its AMQP condition. It ends a link, a session or the connection. */
export class AmqpError extends Error {
  readonly condition: string;

  constructor(condition: string, description: string) {
    super(description);
    this.name = 'AmqpError';
    this.condition = condition;
  }
}

/** A value of a type that JavaScript lacks: its type code and its bytes. */
export class Opaque {
  readonly code: number;
  readonly bytes: Buffer;

  constructor(code: number, bytes: Buffer) {
    this.code = code;
    this.bytes = bytes;
  }
}

/** Sixteen bytes in network order. */
export class Uuid {
  readonly bytes: Buffer;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  /** @param text 32 hex digits; dashes are ignored */
  static parse(text: string): Uuid {
    return new Uuid(Buffer.from(text.replaceAll('-', ''), 'hex'));
  }

  toString(): string {
    const hex = this.bytes.toString('hex');
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
  }
}

/** A value with a descriptor. The descriptors that we know are small numbers. */
export class Described {
  readonly descriptor: AmqpValue;
  readonly value: AmqpValue;

  constructor(descriptor: AmqpValue, value: AmqpValue) {
    this.descriptor = descriptor;
    this.value = value;
  }
}

/** A value with the type that it is to be written as, where its JavaScript type suggests another. */
export class Typed {
  readonly type: ScalarType;
  readonly value: number | bigint | string | Date;

  constructor(type: ScalarType, value: number | bigint | string | Date) {
    this.type = type;
    this.value = value;
  }
}

/** An array to be written, whose elements have one scalar type. */
export class TypedArray {
  readonly type: 'long' | 'timestamp' | 'uuid' | 'symbol' | 'string';
  readonly items: readonly AmqpValue[];

  constructor(type: TypedArray['type'], items: readonly AmqpValue[]) {
    this.type = type;
    this.items = items;
  }
}

type ScalarType = 'ubyte' | 'ushort' | 'uint' | 'int' | 'long' | 'ulong' | 'double' | 'symbol' | 'timestamp';

export type AmqpMap = Map<AmqpValue, AmqpValue>;

export type AmqpValue =
  | null
  | undefined
  | boolean
  | number
  | bigint
  | string
  | Date
  | Buffer
  | Uuid
  | Opaque
  | Described
  | Typed
  | TypedArray
  | readonly AmqpValue[]
  | AmqpMap;

/** Shorthands for writing. */
export const symbol = (value: string): Typed => new Typed('symbol', value);
export const uint = (value: number): Typed => new Typed('uint', value);
export const ulong = (value: number | bigint): Typed => new Typed('ulong', value);
export const long = (value: number | bigint): Typed => new Typed('long', value);
