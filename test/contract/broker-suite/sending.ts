/** The contract of sending: batches, what a message says of itself, numbers, fan-out. */
import { type Section, section } from '../broker-case.ts';
import {
  COUNTS,
  DEAD_LETTERS,
  EXCEPTIONS,
  IDS,
  NAMES,
  PAYLOADS,
  QUEUES_AND_TOPICS,
  QUOTAS,
  SEQUENCING,
} from './sources.ts';
import { drain, drainBodies, KB, one, queueWith, subscribed, textOf } from './support.ts';

export const sending: Section = section('sending', ({ test }) => {
  test('delivers in order what was sent as one batch', SEQUENCING, async (bench, expect) => {
    const queue = await queueWith(bench, {}, ['1', '2', '3']);

    expect(await drainBodies(bench.driver, queue)).toEqual(['1', '2', '3']);
  });

  test('delivers in order what was sent one by one', SEQUENCING, async (bench, expect) => {
    const queue = await queueWith(bench);
    for (const body of ['1', '2', '3']) await bench.driver.send(queue, [{ body }]);

    expect(await drainBodies(bench.driver, queue)).toEqual(['1', '2', '3']);
  });

  test('hands out the system properties as they were sent', PAYLOADS, async (bench, expect) => {
    const sent = {
      body: 'text',
      messageId: 'id-1',
      correlationId: 'chain',
      subject: 'Kind',
      to: 'somewhere',
      replyTo: 'back',
      replyToSessionId: 'their session',
      contentType: 'text/plain',
    };
    const queue = await queueWith(bench, {}, [sent]);

    expect(await drain(bench.driver, queue)).toMatchObject([{ ...sent, deliveryCount: 0, state: 'active' }]);
  });

  test(
    'hands out texts, booleans, whole and other numbers as application properties',
    PAYLOADS,
    async (bench, expect) => {
      const applicationProperties = { text: 'a', empty: '', yes: true, no: false, whole: 7, negative: -1, half: 0.5 };
      const queue = await queueWith(bench, {}, [{ body: 'x', applicationProperties }]);

      expect(one(await drain(bench.driver, queue)).applicationProperties).toEqual(applicationProperties);
    },
  );

  test('keeps names of application properties apart that differ by case', PAYLOADS, async (bench, expect) => {
    const applicationProperties = { a: 1, A: 2 };
    const queue = await queueWith(bench, {}, [{ body: 'x', applicationProperties }]);

    expect(one(await drain(bench.driver, queue)).applicationProperties).toEqual(applicationProperties);
  });

  test('takes a message with an empty body', PAYLOADS, async (bench, expect) => {
    const queue = await queueWith(bench, {}, [{ body: '', subject: 'nothing' }]);

    expect(await drain(bench.driver, queue)).toMatchObject([{ body: '', subject: 'nothing' }]);
  });

  test('keeps text in any language', PAYLOADS, async (bench, expect) => {
    const text = 'привет, 世界 🚌';
    const queue = await queueWith(bench, {}, [{ body: text, subject: text, applicationProperties: { [text]: text } }]);

    expect(await drain(bench.driver, queue)).toMatchObject([
      { body: text, subject: text, applicationProperties: { [text]: text } },
    ]);
  });

  test('gives a message an id when the sender did not', IDS, async (bench, expect) => {
    const queue = await queueWith(bench, {}, ['x', 'y']);

    const ids = (await drain(bench.driver, queue)).map(({ messageId }) => messageId);
    expect(new Set(ids).size).toBe(2);
    expect(ids.every((id) => id.length > 0)).toBe(true);
  });

  test('takes two messages of one id where duplicates are not detected', PAYLOADS, async (bench, expect) => {
    const twins = ['1', '2'].map((body) => ({ body, messageId: 'same' }));
    const queue = await queueWith(bench, {}, twins);

    expect(await drainBodies(bench.driver, queue)).toEqual(['1', '2']);
  });

  test('numbers messages in ascending order, without a gap', SEQUENCING, async (bench, expect) => {
    const queue = await queueWith(bench, {}, ['1']);
    await bench.driver.send(queue, [{ body: '2' }]);

    const [first, second] = (await drain(bench.driver, queue)).map(({ sequenceNumber }) => BigInt(sequenceNumber));
    expect(second).toBe((first ?? 0n) + 1n);
  });

  test('never uses a number again, whatever became of its message', SEQUENCING, async (bench, expect) => {
    const queue = await queueWith(bench, {}, ['1']);
    const before = one(await drain(bench.driver, queue));
    await bench.driver.send(queue, [{ body: '2' }]);

    const after = one(await drain(bench.driver, queue));
    expect(BigInt(after.sequenceNumber)).toBeGreaterThan(BigInt(before.sequenceNumber));
  });

  test('says when a message was enqueued', SEQUENCING, async (bench, expect) => {
    const before = bench.driver.now();
    const queue = await queueWith(bench, {}, ['x']);

    const { enqueuedAt } = one(await drain(bench.driver, queue));
    // Clocks differ a little.
    expect(Math.abs(enqueuedAt - before)).toBeLessThan(60_000);
  });

  test('refuses to send to an entity that is not there', EXCEPTIONS, async ({ driver, name }, expect) => {
    await expect(driver.send(name('nowhere'), [{ body: 'x' }])).rejects.toMatchObject({
      code: 'MessagingEntityNotFound',
    });
  });

  test('finds an entity whatever the case of its name', NAMES, async (bench, expect) => {
    const queue = await queueWith(bench);
    await bench.driver.send(queue.toUpperCase(), [{ body: 'x' }]);

    expect(await drainBodies(bench.driver, queue)).toEqual(['x']);
  });

  test('refuses to send to a subscription', QUEUES_AND_TOPICS, async (bench, expect) => {
    const { path } = await subscribed(bench);

    await expect(bench.driver.send(path, [{ body: 'x' }])).rejects.toThrow();
  });

  test('refuses to send to a dead-letter queue', DEAD_LETTERS, async (bench, expect) => {
    const queue = await queueWith(bench);

    await expect(bench.driver.send(`${queue}/$DeadLetterQueue`, [{ body: 'x' }])).rejects.toThrow();
  });

  test('refuses a message above the size limit', QUOTAS, async (bench, expect) => {
    const queue = await queueWith(bench);

    await expect(bench.driver.send(queue, [{ body: textOf(300 * KB) }])).rejects.toMatchObject({
      code: 'MessageSizeExceeded',
    });
    expect(await drain(bench.driver, queue)).toEqual([]);
  });

  test('takes a message just below the size limit', QUOTAS, async (bench, expect) => {
    const queue = await queueWith(bench, {}, [textOf(250 * KB)]);

    expect(one(await drain(bench.driver, queue)).body.length).toBe(250 * KB);
  });

  test('copies what is sent to a topic to each of its subscriptions', QUEUES_AND_TOPICS, async (bench, expect) => {
    const { topic, path } = await subscribed(bench);
    await bench.driver.createSubscription(topic, 'b');

    await bench.driver.send(topic, [{ body: '1' }, { body: '2' }]);

    expect(await drainBodies(bench.driver, path)).toEqual(['1', '2']);
    expect(await drainBodies(bench.driver, `${topic}/Subscriptions/b`)).toEqual(['1', '2']);
  });

  test('drops what is sent to a topic without subscriptions', QUEUES_AND_TOPICS, async ({ driver, name }, expect) => {
    const topic = name('t');
    await driver.createTopic(topic);
    await driver.send(topic, [{ body: 'early' }]);
    await driver.createSubscription(topic, 's');

    expect(await drain(driver, `${topic}/Subscriptions/s`)).toEqual([]);
  });

  test('settles the copies of a message independently', QUEUES_AND_TOPICS, async (bench, expect) => {
    const { topic, path } = await subscribed(bench);
    await bench.driver.createSubscription(topic, 'b');
    await bench.driver.send(topic, [{ body: 'x' }]);

    expect(await drainBodies(bench.driver, path)).toEqual(['x']);

    expect(await bench.driver.peek(`${topic}/Subscriptions/b`, 10)).toMatchObject([{ body: 'x' }]);
  });

  test('gives a message the same enqueued number in each subscription', SEQUENCING, async (bench, expect) => {
    const { topic, path } = await subscribed(bench);
    await bench.driver.send(topic, [{ body: 'before' }]);
    await bench.driver.createSubscription(topic, 'b');
    await bench.driver.send(topic, [{ body: 'x' }]);

    const [, here] = await drain(bench.driver, path);
    const there = one(await drain(bench.driver, `${topic}/Subscriptions/b`));
    expect(there.enqueuedSequenceNumber).toBe(here?.enqueuedSequenceNumber);
  });

  test('counts what waits, what is scheduled and what is dead', COUNTS, async (bench, expect) => {
    const queue = await queueWith(bench, {}, ['1', '2', '3']);
    await bench.driver.schedule(queue, [{ body: '4' }], bench.driver.now() + 3_600_000);
    const receiver = await bench.driver.receiver(queue);
    const [first, second] = await receiver.receive(2);
    if (first) await receiver.deadLetter(first, 'Test');
    if (second) await receiver.complete(second);
    await receiver.close();

    expect(await bench.driver.counts(queue)).toMatchObject({ active: 1, deadLetter: 1, scheduled: 1, total: 3 });
  });

  test('counts a locked message as active', 'https://github.com/kedacore/keda/pull/1214', async (bench, expect) => {
    const queue = await queueWith(bench, {}, ['1', '2']);
    const receiver = await bench.driver.receiver(queue);
    await receiver.receive(1);

    expect(await bench.driver.counts(queue)).toMatchObject({ active: 2 });
    await receiver.close();
  });

  test(
    'takes a batch whole or not at all',
    'https://github.com/Azure/azure-sdk-for-net/issues/40409',
    async (bench, expect) => {
      const queue = await queueWith(bench);

      const sending = bench.driver.send(queue, [{ body: '1' }, { body: '2', messageId: textOf(129) }, { body: '3' }]);

      await expect(sending).rejects.toThrow();
      expect(await drain(bench.driver, queue)).toEqual([]);
    },
  );
});
