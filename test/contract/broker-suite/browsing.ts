/** The contract of browsing: peeking shows what is there and changes nothing. */
import { type Section, section } from '../broker-case.ts';
import { AMQP_REQUESTS, BATCH_DELETE, BROWSING, DEFERRAL, PAYLOADS } from './sources.ts';
import { bodiesOf, deadLettersOf, drainBodies, one, queueWith, subscribed } from './support.ts';

const deleting = { source: BATCH_DELETE, needs: ['batchDelete'] } as const;

export const browsing: Section = section('browsing', ({ test }) => {
  test('shows messages without locking them', BROWSING, async (bench, expect) => {
    const { driver } = bench;
    const queue = await queueWith(bench, {}, ['1', '2']);

    expect(bodiesOf(await driver.peek(queue, 10))).toEqual(['1', '2']);
    expect(await drainBodies(driver, queue)).toEqual(['1', '2']);
  });

  test('does not count as a delivery', PAYLOADS, async (bench, expect) => {
    const { driver } = bench;
    const queue = await queueWith(bench, {}, ['1']);
    await driver.peek(queue, 10);

    expect(await driver.peek(queue, 10)).toMatchObject([{ deliveryCount: 0 }]);
  });

  test('shows at most as many messages as are asked for', BROWSING, async (bench, expect) => {
    const queue = await queueWith(bench, {}, ['1', '2', '3']);

    expect(bodiesOf(await bench.driver.peek(queue, 2))).toEqual(['1', '2']);
  });

  test('begins at the number that it is given', BROWSING, async (bench, expect) => {
    const queue = await queueWith(bench, {}, ['1', '2', '3']);
    const [, second] = await bench.driver.peek(queue, 3);
    const receiver = await bench.driver.receiver(queue);

    expect(bodiesOf(await receiver.peek(10, second?.sequenceNumber))).toEqual(['2', '3']);
    await receiver.close();
  });

  test('begins at the next message where a number is gone', BROWSING, async (bench, expect) => {
    const { driver } = bench;
    const queue = await queueWith(bench, {}, ['1', '2', '3']);
    const [first] = await driver.peek(queue, 1);
    const receiver = await driver.receiver(queue);
    await receiver.complete(one(await receiver.receive(1)));

    expect(bodiesOf(await receiver.peek(10, first?.sequenceNumber))).toEqual(['2', '3']);
    await receiver.close();
  });

  test('shows nothing of an empty queue', BROWSING, async (bench, expect) => {
    const queue = await queueWith(bench);

    expect(await bench.driver.peek(queue, 10)).toEqual([]);
  });

  test('shows locked messages', BROWSING, async (bench, expect) => {
    const { driver } = bench;
    const queue = await queueWith(bench, {}, ['1', '2']);
    const receiver = await driver.receiver(queue);
    await receiver.receive(1);

    expect(bodiesOf(await driver.peek(queue, 10))).toEqual(['1', '2']);
    await receiver.close();
  });

  test('shows no dead letters where they came from', DEFERRAL, async (bench, expect) => {
    const { driver } = bench;
    const queue = await queueWith(bench, {}, ['1']);
    const receiver = await driver.receiver(queue);
    await receiver.deadLetter(one(await receiver.receive(1)));
    await receiver.close();

    expect(await driver.peek(queue, 10)).toEqual([]);
  });

  test('shows dead letters in their queue', BROWSING, async (bench, expect) => {
    const { driver } = bench;
    const queue = await queueWith(bench, {}, ['1']);
    const receiver = await driver.receiver(queue);
    await receiver.deadLetter(one(await receiver.receive(1)), 'Broken');
    await receiver.close();

    expect(await driver.peek(deadLettersOf(queue), 10)).toMatchObject([{ body: '1', deadLetterReason: 'Broken' }]);
  });

  test('shows what a subscription holds', BROWSING, async (bench, expect) => {
    const { topic, path } = await subscribed(bench);
    await bench.driver.send(topic, [{ body: '1' }]);

    expect(bodiesOf(await bench.driver.peek(path, 10))).toEqual(['1']);
  });

  test('shows the messages of its own session to the holder', AMQP_REQUESTS, async (bench, expect) => {
    const { driver } = bench;
    const queue = await queueWith(bench, { requiresSession: true }, [
      { body: '1', sessionId: 'a' },
      { body: '2', sessionId: 'b' },
      { body: '3', sessionId: 'a' },
    ]);
    const session = await driver.acceptSession(queue, 'a');

    expect(bodiesOf(await session.peek(10))).toEqual(['1', '3']);
    await session.close();
  });

  test('deletes in a batch what was enqueued before a time', deleting, async (bench, expect) => {
    const { driver } = bench;
    const queue = await queueWith(bench, {}, ['1', '2', '3']);
    const receiver = await driver.receiver(queue);

    expect(await receiver.deleteMessages(10, driver.now() + 1_000)).toBe(3);
    expect(await driver.peek(queue, 10)).toEqual([]);
    await receiver.close();
  });

  test('deletes the oldest first, and as many as are asked for', deleting, async (bench, expect) => {
    const { driver } = bench;
    const queue = await queueWith(bench, {}, ['1', '2', '3']);
    const receiver = await driver.receiver(queue);

    expect(await receiver.deleteMessages(2, driver.now() + 1_000)).toBe(2);
    expect(bodiesOf(await driver.peek(queue, 10))).toEqual(['3']);
    await receiver.close();
  });

  test(
    'deletes nothing that came later',
    { source: BATCH_DELETE, needs: ['batchDelete', 'time'] },
    async (bench, expect) => {
      const { driver } = bench;
      const queue = await queueWith(bench, {}, ['old']);
      const before = driver.now();
      await driver.advance(5_000);
      await driver.send(queue, [{ body: 'new' }]);
      const receiver = await driver.receiver(queue);

      expect(await receiver.deleteMessages(10, before)).toBe(1);
      expect(bodiesOf(await driver.peek(queue, 10))).toEqual(['new']);
      await receiver.close();
    },
  );

  test('deletes no message that is locked', deleting, async (bench, expect) => {
    const { driver } = bench;
    const queue = await queueWith(bench, {}, ['locked', 'free']);
    const receiver = await driver.receiver(queue);
    await receiver.receive(1);

    expect(await receiver.deleteMessages(10, driver.now() + 1_000)).toBe(1);
    expect(bodiesOf(await driver.peek(queue, 10))).toEqual(['locked']);
    await receiver.close();
  });

  test('deletes dead letters too', deleting, async (bench, expect) => {
    const { driver } = bench;
    const queue = await queueWith(bench, {}, ['1']);
    const receiver = await driver.receiver(queue);
    await receiver.deadLetter(one(await receiver.receive(1)));
    const dead = await driver.receiver(deadLettersOf(queue));

    expect(await dead.deleteMessages(10, driver.now() + 1_000)).toBe(1);
    await Promise.all([receiver.close(), dead.close()]);
  });
});
