/** The contract of expiry: how long messages live, and what becomes of them then. */
import { type Section, section } from '../broker-case.ts';
import { EXPIRATION, SUBSCRIPTION_DESCRIPTION } from './sources.ts';
import { bodiesOf, deadLettersOf, drain, drainBodies, one, queueWith } from './support.ts';

const LIFE = 60_000;
const timed = { source: EXPIRATION, needs: ['time'] } as const;
const dying = { defaultMessageTimeToLiveMs: LIFE };
const remembered = { ...dying, deadLetteringOnMessageExpiration: true };

export const expiry: Section = section('expiry', ({ test }) => {
  test('never expires a message without a time to live', EXPIRATION, async (bench, expect) => {
    const queue = await queueWith(bench, {}, ['1']);

    expect(one(await drain(bench.driver, queue)).expiresAt).toBeUndefined();
  });

  test('says when a message expires: its time to live after it was enqueued', EXPIRATION, async (bench, expect) => {
    const queue = await queueWith(bench, {}, [{ body: '1', timeToLiveMs: LIFE }]);

    const { expiresAt, enqueuedAt } = one(await drain(bench.driver, queue));
    expect(expiresAt).toBe(enqueuedAt + LIFE);
  });

  test('lets the default of the entity limit what the sender asks', EXPIRATION, async (bench, expect) => {
    const queue = await queueWith(bench, dying, [{ body: '1', timeToLiveMs: 2 * LIFE }]);

    const { expiresAt, enqueuedAt } = one(await drain(bench.driver, queue));
    expect(expiresAt).toBe(enqueuedAt + LIFE);
  });

  test('lets the default of a topic limit that of its subscriptions', EXPIRATION, async ({ driver, name }, expect) => {
    const topic = name('t');
    await driver.createTopic(topic, dying);
    await driver.createSubscription(topic, 's', { defaultMessageTimeToLiveMs: 2 * LIFE });
    await driver.send(topic, [{ body: '1' }]);

    const { expiresAt, enqueuedAt } = one(await drain(driver, `${topic}/Subscriptions/s`));
    expect(expiresAt).toBe(enqueuedAt + LIFE);
  });

  test(
    'lets each subscription have a shorter life than its topic',
    SUBSCRIPTION_DESCRIPTION,
    async ({ driver, name }, expect) => {
      const topic = name('t');
      await driver.createTopic(topic, { defaultMessageTimeToLiveMs: 2 * LIFE });
      await driver.createSubscription(topic, 's', dying);
      await driver.send(topic, [{ body: '1' }]);

      const { expiresAt, enqueuedAt } = one(await drain(driver, `${topic}/Subscriptions/s`));
      expect(expiresAt).toBe(enqueuedAt + LIFE);
    },
  );

  test('drops a message that lived too long', timed, async (bench, expect) => {
    const { driver } = bench;
    const queue = await queueWith(bench, dying, ['1']);
    await driver.advance(LIFE + 1_000);

    expect(await drain(driver, queue)).toEqual([]);
    expect(await drain(driver, deadLettersOf(queue))).toEqual([]);
  });

  test('keeps a message that lives longer beside one that expired', timed, async (bench, expect) => {
    const { driver } = bench;
    const queue = await queueWith(bench, {}, [
      { body: 'short', timeToLiveMs: 10_000 },
      { body: 'long', timeToLiveMs: 10 * LIFE },
    ]);
    await driver.advance(11_000);

    expect(await drainBodies(driver, queue)).toEqual(['long']);
  });

  test('dead-letters what expired, where that is asked for', timed, async (bench, expect) => {
    const { driver } = bench;
    const queue = await queueWith(bench, remembered, ['1']);
    await driver.advance(LIFE + 1_000);

    expect(await drain(driver, queue)).toEqual([]);
    expect(await drain(driver, deadLettersOf(queue))).toMatchObject([
      { body: '1', deadLetterReason: 'TTLExpiredException' },
    ]);
  });

  test('protects a locked message from expiry', timed, async (bench) => {
    const { driver } = bench;
    const queue = await queueWith(bench, { ...dying, lockDurationMs: 2 * LIFE }, ['1']);
    const receiver = await driver.receiver(queue);
    const message = one(await receiver.receive(1));
    await driver.advance(LIFE + 1_000);

    await receiver.complete(message);
    await receiver.close();
  });

  test('expires a message when its lock is given up too late', timed, async (bench, expect) => {
    const { driver } = bench;
    const queue = await queueWith(bench, { ...remembered, lockDurationMs: 2 * LIFE }, ['1']);
    const receiver = await driver.receiver(queue);
    const message = one(await receiver.receive(1));
    await driver.advance(LIFE + 1_000);
    await receiver.abandon(message);
    await receiver.close();

    expect(await drain(driver, queue)).toEqual([]);
    expect(bodiesOf(await drain(driver, deadLettersOf(queue)))).toEqual(['1']);
  });

  test('never expires dead letters', timed, async (bench, expect) => {
    const { driver } = bench;
    const queue = await queueWith(bench, dying, [{ body: '1', timeToLiveMs: 10_000 }]);
    const receiver = await driver.receiver(queue);
    await receiver.deadLetter(one(await receiver.receive(1)), 'Broken');
    await receiver.close();
    await driver.advance(2 * LIFE);

    expect(await drainBodies(driver, deadLettersOf(queue))).toEqual(['1']);
  });

  test('counts the life of a scheduled message from its scheduled time', timed, async (bench, expect) => {
    const { driver } = bench;
    const queue = await queueWith(bench, dying);
    await driver.schedule(queue, [{ body: '1' }], driver.now() + 2 * LIFE);
    await driver.advance(2 * LIFE + 10_000);

    expect(await drainBodies(driver, queue)).toEqual(['1']);
  });

  test('removes an expired message of a session', timed, async (bench, expect) => {
    const { driver } = bench;
    const queue = await queueWith(bench, { ...dying, requiresSession: true }, [{ body: '1', sessionId: 'a' }]);
    await driver.advance(LIFE + 1_000);
    const session = await driver.acceptSession(queue, 'a');

    expect(await session.receive(1)).toEqual([]);
    await session.close();
  });

  test('leaves messages alone that were sent before the default was changed', EXPIRATION, async (bench, expect) => {
    const { driver } = bench;
    const queue = await queueWith(bench, {}, ['before']);
    await driver.updateQueue(queue, dying);
    await driver.send(queue, [{ body: 'after' }]);

    const lives = (await drain(driver, queue)).map(({ body, expiresAt }) => [body, expiresAt !== undefined]);
    expect(lives).toEqual([
      ['before', false],
      ['after', true],
    ]);
  });
});
