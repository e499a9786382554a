/** The contract of dead letters: why messages end there, and where. */
import { expect } from 'vitest';
import type { Bench } from '../broker.ts';
import { bodiesOf, drain, one } from './support.ts';

export function deadLetters({ driver, name, test }: Bench): void {
  test('keeps a dead-lettered message with its reason', ['administration'], async () => {
    const queue = name('q');
    await driver().createQueue(queue);
    await driver().send(queue, [{ body: 'x', applicationProperties: { kept: 1 } }]);
    const receiver = await driver().receiver(queue);

    await receiver.deadLetter(one(await receiver.receive(1)), 'Broken', 'it is broken');
    await receiver.close();

    expect(await drain(driver(), queue)).toEqual([]);
    expect(await drain(driver(), `${queue}/$DeadLetterQueue`)).toMatchObject([
      {
        body: 'x',
        deadLetterReason: 'Broken',
        deadLetterErrorDescription: 'it is broken',
        applicationProperties: { kept: 1 },
      },
    ]);
  });

  test('dead-letters after the last delivery that is allowed', ['administration'], async () => {
    const queue = name('q');
    await driver().createQueue(queue, { maxDeliveryCount: 2 });
    await driver().send(queue, [{ body: 'x' }]);
    const receiver = await driver().receiver(queue);

    await receiver.abandon(one(await receiver.receive(1)));
    await receiver.abandon(one(await receiver.receive(1)));
    const third = await receiver.receive(1);
    await receiver.close();

    expect(third).toEqual([]);
    expect(await drain(driver(), `${queue}/$DeadLetterQueue`)).toMatchObject([
      { body: 'x', deadLetterReason: 'MaxDeliveryCountExceeded' },
    ]);
  });

  test(
    'drops or dead-letters what lived too long, the shorter life counting',
    ['administration', 'virtualTime'],
    async () => {
      const [plain, careful] = [name('q'), name('q')];
      await driver().createQueue(plain, { defaultMessageTimeToLiveMs: 60_000 });
      await driver().createQueue(careful, {
        defaultMessageTimeToLiveMs: 60_000,
        deadLetteringOnMessageExpiration: true,
      });
      for (const queue of [plain, careful]) {
        await driver().send(queue, [
          { body: 'short', timeToLiveMs: 10_000 },
          { body: 'long', timeToLiveMs: 90_000 },
        ]);
      }

      await driver().advance(10_001);
      const early = bodiesOf(await drain(driver(), `${careful}/$DeadLetterQueue`));
      await driver().advance(50_000);

      expect(early).toEqual(['short']);
      expect(await drain(driver(), plain)).toEqual([]);
      expect(await drain(driver(), `${plain}/$DeadLetterQueue`)).toEqual([]);
      expect(await drain(driver(), `${careful}/$DeadLetterQueue`)).toMatchObject([
        { body: 'long', deadLetterReason: 'TTLExpiredException' },
      ]);
    },
  );

  test('protects a locked message from expiry', ['administration', 'virtualTime'], async () => {
    const queue = name('q');
    await driver().createQueue(queue, { lockDurationMs: 30_000, defaultMessageTimeToLiveMs: 10_000 });
    await driver().send(queue, [{ body: 'x' }]);
    const receiver = await driver().receiver(queue);
    const message = one(await receiver.receive(1));

    await driver().advance(20_000);

    await receiver.complete(message);
    await receiver.close();
  });

  test('forwards dead letters, naming where they came from', ['administration'], async () => {
    const [topic, errors] = [name('t'), name('q')];
    await driver().createQueue(errors);
    await driver().createTopic(topic);
    await driver().createSubscription(topic, 's', { forwardDeadLetteredMessagesTo: errors });
    const path = `${topic}/Subscriptions/s`;
    await driver().send(topic, [{ body: 'x' }]);
    const receiver = await driver().receiver(path);

    await receiver.deadLetter(one(await receiver.receive(1)), 'Broken');
    await receiver.close();

    const [received] = await drain(driver(), errors);
    expect(received).toMatchObject({ body: 'x', deadLetterReason: 'Broken', deliveryCount: 0 });
    expect(received?.deadLetterSource?.toLowerCase()).toBe(path.toLowerCase());
  });
}
