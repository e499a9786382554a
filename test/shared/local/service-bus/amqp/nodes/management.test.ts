/** Operations of `$management` as they are on the wire: their types, and those that the SDK here does not have yet. */
import { beforeEach, describe, expect, it } from 'vitest';
import { Reader } from '../../../../../../shared/local/service-bus/amqp/codec/reader.ts';
import type { AmqpValue } from '../../../../../../shared/local/service-bus/amqp/codec/types.ts';
import { Writer } from '../../../../../../shared/local/service-bus/amqp/codec/writer.ts';
import type { AmqpResponse } from '../../../../../../shared/local/service-bus/amqp/engine/request.ts';
import { answerManagement } from '../../../../../../shared/local/service-bus/amqp/nodes/management.ts';
import type { Broker } from '../../../../../../shared/local/service-bus/core/broker.ts';
import { VirtualClock } from '../../../../../../shared/local/service-bus/core/clock.ts';
import { createBroker } from '../../../../../../shared/local/service-bus/create-broker.ts';

let clock: VirtualClock;
let broker: Broker;
beforeEach(() => {
  clock = new VirtualClock();
  broker = createBroker({ clock });
});

function ask(path: string, operation: string, body: Record<string, AmqpValue>): AmqpResponse {
  const request = { operation: `com.microsoft:${operation}`, body: new Map(Object.entries(body)) };
  return answerManagement(broker, path, { properties: new Map(), messageId: 'm', replyTo: undefined, ...request });
}

/** The type codes of an answer's values. */
function typesOf({ body }: AmqpResponse): Record<string, string> {
  if (!(body instanceof Map)) throw new Error('expected a map');
  return Object.fromEntries(
    [...body].map(([key, value]) => {
      const writer = new Writer();
      writer.value(value);
      const code = writer.buffer[0] ?? 0;
      // An array says the type of its elements after its size and count.
      const inner = code === 0xf0 ? ` of ${writer.buffer[9]?.toString(16)}` : '';
      return [String(key), code.toString(16) + inner];
    }),
  );
}

const send = (path: string, ...bodies: string[]): number[] =>
  broker.send(
    path,
    bodies.map((body) => ({ body, sizeBytes: 10, sessionId: 's' })),
  );

describe('the types of answers', () => {
  it('are those of the documentation', () => {
    broker.createQueue('q', { requiresSession: true });
    broker.createQueue('plain');
    send('q', 'x');
    send('plain', 'x');
    const hold = broker.resolve('q').sessions.accept('s');
    hold.setState(Buffer.from('state'));
    const session = { 'session-id': 's' };
    const listing = { 'last-updated-time': new Date(Date.UTC(9999, 11, 31, 23, 59, 59, 999)), skip: 0, top: 100 };

    // An int is 71, a binary a0, a timestamp 83, a list d0; arrays are of strings (b1).
    expect(typesOf(ask('q', 'get-message-sessions', listing))).toEqual({ skip: '71', 'sessions-ids': 'f0 of b1' });
    expect(typesOf(ask('q', 'renew-session-lock', session))).toEqual({ expiration: '83' });
    expect(typesOf(ask('q', 'get-session-state', session))).toEqual({ 'session-state': 'a0' });
    expect(typesOf(ask('plain', 'peek-message', { 'from-sequence-number': 0, 'message-count': 1 }))).toEqual({
      messages: 'd0',
    });
  });

  it('are read back as what was listed', () => {
    broker.createQueue('q', { requiresSession: true });
    for (const sessionId of ['b', 'a']) broker.send('q', [{ body: 'x', sizeBytes: 1, sessionId }]);

    const { body } = ask('q', 'get-message-sessions', { skip: 0, top: 1 });
    const writer = new Writer();
    writer.value(body);

    expect(new Reader(writer.copy()).value()).toEqual(
      new Map<string, unknown>([
        ['skip', 1],
        ['sessions-ids', ['b']],
      ]),
    );
  });
});

// https://github.com/Azure/azure-service-bus/issues/1
describe('batch-delete-messages', () => {
  const remove = (path: string, count: number, more: Record<string, AmqpValue> = {}): unknown => {
    const all = { 'message-count': count, 'enqueued-time-utc': new Date(clock.now()), ...more };
    const { status, body, condition } = ask(path, 'batch-delete-messages', all);
    return body instanceof Map ? { status, count: body.get('message-count') } : { status, condition };
  };
  const left = (path: string): unknown[] =>
    broker
      .resolve(path)
      .peek(0, 1_000)
      .map(({ content }) => content.body);

  it('deletes the oldest first, up to the count, and says when nothing is left', () => {
    broker.createQueue('q');
    send('q', '1', '2', '3');

    expect(remove('q', 2)).toEqual({ status: 200, count: 2 });
    expect(left('q')).toEqual(['3']);
    expect(remove('q', 2)).toEqual({ status: 200, count: 1 });
    expect(remove('q', 2)).toEqual({ status: 204, condition: 'com.microsoft:message-not-found' });
    expect(broker.getQueue('q').counts.sizeInBytes).toBe(0);
  });

  it('leaves what is locked, scheduled or too young', async () => {
    broker.createQueue('q');
    send('q', 'locked', 'deferred', 'old');
    broker.schedule('q', [{ body: 'scheduled', sizeBytes: 1, scheduledEnqueueTimeMs: clock.now() + 60_000 }]);
    const [, deferred] = broker.resolve('q').receive(2);
    if (deferred) broker.resolve('q').defer(deferred);
    const before = new Date(clock.now());
    await clock.advance('1s');
    send('q', 'young');

    expect(remove('q', 10, { 'enqueued-time-utc': before })).toEqual({ status: 200, count: 2 });
    expect(left('q')).toEqual(['locked', 'scheduled', 'young']);
  });

  it('deletes at most 500 for a request', () => {
    broker.createQueue('q');
    send('q', ...Array.from({ length: 1_200 }, (_, n) => String(n)));

    expect([1, 2, 3, 4].map(() => remove('q', 4_000))).toMatchObject([
      { count: 500 },
      { count: 500 },
      { count: 200 },
      { status: 204 },
    ]);
  });

  it('works on dead letters, and on the one session that its asker holds', () => {
    broker.createQueue('q', { requiresSession: true });
    send('q', '1', '2');
    broker.send('q', [{ body: 'other', sizeBytes: 1, sessionId: 'o' }]);
    const hold = broker.resolve('q').sessions.accept('s');
    const [message] = hold.receive(1);
    if (message) broker.resolve('q').deadLetter(message);

    expect(() => remove('q', 10)).toThrow('has sessions');
    expect(() => remove('q', 10, { 'session-id': 'o' })).toThrow('is not locked');
    expect(remove('q', 10, { 'session-id': 's' })).toEqual({ status: 200, count: 1 });
    expect(remove('q/$DeadLetterQueue', 10)).toEqual({ status: 200, count: 1 });
    expect(left('q')).toEqual(['other']);
  });
});

describe('a rule that takes everything', () => {
  const rule = (subscription: string) => broker.getSubscription('t', subscription).rules[0]?.definition.filter;

  it('is given back as it was added: SDKs add the SQL filter 1=1, the topic itself a true filter', () => {
    broker.createTopic('t');
    broker.createSubscription('t', 'own');
    broker.createSubscription('t', 'added');
    ask('t/Subscriptions/added', 'remove-rule', { 'rule-name': '$Default' });

    ask('t/Subscriptions/added', 'add-rule', {
      'rule-name': 'all',
      'rule-description': new Map([['sql-filter', new Map([['expression', '1=1']])]]),
    });

    expect(rule('own')).toEqual({ kind: 'true' });
    expect(rule('added')).toEqual({ kind: 'sql', expression: '1=1' });
  });
});
