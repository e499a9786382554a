/** The contract of scheduled messages. */
import { type Section, section } from '../broker-case.ts';
import { AMQP_REQUESTS, BROWSING, DOTNET_SENDING, JS_SCHEDULING, SEQUENCING } from './sources.ts';
import { drain, drainBodies, one, queueWith, subscribed } from './support.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const timed = { source: SEQUENCING, needs: ['time'] } as const;

export const scheduling: Section = section('scheduling', ({ test }) => {
  test('keeps a scheduled message until its time', timed, async (bench, expect) => {
    const { driver } = bench;
    const queue = await queueWith(bench);
    await driver.schedule(queue, [{ body: 'later' }], driver.now() + MINUTE);
    await driver.send(queue, [{ body: 'now' }]);

    const before = await drainBodies(driver, queue);
    await driver.advance(MINUTE);
    const after = await drainBodies(driver, queue);

    expect({ before, after }).toEqual({ before: ['now'], after: ['later'] });
  });

  test('schedules what an ordinary send asks to have enqueued later', timed, async (bench, expect) => {
    const { driver } = bench;
    const { topic, path } = await subscribed(bench);
    await driver.send(topic, [{ body: 'later', scheduledEnqueueTimeMs: driver.now() + MINUTE }]);

    const before = await drain(driver, path);
    await driver.advance(MINUTE);

    expect(before).toEqual([]);
    expect(await drainBodies(driver, path)).toEqual(['later']);
  });

  test('enqueues at once what is scheduled for a time that has passed', SEQUENCING, async (bench, expect) => {
    const { driver } = bench;
    const queue = await queueWith(bench);
    await driver.schedule(queue, [{ body: 'late' }], driver.now() - MINUTE);

    expect(await drainBodies(driver, queue)).toEqual(['late']);
  });

  test('enqueues scheduled messages by their times, not by the order of sending', timed, async (bench, expect) => {
    const { driver } = bench;
    const queue = await queueWith(bench);
    await driver.schedule(queue, [{ body: 'second' }], driver.now() + MINUTE);
    await driver.schedule(queue, [{ body: 'first' }], driver.now() + MINUTE / 2);
    await driver.advance(MINUTE);

    expect(await drainBodies(driver, queue)).toEqual(['first', 'second']);
  });

  test('gives a message a new number when its time comes', timed, async (bench, expect) => {
    const { driver } = bench;
    const queue = await queueWith(bench);
    const [scheduled = ''] = await driver.schedule(queue, [{ body: 'later' }], driver.now() + MINUTE);
    await driver.send(queue, [{ body: 'between' }]);
    await driver.advance(MINUTE);

    const [between, later] = await drain(driver, queue);
    expect(later?.body).toBe('later');
    expect(BigInt(later?.sequenceNumber ?? 0)).toBeGreaterThan(BigInt(between?.sequenceNumber ?? 0));
    expect(later?.sequenceNumber).not.toBe(scheduled);
  });

  test(
    'says that a message was enqueued at its scheduled time',
    { ...timed, source: JS_SCHEDULING },
    async (bench, expect) => {
      const { driver } = bench;
      const queue = await queueWith(bench);
      const at = driver.now() + MINUTE;
      await driver.schedule(queue, [{ body: 'later' }], at);
      await driver.advance(MINUTE);

      const { enqueuedAt } = one(await drain(driver, queue));
      expect(Math.abs(enqueuedAt - at)).toBeLessThan(30_000);
    },
  );

  test('answers with one number for each message of a batch', AMQP_REQUESTS, async (bench, expect) => {
    const { driver } = bench;
    const queue = await queueWith(bench);
    const numbers = await driver.schedule(queue, [{ body: 'a' }, { body: 'b' }, { body: 'c' }], driver.now() + HOUR);

    expect(new Set(numbers).size).toBe(3);
  });

  test('cancels a scheduled message', { source: AMQP_REQUESTS, needs: ['time'] }, async (bench, expect) => {
    const { driver } = bench;
    const queue = await queueWith(bench);
    const numbers = await driver.schedule(queue, [{ body: 'a' }, { body: 'b' }], driver.now() + MINUTE);
    await driver.cancelScheduled(queue, numbers.slice(0, 1));
    await driver.advance(MINUTE + 1_000);

    expect(await drainBodies(driver, queue)).toEqual(['b']);
  });

  test('refuses to cancel a message twice', DOTNET_SENDING, async (bench, expect) => {
    const { driver } = bench;
    const queue = await queueWith(bench);
    const numbers = await driver.schedule(queue, [{ body: 'a' }], driver.now() + HOUR);
    await driver.cancelScheduled(queue, numbers);

    await expect(driver.cancelScheduled(queue, numbers)).rejects.toMatchObject({ code: 'MessageNotFound' });
  });

  test(
    'refuses to cancel a message whose time has come',
    { source: SEQUENCING, needs: ['time'] },
    async (bench, expect) => {
      const { driver } = bench;
      const queue = await queueWith(bench);
      const numbers = await driver.schedule(queue, [{ body: 'a' }], driver.now() + MINUTE);
      await driver.advance(MINUTE + 1_000);

      await expect(driver.cancelScheduled(queue, numbers)).rejects.toMatchObject({ code: 'MessageNotFound' });
    },
  );

  test('shows scheduled messages of a queue to a peek', BROWSING, async (bench, expect) => {
    const { driver } = bench;
    const queue = await queueWith(bench);
    await driver.schedule(queue, [{ body: 'later' }], driver.now() + HOUR);

    expect(await driver.peek(queue, 10)).toMatchObject([{ body: 'later', state: 'scheduled' }]);
  });

  test(
    'shows scheduled messages of a topic to a peek there',
    [
      'https://github.com/Azure/azure-service-bus/issues/352',
      'https://github.com/MicrosoftDocs/azure-docs/issues/59641',
    ],
    async (bench, expect) => {
      const { driver } = bench;
      const { topic } = await subscribed(bench);
      const [number = ''] = await driver.schedule(topic, [{ body: 'later' }], driver.now() + HOUR);

      expect(await driver.peek(topic, 10)).toMatchObject([
        { body: 'later', state: 'scheduled', sequenceNumber: number },
      ]);
      await driver.cancelScheduled(topic, [number]);
      expect(await driver.peek(topic, 10)).toEqual([]);
    },
  );

  test('shows scheduled messages of a topic to no peek at a subscription', BROWSING, async (bench, expect) => {
    const { driver } = bench;
    const { topic, path } = await subscribed(bench);
    await driver.schedule(topic, [{ body: 'later' }], driver.now() + HOUR);

    expect(await driver.peek(path, 10)).toEqual([]);
  });

  test('holds rules against a scheduled message when its time comes', timed, async (bench, expect) => {
    const { driver } = bench;
    const { topic, path } = await subscribed(bench);
    await driver.schedule(topic, [{ body: 'later', subject: 'wanted' }], driver.now() + MINUTE);
    await driver.createSubscription(topic, 'young');
    await driver.advance(MINUTE);

    expect(await drainBodies(driver, path)).toEqual(['later']);
    expect(await drainBodies(driver, `${topic}/Subscriptions/young`)).toEqual(['later']);
  });
});
