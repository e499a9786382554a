/** As much of protobuf's wire format as it takes to read a message whose fields are known by number. */

/** A field's values, in order: numbers for varints, bytes for everything else. */
export class ProtobufMessage {
  readonly #fields = new Map<number, (bigint | Buffer)[]>();

  constructor(bytes: Buffer) {
    let at = 0;
    const varint = (): bigint => {
      let value = 0n;
      for (let shift = 0n; ; shift += 7n) {
        const byte = bytes.readUInt8(at++);
        value |= BigInt(byte & 0x7f) << shift;
        if (byte < 0x80) return value;
      }
    };
    const take = (length: number): Buffer => {
      if (at + length > bytes.length) throw new RangeError('the message is cut');
      at += length;
      return bytes.subarray(at - length, at);
    };
    while (at < bytes.length) {
      const tag = varint();
      const [field, type] = [Number(tag >> 3n), Number(tag & 7n)];
      const read = { 0: varint, 1: () => take(8), 2: () => take(Number(varint())), 5: () => take(4) }[type];
      if (!read) throw new RangeError(`wire type ${type}`);
      this.#fields.set(field, [...(this.#fields.get(field) ?? []), read()]);
    }
  }

  bytes(field: number): Buffer[] {
    return (this.#fields.get(field) ?? []).filter((one) => Buffer.isBuffer(one));
  }

  messages(field: number): ProtobufMessage[] {
    return this.bytes(field).map((one) => new ProtobufMessage(one));
  }

  text(field: number): string {
    return this.bytes(field)[0]?.toString() ?? '';
  }

  hex(field: number): string {
    return this.bytes(field)[0]?.toString('hex') ?? '';
  }

  /** A varint, a fixed64 or a double. */
  number(field: number, as: 'integer' | 'double' = 'integer'): number {
    const [value] = this.#fields.get(field) ?? [];
    if (value === undefined) return 0;
    if (!Buffer.isBuffer(value)) return Number(value);
    return as === 'double' ? value.readDoubleLE() : Number(value.readBigInt64LE());
  }

  has(field: number): boolean {
    return this.#fields.has(field);
  }
}
