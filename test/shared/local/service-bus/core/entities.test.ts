/** Entities beyond what every driver can show: forwarding chains, quotas, states, idle deletion, faults, memory. */
import { beforeEach, describe, expect, it } from 'vitest';
import type { Broker } from '../../../../../shared/local/service-bus/core/broker.ts';
import type { BrokerError } from '../../../../../shared/local/service-bus/core/broker-error.ts';
import { VirtualClock } from '../../../../../shared/local/service-bus/core/clock.ts';
import type { OutgoingMessage } from '../../../../../shared/local/service-bus/core/message.ts';
import type { SessionHold } from '../../../../../shared/local/service-bus/core/sessions.ts';
import { createBroker } from '../../../../../shared/local/service-bus/create-broker.ts';

let clock: VirtualClock;
let broker: Broker;
beforeEach(() => {
  clock = new VirtualClock();
  broker = createBroker({ clock });
});

function send(path: string, ...bodies: string[]): number[] {
  return broker.send(
    path,
    bodies.map((body) => ({ body, sizeBytes: 100 })),
  );
}

function take(path: string): unknown[] {
  return broker
    .resolve(path)
    .receive(100, 'receiveAndDelete')
    .map(({ content }) => content.body);
}

function refusal(run: () => unknown): string | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    return (error as BrokerError).condition;
  }
}

describe('forwarding', () => {
  it('follows a chain of four and dead-letters what goes further', () => {
    broker.createQueue('q5');
    for (const n of [4, 3, 2, 1, 0]) broker.createQueue(`q${n}`, { forwardTo: `q${n + 1}` });

    send('q1', 'four hops');
    send('q0', 'five hops');

    expect(take('q5')).toEqual(['four hops']);
    const [lost] = broker.resolve('q4/$DeadLetterQueue').receive();
    expect(lost?.content.body).toBe('five hops');
    expect(lost?.content.applicationProperties['DeadLetterReason']).toBe('MaxTransferHopCountExceeded');
  });

  it('keeps what cannot go on: the target is gone, disabled or full', () => {
    broker.createQueue('gone');
    broker.createQueue('off', { status: 'SendDisabled' });
    broker.createQueue('full', { maxSizeInMegabytes: 1 });
    for (let n = 0; n < 4; n++) broker.send('full', [{ body: 'x', sizeBytes: 256 * 1024 }]);
    for (const target of ['gone', 'off', 'full']) broker.createQueue(`to-${target}`, { forwardTo: target });
    broker.deleteQueue('gone');

    for (const target of ['gone', 'off', 'full']) send(`to-${target}`, target);

    const reasons = ['gone', 'off', 'full'].map((target) => {
      const [message] = broker.resolve(`to-${target}/$DeadLetterQueue`).receive();
      return message?.content.applicationProperties['DeadLetterReason'];
    });
    expect(reasons).toEqual(['MessagingEntityNotFound', 'MessagingEntityDisabled', 'QuotaExceeded']);
  });

  it('drops a duplicate where it arrives, and moves on what waited when it is switched on', () => {
    broker.createQueue('target', { requiresDuplicateDetection: true });
    broker.createQueue('source');
    broker.send('source', [
      { body: '1', messageId: 'a', sizeBytes: 1 },
      { body: '2', messageId: 'a', sizeBytes: 1 },
      { body: '3', messageId: 'b', sizeBytes: 1 },
    ]);

    broker.updateQueue('source', { forwardTo: 'target' });

    expect(take('target')).toEqual(['1', '3']);
    expect(refusal(() => broker.resolve('source'))).toBe('amqp:not-allowed');
    broker.updateQueue('source', { forwardTo: undefined });
    expect(broker.resolve('source').activeCount).toBe(0);
  });

  it('cannot forward to itself', () => {
    expect(refusal(() => broker.createQueue('q', { forwardTo: 'Q' }))).toBe('com.microsoft:argument-error');
  });
});

describe('limits', () => {
  it('refuses a batch whole when the entity cannot hold it, dead letters counting', () => {
    broker.createQueue('q', { maxSizeInMegabytes: 1 });
    const big: OutgoingMessage = { body: 'x', sizeBytes: 256 * 1024 };
    broker.send('q', [big, big, big]);
    const [message] = broker.resolve('q').receive();
    if (message) broker.resolve('q').deadLetter(message);

    expect(refusal(() => broker.send('q', [big, big]))).toBe('amqp:resource-limit-exceeded');
    expect(broker.getQueue('q').counts.totalMessageCount).toBe(3);
    broker.send('q', [big]);
    broker.resolve('q/$DeadLetterQueue').receive(1, 'receiveAndDelete');
    broker.send('q', [big]);
  });

  it('refuses a batch whole when one message is not to be taken', () => {
    broker.createQueue('q', { maxMessageSizeBytes: 200 });

    expect(
      refusal(() =>
        broker.send('q', [
          { body: '1', sizeBytes: 1 },
          { body: '2', sizeBytes: 201 },
        ]),
      ),
    ).toBe('amqp:link:message-size-exceeded');
    expect(refusal(() => broker.send('q', [{ body: '1', sizeBytes: 1, messageId: 'x'.repeat(129) }]))).toBe(
      'com.microsoft:argument-error',
    );
    expect(take('q')).toEqual([]);
  });

  it.each([
    [{ lockDurationMs: 999 }, 'lockDurationMs must be from 1000 to 300000, got 999'],
    [{ maxDeliveryCount: 0 }, 'maxDeliveryCount must be from 1 to 2147483647, got 0'],
    [{ duplicateDetectionHistoryTimeWindowMs: 1 }, 'duplicateDetectionHistoryTimeWindowMs must be from 20000'],
  ])('refuses %o', (properties, problem) => {
    expect(() => broker.createQueue('q', properties)).toThrow(problem);
  });

  it.each(['', 'a b', '/a', 'a/', 'a?b', 'x'.repeat(261)])('refuses the name %o', (name) => {
    expect(refusal(() => broker.createQueue(name))).toBe('com.microsoft:argument-error');
  });
});

describe('entities', () => {
  it('are found in any case, and cannot be created twice', () => {
    broker.createQueue('Orders');
    broker.createTopic('Events');
    broker.createSubscription('events', 'All');

    expect(broker.getQueue('ORDERS').name).toBe('Orders');
    expect(broker.resolve('/EVENTS/subscriptions/ALL/$deadletterqueue').path).toBe(
      'Events/Subscriptions/All/$DeadLetterQueue',
    );
    expect(refusal(() => broker.createTopic('orders'))).toBe('com.microsoft:entity-already-exists');
    expect(refusal(() => broker.createSubscription('Events', 'ALL'))).toBe('com.microsoft:entity-already-exists');
    expect(refusal(() => broker.resolve('Events'))).toBe('amqp:not-allowed');
    expect(refusal(() => broker.send('Orders/$DeadLetterQueue', []))).toBe('amqp:not-allowed');
    expect(refusal(() => broker.resolve('Orders/Subscriptions/x'))).toBe('amqp:not-found');
  });

  it('keep what is fixed when they are made', () => {
    broker.createQueue('q');

    expect(refusal(() => broker.updateQueue('q', { requiresSession: true }))).toBe('amqp:not-allowed');
    expect(broker.updateQueue('q', { lockDurationMs: 5_000, requiresSession: false }).properties).toMatchObject({
      lockDurationMs: 5_000,
      maxDeliveryCount: 10,
    });
  });

  it('tell their receivers when they go or are disabled', () => {
    broker.createQueue('a');
    broker.createQueue('b');
    const told: string[] = [];
    for (const name of ['a', 'b']) {
      broker.resolve(name).openConsumer({
        mode: 'peekLock',
        onMessage: () => {},
        onClosed: ({ condition }) => told.push(`${name}: ${condition}`),
      });
    }

    broker.deleteQueue('a');
    broker.updateQueue('b', { status: 'ReceiveDisabled' });

    expect(told).toEqual(['a: amqp:not-found', 'b: com.microsoft:entity-disabled']);
    expect(refusal(() => broker.resolve('b'))).toBe('com.microsoft:entity-disabled');
    send('b', 'still taken');
    broker.updateQueue('b', { status: 'SendDisabled' });
    expect(refusal(() => send('b', 'refused'))).toBe('com.microsoft:entity-disabled');
    expect(take('b')).toEqual(['still taken']);
  });

  it('are deleted after being idle for as long as their properties say', async () => {
    broker.createQueue('idle', { autoDeleteOnIdleMs: 300_000 });
    broker.createQueue('sent-to', { autoDeleteOnIdleMs: 300_000 });
    broker.createQueue('watched', { autoDeleteOnIdleMs: 300_000 });
    broker.resolve('watched').openConsumer({ mode: 'peekLock', onMessage: () => {} });

    await clock.advance('4m');
    send('sent-to', 'x');
    await clock.advance('2m');

    expect(broker.listQueues().map(({ name }) => name)).toEqual(['sent-to', 'watched']);
    await clock.advance('5m');
    expect(broker.listQueues().map(({ name }) => name)).toEqual(['watched']);
  });
});

describe('rules', () => {
  it('dead-letter, or drop, what an expression cannot be applied to', () => {
    broker.createTopic('t');
    const rules = [{ name: 'r', filter: { kind: 'sql', expression: 'text * 2 = 4' } }] as const;
    broker.createSubscription('t', 'careful', {}, rules);
    broker.createSubscription('t', 'careless', { deadLetteringOnFilterEvaluationExceptions: false }, rules);

    broker.send('t', [{ body: 'x', sizeBytes: 1, applicationProperties: { text: 'no number' } }]);

    const [dead] = broker.resolve('t/Subscriptions/careful/$DeadLetterQueue').receive();
    expect(dead?.content.applicationProperties['DeadLetterErrorDescription']).toContain("the string 'no number'");
    expect(broker.getSubscription('t', 'careless').counts.totalMessageCount).toBe(0);
  });

  it('dead-letter what has no session where one is needed', () => {
    broker.createTopic('t');
    broker.createSubscription('t', 's', { requiresSession: true });

    send('t', 'x');

    const [dead] = broker.resolve('t/Subscriptions/s/$DeadLetterQueue').receive();
    expect(dead?.content.applicationProperties['DeadLetterReason']).toBe('Session ID is null');
  });

  it('make nothing when one of them is wrong', () => {
    broker.createTopic('t');

    expect(() =>
      broker.createSubscription('t', 's', {}, [{ name: 'r', filter: { kind: 'sql', expression: 'a ==' } }]),
    ).toThrow("rule 'r': expected a property or a value, got '=' at position 4");
    expect(broker.listSubscriptions('t')).toEqual([]);
  });
});

describe('a wrong rule', () => {
  it.each([
    [
      { kind: 'sql', expression: "a LIKE 'x!' ESCAPE '!'" },
      "rule 'r': the pattern 'x!' ends with its escape character",
    ],
    [{ kind: 'correlation', properties: {}, applicationProperties: {} }, 'must compare at least one property'],
  ] as const)('is refused: %o', (filter, problem) => {
    broker.createTopic('t');
    const subscription = broker.createSubscription('t', 's');

    expect(() => subscription.addRule({ name: 'r', filter })).toThrow(problem);
    expect(refusal(() => subscription.addRule({ name: 'r', filter }))).toBe('com.microsoft:argument-error');
  });
});

describe('faults', () => {
  it('are refused for operations that cannot have them', () => {
    expect(() => broker.faults.add({ on: 'receive', effect: 'duplicate' })).toThrow(
      "a fault on 'receive' must be lose-lock, got duplicate",
    );
  });

  it('hit the nth operation on their entity, so many times, unless they are removed', () => {
    broker.createQueue('a');
    broker.createQueue('b');
    broker.faults.add({ on: 'send', path: 'A', nth: 2, times: 2, effect: 'fail' });
    const takeBack = broker.faults.add({ on: 'send', path: 'b', effect: 'fail' });
    takeBack();

    const outcomes = [1, 2, 3, 4].map(() => refusal(() => send('a', 'x')));

    expect(outcomes).toEqual([undefined, 'com.microsoft:server-busy', 'com.microsoft:server-busy', undefined]);
    expect(refusal(() => send('b', 'x'))).toBeUndefined();
  });
});

describe('sessions', () => {
  it('are granted to those who wait, in their order', async () => {
    broker.createQueue('q', { requiresSession: true });
    const { sessions } = broker.resolve('q');
    const granted: string[] = [];
    const grant = (who: string) => (hold: SessionHold) => void granted.push(`${who}: ${hold.sessionId}`);
    sessions.waitForNext(grant('first'));
    const stop = sessions.waitForNext(grant('gave up'));
    sessions.waitForNext(grant('third'));

    stop();
    broker.send('q', [
      { body: '1', sessionId: 'a', sizeBytes: 1 },
      { body: '2', sessionId: 'b', sizeBytes: 1 },
    ]);
    await Promise.resolve();

    expect(granted).toEqual(['first: a', 'third: b']);
  });

  it('push to the holder, and tell when the lock is lost', async () => {
    broker.createQueue('q', { requiresSession: true, lockDurationMs: 10_000 });
    const queue = broker.resolve('q');
    const log: string[] = [];
    const hold = queue.sessions.accept('a', { onLost: ({ condition }) => log.push(condition) });
    hold.openConsumer({ mode: 'peekLock', onMessage: ({ content }) => log.push(String(content.body)) }).addCredit(10);

    broker.send('q', [
      { body: '1', sessionId: 'a', sizeBytes: 1 },
      { body: 'other', sessionId: 'b', sizeBytes: 1 },
    ]);
    await clock.advance('11s');

    expect(log).toEqual(['1', 'com.microsoft:session-lock-lost']);
    expect(queue.sessions.list().sort()).toEqual(['a', 'b']);
  });

  it('are listed with messages or a state, or by when the state was set', async () => {
    broker.createQueue('q', { requiresSession: true });
    const { sessions } = broker.resolve('q');
    broker.send('q', [{ body: '1', sessionId: 'with message', sizeBytes: 1 }]);
    const setState = (id: string, state = 'state'): void => {
      const hold = sessions.accept(id, {});
      hold.setState(Buffer.from(state));
      hold.close();
    };
    setState('old state');
    const since = clock.now() + 1;
    await clock.advance('1m');
    setState('new state');
    setState('cleared');
    setState('cleared', '');

    expect(sessions.list().sort()).toEqual(['new state', 'old state', 'with message']);
    expect(sessions.list(since)).toEqual(['new state']);
  });
});

describe('memory', () => {
  it('forgets sessions that nothing is left of, and ids outside the window', async () => {
    broker.createQueue('q', {
      requiresSession: true,
      requiresDuplicateDetection: true,
      duplicateDetectionHistoryTimeWindowMs: 20_000,
    });
    const { sessions } = broker.resolve('q');
    for (let n = 0; n < 100; n++) {
      broker.send('q', [{ body: n, sessionId: `s${n}`, messageId: `m${n}`, sizeBytes: 1 }]);
      const hold = sessions.acceptNext();
      hold?.receive(1, 'receiveAndDelete');
      hold?.close();
    }

    expect(sessions.feeds()).toEqual([]);
    expect(broker.getQueue('q').counts.sizeInBytes).toBe(0);
    await clock.advance('2m');
    expect(clock.nextAt).toBeUndefined(); // no timer is left either
  });

  it('keeps one timer for a queue, however much falls due', () => {
    broker.createQueue('q', { defaultMessageTimeToLiveMs: 60_000 });
    let timers = 0;
    const at = clock.at.bind(clock);
    clock.at = (time, run) => {
      timers++;
      return at(time, run);
    };

    for (let n = 0; n < 1_000; n++) send('q', 'x');
    broker.resolve('q').receive(500);

    expect(timers).toBe(1);
  });
});
