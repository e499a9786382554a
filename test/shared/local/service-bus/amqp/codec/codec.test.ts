import fc from 'fast-check';
import rhea from 'rhea';
import { describe, expect, it } from 'vitest';
import { writeError } from '../../../../../../shared/local/service-bus/amqp/codec/frames.ts';
import { Reader } from '../../../../../../shared/local/service-bus/amqp/codec/reader.ts';
import {
  AmqpError,
  type AmqpValue,
  Described,
  symbol,
  Typed,
  TypedArray,
  Uuid,
} from '../../../../../../shared/local/service-bus/amqp/codec/types.ts';
import { Writer } from '../../../../../../shared/local/service-bus/amqp/codec/writer.ts';

function encode(value: AmqpValue): Buffer {
  const writer = new Writer(8);
  writer.value(value);
  return writer.copy();
}

const scalar = fc.oneof(
  fc.constant(null),
  fc.boolean(),
  fc.integer(),
  fc.maxSafeInteger(),
  fc.double({ noNaN: true }),
  fc.string({ maxLength: 300 }),
  fc.date({ noInvalidDate: true }),
  fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
  fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n).filter((value) => !Number.isSafeInteger(Number(value))),
  fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => new Uuid(Buffer.from(bytes))),
);
const value: fc.Arbitrary<AmqpValue> = fc.letrec<{ value: AmqpValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    scalar,
    fc.array(tie('value'), { maxLength: 5 }),
    fc.array(fc.tuple(fc.string(), tie('value')), { maxLength: 5 }).map((entries) => new Map(entries)),
    fc.tuple(fc.nat(300), tie('value')).map(([descriptor, inner]) => new Described(descriptor, inner)),
  ),
})).value;

describe('AMQP values', () => {
  it('read as they were written', () => {
    fc.assert(
      fc.property(value, (written) => {
        const bytes = encode(written);
        const reader = new Reader(bytes);

        expect(reader.value()).toEqual(written);
        expect(reader.done).toBe(true);
        const skipping = new Reader(bytes);
        skipping.skip();
        expect(skipping.done).toBe(true);
      }),
    );
  });

  it('read from what another implementation wrote', () => {
    const { message, types } = rhea;
    const body = { long: types.wrap_long(-5), text: 'ü', list: types.wrap_list([1, true, null]) };
    const encoded = message.encode({ body });

    const section = new Reader(encoded, encoded.indexOf(Buffer.from([0x00, 0x53, 0x77]))).value();
    const read = section instanceof Described ? section.value : undefined;

    expect(read).toEqual(
      new Map<AmqpValue, AmqpValue>([
        ['long', -5],
        ['text', 'ü'],
        ['list', [1, true, null]],
      ]),
    );
  });

  it.each([
    [new Typed('long', 5), 0x81],
    [5, 0x71],
    [5.5, 0x82],
    [symbol('a'), 0xa3],
    [new Typed('ulong', 5), 0x53],
    [new TypedArray('timestamp', [1]), 0xf0],
  ] as [AmqpValue, number][])('write %o as type 0x%s', (written, code) => {
    expect(encode(written)[0]).toBe(code);
  });

  it('end in an AMQP error, and in no other error, for malformed bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          new Reader(Buffer.from(bytes)).value();
        } catch (error) {
          expect(error).toBeInstanceOf(AmqpError);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it.each([
    ['a list of four billion nulls', [0xd0, 0, 0, 0, 8, 0xff, 0xff, 0xff, 0xff, 0x40, 0x40, 0x40, 0x40]],
    ['an array of four billion nulls', [0xf0, 0, 0, 0, 5, 0xff, 0xff, 0xff, 0xff, 0x40]],
    ['a string longer than the frame', [0xb1, 0xff, 0xff, 0xff, 0xff, 0x41]],
    ['values nested a thousand deep', Array.from({ length: 1_000 }, () => [0xc0, 200, 1]).flat()],
    ['descriptors nested a thousand deep', Array.from({ length: 1_000 }, () => 0)],
  ])('refuse %s before it costs anything', (_, bytes) => {
    expect(() => new Reader(Buffer.from(bytes)).value()).toThrow(AmqpError);
  });
});

describe('an AMQP error', () => {
  it('has all three fields, since some clients read the third without looking whether it is there', () => {
    const writer = new Writer(8);

    writeError(writer, new AmqpError('amqp:not-found', 'no such queue'));

    const fields = [expect.anything(), 'no such queue', null];
    expect(new Reader(writer.copy()).value()).toMatchObject({ value: fields });
  });
});
