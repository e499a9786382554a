/** The contract of quotas: what is refused because it is too large, each as the service refuses it. */
import { type Section, section } from '../broker-case.ts';
import { PARTITION_KEY, QUEUE_OPTIONS, QUOTAS } from './sources.ts';
import { drain, KB, one, queueWith, sql, subscribed, textOf } from './support.ts';

const NSERVICEBUS = 'https://github.com/Particular/NServiceBus.Transport.AzureServiceBus/issues';
const LARGEST_INT = 2_147_483_647;

export const quotas: Section = section('quotas', ({ test }) => {
  test(
    'refuses a property of more than 32 KB as an internal error, so that clients try again',
    [`${NSERVICEBUS}/171`, `${NSERVICEBUS}/1460`],
    async (bench, expect) => {
      const queue = await queueWith(bench);

      await expect(
        bench.driver.send(queue, [{ body: 'Hello, world', applicationProperties: { TooLarge: textOf(32_786) } }]),
      ).rejects.toMatchObject({
        code: 'GeneralError',
        message: expect.stringContaining('unable to process the request'),
      });
      expect(await drain(bench.driver, queue)).toEqual([]);
    },
  );

  test('takes properties of 32 KB less their names', QUOTAS, async (bench, expect) => {
    const applicationProperties = { a: textOf(31 * KB), b: textOf(31 * KB) };
    const queue = await queueWith(bench, {}, [{ body: 'x', applicationProperties }]);

    expect(one(await drain(bench.driver, queue)).applicationProperties).toEqual(applicationProperties);
  });

  test(
    'refuses properties of more than 64 KB together as a message that is too large',
    'https://github.com/rebus-org/Rebus.AzureServiceBus/issues/35',
    async (bench, expect) => {
      const queue = await queueWith(bench);
      const applicationProperties = { a: textOf(30 * KB), b: textOf(30 * KB), c: textOf(30 * KB) };

      await expect(bench.driver.send(queue, [{ body: 'x', applicationProperties }])).rejects.toMatchObject({
        code: 'MessageSizeExceeded',
        message: expect.stringContaining('The size quota for this stream (65536) has been exceeded'),
      });
    },
  );

  test('counts system properties among the 64 KB', QUOTAS, async (bench, expect) => {
    const queue = await queueWith(bench);
    const applicationProperties = { a: textOf(31 * KB), b: textOf(31 * KB) };

    await expect(
      bench.driver.send(queue, [{ body: 'x', applicationProperties, subject: textOf(4 * KB) }]),
    ).rejects.toMatchObject({ code: 'MessageSizeExceeded' });
  });

  test('refuses a whole batch for a property of one message', QUOTAS, async (bench, expect) => {
    const queue = await queueWith(bench);

    const sending = bench.driver.send(queue, [
      { body: '1' },
      { body: '2', applicationProperties: { a: textOf(33 * KB) } },
    ]);

    await expect(sending).rejects.toThrow('unable to process');
    expect(await drain(bench.driver, queue)).toEqual([]);
  });

  test('refuses to schedule what it would refuse to take', QUOTAS, async (bench, expect) => {
    const { driver } = bench;
    const queue = await queueWith(bench);
    const messages = [{ body: '1', applicationProperties: { a: textOf(33 * KB) } }];

    await expect(driver.schedule(queue, messages, driver.now() + 60_000)).rejects.toThrow('unable to process');
  });

  test('keeps a message locked whose settling would give it too large a property', QUOTAS, async (bench, expect) => {
    const { driver } = bench;
    const queue = await queueWith(bench, {}, ['x']);
    const receiver = await driver.receiver(queue);
    const message = one(await receiver.receive(1));

    await expect(receiver.abandon(message, { why: textOf(33 * KB) })).rejects.toThrow('unable to process');

    expect(await driver.counts(queue)).toMatchObject({ active: 1, deadLetter: 0 });
    await receiver.close();
  });

  test('refuses a message id of more than 128 characters', QUOTAS, async (bench, expect) => {
    const queue = await queueWith(bench);

    await expect(bench.driver.send(queue, [{ body: 'x', messageId: textOf(129) }])).rejects.toThrow();
  });

  test('takes a message id of 128 characters', QUOTAS, async (bench, expect) => {
    const queue = await queueWith(bench, {}, [{ body: 'x', messageId: textOf(128) }]);

    expect(one(await drain(bench.driver, queue)).messageId).toBe(textOf(128));
  });

  test('refuses a partition key of more than 128 characters', PARTITION_KEY, async (bench, expect) => {
    const queue = await queueWith(bench);

    await expect(bench.driver.send(queue, [{ body: 'x', partitionKey: textOf(129) }])).rejects.toThrow();
  });

  test('lets a message be delivered as often as an int can count', `${NSERVICEBUS}/138`, async (bench, expect) => {
    const { driver } = bench;
    const queue = await queueWith(bench, { maxDeliveryCount: LARGEST_INT }, ['x']);
    const receiver = await driver.receiver(queue);
    for (let delivery = 0; delivery < 12; delivery++) await receiver.abandon(one(await receiver.receive(1)));

    expect(await driver.counts(queue)).toMatchObject({ active: 1, deadLetter: 0 });
    await receiver.close();
  });

  test('refuses more deliveries than an int can count', QUEUE_OPTIONS, async ({ driver, name }, expect) => {
    await expect(driver.createQueue(name('q'), { maxDeliveryCount: LARGEST_INT + 1 })).rejects.toThrow();
  });

  test('takes metadata of 1,024 characters', QUEUE_OPTIONS, async (bench, expect) => {
    const queue = await queueWith(bench, { userMetadata: textOf(1_024) });

    expect((await bench.driver.describeQueue(queue)).userMetadata?.length).toBe(1_024);
  });

  test('refuses metadata of more than 1,024 characters', QUEUE_OPTIONS, async ({ driver, name }, expect) => {
    await expect(driver.createQueue(name('q'), { userMetadata: textOf(1_025) })).rejects.toThrow();
  });

  test('takes a filter of 1,024 characters', QUOTAS, async (bench, expect) => {
    const expression = `a = '${textOf(1_024 - 6)}'`;
    const { topic } = await subscribed(bench, {}, [sql('r', expression)]);

    expect(await bench.driver.listRules(topic, 's')).toEqual(['r']);
  });

  test('refuses a filter of more than 1,024 characters', QUOTAS, async (bench, expect) => {
    const { topic } = await subscribed(bench);

    await expect(bench.driver.addRule(topic, 's', sql('r', `a = '${textOf(1_020)}'`))).rejects.toThrow();
  });

  test('takes an action of 32 statements, and no longer one', QUOTAS, async (bench, expect) => {
    const { driver } = bench;
    const action = (count: number): string => Array.from({ length: count }, (_, n) => `SET a${n} = 1`).join(';');
    const { topic } = await subscribed(bench, {}, [sql('r', '1=1', action(32))]);

    await expect(driver.addRule(topic, 's', sql('r2', '1=1', action(33)))).rejects.toThrow();
    expect(await driver.listRules(topic, 's')).toEqual(['r']);
  });

  test('refuses an action of more than 1,024 characters', QUOTAS, async (bench, expect) => {
    const { topic } = await subscribed(bench);

    await expect(bench.driver.addRule(topic, 's', sql('r', '1=1', `SET a = '${textOf(1_020)}'`))).rejects.toThrow();
  });

  test(
    'refuses a size that no tier has',
    { source: QUEUE_OPTIONS, needs: ['rest'] },
    async ({ driver, name }, expect) => {
      await expect(driver.createQueue(name('q'), { maxSizeInMegabytes: 100 })).rejects.toMatchObject({
        code: 'BadRequest',
      });
    },
  );
});
