/** The contract of sending: batches, duplicates, schedules, limits, fan-out. */
import { expect } from 'vitest';
import type { Bench } from '../broker.ts';
import { bodiesOf, drain } from './support.ts';

export function sending({ driver, name, test }: Bench): void {
  test('delivers in order what was sent as one batch', ['administration'], async () => {
    const queue = name('q');
    await driver().createQueue(queue);

    await driver().send(queue, [{ body: '1' }, { body: '2' }, { body: '3' }]);

    expect(bodiesOf(await drain(driver(), queue))).toEqual(['1', '2', '3']);
  });

  test('hands out what the sender said of a message', ['administration'], async () => {
    const queue = name('q');
    await driver().createQueue(queue);
    const sent = {
      body: 'text',
      messageId: 'id-1',
      correlationId: 'chain',
      subject: 'Kind',
      to: 'somewhere',
      applicationProperties: { text: 'a', yes: true, whole: 7, half: 0.5 },
    };

    await driver().send(queue, [sent]);

    const [received] = await drain(driver(), queue);
    expect(received).toMatchObject({ ...sent, deliveryCount: 0, state: 'active' });
  });

  test('gives a message an id when the sender did not', ['administration'], async () => {
    const queue = name('q');
    await driver().createQueue(queue);

    await driver().send(queue, [{ body: 'x' }, { body: 'y' }]);

    const ids = (await drain(driver(), queue)).map(({ messageId }) => messageId);
    expect(new Set(ids).size).toBe(2);
    expect(ids.every((id) => id.length > 0)).toBe(true);
  });

  test('numbers messages in ascending order', ['administration'], async () => {
    const queue = name('q');
    await driver().createQueue(queue);

    await driver().send(queue, [{ body: '1' }]);
    await driver().send(queue, [{ body: '2' }]);

    const [first, second] = (await drain(driver(), queue)).map(({ sequenceNumber }) => BigInt(sequenceNumber));
    expect(first && second && second > first).toBe(true);
  });

  test('refuses to send to an entity that is not there', [], async () => {
    await expect(driver().send(name('nowhere'), [{ body: 'x' }])).rejects.toMatchObject({
      code: 'MessagingEntityNotFound',
    });
  });

  test(
    'drops a repeated message id inside the window, and takes it after',
    ['administration', 'virtualTime'],
    async () => {
      const queue = name('q');
      await driver().createQueue(queue, {
        requiresDuplicateDetection: true,
        duplicateDetectionHistoryTimeWindowMs: 60_000,
      });

      await driver().send(queue, [
        { body: 'first', messageId: 'm' },
        { body: 'twin', messageId: 'm' },
      ]);
      await driver().advance(59_000);
      await driver().send(queue, [{ body: 'late twin', messageId: 'm' }]);
      await driver().advance(2_000);
      await driver().send(queue, [{ body: 'again', messageId: 'm' }]);

      expect(bodiesOf(await drain(driver(), queue))).toEqual(['first', 'again']);
    },
  );

  test('keeps a scheduled message until its time', ['administration', 'virtualTime'], async () => {
    const queue = name('q');
    await driver().createQueue(queue);
    await driver().schedule(queue, [{ body: 'later' }], driver().now() + 60_000);
    await driver().send(queue, [{ body: 'now' }]);

    const before = bodiesOf(await drain(driver(), queue));
    await driver().advance(60_000);
    const after = bodiesOf(await drain(driver(), queue));

    expect({ before, after }).toEqual({ before: ['now'], after: ['later'] });
  });

  test('schedules what an ordinary send asks to have enqueued later', ['administration', 'virtualTime'], async () => {
    const topic = name('t');
    await driver().createTopic(topic);
    await driver().createSubscription(topic, 's');
    const path = `${topic}/Subscriptions/s`;
    await driver().send(topic, [{ body: 'later', scheduledEnqueueTimeMs: driver().now() + 60_000 }]);

    const before = await drain(driver(), path);
    await driver().advance(60_000);

    expect(before).toEqual([]);
    expect(bodiesOf(await drain(driver(), path))).toEqual(['later']);
  });

  test('cancels a scheduled message, once', ['administration', 'virtualTime'], async () => {
    const queue = name('q');
    await driver().createQueue(queue);
    const numbers = await driver().schedule(queue, [{ body: 'a' }, { body: 'b' }], driver().now() + 60_000);

    await driver().cancelScheduled(queue, numbers.slice(0, 1));

    await expect(driver().cancelScheduled(queue, numbers.slice(0, 1))).rejects.toMatchObject({
      code: 'MessageNotFound',
    });
    await driver().advance(61_000);
    expect(bodiesOf(await drain(driver(), queue))).toEqual(['b']);
  });

  test('shows scheduled messages to a peek', ['administration'], async () => {
    const queue = name('q');
    await driver().createQueue(queue);
    await driver().schedule(queue, [{ body: 'later' }], driver().now() + 3_600_000);

    const receiver = await driver().receiver(queue);
    const peeked = await receiver.peek(10);
    await receiver.close();

    expect(peeked).toMatchObject([{ body: 'later', state: 'scheduled' }]);
  });

  // https://github.com/Azure/azure-service-bus/issues/352, https://github.com/MicrosoftDocs/azure-docs/issues/59641
  test(
    'shows the scheduled messages of a topic to a peek there, and to none at a subscription',
    ['administration'],
    async () => {
      const topic = name('t');
      await driver().createTopic(topic);
      await driver().createSubscription(topic, 's');
      const [number = ''] = await driver().schedule(topic, [{ body: 'later' }], driver().now() + 3_600_000);

      expect(await driver().peek(topic, 10)).toMatchObject([
        { body: 'later', state: 'scheduled', sequenceNumber: number },
      ]);
      expect(await driver().peek(`${topic}/Subscriptions/s`, 10)).toEqual([]);
      await driver().cancelScheduled(topic, [number]);
      expect(await driver().peek(topic, 10)).toEqual([]);
    },
  );

  test('refuses a message above the size limit', ['administration'], async () => {
    const queue = name('q');
    await driver().createQueue(queue);

    await expect(driver().send(queue, [{ body: 'x'.repeat(300 * 1024) }])).rejects.toMatchObject({
      code: 'MessageSizeExceeded',
    });
    expect(await drain(driver(), queue)).toEqual([]);
  });

  test('copies what is sent to a topic to each of its subscriptions', ['administration'], async () => {
    const topic = name('t');
    await driver().createTopic(topic);
    await driver().createSubscription(topic, 'a');
    await driver().createSubscription(topic, 'b');

    await driver().send(topic, [{ body: '1' }, { body: '2' }]);

    expect(bodiesOf(await drain(driver(), `${topic}/Subscriptions/a`))).toEqual(['1', '2']);
    expect(bodiesOf(await drain(driver(), `${topic}/Subscriptions/b`))).toEqual(['1', '2']);
  });

  test('forwards, and remembers the number that a message had at first', ['administration'], async () => {
    const [first, second] = [name('q'), name('q')];
    await driver().createQueue(second);
    await driver().createQueue(first, { forwardTo: second });

    await driver().send(first, [{ body: 'on' }]);

    const [received] = await drain(driver(), second);
    expect(received).toMatchObject({ body: 'on', enqueuedSequenceNumber: '1' });
  });

  test('counts what an entity holds', ['administration', 'runtimeCounts', 'virtualTime'], async () => {
    const queue = name('q');
    await driver().createQueue(queue);
    await driver().send(queue, [{ body: '1' }, { body: '2' }, { body: '3' }]);
    await driver().schedule(queue, [{ body: '4' }], driver().now() + 60_000);
    const receiver = await driver().receiver(queue);
    const [one, two] = await receiver.receive(2);
    if (one) await receiver.deadLetter(one, 'Test');
    if (two) await receiver.complete(two);
    await receiver.close();

    expect(await driver().counts(queue)).toEqual({ active: 1, deadLetter: 1, scheduled: 1 });
  });
}
