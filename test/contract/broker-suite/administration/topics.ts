/** The contract of administering topics and subscriptions. */
import type { SubscriptionProperties } from '../../../../shared/local/service-bus/core/entity-properties.ts';
import { type Section, section } from '../../broker-case.ts';
import { DOTNET_ADMINISTRATION, EXCEPTIONS, NAMES, SUBSCRIPTION_OPTIONS, TOPIC_OPTIONS } from '../sources.ts';
import { subscribed, textOf } from '../support.ts';

const MINUTE = 60_000;

export const topics: Section = section('topics and subscriptions', ({ test }) => {
  test('makes a topic that keeps messages for ever and detects no duplicates', TOPIC_OPTIONS, async (bench, expect) => {
    const { topic } = await subscribed(bench);

    expect(await bench.driver.describeTopic(topic)).toMatchObject({
      defaultMessageTimeToLiveMs: Number.POSITIVE_INFINITY,
      requiresDuplicateDetection: false,
      status: 'Active',
    });
  });

  test('shows what a topic was made with', DOTNET_ADMINISTRATION, async ({ driver, name }, expect) => {
    const properties = {
      requiresDuplicateDetection: true,
      duplicateDetectionHistoryTimeWindowMs: 5 * MINUTE,
      defaultMessageTimeToLiveMs: 60 * MINUTE,
      userMetadata: 'about it',
    };
    const topic = name('t');
    await driver.createTopic(topic, properties);

    expect(await driver.describeTopic(topic)).toMatchObject(properties);
  });

  test('changes a topic', DOTNET_ADMINISTRATION, async (bench, expect) => {
    const { topic } = await subscribed(bench);
    await bench.driver.updateTopic(topic, { userMetadata: 'new' });

    expect(await bench.driver.describeTopic(topic)).toMatchObject({ userMetadata: 'new' });
  });

  test('refuses a topic that begins to detect duplicates later', TOPIC_OPTIONS, async (bench, expect) => {
    const { topic } = await subscribed(bench);

    await expect(bench.driver.updateTopic(topic, { requiresDuplicateDetection: true })).rejects.toMatchObject({
      code: 'BadRequest',
    });
  });

  test('refuses a second topic of one name', EXCEPTIONS, async (bench, expect) => {
    const { topic } = await subscribed(bench);

    await expect(bench.driver.createTopic(topic)).rejects.toMatchObject({ code: 'MessagingEntityAlreadyExists' });
  });

  test('refuses a queue of the name of a topic', EXCEPTIONS, async (bench, expect) => {
    const { topic } = await subscribed(bench);

    await expect(bench.driver.createQueue(topic)).rejects.toMatchObject({ code: 'MessagingEntityAlreadyExists' });
  });

  test('lists topics, and no queues among them', DOTNET_ADMINISTRATION, async (bench, expect) => {
    const { topic } = await subscribed(bench);
    const queue = bench.name('q');
    await bench.driver.createQueue(queue);

    const listed = await bench.driver.listTopics();
    expect(listed).toContain(topic);
    expect(listed).not.toContain(queue);
  });

  test('deletes a topic with its subscriptions', DOTNET_ADMINISTRATION, async (bench, expect) => {
    const { driver } = bench;
    const { topic } = await subscribed(bench);
    await driver.deleteTopic(topic);

    await expect(driver.describeTopic(topic)).rejects.toMatchObject({ code: 'MessagingEntityNotFound' });
    await driver.createTopic(topic);
    expect(await driver.listSubscriptions(topic)).toEqual([]);
  });

  test('refuses to delete a topic that is not there', DOTNET_ADMINISTRATION, async ({ driver, name }, expect) => {
    await expect(driver.deleteTopic(name('t'))).rejects.toMatchObject({ code: 'MessagingEntityNotFound' });
  });

  const DEFAULTS: readonly (readonly [string, Partial<SubscriptionProperties>])[] = [
    ['locks messages for a minute', { lockDurationMs: MINUTE }],
    ['delivers a message ten times', { maxDeliveryCount: 10 }],
    ['drops what expires', { deadLetteringOnMessageExpiration: false }],
    ['dead-letters what its filter cannot be applied to', { deadLetteringOnFilterEvaluationExceptions: true }],
    ['has no sessions', { requiresSession: false }],
  ];
  for (const [title, expected] of DEFAULTS) {
    test(`makes a subscription that ${title}`, SUBSCRIPTION_OPTIONS, async (bench, expect) => {
      const { topic } = await subscribed(bench);

      expect(await bench.driver.describeSubscription(topic, 's')).toMatchObject(expected);
    });
  }

  test('shows what a subscription was made with', DOTNET_ADMINISTRATION, async (bench, expect) => {
    const properties = {
      lockDurationMs: 10_000,
      maxDeliveryCount: 4,
      requiresSession: true,
      deadLetteringOnMessageExpiration: true,
      deadLetteringOnFilterEvaluationExceptions: false,
      userMetadata: 'about it',
    };
    const { topic } = await subscribed(bench, properties);

    expect(await bench.driver.describeSubscription(topic, 's')).toMatchObject(properties);
  });

  test('changes one property of a subscription and keeps the others', DOTNET_ADMINISTRATION, async (bench, expect) => {
    const { topic } = await subscribed(bench, { lockDurationMs: 10_000, maxDeliveryCount: 4 });
    await bench.driver.updateSubscription(topic, 's', { maxDeliveryCount: 5 });

    expect(await bench.driver.describeSubscription(topic, 's')).toMatchObject({
      lockDurationMs: 10_000,
      maxDeliveryCount: 5,
    });
  });

  test('keeps its rules when a subscription is changed', DOTNET_ADMINISTRATION, async (bench, expect) => {
    const { topic } = await subscribed(bench, {}, [{ name: 'mine', filter: { kind: 'sql', expression: 'a = 1' } }]);
    await bench.driver.updateSubscription(topic, 's', { maxDeliveryCount: 5 });

    expect(await bench.driver.listRules(topic, 's')).toEqual(['mine']);
  });

  test('refuses a subscription that begins with sessions later', SUBSCRIPTION_OPTIONS, async (bench, expect) => {
    const { topic } = await subscribed(bench);

    await expect(bench.driver.updateSubscription(topic, 's', { requiresSession: true })).rejects.toMatchObject({
      code: 'BadRequest',
    });
  });

  test('refuses a second subscription of one name', [DOTNET_ADMINISTRATION, NAMES], async (bench, expect) => {
    const { topic } = await subscribed(bench);

    await expect(bench.driver.createSubscription(topic, 'S')).rejects.toMatchObject({
      code: 'MessagingEntityAlreadyExists',
    });
  });

  test('takes one name for subscriptions of two topics', NAMES, async (bench, expect) => {
    const [a, b] = [await subscribed(bench), await subscribed(bench)];

    expect([await bench.driver.listSubscriptions(a.topic), await bench.driver.listSubscriptions(b.topic)]).toEqual([
      ['s'],
      ['s'],
    ]);
  });

  test('refuses a subscription of a topic that is not there', EXCEPTIONS, async ({ driver, name }, expect) => {
    await expect(driver.createSubscription(name('t'), 's')).rejects.toMatchObject({ code: 'MessagingEntityNotFound' });
  });

  test('refuses to show a subscription that is not there', DOTNET_ADMINISTRATION, async (bench, expect) => {
    const { topic } = await subscribed(bench);

    await expect(bench.driver.describeSubscription(topic, 'none')).rejects.toMatchObject({
      code: 'MessagingEntityNotFound',
    });
  });

  test('deletes a subscription, and leaves the others alone', DOTNET_ADMINISTRATION, async (bench, expect) => {
    const { topic } = await subscribed(bench);
    await bench.driver.createSubscription(topic, 'b');
    await bench.driver.deleteSubscription(topic, 's');

    expect(await bench.driver.listSubscriptions(topic)).toEqual(['b']);
  });

  test('refuses a subscription of more than 50 characters', NAMES, async (bench, expect) => {
    const { topic } = await subscribed(bench);

    await expect(bench.driver.createSubscription(topic, textOf(51))).rejects.toThrow();
  });

  test('takes a subscription of 50 characters', NAMES, async (bench, expect) => {
    const { topic } = await subscribed(bench);
    await bench.driver.createSubscription(topic, textOf(50));

    expect(await bench.driver.listSubscriptions(topic)).toContain(textOf(50));
  });
});
