/** The contract of administering queues. */
import type { QueueProperties } from '../../../../shared/local/service-bus/core/entity-properties.ts';
import { type Section, section } from '../../broker-case.ts';
import { DOTNET_ADMINISTRATION, DUPLICATES, EXCEPTIONS, NAMES, QUEUE_OPTIONS } from '../sources.ts';
import { queueWith, textOf } from '../support.ts';

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

export const queues: Section = section('queues', ({ test }) => {
  const DEFAULTS: readonly (readonly [string, Partial<QueueProperties>])[] = [
    ['locks messages for a minute', { lockDurationMs: MINUTE }],
    ['delivers a message ten times', { maxDeliveryCount: 10 }],
    ['keeps messages for ever', { defaultMessageTimeToLiveMs: Number.POSITIVE_INFINITY }],
    ['drops what expires', { deadLetteringOnMessageExpiration: false }],
    ['has no sessions', { requiresSession: false }],
    ['detects no duplicates', { requiresDuplicateDetection: false }],
    ['remembers ids for ten minutes', { duplicateDetectionHistoryTimeWindowMs: 10 * MINUTE }],
    ['stays however long it idles', { autoDeleteOnIdleMs: Number.POSITIVE_INFINITY }],
    ['is active', { status: 'Active' }],
  ];
  for (const [title, expected] of DEFAULTS) {
    const origin = 'duplicateDetectionHistoryTimeWindowMs' in expected ? DUPLICATES : QUEUE_OPTIONS;
    test(`${title}, unless it is told otherwise`, origin, async (bench, expect) => {
      const queue = await queueWith(bench);

      expect(await bench.driver.describeQueue(queue)).toMatchObject(expected);
    });
  }

  test('shows what it was made with', DOTNET_ADMINISTRATION, async (bench, expect) => {
    const properties = {
      lockDurationMs: 30_000,
      maxDeliveryCount: 7,
      defaultMessageTimeToLiveMs: 2 * DAY,
      deadLetteringOnMessageExpiration: true,
      requiresSession: true,
      requiresDuplicateDetection: true,
      duplicateDetectionHistoryTimeWindowMs: 5 * MINUTE,
      autoDeleteOnIdleMs: DAY,
      userMetadata: '<a & "b">',
    };
    const queue = await queueWith(bench, properties);

    expect(await bench.driver.describeQueue(queue)).toMatchObject(properties);
  });

  test('shows where it forwards to', QUEUE_OPTIONS, async (bench, expect) => {
    const target = await queueWith(bench);
    const queue = await queueWith(bench, { forwardTo: target, forwardDeadLetteredMessagesTo: target });

    expect(await bench.driver.describeQueue(queue)).toMatchObject({
      forwardTo: target,
      forwardDeadLetteredMessagesTo: target,
    });
  });

  test('changes one property and keeps the others', DOTNET_ADMINISTRATION, async (bench, expect) => {
    const queue = await queueWith(bench, { lockDurationMs: 30_000, maxDeliveryCount: 7 });
    await bench.driver.updateQueue(queue, { maxDeliveryCount: 3 });

    expect(await bench.driver.describeQueue(queue)).toMatchObject({ lockDurationMs: 30_000, maxDeliveryCount: 3 });
  });

  test('holds a changed lock duration for the next delivery', QUEUE_OPTIONS, async (bench, expect) => {
    const { driver } = bench;
    const queue = await queueWith(bench, { lockDurationMs: 30_000 }, ['x']);
    await driver.updateQueue(queue, { lockDurationMs: 2 * MINUTE });
    const receiver = await driver.receiver(queue);
    const [message] = await receiver.receive(1);

    expect(Math.abs((message?.lockedUntil ?? 0) - driver.now() - 2 * MINUTE)).toBeLessThan(20_000);
    await receiver.close();
  });

  for (const [title, change] of [
    ['refuses to begin with sessions later', { requiresSession: true }],
    ['refuses to begin detecting duplicates later', { requiresDuplicateDetection: true }],
  ] as const) {
    test(title, QUEUE_OPTIONS, async (bench, expect) => {
      const queue = await queueWith(bench);

      await expect(bench.driver.updateQueue(queue, change)).rejects.toMatchObject({ code: 'BadRequest' });
    });
  }

  const BOUNDS: readonly (readonly [string, Partial<QueueProperties>])[] = [
    ['a lock of more than five minutes', { lockDurationMs: 5 * MINUTE + 1_000 }],
    ['no delivery at all', { maxDeliveryCount: 0 }],
    ['a memory for ids of less than twenty seconds', { duplicateDetectionHistoryTimeWindowMs: 19_000 }],
    ['a memory for ids of more than seven days', { duplicateDetectionHistoryTimeWindowMs: 7 * DAY + 1_000 }],
  ];
  for (const [title, properties] of BOUNDS) {
    test(`refuses ${title}`, QUEUE_OPTIONS, async ({ driver, name }, expect) => {
      await expect(driver.createQueue(name('q'), properties)).rejects.toMatchObject({ code: 'BadRequest' });
    });
  }

  test('refuses a second queue of one name', EXCEPTIONS, async (bench, expect) => {
    const queue = await queueWith(bench);

    await expect(bench.driver.createQueue(queue)).rejects.toMatchObject({ code: 'MessagingEntityAlreadyExists' });
  });

  test('refuses a name that differs by case alone', [NAMES, EXCEPTIONS], async (bench, expect) => {
    const queue = await queueWith(bench);

    await expect(bench.driver.createQueue(queue.toUpperCase())).rejects.toMatchObject({
      code: 'MessagingEntityAlreadyExists',
    });
  });

  test('refuses a topic of the name of a queue', EXCEPTIONS, async (bench, expect) => {
    const queue = await queueWith(bench);

    await expect(bench.driver.createTopic(queue)).rejects.toMatchObject({ code: 'MessagingEntityAlreadyExists' });
  });

  test('refuses to show a queue that is not there', DOTNET_ADMINISTRATION, async ({ driver, name }, expect) => {
    await expect(driver.describeQueue(name('q'))).rejects.toMatchObject({ code: 'MessagingEntityNotFound' });
  });

  test('refuses to change a queue that is not there', DOTNET_ADMINISTRATION, async ({ driver, name }, expect) => {
    await expect(driver.updateQueue(name('q'), { maxDeliveryCount: 3 })).rejects.toMatchObject({
      code: 'MessagingEntityNotFound',
    });
  });

  test('refuses to delete a queue that is not there', DOTNET_ADMINISTRATION, async ({ driver, name }, expect) => {
    await expect(driver.deleteQueue(name('q'))).rejects.toMatchObject({ code: 'MessagingEntityNotFound' });
  });

  test('deletes a queue with its messages', [DOTNET_ADMINISTRATION, EXCEPTIONS], async (bench, expect) => {
    const queue = await queueWith(bench, {}, ['x']);
    await bench.driver.deleteQueue(queue);

    await expect(bench.driver.describeQueue(queue)).rejects.toMatchObject({ code: 'MessagingEntityNotFound' });
    await expect(bench.driver.send(queue, [{ body: 'x' }])).rejects.toMatchObject({ code: 'MessagingEntityNotFound' });
  });

  test('lists queues, and no topics among them', DOTNET_ADMINISTRATION, async (bench, expect) => {
    const [a, b] = [await queueWith(bench), await queueWith(bench)];
    const topic = bench.name('t');
    await bench.driver.createTopic(topic);

    const listed = await bench.driver.listQueues();
    expect(listed).toEqual(expect.arrayContaining([a, b]));
    expect(listed).not.toContain(topic);
  });

  test('takes a name with slashes, dots, dashes and underscores', NAMES, async ({ driver, name }, expect) => {
    const queue = `${name('q')}/a.b-c_d`;
    await driver.createQueue(queue);

    expect(await driver.listQueues()).toContain(queue);
    await driver.deleteQueue(queue);
  });

  test('takes a name of 260 characters', NAMES, async ({ driver, name }, expect) => {
    const queue = name('q').padEnd(260, 'x');
    await driver.createQueue(queue);

    expect(await driver.listQueues()).toContain(queue);
  });

  for (const [title, made] of [
    ['of more than 260 characters', textOf(261)],
    ['with a space', 'a b'],
    ['with an asterisk', 'a*b'],
  ] as const) {
    test(`refuses a name ${title}`, NAMES, async ({ driver }, expect) => {
      await expect(driver.createQueue(made)).rejects.toThrow();
    });
  }
});
