/** The protocol below the SDK: what other clients do, and what broken ones do. */
import { createConnection } from 'node:net';
import rhea from 'rhea';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compositeOf } from '../../../shared/local/amqp-frames.ts';
import { readMessage } from '../../../shared/local/amqp-message.ts';
import { type AmqpValue, Described, symbol, Typed, uint, ulong } from '../../../shared/local/amqp-types.ts';
import { AMQP_HEADER, frame, RawClient, SASL_HEADER } from '../../support/amqp-client.ts';
import { type LocalBus, startBus } from '../../support/bus.ts';

const [OPEN, BEGIN, ATTACH, FLOW, TRANSFER, DISPOSITION, DETACH, END, CLOSE] = [
  0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18,
];
const SASL_INIT = 0x41;
const SASL_OUTCOME = 0x44;

let bus: LocalBus;
beforeAll(async () => {
  bus = await startBus();
});
afterAll(() => bus.close());

const source = (address: string) => new Described(ulong(0x28), [address]);
const target = (address: string) => new Described(ulong(0x29), [address]);
const begin = frame(BEGIN, [null, uint(0), uint(5000), uint(5000)]);
/** Attaches as a receiver; handle 0 unless given. */
const attachReceiver = (address: string, handle = 0, name = 'r') =>
  frame(ATTACH, [
    name,
    uint(handle),
    true,
    new Typed('ubyte', 0),
    new Typed('ubyte', 1),
    source(address),
    target('me'),
  ]);
const attachSender = (address: string, handle = 1, name = 's') =>
  frame(ATTACH, [name, uint(handle), false, null, null, source('me'), target(address), null, null, uint(0)]);
const flow = (handle: number, credit: number, { drain = false, echo = false, count = 0 } = {}) =>
  frame(FLOW, [uint(0), uint(5000), uint(0), uint(5000), uint(handle), uint(count), uint(credit), null, drain, echo]);
const message = (text: string) =>
  rhea.message.encode({ message_id: text.slice(0, 9), body: text }) as unknown as Buffer;
const transfer = (id: number, payload: Buffer, { settled = false, more = false, aborted = false } = {}) =>
  frame(TRANSFER, [uint(1), uint(id), Buffer.from([id]), uint(0), settled, more, null, null, null, aborted], {
    payload,
  });

async function open(): Promise<RawClient> {
  const client = await RawClient.open(bus.port);
  client.write(begin);
  await client.next(BEGIN);
  return client;
}

describe('connecting', () => {
  const init = (mechanism: string, response = Buffer.alloc(0)) =>
    frame(SASL_INIT, [symbol(mechanism), response], { type: 1 });

  it.each([
    ['ANONYMOUS', Buffer.from('someone'), 0],
    ['EXTERNAL', Buffer.alloc(0), 0],
    ['MSSBCBS', Buffer.alloc(0), 0],
    ['PLAIN', Buffer.from('\0RootManageSharedAccessKey\0SAS_KEY_VALUE'), 0],
    ['PLAIN', Buffer.from('\0RootManageSharedAccessKey\0wrong'), 1],
    ['PLAIN', Buffer.from('nonsense'), 1],
    ['CRAM-MD5', Buffer.alloc(0), 1],
  ])('by %s with %s has outcome %i', async (mechanism, response, outcome) => {
    const client = new RawClient(bus.port);
    client.write(SASL_HEADER, init(mechanism, response));

    const { fields } = await client.next(SASL_OUTCOME);

    expect(fields[0]).toBe(outcome);
    if (outcome !== 0) await client.closed();
    client.close();
  });

  it('works without SASL, and with everything sent before anything was answered', async () => {
    const queue = bus.queue();
    const client = new RawClient(bus.port);

    client.write(
      SASL_HEADER,
      init('ANONYMOUS'),
      AMQP_HEADER,
      frame(OPEN, ['pipelined']),
      begin,
      attachSender(queue),
      attachReceiver(queue),
      flow(0, 1),
      transfer(0, message('hello')),
    );

    const { payload } = await client.next(TRANSFER);
    expect(payload.includes('hello')).toBe(true);
    client.close();
  });

  it.each([
    ['AMQP 0-9-1', Buffer.from('AMQP\0\0\x09\x01', 'latin1')],
    ['HTTP', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
    ['TLS', Buffer.from([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc])],
  ])('in %s is answered with the header that is understood', async (_, bytes) => {
    const client = new RawClient(bus.port);
    client.write(bytes);

    await client.next('header 0');
    await client.closed();
  });
});

describe('idle connections', () => {
  it('get heartbeats as often as they ask', async () => {
    const client = await RawClient.open(bus.port, { idleMs: 60 });

    await client.next('heartbeat');
    await client.next('heartbeat');
    client.close();
  });

  it('are closed when the peer is silent, and say why', async () => {
    const impatient = await startBus({ idleMs: 40 });
    const client = await RawClient.open(impatient.port);

    const { fields } = await client.next(CLOSE);

    expect(compositeOf(fields[0])?.fields[0]).toBe('amqp:resource-limit-exceeded');
    await client.closed();
    await impatient.close();
  });

  it('stay open while the peer sends heartbeats', async () => {
    const impatient = await startBus({ idleMs: 60 });
    const client = await RawClient.open(impatient.port, { idleMs: 60 });
    const heartbeat = setInterval(() => client.write(Buffer.from([0, 0, 0, 8, 2, 0, 0, 0])), 20);

    for (let i = 0; i < 15; i++) await client.next('heartbeat');

    clearInterval(heartbeat);
    client.write(frame(CLOSE, []));
    const { fields } = await client.next(CLOSE);
    expect(fields[0] ?? null).toBeNull();
    await impatient.close();
  });
});

describe('flow control', () => {
  it('answers a drain with all credit taken back', async () => {
    const client = await open();
    client.write(attachReceiver(bus.queue()), flow(0, 10, { drain: true }));

    const { fields } = await client.next(FLOW);

    expect(fields.slice(4, 9)).toEqual([0, 10, 0, null, true]);
    client.close();
  });

  it('answers a drain also when the last credit was used while it was on its way', async () => {
    const queue = bus.queue();
    const client = await open();
    client.write(attachSender(queue), transfer(0, message('a')), attachReceiver(queue), flow(0, 1));
    await client.next(TRANSFER);
    while (((await client.next(FLOW)).fields[4] ?? 0) !== 1);

    client.write(flow(0, 1, { drain: true }));

    const { fields } = await client.next(FLOW);
    expect(fields.slice(4, 9)).toEqual([0, 1, 0, null, true]);
    client.close();
  });

  it('sends no more than the window allows, and goes on when it opens', async () => {
    const queue = bus.queue();
    const client = await RawClient.open(bus.port);
    client.write(frame(BEGIN, [null, uint(0), uint(2), uint(5000)]));
    client.write(attachSender(queue), ...[0, 1, 2, 3].map((id) => transfer(id, message(`m${id}`))));
    client.write(attachReceiver(queue));
    client.write(frame(FLOW, [uint(0), uint(2), uint(0), uint(9), uint(0), uint(0), uint(10)]));
    await client.next(TRANSFER);
    await client.next(TRANSFER);
    client.write(frame(FLOW, [uint(2), uint(0), uint(4), uint(9), null, null, null, null, null, true]));
    await client.next(FLOW);

    expect(client.received.some((item) => typeof item === 'object' && item.code === TRANSFER)).toBe(false);
    client.write(frame(FLOW, [uint(2), uint(5), uint(4), uint(9)]));
    await client.next(TRANSFER);
    await client.next(TRANSFER);
    client.close();
  });

  it('answers a flow that asks for an echo', async () => {
    const client = await open();

    client.write(frame(FLOW, [uint(0), uint(5000), uint(0), uint(5000), null, null, null, null, null, true]));

    expect((await client.next(FLOW)).fields[1]).toBe(5000);
    client.close();
  });

  it('splits a message by the frame size that the peer takes', async () => {
    const queue = bus.queue();
    const client = new RawClient(bus.port);
    client.write(AMQP_HEADER, frame(OPEN, ['small', null, uint(512)]), begin);
    client.write(attachSender(queue), transfer(0, message('x'.repeat(2_000))), attachReceiver(queue), flow(0, 1));

    const first = await client.next(TRANSFER);
    const second = await client.next(TRANSFER);

    expect(first.fields[5]).toBe(true);
    expect(first.payload.length).toBeLessThan(512);
    expect(second.fields[1]).toBe(first.fields[1]);
    client.close();
  });
});

describe('transfers', () => {
  it('that were sent settled are taken and not answered', async () => {
    const queue = bus.queue();
    const client = await open();

    client.write(attachSender(queue), transfer(0, message('quiet'), { settled: true }), transfer(1, message('loud')));

    const { fields } = await client.next(DISPOSITION);
    expect(fields.slice(0, 3)).toEqual([true, 1, 1]);
    expect(bus.count(queue)).toBe(2);
    client.close();
  });

  it('that are aborted half way are forgotten', async () => {
    const queue = bus.queue();
    const client = await open();
    const whole = message('whole');

    client.write(attachSender(queue), transfer(0, whole.subarray(0, 10), { more: true }));
    client.write(transfer(0, Buffer.alloc(0), { aborted: true }), transfer(1, whole));

    expect((await client.next(DISPOSITION)).fields[1]).toBe(1);
    expect(bus.count(queue)).toBe(1);
    client.close();
  });

  it('of a malformed message are rejected, and the link goes on', async () => {
    const queue = bus.queue();
    const client = await open();

    client.write(attachSender(queue), transfer(0, Buffer.from('not a message')), transfer(1, message('fine')));

    const bad = await client.next(DISPOSITION);
    const good = await client.next(DISPOSITION);
    expect([compositeOf(bad.fields[4])?.code, compositeOf(good.fields[4])?.code]).toEqual([0x25, 0x24]);
    client.close();
  });
});

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
    const client = await open();
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
    const client = await open();

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
    const client = await open();
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
  it('of ranges that were never sent cost nothing', async () => {
    const client = await open();
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

describe('links, sessions and connections', () => {
  it('are closed as the client closes them, and handles and names can be used again', async () => {
    const queue = bus.queue();
    const client = await open();
    for (const closed of [false, true]) {
      client.write(attachReceiver(queue));
      await client.next(ATTACH);
      client.write(frame(DETACH, [uint(0), closed]));
      expect((await client.next(DETACH)).fields.slice(0, 2)).toEqual([0, closed]);
    }
    client.write(frame(END, []));
    await client.next(END);
    client.write(begin);
    await client.next(BEGIN);
    client.write(frame(CLOSE, []));
    await client.next(CLOSE);
    await client.closed();
  });

  it('refuse transactions with a reason', async () => {
    const client = await open();
    client.write(
      frame(ATTACH, [
        'tx',
        uint(0),
        false,
        null,
        null,
        source('me'),
        new Described(ulong(0x30), []),
        null,
        null,
        uint(0),
      ]),
    );

    const { fields } = await client.next(DETACH);
    expect(compositeOf(fields[2])?.fields.slice(0, 2)).toEqual([
      'amqp:not-implemented',
      expect.stringContaining('transactions'),
    ]);
    client.close();
  });

  it.each([
    ['a frame that is too large', Buffer.from([0x7f, 0xff, 0xff, 0xff, 2, 0, 0, 0]), 'amqp:connection:framing-error'],
    ['a frame without a size', Buffer.from([0, 0, 0, 0, 2, 0, 0, 0]), 'amqp:connection:framing-error'],
    ['a transfer to no link', transfer(0, message('x')), 'amqp:session:unattached-handle'],
    ['a frame for no session', frame(FLOW, [], { channel: 9 }), 'amqp:not-allowed'],
    ['an unknown performative', frame(0x99, []), 'amqp:not-implemented'],
  ])('end the connection for %s, saying why', async (_, bytes, condition) => {
    const client = await open();

    client.write(bytes);

    expect(compositeOf((await client.next(CLOSE)).fields[0])?.fields[0]).toBe(condition);
    await client.closed();
  });

  it('are five hundred at once without trouble', async () => {
    const queue = bus.queue();
    const clients = await Promise.all(
      Array.from({ length: 500 }, async () => {
        const client = await open();
        client.write(attachSender(queue), transfer(0, message('x')));
        return client;
      }),
    );

    await Promise.all(clients.map((client) => client.next(DISPOSITION)));

    expect(bus.count(queue)).toBe(500);
    for (const client of clients) client.close();
  });

  it('need a token when they must have one', async () => {
    const strict = await startBus({ requireToken: true });
    const queue = strict.queue();
    const client = await RawClient.open(strict.port);
    client.write(begin, attachSender(queue));

    const { fields } = await client.next(DETACH);

    expect(compositeOf(fields[2])?.fields[0]).toBe('amqp:unauthorized-access');
    client.close();
    const sdk = strict.connect();
    await sdk.createSender(queue).sendMessages({ body: 1 });
    expect(strict.count(queue)).toBe(1);
    await sdk.close();
    await strict.close();
  });

  it('are cut by a fault after the send was done, and before it was answered', async () => {
    const queue = bus.queue();
    const client = await open();
    bus.broker.faults.add({ on: 'send', path: queue, effect: 'cut-connection' });

    client.write(attachSender(queue), transfer(0, message('x')));

    await client.closed();
    expect(bus.count(queue)).toBe(1);
    expect(client.received.some((item) => typeof item === 'object' && item.code === DISPOSITION)).toBe(false);
  });

  it('that are cut give back what they held locked', async () => {
    const queue = bus.queue();
    const client = await open();
    client.write(attachSender(queue), transfer(0, message('held')), attachReceiver(queue), flow(0, 1));
    await client.next(TRANSFER);
    const other = await open();
    other.write(attachReceiver(queue), flow(0, 1));
    await other.next(ATTACH);

    createConnection(bus.port, '127.0.0.1').destroy();
    client.close();

    expect((await other.next(TRANSFER)).payload.includes('held')).toBe(true);
    other.close();
  });
});
