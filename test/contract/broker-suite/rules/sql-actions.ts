/** The contract of SQL actions: how a rule changes what it takes. */
import { type Section, section } from '../../broker-case.ts';
import type { ReceivedTestMessage, TestMessage } from '../../broker-driver.ts';
import { FILTERS, SQL_ACTION } from '../sources.ts';
import { one, queueWith, routed, sql, subscribed } from '../support.ts';

const SETTABLE = 'https://github.com/Azure/azure-service-bus/issues/180';
const RULE_NAME = 'https://github.com/MicrosoftDocs/azure-docs/issues/58562';

export const sqlActions: Section = section('SQL actions', ({ test }) => {
  const changes = (
    title: string,
    action: string,
    sent: Omit<TestMessage, 'body'>,
    expected: Partial<ReceivedTestMessage>,
    without: readonly string[] = [],
  ): void =>
    test(title, SQL_ACTION, async (bench, expect) => {
      const received = one(await routed(bench, [sql('r', '1=1', action)], [{ body: 'x', ...sent }]));

      expect(received).toMatchObject({ body: 'x', ...expected });
      for (const name of without) expect(received.applicationProperties).not.toHaveProperty(name);
    });
  const properties = (applicationProperties: NonNullable<TestMessage['applicationProperties']>) => ({
    applicationProperties,
  });

  changes('adds a property', 'SET added = 1', {}, properties({ added: 1 }));
  changes('changes a property', "SET color = 'blue'", properties({ color: 'red' }), properties({ color: 'blue' }));
  changes(
    'calculates with what was there',
    'SET price = price * 2',
    properties({ price: 21 }),
    properties({ price: 42 }),
  );
  changes(
    'takes one property over from another',
    'SET copy = color',
    properties({ color: 'red' }),
    properties({ copy: 'red' }),
  );
  changes('takes a system property over', 'SET kind = sys.Label', { subject: 'Order' }, properties({ kind: 'Order' }));
  changes('changes the subject', "SET sys.Label = 'changed'", { subject: 'was' }, { subject: 'changed' });
  changes('changes where a message goes', "SET sys.To = 'there'", { to: 'here' }, { to: 'there' });
  changes(
    'changes the correlation id',
    "SET sys.CorrelationId = 'c2'",
    { correlationId: 'c' },
    { correlationId: 'c2' },
  );
  changes('removes a property', 'REMOVE secret', properties({ secret: 's', kept: 1 }), properties({ kept: 1 }), [
    'secret',
  ]);
  changes('removes the subject', 'REMOVE sys.Label', { subject: 'was' }, { subject: undefined });
  changes(
    'does nothing for a property that is absent',
    'REMOVE missing',
    properties({ kept: 1 }),
    properties({ kept: 1 }),
  );
  changes('does one statement after the other', 'SET a = 1; SET a = a + 1; SET b = a', {}, properties({ a: 2, b: 2 }));
  changes(
    'finds a property whatever the case of its name',
    "SET COLOR = 'blue'",
    properties({ color: 'red' }),
    properties({ color: 'blue' }),
    ['COLOR'],
  );
  changes(
    'converts a number to the text that was there',
    'SET color = 5',
    properties({ color: 'red' }),
    properties({ color: '5' }),
  );
  changes(
    'converts a text to the number that was there',
    "SET size = '8'",
    properties({ size: 7 }),
    properties({ size: 8 }),
  );

  test('leaves the body alone', SQL_ACTION, async (bench, expect) => {
    expect(await routed(bench, [sql('r', '1=1', 'SET a = 1')], [{ body: 'the body' }])).toMatchObject([
      { body: 'the body' },
    ]);
  });

  test('changes the copy of one subscription alone', FILTERS, async (bench, expect) => {
    const { driver, name } = bench;
    const topic = name('t');
    await driver.createTopic(topic);
    await driver.createSubscription(topic, 'changed', {}, [sql('r', '1=1', 'SET a = 2')]);
    await driver.createSubscription(topic, 'plain');
    await driver.send(topic, [{ body: 'x', applicationProperties: { a: 1 } }]);

    const [changed] = await driver.peek(`${topic}/Subscriptions/changed`, 1);
    const [plain] = await driver.peek(`${topic}/Subscriptions/plain`, 1);
    expect([changed?.applicationProperties['a'], plain?.applicationProperties['a']]).toEqual([2, 1]);
  });

  test('names its rule on a copy that an action made', [FILTERS, RULE_NAME], async (bench, expect) => {
    const received = one(await routed(bench, [sql('Mine', '1=1', 'SET a = 1')], [{ body: 'x' }]));

    expect(received.applicationProperties).toEqual({ a: 1, RuleName: 'Mine' });
  });

  test('names no rule on a copy that no action made', RULE_NAME, async (bench, expect) => {
    const received = one(await routed(bench, [sql('Mine', '1=1')], [{ body: 'x' }]));

    expect(received.applicationProperties).toEqual({});
  });

  test('changes how long a message lives', SETTABLE, async (bench, expect) => {
    const rules = [sql('r', '1=1', "SET sys.TimeToLive = '00:01:00'")];
    const { expiresAt, enqueuedAt } = one(await routed(bench, rules, [{ body: 'x', timeToLiveMs: 600_000 }]));

    expect(expiresAt).toBe(enqueuedAt + 60_000);
  });

  test('has a message live as long as another property says', SETTABLE, async (bench, expect) => {
    const rules = [sql('r', '1=1', 'SET sys.TimeToLive = lives')];
    const message = { body: 'x', applicationProperties: { lives: '1.00:00:00' } };
    const { expiresAt, enqueuedAt } = one(await routed(bench, rules, [message]));

    expect(expiresAt).toBe(enqueuedAt + 86_400_000);
  });

  test('ignores a time to be enqueued at, in the subscription itself', FILTERS, async (bench, expect) => {
    const rules = [sql('r', '1=1', "SET sys.ScheduledEnqueueTimeUtc = '2999-01-01T00:00:00Z'")];

    expect(await routed(bench, rules, [{ body: 'x' }])).toMatchObject([{ body: 'x' }]);
  });

  test('holds a time to be enqueued at where the message is forwarded', FILTERS, async (bench, expect) => {
    const { driver } = bench;
    const target = await queueWith(bench);
    const rules = [sql('r', '1=1', "SET sys.ScheduledEnqueueTimeUtc = '2999-01-01T00:00:00Z'")];
    const { topic } = await subscribed(bench, { forwardTo: target }, rules);
    await driver.send(topic, [{ body: 'x' }]);

    expect(await driver.counts(target)).toMatchObject({ active: 0, scheduled: 1 });
  });

  for (const [title, action] of [
    ['refuses an action that is no statement', 'color = 1'],
    ['refuses to remove the message id', 'REMOVE sys.MessageId'],
    ['refuses a system property that there is none of', 'SET sys.Nonsense = 1'],
    ['refuses a system property that the service alone sets', 'SET sys.SequenceNumber = 1'],
  ] as const) {
    test(title, SQL_ACTION, async (bench, expect) => {
      await expect(routed(bench, [sql('r', '1=1', action)], [])).rejects.toMatchObject({ code: 'BadRequest' });
    });
  }
});
