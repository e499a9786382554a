/** The contract of suspended entities. */
import { type Section, section } from '../broker-case.ts';
import { EXPIRATION, QUEUE_OPTIONS, SUSPENSION } from './sources.ts';
import { drainBodies, queueWith, sql, subscribed } from './support.ts';

const used = { source: EXPIRATION, needs: ['time'] } as const;
const idle = { source: QUEUE_OPTIONS, needs: ['time'] } as const;
const FIVE_MINUTES = 300_000;

export const suspending: Section = section('suspended and idle entities', ({ test }) => {
  test('refuses to send to an entity that is disabled', SUSPENSION, async (bench, expect) => {
    const queue = await queueWith(bench, { status: 'Disabled' });

    await expect(bench.driver.send(queue, [{ body: 'x' }])).rejects.toMatchObject({ code: 'MessagingEntityDisabled' });
  });

  test('refuses to receive from an entity that is disabled', SUSPENSION, async (bench, expect) => {
    const queue = await queueWith(bench, { status: 'Disabled' });
    const attempt = async (): Promise<unknown> => (await bench.driver.receiver(queue)).receive(1);

    await expect(attempt()).rejects.toMatchObject({ code: 'MessagingEntityDisabled' });
  });

  test('lets an entity be drained that takes nothing more', SUSPENSION, async (bench, expect) => {
    const { driver } = bench;
    const queue = await queueWith(bench, {}, ['before']);
    await driver.updateQueue(queue, { status: 'SendDisabled' });

    await expect(driver.send(queue, [{ body: 'x' }])).rejects.toMatchObject({ code: 'MessagingEntityDisabled' });
    expect(await drainBodies(driver, queue)).toEqual(['before']);
  });

  test('takes messages for an entity that hands none out', SUSPENSION, async (bench, expect) => {
    const { driver } = bench;
    const queue = await queueWith(bench, { status: 'ReceiveDisabled' }, ['x']);
    const attempt = async (): Promise<unknown> => (await driver.receiver(queue)).receive(1);

    await expect(attempt()).rejects.toMatchObject({ code: 'MessagingEntityDisabled' });
    expect(await driver.counts(queue)).toMatchObject({ active: 1 });
  });

  test('hands out what waited once the entity is enabled again', SUSPENSION, async (bench, expect) => {
    const { driver } = bench;
    const queue = await queueWith(bench, { status: 'ReceiveDisabled' }, ['x']);
    await driver.updateQueue(queue, { status: 'Active' });

    expect(await drainBodies(driver, queue)).toEqual(['x']);
  });

  test('shows the status', SUSPENSION, async (bench, expect) => {
    const queue = await queueWith(bench, { status: 'SendDisabled' });

    expect(await bench.driver.describeQueue(queue)).toMatchObject({ status: 'SendDisabled' });
  });

  test('refuses to send to a topic that is disabled', SUSPENSION, async (bench, expect) => {
    const { topic } = await subscribed(bench);
    await bench.driver.updateTopic(topic, { status: 'SendDisabled' });

    await expect(bench.driver.send(topic, [{ body: 'x' }])).rejects.toMatchObject({ code: 'MessagingEntityDisabled' });
  });

  test('keeps for a suspended subscription what it will hand out later', SUSPENSION, async (bench, expect) => {
    const { driver } = bench;
    const { topic, path } = await subscribed(bench, { status: 'ReceiveDisabled' });
    await driver.send(topic, [{ body: 'x' }]);
    await driver.updateSubscription(topic, 's', { status: 'Active' });

    expect(await drainBodies(driver, path)).toEqual(['x']);
  });

  test('deletes an entity that nobody used for as long as it says', idle, async (bench, expect) => {
    const { driver } = bench;
    const queue = await queueWith(bench, { autoDeleteOnIdleMs: FIVE_MINUTES });
    await driver.advance(FIVE_MINUTES + 1_000);

    await expect(driver.describeQueue(queue)).rejects.toMatchObject({ code: 'MessagingEntityNotFound' });
  });

  test('keeps an entity that is sent to', idle, async (bench, expect) => {
    const { driver } = bench;
    const queue = await queueWith(bench, { autoDeleteOnIdleMs: FIVE_MINUTES });
    await driver.advance(FIVE_MINUTES - 60_000);
    await driver.send(queue, [{ body: 'x' }]);
    await driver.advance(120_000);

    expect(await driver.describeQueue(queue)).toMatchObject({ autoDeleteOnIdleMs: FIVE_MINUTES });
  });

  test('keeps an entity that is looked at', used, async (bench, expect) => {
    const { driver } = bench;
    const queue = await queueWith(bench, { autoDeleteOnIdleMs: FIVE_MINUTES });
    await driver.advance(FIVE_MINUTES - 60_000);
    await driver.peek(queue, 1);
    await driver.advance(120_000);

    expect(await driver.describeQueue(queue)).toMatchObject({ autoDeleteOnIdleMs: FIVE_MINUTES });
  });

  test('keeps an entity that has a scheduled message', used, async (bench, expect) => {
    const { driver } = bench;
    const queue = await queueWith(bench, { autoDeleteOnIdleMs: FIVE_MINUTES });
    await driver.schedule(queue, [{ body: 'later' }], driver.now() + 3 * FIVE_MINUTES);
    await driver.advance(2 * FIVE_MINUTES);

    expect(await driver.describeQueue(queue)).toMatchObject({ autoDeleteOnIdleMs: FIVE_MINUTES });
  });

  test('keeps a subscription that gets a rule', used, async (bench, expect) => {
    const { driver } = bench;
    const { topic } = await subscribed(bench, { autoDeleteOnIdleMs: FIVE_MINUTES });
    await driver.advance(FIVE_MINUTES - 60_000);
    await driver.addRule(topic, 's', sql('r', '1=1'));
    await driver.advance(120_000);

    expect(await driver.describeSubscription(topic, 's')).toMatchObject({ autoDeleteOnIdleMs: FIVE_MINUTES });
  });

  test('refuses to be deleted within five minutes of idling', QUEUE_OPTIONS, async ({ driver, name }, expect) => {
    await expect(driver.createQueue(name('q'), { autoDeleteOnIdleMs: 60_000 })).rejects.toMatchObject({
      code: 'BadRequest',
    });
  });
});
