import rhea from 'rhea';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type AmqpValue,
  Described,
  symbol,
  Typed,
  uint,
  ulong,
} from '../../../../../shared/local/service-bus/amqp/codec/types.ts';
import { readMessage } from '../../../../../shared/local/service-bus/amqp/messages/decode.ts';
import { frame } from '../../../../support/amqp-client.ts';
import {
  ATTACH,
  attachReceiver,
  attachSender,
  CLOSE,
  DISPOSITION,
  FLOW,
  flow,
  message,
  open,
  TRANSFER,
  transfer,
} from '../../../../support/amqp-performatives.ts';
import { type LocalBus, startBus } from '../../../../support/bus.ts';

let bus: LocalBus;
beforeAll(async () => {
  bus = await startBus();
});
afterAll(() => bus.close());

describe('unsettled deliveries', () => {
  it('do not stop a link, a hundred thousand of them', { timeout: 60_000 }, async () => {
    const queue = bus.queue({ maxSizeInMegabytes: 1_024 });
    const count = 100_000;
    const body = message('x');
    const { body: payload, ...properties } = readMessage(body);
    for (let i = 0; i < count / 1_000; i++) {
      bus.broker.send(
        queue,
        Array.from({ length: 1_000 }, (_, j) => ({ ...properties, messageId: `${i}-${j}`, body: payload })),
      );
    }
    const client = await open(bus);
    client.write(attachReceiver(queue));
    client.write(frame(FLOW, [uint(0), uint(0x7fffffff), uint(0), uint(9), uint(0), uint(0), uint(count + 1)]));
    let received = 0;
    let last = -1;
    while (received < count) {
      last = Number((await client.next(TRANSFER)).fields[1]);
      received++;
    }

    client.write(attachSender(queue), transfer(0, message('one more')));
    const { payload: next } = await client.next(TRANSFER);
    client.write(frame(DISPOSITION, [true, uint(0), uint(last), true, new Described(ulong(0x24), [])]));
    client.write(frame(CLOSE, []));
    await client.next(CLOSE);

    expect(next.includes('one more')).toBe(true);
    expect(bus.count(queue)).toBe(1);
  });
});

describe('bodies and properties', () => {
  it.each([
    ['data', rhea.message.data_section(Buffer.from([0, 255, 1]))],
    ['several data sections', rhea.message.data_sections([Buffer.from('a'), Buffer.from('b')])],
    ['a sequence', rhea.message.sequence_section([1, 'two', null])],
    ['a value', { nested: [rhea.types.wrap_long(7), true] }],
  ])('of %s pass byte for byte, every number of its own type', async (_, body) => {
    const queue = bus.queue();
    const { types } = rhea;
    const sent = rhea.message.encode({
      message_id: 'id',
      correlation_id: types.wrap_ulong(12),
      group_id: 'g',
      application_properties: {
        long: types.wrap_long(5),
        int: types.wrap_int(5),
        double: types.wrap_double(5),
        symbol: types.wrap_symbol('s'),
        uuid: types.wrap_uuid(Buffer.alloc(16, 7)),
        time: types.wrap_timestamp(1_000),
      },
      body,
      footer: { checksum: 'f' },
    }) as unknown as Buffer;
    const bare = sent.subarray(sent.indexOf(Buffer.from([0x00, 0x53, 0x73])));
    const client = await open(bus);

    client.write(attachSender(queue), transfer(0, sent), attachReceiver(queue), flow(0, 1));

    const { payload } = await client.next(TRANSFER);
    expect(payload.subarray(-bare.length).equals(bare)).toBe(true);
    client.close();
  });

  it('keep their types and bytes when one property is changed', async () => {
    const queue = bus.queue();
    const { types } = rhea;
    const body = rhea.message.data_section(Buffer.from('the body'));
    const properties = { long: types.wrap_long(5), double: types.wrap_double(5), gone: 'old' };
    const sent = rhea.message.encode({
      message_id: 'id',
      application_properties: properties,
      body,
    }) as unknown as Buffer;
    const client = await open(bus);
    client.write(attachSender(queue), transfer(0, sent), attachReceiver(queue), flow(0, 2));
    await client.next(TRANSFER);
    const annotations = new Map<AmqpValue, AmqpValue>([
      [symbol('gone'), 'new'],
      [symbol('added'), new Typed('long', 6)],
    ]);

    client.write(
      frame(DISPOSITION, [true, uint(0), uint(0), true, new Described(ulong(0x27), [false, false, annotations])]),
    );

    const { payload } = await client.next(TRANSFER);
    const entry = (name: string, type: string) => Buffer.from(`a1${hexOf(name)}${type}`, 'hex');
    expect(payload.includes(entry('long', '5505'))).toBe(true);
    expect(payload.includes(entry('double', '824014000000000000'))).toBe(true);
    expect(payload.includes(entry('added', '810000000000000006'))).toBe(true);
    expect(payload.includes(entry('gone', `a1${hexOf('new')}`))).toBe(true);
    expect(payload.includes('old')).toBe(false);
    expect(payload.includes('the body')).toBe(true);
    client.close();
  });
});

const hexOf = (text: string) => Buffer.from([text.length, ...Buffer.from(text)]).toString('hex');

describe('dispositions', () => {
  it.each([
    ['released does not raise the delivery count', 0x26, 0],
    ['modified raises the delivery count', 0x27, 1],
  ])('%s', async (_, outcome, deliveryCount) => {
    const queue = bus.queue();
    const client = await open(bus);
    client.write(attachSender(queue), transfer(0, message('x')), attachReceiver(queue), flow(0, 1));
    await client.next(TRANSFER);

    client.write(frame(DISPOSITION, [true, uint(0), uint(0), true, new Described(ulong(outcome), [])]));
    client.write(frame(CLOSE, []));
    await client.next(CLOSE);

    expect(bus.broker.resolve(queue).receive()).toMatchObject([{ deliveryCount }]);
  });

  it('of ranges that were never sent cost nothing', async () => {
    const client = await open(bus);
    client.write(attachReceiver(bus.queue()));
    await client.next(ATTACH);

    const start = performance.now();
    for (let i = 0; i < 100; i++) {
      client.write(frame(DISPOSITION, [true, uint(0), uint(0xffffffff), true, new Described(ulong(0x24), [])]));
    }
    client.write(frame(CLOSE, []));
    await client.next(CLOSE);

    expect(performance.now() - start).toBeLessThan(1_000);
  });
});
