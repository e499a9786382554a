/** The contract of auto-forwarding, of messages and of dead letters. */
import { type Section, section } from '../broker-case.ts';
import { DEAD_LETTERS, DUPLICATES, FORWARDING, PAYLOADS } from './sources.ts';
import { deadLettersOf, drain, drainBodies, one, queueWith, sql, subscribed } from './support.ts';

const HOPS = 'https://github.com/Azure/azure-service-bus/issues/33';
const REFUSED = 'https://github.com/MicrosoftDocs/azure-docs/issues/111251';
const KEPT = 'https://github.com/Azure/azure-service-bus/issues/666';
const IDLE_DEAD_LETTERS = 'https://github.com/Azure/azure-sdk-for-net/issues/18517';
const IDLE_FORWARD = 'https://github.com/Azure/azure-service-bus/issues/5';

export const forwarding: Section = section('forwarding', ({ test }) => {
  test('forwards from a queue to a queue', FORWARDING, async (bench, expect) => {
    const second = await queueWith(bench);
    await queueWith(bench, { forwardTo: second }, ['on']);

    expect(await drainBodies(bench.driver, second)).toEqual(['on']);
  });

  test('forwards from a subscription to a queue', FORWARDING, async (bench, expect) => {
    const target = await queueWith(bench);
    const { topic } = await subscribed(bench, { forwardTo: target });
    await bench.driver.send(topic, [{ body: 'on' }]);

    expect(await drainBodies(bench.driver, target)).toEqual(['on']);
  });

  test('forwards from a queue to a topic, whose rules then hold', FORWARDING, async (bench, expect) => {
    const { topic, path } = await subscribed(bench, {}, [sql('r', "sys.Label = 'wanted'")]);
    await queueWith(bench, { forwardTo: topic }, [
      { body: 'y', subject: 'wanted' },
      { body: 'n', subject: 'other' },
    ]);

    expect(await drainBodies(bench.driver, path)).toEqual(['y']);
  });

  test('forwards what a rule let through, and nothing else', FORWARDING, async (bench, expect) => {
    const target = await queueWith(bench);
    const { topic } = await subscribed(bench, { forwardTo: target }, [sql('r', 'x = 1')]);
    await bench.driver.send(topic, [
      { body: 'y', applicationProperties: { x: 1 } },
      { body: 'n', applicationProperties: { x: 2 } },
    ]);

    expect(await drainBodies(bench.driver, target)).toEqual(['y']);
  });

  test('remembers the number that a message had at first', PAYLOADS, async (bench, expect) => {
    const second = await queueWith(bench, {}, ['earlier']);
    await queueWith(bench, { forwardTo: second }, ['on']);

    const [, received] = await drain(bench.driver, second);
    expect(received?.enqueuedSequenceNumber).not.toBe(received?.sequenceNumber);
  });

  test('keeps id and properties of a message', FORWARDING, async (bench, expect) => {
    const second = await queueWith(bench);
    const sent = { body: 'on', messageId: 'id', subject: 'Kind', applicationProperties: { kept: 1 } };
    await queueWith(bench, { forwardTo: second }, [sent]);

    expect(await drain(bench.driver, second)).toMatchObject([sent]);
  });

  test('follows a chain of four', FORWARDING, async (bench, expect) => {
    let next = await queueWith(bench);
    const last = next;
    for (let hop = 0; hop < 4; hop++) next = await queueWith(bench, { forwardTo: next });
    await bench.driver.send(next, [{ body: 'far' }]);

    expect(await drainBodies(bench.driver, last)).toEqual(['far']);
  });

  test('dead-letters what went further than four', [FORWARDING, DEAD_LETTERS, HOPS], async (bench, expect) => {
    const last = await queueWith(bench);
    const before = await queueWith(bench, { forwardTo: last });
    let next = before;
    for (let hop = 0; hop < 4; hop++) next = await queueWith(bench, { forwardTo: next });
    await bench.driver.send(next, [{ body: 'too far' }]);

    expect(await drainBodies(bench.driver, last)).toEqual([]);
    expect(await drain(bench.driver, deadLettersOf(before))).toMatchObject([
      { body: 'too far', deadLetterReason: 'MaxTransferHopCountExceeded' },
    ]);
  });

  test('dead-letters what its target refuses', [FORWARDING, DEAD_LETTERS, REFUSED], async (bench, expect) => {
    const { driver } = bench;
    const target = await queueWith(bench, { status: 'SendDisabled' });
    const queue = await queueWith(bench, { forwardTo: target }, ['x']);

    expect(await drainBodies(driver, deadLettersOf(queue))).toEqual(['x']);
    expect(await driver.counts(queue)).toMatchObject({ transferDeadLetter: 0 });
  });

  test('keeps dead letters that their target refuses', KEPT, async (bench, expect) => {
    const { driver } = bench;
    const errors = await queueWith(bench, { status: 'SendDisabled' });
    const queue = await queueWith(bench, { forwardDeadLetteredMessagesTo: errors }, ['x']);
    const receiver = await driver.receiver(queue);
    await receiver.deadLetter(one(await receiver.receive(1)), 'Broken');
    await receiver.close();

    expect(await driver.counts(queue)).toMatchObject({ deadLetter: 1 });
  });

  for (const [title, origin, property] of [
    ['never counts what forwards as idle', [FORWARDING, IDLE_FORWARD], 'forwardTo'],
    ['never counts what forwards its dead letters as idle', IDLE_DEAD_LETTERS, 'forwardDeadLetteredMessagesTo'],
  ] as const) {
    test(title, origin, async (bench, expect) => {
      const target = await queueWith(bench);
      const queue = await queueWith(bench, { [property]: target, autoDeleteOnIdleMs: 300_000 });

      expect(await bench.driver.describeQueue(queue)).toMatchObject({ autoDeleteOnIdleMs: Number.POSITIVE_INFINITY });
    });
  }

  test('refuses to receive from an entity that forwards', KEPT, async (bench, expect) => {
    const target = await queueWith(bench);
    const queue = await queueWith(bench, { forwardTo: target });
    const attempt = async (): Promise<unknown> => (await bench.driver.receiver(queue)).receive(1);

    await expect(attempt()).rejects.toMatchObject({ code: expect.stringMatching(/InvalidOperation|GeneralError/) });
  });

  test('moves on what waited when forwarding is switched on', FORWARDING, async (bench, expect) => {
    const { driver } = bench;
    const target = await queueWith(bench);
    const queue = await queueWith(bench, {}, ['waited']);
    await driver.updateQueue(queue, { forwardTo: target });

    expect(await drainBodies(driver, target)).toEqual(['waited']);
  });

  test('keeps messages again when forwarding is switched off', FORWARDING, async (bench, expect) => {
    const { driver } = bench;
    const target = await queueWith(bench);
    const queue = await queueWith(bench, { forwardTo: target });
    await driver.updateQueue(queue, { forwardTo: undefined } as object);
    await driver.send(queue, [{ body: 'stays' }]);

    expect(await drainBodies(driver, queue)).toEqual(['stays']);
    expect(await drainBodies(driver, target)).toEqual([]);
  });

  test('refuses an entity that forwards to itself', FORWARDING, async ({ driver, name }, expect) => {
    const queue = name('q');

    await expect(driver.createQueue(queue, { forwardTo: queue })).rejects.toMatchObject({ code: 'BadRequest' });
  });

  test('refuses to forward from an entity with sessions', FORWARDING, async (bench, expect) => {
    const target = await queueWith(bench);

    await expect(
      bench.driver.createQueue(bench.name('q'), { forwardTo: target, requiresSession: true }),
    ).rejects.toMatchObject({ code: 'BadRequest' });
  });

  test(
    'refuses to forward to what is not there',
    { source: FORWARDING, needs: ['rest'] },
    async ({ driver, name }, expect) => {
      await expect(driver.createQueue(name('q'), { forwardTo: name('gone') })).rejects.toMatchObject({
        code: 'BadRequest',
      });
    },
  );

  test('drops a duplicate where it arrives', DUPLICATES, async (bench, expect) => {
    const target = await queueWith(bench, { requiresDuplicateDetection: true });
    await queueWith(bench, { forwardTo: target }, [
      { body: '1', messageId: 'm' },
      { body: '2', messageId: 'm' },
    ]);

    expect(await drainBodies(bench.driver, target)).toEqual(['1']);
  });

  test('forwards dead letters', PAYLOADS, async (bench, expect) => {
    const { driver } = bench;
    const errors = await queueWith(bench);
    const queue = await queueWith(bench, { forwardDeadLetteredMessagesTo: errors }, ['x']);
    const receiver = await driver.receiver(queue);
    await receiver.deadLetter(one(await receiver.receive(1)), 'Broken');
    await receiver.close();

    expect(await drain(driver, errors)).toMatchObject([{ body: 'x', deadLetterReason: 'Broken', deliveryCount: 0 }]);
  });

  test('says where a dead letter came from', PAYLOADS, async (bench, expect) => {
    const { driver } = bench;
    const errors = await queueWith(bench);
    const { topic, path } = await subscribed(bench, { forwardDeadLetteredMessagesTo: errors });
    await driver.send(topic, [{ body: 'x' }]);
    const receiver = await driver.receiver(path);
    await receiver.deadLetter(one(await receiver.receive(1)));
    await receiver.close();

    expect(one(await drain(driver, errors)).deadLetterSource?.toLowerCase()).toBe(path.toLowerCase());
  });
});
