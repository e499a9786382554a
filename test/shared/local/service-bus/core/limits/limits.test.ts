/** What a tier allows: its sizes, its counts, and its credits. */
import { describe, expect, it } from 'vitest';
import type { Broker } from '../../../../../../shared/local/service-bus/core/broker.ts';
import { VirtualClock } from '../../../../../../shared/local/service-bus/core/clock.ts';
import { type Limits, TIERS } from '../../../../../../shared/local/service-bus/core/limits/limits.ts';
import { createBroker } from '../../../../../../shared/local/service-bus/create-broker.ts';

const busy = {
  condition: 'com.microsoft:server-busy',
  message:
    'The request was terminated because the entity is being throttled. Error code: 50009. Please wait 2 seconds and try again.',
};

function start(limits: Partial<Limits> = TIERS.standard): { broker: Broker; clock: VirtualClock } {
  const clock = new VirtualClock();
  return { broker: createBroker({ clock, limits }), clock };
}

const messages = (count: number) => Array.from({ length: count }, (_, n) => ({ body: n, sizeBytes: 1 }));

/** How many of many sends are taken at once. */
function taken(send: () => unknown): number {
  for (let count = 0; ; count++) {
    try {
      send();
    } catch (error) {
      expect(error).toMatchObject(busy);
      return count;
    }
  }
}

describe('credits', () => {
  it('are a thousand a second, one for each message sent', async () => {
    const { broker, clock } = start();
    broker.createQueue('q');
    const send = () => broker.send('q', messages(1));

    expect(taken(send)).toBe(1_000);
    await clock.advance(999);
    expect(send).toThrow(busy.message);
    await clock.advance(1);
    expect(taken(send)).toBe(1_000);
    expect(broker.getQueue('q').counts.activeMessageCount).toBe(2_000);
  });

  it('are spent by each filter that a message is held against', () => {
    const { broker } = start();
    broker.createTopic('t');
    for (const name of ['a', 'b']) broker.createSubscription('t', name);
    broker.getSubscription('t', 'b').addRule({ name: 'more', filter: { kind: 'false' } });

    expect(taken(() => broker.send('t', messages(1)))).toBe(250);
  });

  it('are spent by a batch as by its messages, and the last batch may cost more than is left', () => {
    const { broker } = start();
    broker.createQueue('q');

    expect(taken(() => broker.schedule('q', messages(300)))).toBe(4);
  });

  it('are spent by what is received, which waits for the next second', async () => {
    const { broker, clock } = start();
    broker.createQueue('q');
    broker.send('q', messages(900));
    await clock.advance('1s');
    broker.send('q', messages(900));
    const got: unknown[] = [];
    const onMessage = ({ content }: { content: { body: unknown } }): void => void got.push(content.body);
    const consumer = broker.resolve('q').openConsumer({ mode: 'receiveAndDelete', onMessage });

    consumer.addCredit(1_700);
    await clock.advance(0);
    expect(got.length).toBe(100);
    await clock.advance('1s');
    expect(got.length).toBe(1_100);
    await clock.advance('1s');
    expect(got.length).toBe(1_700);
    expect(broker.resolve('q').receive(500).length).toBe(100);
    await clock.advance('1s');
    expect(broker.resolve('q').peek(0, 200).length).toBe(100);
  });

  it('limit the messages of a session in the same way', async () => {
    const { broker, clock } = start();
    broker.createQueue('q', { requiresSession: true });
    broker.send(
      'q',
      messages(900).map((message) => ({ ...message, sessionId: 's' })),
    );
    const hold = broker.resolve('q').sessions.accept('s');

    expect(hold.receive(500, 'receiveAndDelete').length).toBe(100);
    expect(() => broker.resolve('q').peek(0, 1)).toThrow(busy.message);
    await clock.advance('1s');
    expect(hold.receive(1_000, 'receiveAndDelete').length).toBe(800);
  });

  it('are not counted in Premium, nor where no tier was chosen', () => {
    for (const limits of [TIERS.premium, {}]) {
      const { broker } = start(limits);
      broker.createQueue('q');
      for (let n = 0; n < 5; n++) broker.send('q', messages(1_000));
      expect(broker.resolve('q').receive(5_000).length).toBe(5_000);
    }
  });
});

describe('receivers', () => {
  const consumer = { mode: 'peekLock', onMessage: () => {} } as const;

  it('are so many at a time, of all subscriptions of a topic together, and of sessions', () => {
    const { broker } = start({ maxReceiversPerEntity: 3 });
    broker.createTopic('t');
    broker.createSubscription('t', 'a');
    broker.createSubscription('t', 'b', { requiresSession: true });
    broker.createQueue('q');
    const [a, b] = ['a', 'b'].map((name) => broker.resolve(`t/Subscriptions/${name}`));

    const first = a?.openConsumer(consumer);
    broker.resolve('t/Subscriptions/a/$DeadLetterQueue').openConsumer(consumer);
    b?.sessions.accept('s').openConsumer(consumer);
    expect(() => a?.openConsumer(consumer)).toThrow('an entity allows at most 3 receivers at a time');
    broker.resolve('q').openConsumer(consumer);

    first?.close();
    first?.close();
    a?.openConsumer(consumer);
    expect(() => b?.sessions.accept('r').openConsumer(consumer)).toThrow('at most 3 receivers');
  });

  it('are as many as the tier has', () => {
    expect([TIERS.standard, TIERS.premium].map((tier) => tier.maxReceiversPerEntity)).toEqual([5_000, 5_000]);
  });
});

describe('sizes', () => {
  it('are those of the tier', () => {
    const { broker: standard } = start();
    const { broker: premium } = start(TIERS.premium);
    const large = { maxMessageSizeBytes: 1024 * 1024, maxSizeInMegabytes: 81_920 };
    standard.createQueue('q');
    premium.createTopic('t', large);

    expect(() => standard.createTopic('t', large)).toThrow(
      't: maxMessageSizeBytes is at most 262144 in the Standard tier',
    );
    expect(() => standard.updateQueue('q', { maxSizeInMegabytes: 10_240 })).toThrow('at most 5120');
    expect(() => premium.createQueue('q', { maxMessageSizeBytes: 101 * 1024 * 1024 })).toThrow();
    expect(premium.createQueue('q').properties.maxMessageSizeBytes).toBe(1024 * 1024);
    premium.send('q', [{ body: 'x', sizeBytes: 1_000_000 }]);
  });

  it('are taken as they come where no tier was chosen', () => {
    expect(start({}).broker.createQueue('q', { maxSizeInMegabytes: 81_920 }).properties.maxSizeInMegabytes).toBe(
      81_920,
    );
  });
});

describe('counts', () => {
  it('hold for the filters of all subscriptions of a topic, SQL and correlation apart', () => {
    const { broker } = start({ maxSqlFiltersPerTopic: 2, maxCorrelationFiltersPerTopic: 1 });
    const sql = (name: string) => ({ name, filter: { kind: 'sql', expression: 'a = 1' } }) as const;
    const correlation = (name: string) =>
      ({ name, filter: { kind: 'correlation', properties: { to: 'x' }, applicationProperties: {} } }) as const;
    broker.createTopic('t');
    const a = broker.createSubscription('t', 'a', {}, [sql('1'), correlation('2')]);
    const b = broker.createSubscription('t', 'b');
    b.addRule(sql('1'));

    expect(() => b.addRule(sql('2'))).toThrow('t may have at most 2 SQL filters');
    expect(() => b.updateRule({ ...correlation('1') })).toThrow('t may have at most 1 correlation filters');
    expect(() => broker.createSubscription('t', 'c', {}, [sql('1')])).toThrow('SQL filters');
    b.updateRule({ name: '1', filter: { kind: 'sql', expression: 'a = 2' } });
    a.removeRule('1');
    b.addRule(sql('2'));
    b.addRule({ name: 'any', filter: { kind: 'true' } });
  });

  it('hold for entities and subscriptions', () => {
    const { broker } = start({ maxEntities: 2, maxSubscriptionsPerTopic: 1 });
    const full = expect.objectContaining({ condition: 'amqp:resource-limit-exceeded' });
    broker.createTopic('t');
    broker.createQueue('q');
    broker.createSubscription('t', 'a');

    expect(() => broker.createQueue('r')).toThrow(full);
    expect(() => broker.createSubscription('t', 'b')).toThrow(full);
    broker.deleteQueue('q');
    broker.createQueue('r');
  });
});
