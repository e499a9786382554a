/** What a receiver sets while it settles keeps its AMQP type, as what a sender sets does. */
import rhea from 'rhea';
import { expect, it } from 'vitest';
import { Reader } from '../../../../../shared/local/service-bus/amqp/codec/reader.ts';
import { type AmqpValue, Opaque, TypedArray, Uuid } from '../../../../../shared/local/service-bus/amqp/codec/types.ts';
import { Writer } from '../../../../../shared/local/service-bus/amqp/codec/writer.ts';
import { readMessage } from '../../../../../shared/local/service-bus/amqp/messages/decode.ts';
import { encodeMessage } from '../../../../../shared/local/service-bus/amqp/messages/encode.ts';
import { updateDisposition } from '../../../../../shared/local/service-bus/amqp/nodes/entity-management.ts';
import { RequestBody } from '../../../../../shared/local/service-bus/amqp/nodes/request-body.ts';
import { VirtualClock } from '../../../../../shared/local/service-bus/core/clock.ts';
import type { PropertyValue } from '../../../../../shared/local/service-bus/core/message.ts';
import { createBroker } from '../../../../../shared/local/service-bus/create-broker.ts';

const NAME = Buffer.from('a1036b6579', 'hex'); // the string "key"

/** Settles a message that came over AMQP, setting one property in that encoding. */
function settle(status: string, encoded: Buffer): { bytes: Buffer; value: PropertyValue | undefined } {
  const broker = createBroker({ clock: new VirtualClock() });
  const { queue, deadLetters } = broker.createQueue('q');
  broker.send('q', [readMessage(rhea.message.encode({ message_id: 'm', body: 'b' }) as unknown as Buffer)]);
  const token = queue.receive()[0]?.lockToken ?? '';
  const writer = new Writer();
  writer.map([
    ['disposition-status', status],
    ['lock-tokens', new TypedArray('uuid', [new Uuid(Buffer.from(token.replaceAll('-', ''), 'hex'))])],
    [
      'properties-to-modify',
      new Map<AmqpValue, AmqpValue>([['key', new Opaque(encoded[0] ?? 0, encoded.subarray(1))]]),
    ],
  ]);

  updateDisposition(queue, new RequestBody(new Reader(writer.copy()).value()));

  const [message] = (status === 'suspended' ? deadLetters : queue).peek();
  if (!message) throw new Error('the message is gone');
  return { bytes: encodeMessage(message), value: message.content.applicationProperties.key };
}

it.each([
  ['long', '5501'],
  ['wide long', '817fffffffffffffff'],
  ['integral double', '823ff0000000000000'],
  ['float', '723fc00000'],
  ['short', '610001'],
  ['byte', '5101'],
  ['int', '5401'],
  ['boolean', '41'],
  ['uuid', '9800000000000000050000000000000006'],
  ['char', '7300000071'],
  ['symbol', 'a30173'],
  ['timestamp', '8300000000000003e8'],
])('keeps a %s', (_, hex) => {
  const encoded = Buffer.from(hex, 'hex');

  const { bytes } = settle('abandoned', encoded);

  expect(bytes.includes(Buffer.concat([NAME, encoded]))).toBe(true);
});

it.each([
  ['a URI', '00a311636f6d2e6d6963726f736f66743a757269a10a687474703a2f2f612f62', 'http://a/b'],
  [
    'a time',
    '00a31d636f6d2e6d6963726f736f66743a6461746574696d652d6f66667365748108d78e4d8b7c0000',
    new Date('2020-01-01'),
  ],
  ['a time span', '00a316636f6d2e6d6963726f736f66743a74696d657370616e810000000023c34600', 'PT60S'],
])('keeps %s of .NET, which the client describes, and filters see its value', (_, hex, expected) => {
  const encoded = Buffer.from(hex, 'hex');

  const { bytes, value } = settle('abandoned', encoded);

  expect(bytes.includes(Buffer.concat([NAME, encoded]))).toBe(true);
  expect(value).toEqual(expected);
});

it.each(['abandoned', 'defered', 'suspended'])(
  'keeps it when the message is %s, and filters see its value',
  (status) => {
    const encoded = Buffer.from('5507', 'hex');

    const { bytes, value } = settle(status, encoded);

    expect(bytes.includes(Buffer.concat([NAME, encoded]))).toBe(true);
    expect(value).toBe(7n);
  },
);

it.each([
  ['the queue keeps it for less', 60_000, 10_000, 10_000],
  ['the queue keeps it for longer', 60_000, 600_000, 60_000],
])('says when a message expires, whatever its sender computed: %s', (_, timeToLive, longest, expected) => {
  const clock = new VirtualClock();
  const broker = createBroker({ clock });
  const { queue } = broker.createQueue('q', { defaultMessageTimeToLiveMs: longest });
  const message = { message_id: 'm', ttl: timeToLive, absolute_expiry_time: new Date(1), body: 'b' };
  broker.send('q', [readMessage(rhea.message.encode(message) as unknown as Buffer)]);

  const [received] = queue.receive();
  if (!received) throw new Error('the message is gone');
  const { absolute_expiry_time: expiry } = rhea.message.decode(encodeMessage(received));
  expect(expiry).toEqual(new Date(clock.now() + expected));
});
