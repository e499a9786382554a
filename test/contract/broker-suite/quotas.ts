/** The contract of quotas: what is refused because it is too large, each as the service refuses it. */
import { expect } from 'vitest';
import type { Bench } from '../broker.ts';
import { drain } from './support.ts';

const text = (length: number): string => 'x'.repeat(length);
const KB = 1024;

export function quotas({ driver, name, test }: Bench): void {
  const queue = async (): Promise<string> => {
    const made = name('q');
    await driver().createQueue(made);
    return made;
  };

  // https://github.com/Particular/NServiceBus.Transport.AzureServiceBus/issues/171: as an internal error, so that
  // clients try again. https://github.com/Particular/NServiceBus.Transport.AzureServiceBus/issues/1460 is where it ends.
  test('refuses a property of more than 32 KB, as an error of its own', ['administration'], async () => {
    const path = await queue();

    await expect(
      driver().send(path, [{ body: 'Hello, world', applicationProperties: { TooLarge: text(32_786) } }]),
    ).rejects.toMatchObject({
      code: 'GeneralError',
      message: expect.stringContaining('unable to process the request'),
    });
    expect(await drain(driver(), path)).toEqual([]);
  });

  test('takes properties of 32 KB less their names', ['administration'], async () => {
    const path = await queue();
    const applicationProperties = { a: text(31 * KB), b: text(31 * KB) };

    await driver().send(path, [{ body: 'x', applicationProperties }]);

    const [received] = await drain(driver(), path);
    expect(received?.applicationProperties).toEqual(applicationProperties);
  });

  // https://github.com/rebus-org/Rebus.AzureServiceBus/issues/35
  test(
    'refuses properties of more than 64 KB together, as a message that is too large',
    ['administration'],
    async () => {
      const path = await queue();
      const applicationProperties = { a: text(30 * KB), b: text(30 * KB), c: text(30 * KB) };

      await expect(driver().send(path, [{ body: 'x', applicationProperties }])).rejects.toMatchObject({
        code: 'MessageSizeExceeded',
        message: expect.stringContaining('The size quota for this stream (65536) has been exceeded'),
      });
      expect(await drain(driver(), path)).toEqual([]);
    },
  );

  test('counts system properties among the 64 KB', ['administration'], async () => {
    const path = await queue();
    const message = { body: 'x', applicationProperties: { a: text(31 * KB), b: text(31 * KB) }, subject: text(4 * KB) };

    await expect(driver().send(path, [message])).rejects.toMatchObject({ code: 'MessageSizeExceeded' });
  });

  test('refuses a whole batch for one message of it', ['administration'], async () => {
    const path = await queue();

    const sending = driver().send(path, [{ body: '1' }, { body: '2', applicationProperties: { a: text(33 * KB) } }]);

    await expect(sending).rejects.toThrow('unable to process');
    expect(await drain(driver(), path)).toEqual([]);
  });

  test('refuses to schedule what it would refuse to take', ['administration'], async () => {
    const path = await queue();
    const messages = [{ body: '1', applicationProperties: { a: text(33 * KB) } }];

    await expect(driver().schedule(path, messages, driver().now() + 60_000)).rejects.toThrow('unable to process');
  });

  test('keeps a message locked whose settling would give it too large a property', ['administration'], async () => {
    const path = await queue();
    await driver().send(path, [{ body: 'x' }]);
    const receiver = await driver().receiver(path);
    const [message] = await receiver.receive(1);
    if (!message) throw new Error('expected a message');

    await expect(receiver.abandon(message, { why: text(33 * KB) })).rejects.toThrow('unable to process');

    expect(await driver().counts(path)).toMatchObject({ active: 1, deadLetter: 0 });
    await receiver.close();
  });

  test('takes a session state of 256 KB less a little, and none of more', ['administration'], async () => {
    const path = name('q');
    await driver().createQueue(path, { requiresSession: true });
    const session = await driver().acceptSession(path, 's');

    await session.setState(text(255 * KB));

    await expect(session.setState(text(256 * KB + 1))).rejects.toMatchObject({ code: 'MessageSizeExceeded' });
    expect((await session.getState())?.length).toBe(255 * KB);
    await session.close();
  });

  // https://github.com/Particular/NServiceBus.Transport.AzureServiceBus/issues/138
  test('lets a message be delivered as often as an int can count', ['administration'], async () => {
    const path = name('q');
    await driver().createQueue(path, { maxDeliveryCount: 2_147_483_647 });
    await driver().send(path, [{ body: 'x' }]);
    const receiver = await driver().receiver(path);

    for (let delivery = 0; delivery < 12; delivery++) {
      const [message] = await receiver.receive(1);
      if (!message) throw new Error(`expected delivery ${delivery}`);
      await receiver.abandon(message);
    }

    expect(await driver().counts(path)).toMatchObject({ active: 1, deadLetter: 0 });
    await receiver.close();
  });

  test(
    'refuses more deliveries than an int can count, and metadata of more than 1,024 characters',
    ['administration'],
    async () => {
      for (const properties of [{ maxDeliveryCount: 2_147_483_648 }, { userMetadata: text(1_025) }]) {
        await expect(driver().createQueue(name('q'), properties)).rejects.toThrow();
      }
      await driver().createQueue(name('q'), { userMetadata: text(1_024) });
    },
  );
}
