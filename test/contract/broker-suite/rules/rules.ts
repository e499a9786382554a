/** The contract of rules: several on one subscription, and how they are made, listed, changed and removed. */
import { type Section, section } from '../../broker-case.ts';
import {
  AMQP_REQUESTS,
  DOTNET_ADMINISTRATION,
  DOTNET_RULES,
  EXCEPTIONS,
  FILTERS,
  JS_RULES,
  JS_TOPIC_FILTERS,
  NAMES,
} from '../sources.ts';
import { bodiesOf, drainBodies, routed, sql, subscribed } from '../support.ts';

const BETWEEN = 'https://github.com/Azure/azure-service-bus-dotnet/issues/344';

export const rules: Section = section('rules', ({ test }) => {
  test('begins with a rule that takes everything', FILTERS, async (bench, expect) => {
    const { topic, path } = await subscribed(bench);
    await bench.driver.send(topic, [{ body: 'any' }]);

    expect(await bench.driver.listRules(topic, 's')).toEqual(['$Default']);
    expect(await drainBodies(bench.driver, path)).toEqual(['any']);
  });

  test(
    'takes nothing once the last rule is removed',
    'https://github.com/zarusz/SlimMessageBus/issues/254',
    async (bench, expect) => {
      const { topic, path } = await subscribed(bench);
      await bench.driver.removeRule(topic, 's', '$Default');
      await bench.driver.send(topic, [{ body: 'any' }]);

      expect(await drainBodies(bench.driver, path)).toEqual([]);
    },
  );

  test('has no rule that takes everything when it is made with a rule', FILTERS, async (bench, expect) => {
    const { topic } = await subscribed(bench, {}, [sql('few', 'a = 1')]);

    expect(await bench.driver.listRules(topic, 's')).toEqual(['few']);
  });

  test('holds a new rule against the next message', BETWEEN, async (bench, expect) => {
    const { driver } = bench;
    const { topic, path } = await subscribed(bench, {}, [sql('a', 'x = 1')]);
    await driver.send(topic, [{ body: 'before', applicationProperties: { x: 2 } }]);
    await driver.addRule(topic, 's', sql('b', 'x = 2'));
    await driver.send(topic, [{ body: 'after', applicationProperties: { x: 2 } }]);

    expect(await drainBodies(driver, path)).toEqual(['after']);
  });

  test('keeps what a removed rule let in', BETWEEN, async (bench, expect) => {
    const { driver } = bench;
    const { topic, path } = await subscribed(bench);
    await driver.send(topic, [{ body: 'in' }]);
    await driver.removeRule(topic, 's', '$Default');

    expect(await drainBodies(driver, path)).toEqual(['in']);
  });

  test('copies a message once for all rules without an action', FILTERS, async (bench, expect) => {
    const received = await routed(
      bench,
      [sql('a', '1=1'), sql('b', 'x = 1')],
      [{ body: 'm', applicationProperties: { x: 1 } }],
    );

    expect(bodiesOf(received)).toEqual(['m']);
  });

  test('copies a message once for each rule with an action', FILTERS, async (bench, expect) => {
    const received = await routed(
      bench,
      [sql('a', '1=1', "SET by = 'a'"), sql('b', '1=1', "SET by = 'b'")],
      [{ body: 'm' }],
    );

    expect(received.map(({ applicationProperties }) => applicationProperties['by']).sort()).toEqual(['a', 'b']);
  });

  test('copies a message once more where both kinds of rule take it', FILTERS, async (bench, expect) => {
    const received = await routed(bench, [sql('a', '1=1'), sql('b', '1=1', "SET by = 'b'")], [{ body: 'm' }]);

    expect(received.map(({ applicationProperties }) => applicationProperties['by'] ?? 'none').sort()).toEqual([
      'b',
      'none',
    ]);
  });

  test('takes a message that one of the rules takes', FILTERS, async (bench, expect) => {
    const received = await routed(
      bench,
      [sql('a', 'x = 1'), sql('b', 'x = 2')],
      [1, 2, 3].map((x) => ({ body: `${x}`, applicationProperties: { x } })),
    );

    expect(bodiesOf(received)).toEqual(['1', '2']);
  });

  test('lists rules in the order of their names', [JS_RULES, DOTNET_RULES], async (bench, expect) => {
    const { topic } = await subscribed(bench);
    for (const name of ['sqlRule', 'correlationRule']) await bench.driver.addRule(topic, 's', sql(name, '1=1'));

    expect(await bench.driver.listRules(topic, 's')).toEqual(['$Default', 'correlationRule', 'sqlRule']);
  });

  test('refuses a rule of a name that is taken, whatever its case', [EXCEPTIONS, NAMES], async (bench, expect) => {
    const { topic } = await subscribed(bench, {}, [sql('r', '1=1')]);

    await expect(bench.driver.addRule(topic, 's', sql('R', '1=1'))).rejects.toMatchObject({
      code: 'MessagingEntityAlreadyExists',
    });
  });

  test('refuses a wrong expression', AMQP_REQUESTS, async (bench, expect) => {
    const { topic } = await subscribed(bench);

    await expect(bench.driver.addRule(topic, 's', sql('r', 'a = = 1'))).rejects.toThrow();
  });

  test('refuses to remove a rule that is not there', JS_TOPIC_FILTERS, async (bench, expect) => {
    const { topic } = await subscribed(bench);

    await expect(bench.driver.removeRule(topic, 's', 'none')).rejects.toMatchObject({
      code: 'MessagingEntityNotFound',
    });
  });

  test('shows an SQL filter and its action', DOTNET_ADMINISTRATION, async (bench, expect) => {
    const { topic } = await subscribed(bench, {}, [sql('r', 'a = 1', 'SET b = 2')]);

    expect(await bench.driver.describeRule(topic, 's', 'r')).toMatchObject(sql('r', 'a = 1', 'SET b = 2'));
  });

  test('shows a correlation filter', DOTNET_ADMINISTRATION, async (bench, expect) => {
    const filter = {
      kind: 'correlation',
      properties: { subject: 'A' },
      applicationProperties: { text: 'a', whole: 5, yes: true },
    } as const;
    const { topic } = await subscribed(bench, {}, [{ name: 'r', filter }]);

    expect(await bench.driver.describeRule(topic, 's', 'r')).toMatchObject({ name: 'r', filter });
  });

  test('changes a rule', DOTNET_ADMINISTRATION, async (bench, expect) => {
    const { driver } = bench;
    const { topic, path } = await subscribed(bench, {}, [sql('r', 'x = 1')]);
    await driver.updateRule(topic, 's', sql('r', 'x = 2'));
    await driver.send(
      topic,
      [1, 2].map((x) => ({ body: `${x}`, applicationProperties: { x } })),
    );

    expect(await drainBodies(driver, path)).toEqual(['2']);
  });

  test('keeps a rule that a wrong expression was to replace', DOTNET_ADMINISTRATION, async (bench, expect) => {
    const { driver } = bench;
    const { topic } = await subscribed(bench, {}, [sql('r', 'x = 1')]);

    await expect(driver.updateRule(topic, 's', sql('r', 'x = = 1'))).rejects.toMatchObject({ code: 'BadRequest' });
    expect(await driver.describeRule(topic, 's', 'r')).toMatchObject(sql('r', 'x = 1'));
  });

  test('refuses to show a rule that is not there', DOTNET_ADMINISTRATION, async (bench, expect) => {
    const { topic } = await subscribed(bench);

    await expect(bench.driver.describeRule(topic, 's', 'none')).rejects.toMatchObject({
      code: 'MessagingEntityNotFound',
    });
  });

  test('makes no subscription whose rule is wrong', FILTERS, async ({ driver, name }, expect) => {
    const topic = name('t');
    await driver.createTopic(topic);

    await expect(driver.createSubscription(topic, 's', {}, [sql('r', 'a ==')])).rejects.toMatchObject({
      code: 'BadRequest',
    });
    expect(await driver.listSubscriptions(topic)).toEqual([]);
  });
});
