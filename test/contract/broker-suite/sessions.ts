/** The contract of sessions: exclusive, ordered, with a state. */
import { expect } from 'vitest';
import type { Bench } from '../broker.ts';
import { bodiesOf, one } from './support.ts';

export function sessions({ driver, name, test }: Bench): void {
  const queueWith = async (...messages: (readonly [string, string])[]): Promise<string> => {
    const queue = name('q');
    await driver().createQueue(queue, { requiresSession: true, lockDurationMs: 30_000 });
    const batch = messages.map(([sessionId, body]) => ({ sessionId, body }));
    if (batch.length > 0) await driver().send(queue, batch);
    return queue;
  };

  test('delivers a session in order to its one holder', ['administration'], async () => {
    const queue = await queueWith(['a', '1'], ['b', '2'], ['a', '3']);

    const session = await driver().acceptSession(queue, 'a');
    const received = await session.receive(5);

    expect(bodiesOf(received)).toEqual(['1', '3']);
    await expect(driver().acceptSession(queue, 'a')).rejects.toMatchObject({ code: 'SessionCannotBeLocked' });
    for (const message of received) await session.complete(message);
    await session.close();
  });

  test('gives out the next free session, and none when all are taken', ['administration'], async () => {
    const queue = await queueWith(['a', '1'], ['b', '2']);

    const [first, second] = [await driver().acceptNextSession(queue), await driver().acceptNextSession(queue)];
    const third = await driver().acceptNextSession(queue);

    expect([first?.sessionId, second?.sessionId].sort()).toEqual(['a', 'b']);
    expect(third).toBeUndefined();
    await first?.close();
    await second?.close();
  });

  test('keeps the state of a session beyond its holder', ['administration'], async () => {
    const queue = await queueWith(['a', '1']);
    const before = await driver().acceptSession(queue, 'a');
    await before.setState('step 2');
    await before.close();

    const after = await driver().acceptSession(queue, 'a');

    expect(await after.getState()).toBe('step 2');
    await after.setState(undefined);
    expect(await after.getState()).toBeUndefined();
    await after.close();
  });

  test('returns what a closing holder did not settle, in order and not counted', ['administration'], async () => {
    const queue = await queueWith(['a', '1'], ['a', '2'], ['a', '3']);
    const before = await driver().acceptSession(queue, 'a');
    await before.receive(2);
    await before.close();

    const after = await driver().acceptSession(queue, 'a');
    const received = await after.receive(3);
    await after.close();

    expect(received.map(({ body, deliveryCount }) => [body, deliveryCount])).toEqual([
      ['1', 0],
      ['2', 0],
      ['3', 0],
    ]);
  });

  test(
    'takes a session away when its lock expires, and counts the delivery',
    ['administration', 'virtualTime'],
    async () => {
      const queue = await queueWith(['a', '1']);
      const before = await driver().acceptSession(queue, 'a');
      const message = one(await before.receive(1));

      await driver().advance(30_001);

      await expect(before.complete(message)).rejects.toMatchObject({ code: 'SessionLockLost' });
      const after = await driver().acceptSession(queue, 'a');
      expect(await after.receive(1)).toMatchObject([{ body: '1', deliveryCount: 1 }]);
      await after.close();
    },
  );

  test('keeps a session whose lock is renewed', ['administration', 'virtualTime'], async () => {
    const queue = await queueWith(['a', '1']);
    const session = await driver().acceptSession(queue, 'a');
    const message = one(await session.receive(1));

    await driver().advance(20_000);
    await session.renewSession();
    await driver().advance(20_000);

    await session.complete(message);
    await session.close();
  });

  test('refuses messages without a session', ['administration'], async () => {
    const queue = await queueWith();

    await expect(driver().send(queue, [{ body: 'x' }])).rejects.toThrow();
  });
}
