/** The contract of receiving: locks, settlement, redelivery, deferring, peeking. */
import { expect } from 'vitest';
import type { Bench } from '../broker.ts';
import { bodiesOf, drain, one } from './support.ts';

export function receiving({ driver, name, test }: Bench): void {
  const queueWith = async (...bodies: string[]): Promise<string> => {
    const queue = name('q');
    await driver().createQueue(queue, { lockDurationMs: 30_000 });
    await driver().send(
      queue,
      bodies.map((body) => ({ body })),
    );
    return queue;
  };

  test('gives a locked message to no other receiver', ['administration'], async () => {
    const queue = await queueWith('1', '2');
    const [a, b] = [await driver().receiver(queue), await driver().receiver(queue)];

    const first = await a.receive(1);
    const second = await b.receive(2);

    expect([bodiesOf(first), bodiesOf(second)]).toEqual([['1'], ['2']]);
    await a.complete(one(first));
    await b.complete(one(second));
    await Promise.all([a.close(), b.close()]);
    expect(await drain(driver(), queue)).toEqual([]);
  });

  test('brings an abandoned message back to its place, counted', ['administration'], async () => {
    const queue = await queueWith('1', '2');
    const receiver = await driver().receiver(queue);

    await receiver.abandon(one(await receiver.receive(1)), { note: 'tried' });
    const again = await receiver.receive(2);
    await receiver.close();

    expect(again).toMatchObject([
      { body: '1', deliveryCount: 1, applicationProperties: { note: 'tried' } },
      { body: '2', deliveryCount: 0 },
    ]);
  });

  test(
    'brings a message back when its lock expires, and refuses the late settlement',
    ['administration', 'virtualTime'],
    async () => {
      const queue = await queueWith('1');
      const receiver = await driver().receiver(queue);
      const message = one(await receiver.receive(1));

      await driver().advance(30_001);

      await expect(receiver.complete(message)).rejects.toMatchObject({ code: 'MessageLockLost' });
      expect(await receiver.receive(1)).toMatchObject([{ body: '1', deliveryCount: 1 }]);
      await receiver.close();
    },
  );

  test('keeps a lock that is renewed', ['administration', 'virtualTime'], async () => {
    const queue = await queueWith('1');
    const receiver = await driver().receiver(queue);
    const message = one(await receiver.receive(1));

    await driver().advance(20_000);
    const until = await receiver.renewLock(message);
    await driver().advance(20_000);
    await receiver.complete(message);
    await receiver.close();

    expect(until).toBe(driver().now() - 20_000 + 30_000);
    expect(await drain(driver(), queue)).toEqual([]);
  });

  test('returns the messages of a receiver that closes, in order', ['administration'], async () => {
    const queue = await queueWith('1', '2', '3');
    const receiver = await driver().receiver(queue);
    await receiver.receive(2);

    await receiver.close();

    expect(bodiesOf(await drain(driver(), queue))).toEqual(['1', '2', '3']);
  });

  test('sets a deferred message aside until it is asked for by number', ['administration'], async () => {
    const queue = await queueWith('1', '2');
    const receiver = await driver().receiver(queue);
    const message = one(await receiver.receive(1));

    await receiver.defer(message, { note: 'later' });
    const next = await receiver.receive(2);
    const deferred = one(await receiver.receiveDeferred([message.sequenceNumber]));
    await receiver.complete(deferred);

    expect(bodiesOf(next)).toEqual(['2']);
    expect(deferred).toMatchObject({ body: '1', applicationProperties: { note: 'later' } });
    await expect(receiver.receiveDeferred([message.sequenceNumber])).rejects.toMatchObject({ code: 'MessageNotFound' });
    await receiver.complete(one(next));
    await receiver.close();
  });

  test('shows every message to a peek, from a number on, without locking it', ['administration'], async () => {
    const queue = await queueWith('1', '2', '3');
    const receiver = await driver().receiver(queue);
    const taken = one(await receiver.receive(1));
    await receiver.defer(taken);

    const all = await receiver.peek(10, '1');
    const rest = await receiver.peek(1, all[1]?.sequenceNumber);
    await receiver.close();

    expect(all.map(({ body, state }) => [body, state])).toEqual([
      ['1', 'deferred'],
      ['2', 'active'],
      ['3', 'active'],
    ]);
    expect(bodiesOf(rest)).toEqual(['2']);
    expect(bodiesOf(await drain(driver(), queue))).toEqual(['2', '3']);
  });

  test('refuses to receive from an entity that is not there', [], async () => {
    const attempt = async (): Promise<unknown> => (await driver().receiver(name('nowhere'))).receive(1);

    await expect(attempt()).rejects.toMatchObject({ code: 'MessagingEntityNotFound' });
  });

  test('settles a lock that lives beside one that is lost', ['administration', 'virtualTime'], async () => {
    const queue = await queueWith('1', '2');
    const receiver = await driver().receiver(queue);
    const [first, second] = await receiver.receive(2);
    if (!first || !second) throw new Error('expected two messages');
    await driver().advance(20_000);
    await receiver.renewLock(second);
    await driver().advance(15_000);

    const settled = await Promise.allSettled([receiver.complete(first), receiver.complete(second)]);
    await receiver.close();

    expect(settled.map(({ status }) => status)).toEqual(['rejected', 'fulfilled']);
    expect(bodiesOf(await drain(driver(), queue))).toEqual(['1']);
  });
}
