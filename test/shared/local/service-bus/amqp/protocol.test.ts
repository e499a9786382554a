/** The protocol below the SDK: what other clients do, and what broken ones do. */
import { createConnection } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compositeOf } from '../../../../../shared/local/service-bus/amqp/codec/frames.ts';
import { Described, symbol, uint, ulong } from '../../../../../shared/local/service-bus/amqp/codec/types.ts';
import { AMQP_HEADER, frame, RawClient, SASL_HEADER } from '../../../../support/amqp-client.ts';
import {
  ATTACH,
  attachReceiver,
  attachSender,
  BEGIN,
  begin,
  CLOSE,
  DETACH,
  DISPOSITION,
  END,
  FLOW,
  flow,
  message,
  OPEN,
  open,
  SASL_INIT,
  SASL_OUTCOME,
  source,
  TRANSFER,
  transfer,
} from '../../../../support/amqp-performatives.ts';
import { type LocalBus, startBus } from '../../../../support/bus.ts';

let bus: LocalBus;
beforeAll(async () => {
  bus = await startBus();
});
afterAll(() => bus.close());

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

  it('is answered with every field of each performative, for clients that read past the end of shorter lists', async () => {
    const queue = bus.queue();
    const client = new RawClient(bus.port);
    client.write(AMQP_HEADER, frame(OPEN, ['test']), begin, attachSender(queue), attachReceiver(queue), flow(0, 1));
    client.write(transfer(0, message('hello')));
    const counts: Record<number, number> = {};

    for (const code of [OPEN, BEGIN, ATTACH, FLOW, TRANSFER, DISPOSITION]) {
      counts[code] = (await client.next(code)).fields.length;
    }

    expect(counts).toEqual({ [OPEN]: 10, [BEGIN]: 8, [ATTACH]: 14, [FLOW]: 11, [TRANSFER]: 11, [DISPOSITION]: 6 });
    client.close();
  });

  it.each([
    ['AMQP 0-9-1', Buffer.from('AMQP\0\0\x09\x01', 'latin1')],
    ['HTTP', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
    [
      'HTTP with AMQP in its body',
      Buffer.concat([Buffer.from('POST / HTTP/1.1\r\n\r\n'), AMQP_HEADER, frame(OPEN, ['x'])]),
    ],
    ['TLS', Buffer.from([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc])],
  ])('in %s is answered with the header that is understood, and nothing else', async (_, bytes) => {
    const client = new RawClient(bus.port);
    client.write(bytes);

    await client.next('header 0');
    await client.closed();
    expect(client.received).toEqual([]);
  });

  it.each([
    ['nothing', []],
    ['half a header', [AMQP_HEADER.subarray(0, 4)]],
    ['the header of SASL alone', [SASL_HEADER]],
    ['SASL alone', [SASL_HEADER, init('ANONYMOUS')]],
    ['a header alone', [AMQP_HEADER]],
    ['half an open frame', [AMQP_HEADER, frame(OPEN, ['test']).subarray(0, 9)]],
    ['empty frames', [AMQP_HEADER, Buffer.from([0, 0, 0, 8, 2, 0, 0, 0])]],
  ])('with %s comes to an end, however alive the peer', async (_, bytes) => {
    const strict = await startBus({ openMs: 60 });
    const client = new RawClient(strict.port);
    if (bytes.length > 0) client.write(...bytes);

    await client.closed();

    expect(strict.connectionCount()).toBe(0);
    await strict.close();
  });

  it('beyond those that the namespace allows is closed, and told why', async () => {
    const small = await startBus({ limits: { maxConnections: 2 } });
    const [first, second, third] = [1, 2, 3].map(() => new RawClient(small.port));
    for (const client of [first, second]) {
      client?.write(AMQP_HEADER, frame(OPEN, ['test']));
      await client?.next(OPEN);
    }

    third?.write(AMQP_HEADER, frame(OPEN, ['test']));
    const close = await third?.next(CLOSE);

    expect(compositeOf(close?.fields[0])?.fields.slice(0, 2)).toEqual([
      'amqp:resource-limit-exceeded',
      'the namespace allows at most 2 concurrent connections',
    ]);
    await third?.closed();
    first?.close();
    await first?.closed();
    await expect.poll(() => small.connectionCount()).toBe(1);
    await RawClient.open(small.port);
    await small.close();
  });

  it('that is opened in time stays', async () => {
    const strict = await startBus({ openMs: 60 });
    const slow = new RawClient(strict.port);
    const client = await RawClient.open(strict.port, { idleMs: 60 });

    await slow.closed();

    client.write(begin);
    await client.next(BEGIN);
    client.close();
    await strict.close();
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

  it('are closed when bytes come, but never a whole frame', async () => {
    const impatient = await startBus({ idleMs: 40 });
    const client = await RawClient.open(impatient.port);
    client.write(Buffer.from([0, 0, 255, 255, 2, 0, 0, 0]));
    const drip = setInterval(() => client.write(Buffer.from([0])), 10);

    await client.next(CLOSE);

    clearInterval(drip);
    client.close();
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
    const client = await open(bus);
    client.write(attachReceiver(bus.queue()), flow(0, 10, { drain: true }));

    const { fields } = await client.next(FLOW);

    expect(fields.slice(4, 9)).toEqual([0, 10, 0, null, true]);
    client.close();
  });

  it('answers a drain also when the last credit was used while it was on its way', async () => {
    const queue = bus.queue();
    const client = await open(bus);
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
    const client = await open(bus);

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
    const client = await open(bus);

    client.write(attachSender(queue), transfer(0, message('quiet'), { settled: true }), transfer(1, message('loud')));

    const { fields } = await client.next(DISPOSITION);
    expect(fields.slice(0, 3)).toEqual([true, 1, 1]);
    expect(bus.count(queue)).toBe(2);
    client.close();
  });

  it('that are aborted half way are forgotten', async () => {
    const queue = bus.queue();
    const client = await open(bus);
    const whole = message('whole');

    client.write(attachSender(queue), transfer(0, whole.subarray(0, 10), { more: true }));
    client.write(transfer(0, Buffer.alloc(0), { aborted: true }), transfer(1, whole));

    expect((await client.next(DISPOSITION)).fields[1]).toBe(1);
    expect(bus.count(queue)).toBe(1);
    client.close();
  });

  it('of a malformed message are rejected, and the link goes on', async () => {
    const queue = bus.queue();
    const client = await open(bus);

    client.write(attachSender(queue), transfer(0, Buffer.from('not a message')), transfer(1, message('fine')));

    const bad = await client.next(DISPOSITION);
    const good = await client.next(DISPOSITION);
    expect([compositeOf(bad.fields[4])?.code, compositeOf(good.fields[4])?.code]).toEqual([0x25, 0x24]);
    client.close();
  });
});

describe('links, sessions and connections', () => {
  it('are closed as the client closes them, and handles and names can be used again', async () => {
    const queue = bus.queue();
    const client = await open(bus);
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

  it('are refused ever more slowly where there is nothing, so that a client that never gives up does not spin', async () => {
    const client = await open(bus);
    const refuse = async (): Promise<void> => {
      client.write(attachReceiver('nowhere'));
      await client.next(ATTACH);
      await client.next(DETACH);
      client.write(frame(DETACH, [uint(0), true]));
    };
    const start = performance.now();

    await refuse();
    await refuse();

    expect(performance.now() - start).toBeGreaterThan(240);
    client.close();
  });

  it('refuse transactions with a reason', async () => {
    const client = await open(bus);
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
    const client = await open(bus);

    client.write(bytes);

    expect(compositeOf((await client.next(CLOSE)).fields[0])?.fields[0]).toBe(condition);
    await client.closed();
  });

  it('are served five hundred at once', async () => {
    const queue = bus.queue();
    const clients = await Promise.all(
      Array.from({ length: 500 }, async () => {
        const client = await open(bus);
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
    const client = await open(bus);
    bus.broker.faults.add({ on: 'send', path: queue, effect: 'cut-connection' });

    client.write(attachSender(queue), transfer(0, message('x')));

    await client.closed();
    expect(bus.count(queue)).toBe(1);
    expect(client.received.some((item) => typeof item === 'object' && item.code === DISPOSITION)).toBe(false);
  });

  it('that are cut give back what they held locked', async () => {
    const queue = bus.queue();
    const client = await open(bus);
    client.write(attachSender(queue), transfer(0, message('held')), attachReceiver(queue), flow(0, 1));
    await client.next(TRANSFER);
    const other = await open(bus);
    other.write(attachReceiver(queue), flow(0, 1));
    await other.next(ATTACH);

    createConnection(bus.port, '127.0.0.1').destroy();
    client.close();

    expect((await other.next(TRANSFER)).payload.includes('held')).toBe(true);
    other.close();
  });
});
