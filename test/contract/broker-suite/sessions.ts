/** The contract of sessions: exclusive, ordered, with a state. */
import { type Section, section } from '../broker-case.ts';
import type { TestMessage } from '../broker-driver.ts';
import { AMQP_REQUESTS, DEAD_LETTERS, EXCEPTIONS, PARTITIONING, PAYLOADS, QUOTAS, SESSIONS } from './sources.ts';
import { bodiesOf, deadLettersOf, drain, KB, one, queueWith, subscribed, textOf } from './support.ts';

const LOCK = 30_000;
const withSessions = { requiresSession: true, lockDurationMs: LOCK };
const timed = { source: SESSIONS, needs: ['time'] } as const;

/** Messages as `a1`, whose first letter is the session. */
const inSessions = (...bodies: string[]): TestMessage[] => bodies.map((body) => ({ body, sessionId: body.charAt(0) }));

export const sessions: Section = section('sessions', ({ test }) => {
  test('delivers a session in order', SESSIONS, async (bench, expect) => {
    const queue = await queueWith(bench, withSessions, inSessions('a1', 'b1', 'a2'));
    const session = await bench.driver.acceptSession(queue, 'a');

    expect(bodiesOf(await session.receive(5))).toEqual(['a1', 'a2']);
    await session.close();
  });

  test('delivers what arrives in a session while it is held', SESSIONS, async (bench, expect) => {
    const queue = await queueWith(bench, withSessions, inSessions('a1'));
    const session = await bench.driver.acceptSession(queue, 'a');
    await session.receive(1);
    await bench.driver.send(queue, inSessions('a2'));

    expect(bodiesOf(await session.receive(1))).toEqual(['a2']);
    await session.close();
  });

  test('gives a session to one holder alone', [SESSIONS, EXCEPTIONS], async (bench, expect) => {
    const queue = await queueWith(bench, withSessions, inSessions('a1'));
    const session = await bench.driver.acceptSession(queue, 'a');

    await expect(bench.driver.acceptSession(queue, 'a')).rejects.toMatchObject({ code: 'SessionCannotBeLocked' });
    await session.close();
  });

  test('gives different sessions to different holders', SESSIONS, async (bench, expect) => {
    const queue = await queueWith(bench, withSessions, inSessions('a1', 'b1'));
    const [a, b] = [await bench.driver.acceptSession(queue, 'a'), await bench.driver.acceptSession(queue, 'b')];

    expect([bodiesOf(await a.receive(1)), bodiesOf(await b.receive(1))]).toEqual([['a1'], ['b1']]);
    await Promise.all([a.close(), b.close()]);
  });

  test('gives out the sessions that have messages, one after the other', SESSIONS, async (bench, expect) => {
    const queue = await queueWith(bench, withSessions, inSessions('a1', 'b1'));
    const [first, second] = [await bench.driver.acceptNextSession(queue), await bench.driver.acceptNextSession(queue)];

    expect([first?.sessionId, second?.sessionId].sort()).toEqual(['a', 'b']);
    await Promise.all([first?.close(), second?.close()]);
  });

  test('gives out no session when all are held', EXCEPTIONS, async (bench, expect) => {
    const queue = await queueWith(bench, withSessions, inSessions('a1'));
    const session = await bench.driver.acceptNextSession(queue);

    expect(await bench.driver.acceptNextSession(queue)).toBeUndefined();
    await session?.close();
  });

  test('lets a session be held that has no messages', SESSIONS, async (bench, expect) => {
    const queue = await queueWith(bench, withSessions);
    const session = await bench.driver.acceptSession(queue, 'new');

    expect(session.sessionId).toBe('new');
    expect(await session.receive(1)).toEqual([]);
    await session.close();
  });

  test('gives out a session again that was closed', SESSIONS, async (bench, expect) => {
    const queue = await queueWith(bench, withSessions, inSessions('a1'));
    const before = await bench.driver.acceptSession(queue, 'a');
    await before.close();
    const after = await bench.driver.acceptSession(queue, 'a');

    expect(bodiesOf(await after.receive(1))).toEqual(['a1']);
    await after.close();
  });

  test('keeps sessions of two queues apart', SESSIONS, async (bench, expect) => {
    const [p, q] = [await queueWith(bench, withSessions), await queueWith(bench, withSessions)];
    const [a, b] = [await bench.driver.acceptSession(p, 'a'), await bench.driver.acceptSession(q, 'a')];

    expect([a.sessionId, b.sessionId]).toEqual(['a', 'a']);
    await Promise.all([a.close(), b.close()]);
  });

  test('tells session ids apart that differ by case', SESSIONS, async (bench, expect) => {
    const queue = await queueWith(bench, withSessions, inSessions('a1', 'A1'));
    const session = await bench.driver.acceptSession(queue, 'A');

    expect(bodiesOf(await session.receive(2))).toEqual(['A1']);
    await session.close();
  });

  test('completes messages of a session', SESSIONS, async (bench, expect) => {
    const { driver } = bench;
    const queue = await queueWith(bench, withSessions, inSessions('a1', 'a2'));
    const session = await driver.acceptSession(queue, 'a');
    await session.complete(one(await session.receive(1)));
    await session.close();

    expect(await driver.counts(queue)).toMatchObject({ active: 1 });
  });

  test('brings an abandoned message back in its place', SESSIONS, async (bench, expect) => {
    const queue = await queueWith(bench, withSessions, inSessions('a1', 'a2'));
    const session = await bench.driver.acceptSession(queue, 'a');
    await session.abandon(one(await session.receive(1)));

    const again = await session.receive(2);
    expect(again.map(({ body, deliveryCount }) => [body, deliveryCount])).toEqual([
      ['a1', 1],
      ['a2', 0],
    ]);
    await session.close();
  });

  test('dead-letters a message of a session', [SESSIONS, DEAD_LETTERS], async (bench, expect) => {
    const { driver } = bench;
    const queue = await queueWith(bench, withSessions, inSessions('a1', 'a2'));
    const session = await driver.acceptSession(queue, 'a');
    await session.deadLetter(one(await session.receive(1)), 'Broken');

    expect(bodiesOf(await session.receive(1))).toEqual(['a2']);
    await session.close();
    expect(bodiesOf(await drain(driver, deadLettersOf(queue)))).toEqual(['a1']);
  });

  test('returns in order what a closing holder did not settle', SESSIONS, async (bench, expect) => {
    const queue = await queueWith(bench, withSessions, inSessions('a1', 'a2', 'a3'));
    const before = await bench.driver.acceptSession(queue, 'a');
    await before.receive(2);
    await before.close();
    const after = await bench.driver.acceptSession(queue, 'a');

    expect(bodiesOf(await after.receive(3))).toEqual(['a1', 'a2', 'a3']);
    await after.close();
  });

  test('does not count what a closing holder did not settle', SESSIONS, async (bench, expect) => {
    const queue = await queueWith(bench, withSessions, inSessions('a1'));
    const before = await bench.driver.acceptSession(queue, 'a');
    await before.receive(1);
    await before.close();
    const after = await bench.driver.acceptSession(queue, 'a');

    expect(await after.receive(1)).toMatchObject([{ deliveryCount: 0 }]);
    await after.close();
  });

  test('takes a session away when its lock expires', timed, async (bench, expect) => {
    const queue = await queueWith(bench, withSessions, inSessions('a1'));
    const before = await bench.driver.acceptSession(queue, 'a');
    await before.receive(1);
    await bench.driver.advance(LOCK + 1_000);
    const after = await bench.driver.acceptSession(queue, 'a');

    expect(await after.receive(1)).toMatchObject([{ body: 'a1', deliveryCount: 1 }]);
    await after.close();
  });

  test('refuses to settle once the session is lost', { source: EXCEPTIONS, needs: ['time'] }, async (bench, expect) => {
    const queue = await queueWith(bench, withSessions, inSessions('a1'));
    const session = await bench.driver.acceptSession(queue, 'a');
    const message = one(await session.receive(1));
    await bench.driver.advance(LOCK + 1_000);

    await expect(session.complete(message)).rejects.toMatchObject({ code: 'SessionLockLost' });
  });

  test('refuses to renew once the session is lost', { source: EXCEPTIONS, needs: ['time'] }, async (bench, expect) => {
    const queue = await queueWith(bench, withSessions, inSessions('a1'));
    const session = await bench.driver.acceptSession(queue, 'a');
    await bench.driver.advance(LOCK + 1_000);

    await expect(session.renewSession()).rejects.toMatchObject({ code: 'SessionLockLost' });
  });

  test('refuses the state once the session is lost', { source: EXCEPTIONS, needs: ['time'] }, async (bench, expect) => {
    const queue = await queueWith(bench, withSessions, inSessions('a1'));
    const session = await bench.driver.acceptSession(queue, 'a');
    await bench.driver.advance(LOCK + 1_000);

    await expect(session.setState('late')).rejects.toMatchObject({ code: 'SessionLockLost' });
  });

  test('keeps a session whose lock is renewed, and its messages with it', timed, async (bench) => {
    const queue = await queueWith(bench, withSessions, inSessions('a1'));
    const session = await bench.driver.acceptSession(queue, 'a');
    const message = one(await session.receive(1));
    await bench.driver.advance(20_000);
    await session.renewSession();
    await bench.driver.advance(20_000);

    await session.complete(message);
    await session.close();
  });

  test('says until when a session is locked after a renewal', AMQP_REQUESTS, async (bench, expect) => {
    const queue = await queueWith(bench, withSessions, inSessions('a1'));
    const session = await bench.driver.acceptSession(queue, 'a');

    expect(Math.abs((await session.renewSession()) - bench.driver.now() - LOCK)).toBeLessThan(10_000);
    await session.close();
  });

  test('has no state at first', SESSIONS, async (bench, expect) => {
    const queue = await queueWith(bench, withSessions, inSessions('a1'));
    const session = await bench.driver.acceptSession(queue, 'a');

    expect(await session.getState()).toBeUndefined();
    await session.close();
  });

  test('keeps the state of a session beyond its holder', SESSIONS, async (bench, expect) => {
    const queue = await queueWith(bench, withSessions, inSessions('a1'));
    const before = await bench.driver.acceptSession(queue, 'a');
    await before.setState('step 2');
    await before.close();
    const after = await bench.driver.acceptSession(queue, 'a');

    expect(await after.getState()).toBe('step 2');
    await after.close();
  });

  test('keeps the state of a session beyond its messages', SESSIONS, async (bench, expect) => {
    const queue = await queueWith(bench, withSessions, inSessions('a1'));
    const before = await bench.driver.acceptSession(queue, 'a');
    await before.setState('step 2');
    await before.complete(one(await before.receive(1)));
    await before.close();
    const after = await bench.driver.acceptSession(queue, 'a');

    expect(await after.getState()).toBe('step 2');
    await after.close();
  });

  test('replaces a state', SESSIONS, async (bench, expect) => {
    const queue = await queueWith(bench, withSessions, inSessions('a1'));
    const session = await bench.driver.acceptSession(queue, 'a');
    await session.setState('step 1');
    await session.setState('step 2');

    expect(await session.getState()).toBe('step 2');
    await session.close();
  });

  test('clears a state that is set to nothing', SESSIONS, async (bench, expect) => {
    const queue = await queueWith(bench, withSessions, inSessions('a1'));
    const session = await bench.driver.acceptSession(queue, 'a');
    await session.setState('step 1');
    await session.setState(undefined);

    expect(await session.getState()).toBeUndefined();
    await session.close();
  });

  test('keeps a state for each session', SESSIONS, async (bench, expect) => {
    const queue = await queueWith(bench, withSessions, inSessions('a1', 'b1'));
    const [a, b] = [await bench.driver.acceptSession(queue, 'a'), await bench.driver.acceptSession(queue, 'b')];
    await a.setState('of a');

    expect(await b.getState()).toBeUndefined();
    await Promise.all([a.close(), b.close()]);
  });

  test('takes a state of nearly 256 KB', SESSIONS, async (bench, expect) => {
    const queue = await queueWith(bench, withSessions, inSessions('a1'));
    const session = await bench.driver.acceptSession(queue, 'a');
    await session.setState(textOf(255 * KB));

    expect((await session.getState())?.length).toBe(255 * KB);
    await session.close();
  });

  test('refuses a state of more than 256 KB', SESSIONS, async (bench, expect) => {
    const queue = await queueWith(bench, withSessions, inSessions('a1'));
    const session = await bench.driver.acceptSession(queue, 'a');

    await expect(session.setState(textOf(256 * KB + 1))).rejects.toMatchObject({ code: 'MessageSizeExceeded' });
    await session.close();
  });

  test('refuses messages without a session', SESSIONS, async (bench, expect) => {
    const queue = await queueWith(bench, withSessions);

    await expect(bench.driver.send(queue, [{ body: 'x' }])).rejects.toThrow();
  });

  test('refuses a receiver without a session', SESSIONS, async (bench, expect) => {
    const queue = await queueWith(bench, withSessions, inSessions('a1'));
    const attempt = async (): Promise<unknown> => (await bench.driver.receiver(queue)).receive(1);

    await expect(attempt()).rejects.toThrow();
  });

  test('refuses a session of an entity without sessions', SESSIONS, async (bench, expect) => {
    const queue = await queueWith(bench, {}, ['x']);

    await expect(bench.driver.acceptSession(queue, 'a')).rejects.toThrow();
  });

  test('ignores the session id of a message in an entity without sessions', PAYLOADS, async (bench, expect) => {
    const queue = await queueWith(bench, {}, inSessions('a1', 'b1'));

    expect((await drain(bench.driver, queue)).map(({ sessionId }) => sessionId)).toEqual(['a', 'b']);
  });

  test('holds sessions of a subscription', SESSIONS, async (bench, expect) => {
    const { topic, path } = await subscribed(bench, withSessions);
    await bench.driver.send(topic, inSessions('a1', 'b1'));
    const session = await bench.driver.acceptSession(path, 'b');

    expect(bodiesOf(await session.receive(2))).toEqual(['b1']);
    await session.close();
  });

  test('refuses a session id of more than 128 characters', QUOTAS, async (bench, expect) => {
    const queue = await queueWith(bench, withSessions);

    await expect(bench.driver.send(queue, [{ body: 'x', sessionId: textOf(129) }])).rejects.toThrow();
  });

  test('refuses a partition key that differs from the session id', [PARTITIONING, PAYLOADS], async (bench, expect) => {
    const queue = await queueWith(bench, withSessions);

    await expect(bench.driver.send(queue, [{ body: 'x', sessionId: 'a', partitionKey: 'b' }])).rejects.toThrow();
  });
});
