/** The contract of duplicate detection. */
import { type Section, section } from '../broker-case.ts';
import { DUPLICATES, IDS } from './sources.ts';
import { drainBodies, queueWith } from './support.ts';

const WINDOW = 60_000;
const detecting = { requiresDuplicateDetection: true, duplicateDetectionHistoryTimeWindowMs: WINDOW };
const timed = { source: DUPLICATES, needs: ['time'] } as const;

export const duplicates: Section = section('duplicate detection', ({ test }) => {
  test('drops a second message of one id in a batch', DUPLICATES, async (bench, expect) => {
    const queue = await queueWith(bench, detecting, [
      { body: 'first', messageId: 'm' },
      { body: 'twin', messageId: 'm' },
    ]);

    expect(await drainBodies(bench.driver, queue)).toEqual(['first']);
  });

  test('tells the sender of a duplicate nothing of it', DUPLICATES, async (bench) => {
    const queue = await queueWith(bench, detecting, [{ body: 'first', messageId: 'm' }]);

    await bench.driver.send(queue, [{ body: 'twin', messageId: 'm' }]);
  });

  test('drops a repeated id until the window is over', timed, async (bench, expect) => {
    const { driver } = bench;
    const queue = await queueWith(bench, detecting, [{ body: 'first', messageId: 'm' }]);
    await driver.advance(WINDOW - 5_000);
    await driver.send(queue, [{ body: 'late twin', messageId: 'm' }]);

    expect(await drainBodies(driver, queue)).toEqual(['first']);
  });

  test('takes a repeated id after the window', timed, async (bench, expect) => {
    const { driver } = bench;
    const queue = await queueWith(bench, detecting, [{ body: 'first', messageId: 'm' }]);
    await driver.advance(WINDOW + 1_000);
    await driver.send(queue, [{ body: 'again', messageId: 'm' }]);

    expect(await drainBodies(driver, queue)).toEqual(['first', 'again']);
  });

  test('remembers an id whose message was received', DUPLICATES, async (bench, expect) => {
    const { driver } = bench;
    const queue = await queueWith(bench, detecting, [{ body: 'first', messageId: 'm' }]);
    await drainBodies(driver, queue);
    await driver.send(queue, [{ body: 'twin', messageId: 'm' }]);

    expect(await drainBodies(driver, queue)).toEqual([]);
  });

  test('tells ids apart that differ by case', DUPLICATES, async (bench, expect) => {
    const queue = await queueWith(bench, detecting, [
      { body: '1', messageId: 'm' },
      { body: '2', messageId: 'M' },
    ]);

    expect(await drainBodies(bench.driver, queue)).toEqual(['1', '2']);
  });

  test('takes messages without an id, each of which gets its own', IDS, async (bench, expect) => {
    const queue = await queueWith(bench, detecting, ['same', 'same']);

    expect(await drainBodies(bench.driver, queue)).toEqual(['same', 'same']);
  });

  test('drops a duplicate before a topic copies it', DUPLICATES, async ({ driver, name }, expect) => {
    const topic = name('t');
    await driver.createTopic(topic, detecting);
    for (const subscription of ['a', 'b']) await driver.createSubscription(topic, subscription);
    for (const body of ['first', 'twin']) await driver.send(topic, [{ body, messageId: 'm' }]);

    for (const subscription of ['a', 'b']) {
      expect(await drainBodies(driver, `${topic}/Subscriptions/${subscription}`)).toEqual(['first']);
    }
  });

  test('knows the ids of scheduled messages from the time of sending', DUPLICATES, async (bench, expect) => {
    const { driver } = bench;
    const queue = await queueWith(bench, detecting);
    await driver.schedule(queue, [{ body: 'scheduled', messageId: 'm' }], driver.now() + 3_600_000);
    await driver.send(queue, [{ body: 'twin', messageId: 'm' }]);

    expect((await driver.peek(queue, 10)).map(({ body }) => body)).toEqual(['scheduled']);
  });

  test('keeps the ids of two queues apart', DUPLICATES, async (bench, expect) => {
    const [a, b] = [
      await queueWith(bench, detecting, [{ body: 'a', messageId: 'm' }]),
      await queueWith(bench, detecting, [{ body: 'b', messageId: 'm' }]),
    ];

    expect([await drainBodies(bench.driver, a), await drainBodies(bench.driver, b)]).toEqual([['a'], ['b']]);
  });
});
