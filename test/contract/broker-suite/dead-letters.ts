/** The contract of dead letters: why messages end there, and what is known of them. */
import { type Section, section } from '../broker-case.ts';
import { COUNTS, DEAD_LETTERS, EXPIRATION, FILTERS, JS_PROPERTIES, JS_RECEIVING, QUOTAS } from './sources.ts';
import { deadLettersOf, drain, drainBodies, one, queueWith, sql, subscribed, textOf } from './support.ts';

const UNCOUNTED = 'https://github.com/Azure/azure-sdk-for-net/issues/53437';

export const deadLetters: Section = section('dead letters', ({ test }) => {
  test('keeps a dead letter with its reason and description', DEAD_LETTERS, async (bench, expect) => {
    const { driver } = bench;
    const queue = await queueWith(bench, {}, ['x']);
    const receiver = await driver.receiver(queue);
    await receiver.deadLetter(one(await receiver.receive(1)), 'Broken', 'it is broken');
    await receiver.close();

    expect(await drain(driver, queue)).toEqual([]);
    expect(await drain(driver, deadLettersOf(queue))).toMatchObject([
      { body: 'x', deadLetterReason: 'Broken', deadLetterErrorDescription: 'it is broken' },
    ]);
  });

  test('keeps a dead letter without a reason', JS_RECEIVING, async (bench, expect) => {
    const { driver } = bench;
    const queue = await queueWith(bench, {}, ['x']);
    const receiver = await driver.receiver(queue);
    await receiver.deadLetter(one(await receiver.receive(1)));
    await receiver.close();

    const dead = one(await drain(driver, deadLettersOf(queue)));
    expect([dead.body, dead.deadLetterReason]).toEqual(['x', undefined]);
  });

  test('keeps what the message said of itself', DEAD_LETTERS, async (bench, expect) => {
    const { driver } = bench;
    const sent = { body: 'x', messageId: 'id', subject: 'Kind', applicationProperties: { kept: 1 } };
    const queue = await queueWith(bench, {}, [sent]);
    const receiver = await driver.receiver(queue);
    await receiver.deadLetter(one(await receiver.receive(1)), 'Broken');
    await receiver.close();

    expect(await drain(driver, deadLettersOf(queue))).toMatchObject([sent]);
  });

  test('shows reason and description as application properties, too', EXPIRATION, async (bench, expect) => {
    const { driver } = bench;
    const queue = await queueWith(bench, {}, ['x']);
    const receiver = await driver.receiver(queue);
    await receiver.deadLetter(one(await receiver.receive(1)), 'Broken', 'why');
    await receiver.close();

    expect(one(await drain(driver, deadLettersOf(queue))).applicationProperties).toMatchObject({
      DeadLetterReason: 'Broken',
      DeadLetterErrorDescription: 'why',
    });
  });

  test('dead-letters after the last delivery that is allowed', DEAD_LETTERS, async (bench, expect) => {
    const { driver } = bench;
    const queue = await queueWith(bench, { maxDeliveryCount: 2 }, ['x']);
    const receiver = await driver.receiver(queue);
    await receiver.abandon(one(await receiver.receive(1)));
    await receiver.abandon(one(await receiver.receive(1)));

    expect(await receiver.receive(1)).toEqual([]);
    await receiver.close();
    expect(await drain(driver, deadLettersOf(queue))).toMatchObject([
      { body: 'x', deadLetterReason: 'MaxDeliveryCountExceeded' },
    ]);
  });

  test(
    'counts an expired lock towards the last delivery',
    { source: DEAD_LETTERS, needs: ['time'] },
    async (bench, expect) => {
      const { driver } = bench;
      const queue = await queueWith(bench, { maxDeliveryCount: 1, lockDurationMs: 10_000 }, ['x']);
      const receiver = await driver.receiver(queue);
      await receiver.receive(1);
      await driver.advance(11_000);

      expect(await receiver.receive(1)).toEqual([]);
      await receiver.close();
      expect(await drain(driver, deadLettersOf(queue))).toMatchObject([
        { deadLetterReason: 'MaxDeliveryCountExceeded' },
      ]);
    },
  );

  test('has a dead-letter queue for each subscription', DEAD_LETTERS, async (bench, expect) => {
    const { driver } = bench;
    const { topic, path } = await subscribed(bench);
    await driver.createSubscription(topic, 'b');
    await driver.send(topic, [{ body: 'x' }]);
    const receiver = await driver.receiver(path);
    await receiver.deadLetter(one(await receiver.receive(1)), 'Broken');
    await receiver.close();

    expect(await drainBodies(driver, deadLettersOf(path))).toEqual(['x']);
    expect(await drainBodies(driver, deadLettersOf(`${topic}/Subscriptions/b`))).toEqual([]);
  });

  test('locks and completes dead letters like any message', DEAD_LETTERS, async (bench, expect) => {
    const { driver } = bench;
    const queue = await queueWith(bench, {}, ['x']);
    const receiver = await driver.receiver(queue);
    await receiver.deadLetter(one(await receiver.receive(1)));
    const dead = await driver.receiver(deadLettersOf(queue));
    await dead.complete(one(await dead.receive(1)));

    expect(await driver.counts(queue)).toMatchObject({ deadLetter: 0 });
    await Promise.all([receiver.close(), dead.close()]);
  });

  test('keeps a dead letter however often it is abandoned', DEAD_LETTERS, async (bench, expect) => {
    const { driver } = bench;
    const queue = await queueWith(bench, { maxDeliveryCount: 1 }, ['x']);
    const receiver = await driver.receiver(queue);
    await receiver.deadLetter(one(await receiver.receive(1)));
    await receiver.close();
    const dead = await driver.receiver(deadLettersOf(queue));
    for (let delivery = 0; delivery < 3; delivery++) await dead.abandon(one(await dead.receive(1)));
    await dead.close();

    expect(await drainBodies(driver, deadLettersOf(queue))).toEqual(['x']);
  });

  test('counts no deliveries of a dead letter', [UNCOUNTED, JS_RECEIVING], async (bench, expect) => {
    const { driver } = bench;
    const queue = await queueWith(bench, {}, ['x']);
    const receiver = await driver.receiver(queue);
    await receiver.abandon(one(await receiver.receive(1)));
    await receiver.deadLetter(one(await receiver.receive(1)));
    await receiver.close();
    const dead = await driver.receiver(deadLettersOf(queue));
    await dead.abandon(one(await dead.receive(1)));

    expect(await dead.receive(1)).toMatchObject([{ deliveryCount: 1 }]);
    await dead.close();
  });

  test('refuses to dead-letter a dead letter', [DEAD_LETTERS, JS_RECEIVING], async (bench, expect) => {
    const { driver } = bench;
    const queue = await queueWith(bench, {}, ['x']);
    const receiver = await driver.receiver(queue);
    await receiver.deadLetter(one(await receiver.receive(1)));
    await receiver.close();
    const dead = await driver.receiver(deadLettersOf(queue));

    await expect(dead.deadLetter(one(await dead.receive(1)))).rejects.toThrow();
    await dead.close();
  });

  test('defers dead letters', JS_RECEIVING, async (bench, expect) => {
    const { driver } = bench;
    const queue = await queueWith(bench, {}, ['x']);
    const receiver = await driver.receiver(queue);
    await receiver.deadLetter(one(await receiver.receive(1)));
    await receiver.close();
    const dead = await driver.receiver(deadLettersOf(queue));
    const message = one(await dead.receive(1));
    await dead.defer(message);

    expect(await dead.receiveDeferred([message.sequenceNumber])).toMatchObject([{ body: 'x' }]);
    await dead.close();
  });

  test('counts dead letters', COUNTS, async (bench, expect) => {
    const { driver } = bench;
    const queue = await queueWith(bench, {}, ['1', '2']);
    const receiver = await driver.receiver(queue);
    for (const message of await receiver.receive(2)) await receiver.deadLetter(message);
    await receiver.close();

    expect(await driver.counts(queue)).toMatchObject({ active: 0, deadLetter: 2, total: 2 });
  });

  test('receives dead letters of an entity with sessions without a session', JS_PROPERTIES, async (bench, expect) => {
    const { driver } = bench;
    const queue = await queueWith(bench, { requiresSession: true }, [{ body: 'x', sessionId: 'a' }]);
    const session = await driver.acceptSession(queue, 'a');
    await session.deadLetter(one(await session.receive(1)), 'Broken');
    await session.close();

    expect(await drain(driver, deadLettersOf(queue))).toMatchObject([{ body: 'x', sessionId: 'a' }]);
  });

  test('shortens a reason of more than 4,096 characters', QUOTAS, async (bench, expect) => {
    const { driver } = bench;
    const queue = await queueWith(bench, {}, ['x']);
    const receiver = await driver.receiver(queue);
    await receiver.deadLetter(one(await receiver.receive(1)), textOf(5_000));
    await receiver.close();

    expect(one(await drain(driver, deadLettersOf(queue))).deadLetterReason?.length).toBe(4_096);
  });

  test('dead-letters what a filter cannot be applied to', [DEAD_LETTERS, FILTERS], async (bench, expect) => {
    const { driver } = bench;
    const { topic, path } = await subscribed(bench, {}, [sql('r', 'text * 2 = 4')]);
    await driver.send(topic, [{ body: 'x', applicationProperties: { text: 'no number' } }]);

    expect(await drainBodies(driver, path)).toEqual([]);
    expect(await drainBodies(driver, deadLettersOf(path))).toEqual(['x']);
  });

  test('drops what a filter cannot be applied to, where that is asked for', DEAD_LETTERS, async (bench, expect) => {
    const { driver } = bench;
    const careless = { deadLetteringOnFilterEvaluationExceptions: false };
    const { topic, path } = await subscribed(bench, careless, [sql('r', 'text * 2 = 4')]);
    await driver.send(topic, [{ body: 'x', applicationProperties: { text: 'no number' } }]);

    expect(await drainBodies(driver, deadLettersOf(path))).toEqual([]);
  });

  test(
    'dead-letters what comes without a session to a subscription with sessions',
    DEAD_LETTERS,
    async (bench, expect) => {
      const { driver } = bench;
      const { topic, path } = await subscribed(bench, { requiresSession: true });
      await driver.send(topic, [{ body: 'x' }]);

      expect(await drain(driver, deadLettersOf(path))).toMatchObject([
        { body: 'x', deadLetterReason: 'Session ID is null' },
      ]);
    },
  );
});
