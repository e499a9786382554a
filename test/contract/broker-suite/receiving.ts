/** The contract of receiving: locks and their ends, settlement, redelivery. */
import { type Section, section } from '../broker-case.ts';
import {
  ABANDONING,
  AMQP_REQUESTS,
  DEAD_LETTERS,
  EXCEPTIONS,
  JS_RECEIVING,
  PAYLOADS,
  QUEUES_AND_TOPICS,
  SEQUENCING,
  SETTLEMENT,
} from './sources.ts';
import { bodiesOf, drain, drainBodies, one, queueWith, subscribed } from './support.ts';

const LOCK = 30_000;
const locking = { lockDurationMs: LOCK };
const timed = { source: SETTLEMENT, needs: ['time'] } as const;

export const receiving: Section = section('receiving', ({ test }) => {
  test('gives a locked message to no other receiver', SETTLEMENT, async (bench, expect) => {
    const { driver } = bench;
    const queue = await queueWith(bench, locking, ['1', '2']);
    const [a, b] = [await driver.receiver(queue), await driver.receiver(queue)];

    const first = await a.receive(1);
    const second = await b.receive(2);

    expect([bodiesOf(first), bodiesOf(second)]).toEqual([['1'], ['2']]);
    await Promise.all([a.close(), b.close()]);
  });

  test('removes a completed message', SETTLEMENT, async (bench, expect) => {
    const { driver } = bench;
    const queue = await queueWith(bench, locking, ['1', '2']);
    const receiver = await driver.receiver(queue);
    await receiver.complete(one(await receiver.receive(1)));
    await receiver.close();

    expect((await driver.peek(queue, 10)).map(({ body }) => body)).toEqual(['2']);
  });

  test('removes at once what is received in the mode receive-and-delete', SETTLEMENT, async (bench, expect) => {
    const { driver } = bench;
    const queue = await queueWith(bench, locking, ['1']);
    const receiver = await driver.receiver(queue, 'receiveAndDelete');
    const received = await receiver.receive(1);

    expect(await driver.peek(queue, 10)).toEqual([]);
    expect(one(received).lockedUntil).toBeUndefined();
    await receiver.close();
  });

  test('gives no more messages than a receiver asks for', JS_RECEIVING, async (bench, expect) => {
    const { driver } = bench;
    const queue = await queueWith(bench, locking, ['1', '2', '3']);
    const receiver = await driver.receiver(queue);

    expect(bodiesOf(await receiver.receive(2))).toEqual(['1', '2']);
    await receiver.close();
  });

  test('says until when a message is locked', SETTLEMENT, async (bench, expect) => {
    const { driver } = bench;
    const queue = await queueWith(bench, locking, ['1']);
    const receiver = await driver.receiver(queue);
    const { lockedUntil = 0 } = one(await receiver.receive(1));

    expect(Math.abs(lockedUntil - driver.now() - LOCK)).toBeLessThan(10_000);
    await receiver.close();
  });

  test('brings an abandoned message back to its place', SETTLEMENT, async (bench, expect) => {
    const { driver } = bench;
    const queue = await queueWith(bench, locking, ['1', '2']);
    const receiver = await driver.receiver(queue);
    await receiver.abandon(one(await receiver.receive(1)));

    expect(bodiesOf(await receiver.receive(2))).toEqual(['1', '2']);
    await receiver.close();
  });

  test('counts an abandoned delivery', [DEAD_LETTERS, SETTLEMENT], async (bench, expect) => {
    const { driver } = bench;
    const queue = await queueWith(bench, locking, ['1']);
    const receiver = await driver.receiver(queue);
    await receiver.abandon(one(await receiver.receive(1)));
    await receiver.abandon(one(await receiver.receive(1)));

    expect(await receiver.receive(1)).toMatchObject([{ deliveryCount: 2 }]);
    await receiver.close();
  });

  test('adds the properties that come with an abandonment', ABANDONING, async (bench, expect) => {
    const { driver } = bench;
    const queue = await queueWith(bench, locking, [{ body: '1', applicationProperties: { kept: 1, changed: 'a' } }]);
    const receiver = await driver.receiver(queue);
    await receiver.abandon(one(await receiver.receive(1)), { note: 'tried', changed: 'b' });

    expect(one(await receiver.receive(1)).applicationProperties).toEqual({ kept: 1, changed: 'b', note: 'tried' });
    await receiver.close();
  });

  test('gives an abandoned message to any receiver', SETTLEMENT, async (bench, expect) => {
    const { driver } = bench;
    const queue = await queueWith(bench, locking, ['1']);
    const [a, b] = [await driver.receiver(queue), await driver.receiver(queue)];
    await a.abandon(one(await a.receive(1)));

    expect(await b.receive(1)).toMatchObject([{ body: '1', deliveryCount: 1 }]);
    await Promise.all([a.close(), b.close()]);
  });

  test('brings a message back when its lock expires, counted', timed, async (bench, expect) => {
    const { driver } = bench;
    const queue = await queueWith(bench, locking, ['1']);
    const receiver = await driver.receiver(queue);
    await receiver.receive(1);
    await driver.advance(LOCK + 1_000);

    expect(await receiver.receive(1)).toMatchObject([{ body: '1', deliveryCount: 1 }]);
    await receiver.close();
  });

  for (const [how, settle] of [
    ['complete', 'complete'],
    ['abandon', 'abandon'],
    ['defer', 'defer'],
    ['dead-letter', 'deadLetter'],
  ] as const) {
    test(
      `refuses to ${how} a message whose lock expired`,
      { source: EXCEPTIONS, needs: ['time'] },
      async (bench, expect) => {
        const { driver } = bench;
        const queue = await queueWith(bench, locking, ['1']);
        const receiver = await driver.receiver(queue);
        const message = one(await receiver.receive(1));
        await driver.advance(LOCK + 1_000);

        await expect(receiver[settle](message)).rejects.toMatchObject({ code: 'MessageLockLost' });
        await receiver.close();
      },
    );
  }

  test('refuses to renew a lock that expired', { source: EXCEPTIONS, needs: ['time'] }, async (bench, expect) => {
    const { driver } = bench;
    const queue = await queueWith(bench, locking, ['1']);
    const receiver = await driver.receiver(queue);
    const message = one(await receiver.receive(1));
    await driver.advance(LOCK + 1_000);

    await expect(receiver.renewLock(message)).rejects.toMatchObject({ code: 'MessageLockLost' });
    await receiver.close();
  });

  test('keeps a lock that is renewed', timed, async (bench, expect) => {
    const { driver } = bench;
    const queue = await queueWith(bench, locking, ['1']);
    const receiver = await driver.receiver(queue);
    const message = one(await receiver.receive(1));
    await driver.advance(20_000);
    await receiver.renewLock(message);
    await driver.advance(20_000);
    await receiver.complete(message);
    await receiver.close();

    expect(await drain(driver, queue)).toEqual([]);
  });

  test('renews a lock for a whole duration from now on', { ...timed, source: AMQP_REQUESTS }, async (bench, expect) => {
    const { driver } = bench;
    const queue = await queueWith(bench, locking, ['1']);
    const receiver = await driver.receiver(queue);
    const message = one(await receiver.receive(1));
    await driver.advance(20_000);

    expect(Math.abs((await receiver.renewLock(message)) - driver.now() - LOCK)).toBeLessThan(5_000);
    await receiver.close();
  });

  test('does not count a delivery whose lock is renewed', { ...timed, source: PAYLOADS }, async (bench, expect) => {
    const { driver } = bench;
    const queue = await queueWith(bench, locking, ['1']);
    const receiver = await driver.receiver(queue);
    const message = one(await receiver.receive(1));
    await driver.advance(20_000);
    await receiver.renewLock(message);
    await receiver.abandon(message);

    expect(await receiver.receive(1)).toMatchObject([{ deliveryCount: 1 }]);
    await receiver.close();
  });

  test('returns the messages of a receiver that closes, in order', SETTLEMENT, async (bench, expect) => {
    const { driver } = bench;
    const queue = await queueWith(bench, { lockDurationMs: 5_000 }, ['1', '2', '3']);
    const receiver = await driver.receiver(queue);
    await receiver.receive(2);
    await receiver.close();

    const seen: string[] = [];
    // The service returns them when their locks expire.
    for (let attempt = 0; attempt < 5 && seen.length < 3; attempt++) seen.push(...(await drainBodies(driver, queue)));
    expect(seen.sort()).toEqual(['1', '2', '3']);
  });

  test('settles a lock that lives beside one that is lost', timed, async (bench, expect) => {
    const { driver } = bench;
    const queue = await queueWith(bench, locking, ['1', '2']);
    const receiver = await driver.receiver(queue);
    const [first, second] = await receiver.receive(2);
    if (!first || !second) throw new Error('expected two messages');
    await driver.advance(20_000);
    await receiver.renewLock(second);
    await driver.advance(15_000);

    const settled = await Promise.allSettled([receiver.complete(first), receiver.complete(second)]);
    await receiver.close();

    expect(settled.map(({ status }) => status)).toEqual(['rejected', 'fulfilled']);
    expect(await drainBodies(driver, queue)).toEqual(['1']);
  });

  test('lets later messages be settled before earlier ones', SEQUENCING, async (bench, expect) => {
    const { driver } = bench;
    const queue = await queueWith(bench, locking, ['1', '2', '3']);
    const receiver = await driver.receiver(queue);
    const messages = await receiver.receive(3);
    for (const message of messages.toReversed()) await receiver.complete(message);
    await receiver.close();

    expect(await driver.peek(queue, 10)).toEqual([]);
  });

  test('shares the messages of a queue among its receivers', QUEUES_AND_TOPICS, async (bench, expect) => {
    const { driver } = bench;
    const queue = await queueWith(bench, locking, ['1', '2', '3', '4']);
    const [a, b] = [await driver.receiver(queue), await driver.receiver(queue)];
    const taken = [...(await a.receive(2)), ...(await b.receive(2))];

    expect(bodiesOf(taken).sort()).toEqual(['1', '2', '3', '4']);
    await Promise.all([a.close(), b.close()]);
  });

  test('receives from a subscription by its own path', QUEUES_AND_TOPICS, async (bench, expect) => {
    const { topic, path } = await subscribed(bench, locking);
    await bench.driver.send(topic, [{ body: 'x' }]);
    const receiver = await bench.driver.receiver(path);
    await receiver.complete(one(await receiver.receive(1)));
    await receiver.close();

    expect(await bench.driver.peek(path, 10)).toEqual([]);
  });

  test('refuses to receive from an entity that is not there', EXCEPTIONS, async ({ driver, name }, expect) => {
    const attempt = async (): Promise<unknown> => (await driver.receiver(name('nowhere'))).receive(1);

    await expect(attempt()).rejects.toMatchObject({ code: 'MessagingEntityNotFound' });
  });

  test('refuses to receive from a topic', QUEUES_AND_TOPICS, async (bench, expect) => {
    const { topic } = await subscribed(bench);
    const attempt = async (): Promise<unknown> => (await bench.driver.receiver(topic)).receive(1);

    await expect(attempt()).rejects.toThrow();
  });

  test('refuses to receive from a subscription that is not there', EXCEPTIONS, async (bench, expect) => {
    const { topic } = await subscribed(bench);
    const attempt = async (): Promise<unknown> =>
      (await bench.driver.receiver(`${topic}/Subscriptions/none`)).receive(1);

    await expect(attempt()).rejects.toMatchObject({ code: 'MessagingEntityNotFound' });
  });

  test('takes a queue that was made again for a new one', QUEUES_AND_TOPICS, async (bench, expect) => {
    const { driver } = bench;
    const queue = await queueWith(bench, {}, ['old']);
    await driver.deleteQueue(queue);
    await driver.createQueue(queue);

    expect(await drain(driver, queue)).toEqual([]);
  });
});
