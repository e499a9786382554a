/** The contract of deferring: messages that are set aside until they are asked for by their numbers. */
import { type Section, section } from '../broker-case.ts';
import type { TestReceiver } from '../broker-driver.ts';
import {
  AMQP_REQUESTS,
  BROWSING,
  DEFERRAL,
  DOTNET_SESSIONS,
  EXCEPTIONS,
  EXPIRATION,
  JS_DEFERRING,
  JS_PROPERTIES,
  SESSIONS,
} from './sources.ts';
import { bodiesOf, deadLettersOf, drain, one, queueWith } from './support.ts';

const COUNTED = 'https://github.com/Azure/azure-service-bus/issues/375';
const EXPIRED = 'https://github.com/Azure/azure-sdk-for-net/issues/30252';

async function deferNext(receiver: TestReceiver): Promise<string> {
  const message = one(await receiver.receive(1));
  await receiver.defer(message);
  return message.sequenceNumber;
}

export const deferring: Section = section('deferring', ({ test }) => {
  test('hands out a deferred message to nobody who does not ask for it', DEFERRAL, async (bench, expect) => {
    const queue = await queueWith(bench, {}, ['1', '2']);
    const receiver = await bench.driver.receiver(queue);
    await deferNext(receiver);

    expect(bodiesOf(await receiver.receive(2))).toEqual(['2']);
    await receiver.close();
  });

  test('hands out a deferred message by its number', DEFERRAL, async (bench, expect) => {
    const queue = await queueWith(bench, {}, ['1']);
    const receiver = await bench.driver.receiver(queue);
    const number = await deferNext(receiver);

    expect(await receiver.receiveDeferred([number])).toMatchObject([{ body: '1', sequenceNumber: number }]);
    await receiver.close();
  });

  test('hands out several deferred messages at once', AMQP_REQUESTS, async (bench, expect) => {
    const queue = await queueWith(bench, {}, ['1', '2', '3']);
    const receiver = await bench.driver.receiver(queue);
    const numbers = [await deferNext(receiver), await deferNext(receiver), await deferNext(receiver)];

    expect(bodiesOf(await receiver.receiveDeferred(numbers)).sort()).toEqual(['1', '2', '3']);
    await receiver.close();
  });

  test('hands out a deferred message to a receiver that did not defer it', DEFERRAL, async (bench, expect) => {
    const { driver } = bench;
    const queue = await queueWith(bench, {}, ['1']);
    const before = await driver.receiver(queue);
    const number = await deferNext(before);
    await before.close();
    const after = await driver.receiver(queue);

    expect(bodiesOf(await after.receiveDeferred([number]))).toEqual(['1']);
    await after.close();
  });

  test('adds the properties that come with a deferral', JS_PROPERTIES, async (bench, expect) => {
    const queue = await queueWith(bench, {}, ['1']);
    const receiver = await bench.driver.receiver(queue);
    const message = one(await receiver.receive(1));
    await receiver.defer(message, { note: 'later' });

    const deferred = one(await receiver.receiveDeferred([message.sequenceNumber]));
    expect(deferred.applicationProperties).toEqual({ note: 'later' });
    await receiver.close();
  });

  test('removes a deferred message that is completed', AMQP_REQUESTS, async (bench, expect) => {
    const { driver } = bench;
    const queue = await queueWith(bench, {}, ['1']);
    const receiver = await driver.receiver(queue);
    const number = await deferNext(receiver);
    await receiver.complete(one(await receiver.receiveDeferred([number])));

    await expect(receiver.receiveDeferred([number])).rejects.toMatchObject({ code: 'MessageNotFound' });
    expect(await driver.peek(queue, 10)).toEqual([]);
    await receiver.close();
  });

  test('keeps a message deferred that is abandoned', JS_DEFERRING, async (bench, expect) => {
    const queue = await queueWith(bench, {}, ['1']);
    const receiver = await bench.driver.receiver(queue);
    const number = await deferNext(receiver);
    await receiver.abandon(one(await receiver.receiveDeferred([number])));

    expect(await receiver.receive(1)).toEqual([]);
    expect(bodiesOf(await receiver.receiveDeferred([number]))).toEqual(['1']);
    await receiver.close();
  });

  test('counts a deferral as a delivery', [COUNTED, JS_DEFERRING], async (bench, expect) => {
    const queue = await queueWith(bench, {}, ['1']);
    const receiver = await bench.driver.receiver(queue);
    const number = await deferNext(receiver);
    const counts: number[] = [];
    for (const settle of ['abandon', 'defer', 'complete'] as const) {
      const message = one(await receiver.receiveDeferred([number]));
      counts.push(message.deliveryCount);
      await receiver[settle](message);
    }

    expect(counts).toEqual([1, 2, 3]);
    await receiver.close();
  });

  test('dead-letters what is deferred at the last delivery that is allowed', COUNTED, async (bench, expect) => {
    const { driver } = bench;
    const queue = await queueWith(bench, { maxDeliveryCount: 1 }, ['1']);
    const receiver = await driver.receiver(queue);
    await deferNext(receiver);
    await receiver.close();

    expect(await drain(driver, deadLettersOf(queue))).toMatchObject([
      { body: '1', deadLetterReason: 'MaxDeliveryCountExceeded' },
    ]);
  });

  test('dead-letters a deferred message', AMQP_REQUESTS, async (bench, expect) => {
    const { driver } = bench;
    const queue = await queueWith(bench, {}, ['1']);
    const receiver = await driver.receiver(queue);
    const number = await deferNext(receiver);
    await receiver.deadLetter(one(await receiver.receiveDeferred([number])), 'Broken');
    await receiver.close();

    expect(await drain(driver, deadLettersOf(queue))).toMatchObject([{ body: '1', deadLetterReason: 'Broken' }]);
  });

  test('refuses a number that no deferred message has', EXCEPTIONS, async (bench, expect) => {
    const queue = await queueWith(bench, {}, ['1']);
    const receiver = await bench.driver.receiver(queue);
    const { sequenceNumber } = one(await receiver.peek(1));

    await expect(receiver.receiveDeferred([sequenceNumber])).rejects.toMatchObject({ code: 'MessageNotFound' });
    await receiver.close();
  });

  test('refuses a deferred message that another receiver has locked', EXCEPTIONS, async (bench, expect) => {
    const { driver } = bench;
    const queue = await queueWith(bench, {}, ['1']);
    const [a, b] = [await driver.receiver(queue), await driver.receiver(queue)];
    const number = await deferNext(a);
    await a.receiveDeferred([number]);

    await expect(b.receiveDeferred([number])).rejects.toThrow();
    await Promise.all([a.close(), b.close()]);
  });

  test('shows a deferred message to a peek, as deferred', [DEFERRAL, BROWSING], async (bench, expect) => {
    const { driver } = bench;
    const queue = await queueWith(bench, {}, ['1']);
    const receiver = await driver.receiver(queue);
    await deferNext(receiver);
    await receiver.close();

    expect(await driver.peek(queue, 10)).toMatchObject([{ body: '1', state: 'deferred' }]);
  });

  test(
    'counts a deferred message as active',
    'https://github.com/paolosalvatori/ServiceBusExplorer/issues/662',
    async (bench, expect) => {
      const { driver } = bench;
      const queue = await queueWith(bench, {}, ['1']);
      const receiver = await driver.receiver(queue);
      await deferNext(receiver);
      await receiver.close();

      expect(await driver.counts(queue)).toMatchObject({ active: 1 });
    },
  );

  test('keeps a deferred message when its receiver closes', DEFERRAL, async (bench, expect) => {
    const { driver } = bench;
    const queue = await queueWith(bench, {}, ['1']);
    const receiver = await driver.receiver(queue);
    await deferNext(receiver);
    await receiver.close();

    expect(await drain(driver, queue)).toEqual([]);
  });

  test(
    'refuses a deferred message that has expired',
    { source: EXPIRATION, needs: ['time'] },
    async (bench, expect) => {
      const { driver } = bench;
      const queue = await queueWith(bench, { defaultMessageTimeToLiveMs: 60_000 }, ['1']);
      const receiver = await driver.receiver(queue);
      const number = await deferNext(receiver);
      await driver.advance(61_000);

      await expect(receiver.receiveDeferred([number])).rejects.toMatchObject({ code: 'MessageNotFound' });
      await receiver.close();
    },
  );

  test(
    'dead-letters a deferred message that has expired when it is asked for, and not before',
    { source: [DEFERRAL, EXPIRED], needs: ['time'] },
    async (bench, expect) => {
      const { driver } = bench;
      const properties = { defaultMessageTimeToLiveMs: 60_000, deadLetteringOnMessageExpiration: true };
      const queue = await queueWith(bench, properties, ['1']);
      const receiver = await driver.receiver(queue);
      const number = await deferNext(receiver);
      await driver.advance(61_000);
      const before = await driver.counts(queue);

      await expect(receiver.receiveDeferred([number])).rejects.toMatchObject({ code: 'MessageNotFound' });

      expect([before.deadLetter, (await driver.counts(queue)).deadLetter]).toEqual([0, 1]);
      await receiver.close();
    },
  );

  test('hands out a deferred message of a session to its holder', DOTNET_SESSIONS, async (bench, expect) => {
    const { driver } = bench;
    const queue = await queueWith(bench, { requiresSession: true }, [{ body: '1', sessionId: 'a' }]);
    const session = await driver.acceptSession(queue, 'a');
    const number = await deferNext(session);

    expect(bodiesOf(await session.receiveDeferred([number]))).toEqual(['1']);
    await session.close();
  });

  test('refuses a deferred message of another session', SESSIONS, async (bench, expect) => {
    const { driver } = bench;
    const queue = await queueWith(bench, { requiresSession: true }, [{ body: '1', sessionId: 'a' }]);
    const a = await driver.acceptSession(queue, 'a');
    const number = await deferNext(a);
    const b = await driver.acceptSession(queue, 'b');

    await expect(b.receiveDeferred([number])).rejects.toThrow();
    await Promise.all([a.close(), b.close()]);
  });
});
