/** The contract of rules: filters, actions, several on one subscription. */
import { expect } from 'vitest';
import type { RuleDefinition } from '../../../shared/local/service-bus/filters/rule-definition.ts';
import type { Bench } from '../broker.ts';
import type { TestMessage } from '../broker-driver.ts';
import { bodiesOf, drain } from './support.ts';

function sql(name: string, expression: string, action?: string): RuleDefinition {
  return { name, filter: { kind: 'sql', expression }, ...(action !== undefined && { action: { expression: action } }) };
}

export function rules({ driver, name, test }: Bench): void {
  const routed = async (definitions: readonly RuleDefinition[], messages: readonly TestMessage[]) => {
    const topic = name('t');
    await driver().createTopic(topic);
    await driver().createSubscription(topic, 's', {}, definitions);
    await driver().send(topic, messages);
    return drain(driver(), `${topic}/Subscriptions/s`);
  };

  const filters: readonly (readonly [string, TestMessage, TestMessage])[] = [
    ["sys.Label = 'wanted'", { body: 'y', subject: 'wanted' }, { body: 'n', subject: 'other' }],
    ['sys.To IS NULL', { body: 'y' }, { body: 'n', to: 'x' }],
    [
      'size > 10',
      { body: 'y', applicationProperties: { size: 11 } },
      { body: 'n', applicationProperties: { size: 10 } },
    ],
    [
      "color IN ('red', 'blue')",
      { body: 'y', applicationProperties: { color: 'red' } },
      { body: 'n', applicationProperties: { color: 'green' } },
    ],
    [
      "user.name LIKE 'a!%%' ESCAPE '!'",
      { body: 'y', applicationProperties: { name: 'a%b' } },
      { body: 'n', applicationProperties: { name: 'ab' } },
    ],
    ['EXISTS(here)', { body: 'y', applicationProperties: { here: 1 } }, { body: 'n' }],
    ['NOT (a = 1)', { body: 'y', applicationProperties: { a: 2 } }, { body: 'n' }],
    [
      '[odd name] = TRUE',
      { body: 'y', applicationProperties: { 'odd name': true } },
      { body: 'n', applicationProperties: { 'odd name': false } },
    ],
    [
      'a + b * 2 = 7',
      { body: 'y', applicationProperties: { a: 1, b: 3 } },
      { body: 'n', applicationProperties: { a: 2, b: 3 } },
    ],
  ];
  for (const [expression, yes, no] of filters) {
    test(`takes what fits ${expression}`, ['administration'], async () => {
      expect(bodiesOf(await routed([sql('r', expression)], [no, yes]))).toEqual(['y']);
    });
  }

  test('compares system and application properties in a correlation filter', ['administration'], async () => {
    const filter = {
      kind: 'correlation',
      properties: { subject: 'A', correlationId: 'c' },
      applicationProperties: { size: 5 },
    } as const;
    const fits = { subject: 'A', correlationId: 'c', applicationProperties: { size: 5 } };

    const received = await routed(
      [{ name: 'r', filter }],
      [
        { body: 'n1', ...fits, subject: 'a' },
        { body: 'n2', ...fits, applicationProperties: { size: 6 } },
        { body: 'n3', subject: 'A', correlationId: 'c' },
        { body: 'y', ...fits },
      ],
    );

    expect(bodiesOf(received)).toEqual(['y']);
  });

  test('changes a copy by the action of its rule', ['administration'], async () => {
    const action = "SET sys.Label = 'changed'; SET price = price * 2; REMOVE secret";

    const received = await routed(
      [sql('r', '1 = 1', action)],
      [{ body: 'x', subject: 'was', applicationProperties: { price: 21, secret: 's', kept: 'k' } }],
    );

    expect(received).toMatchObject([{ body: 'x', subject: 'changed' }]);
    expect(received[0]?.applicationProperties).toEqual({ price: 42, kept: 'k', RuleName: 'r' });
  });

  test('copies once for all rules without an action, and once for each with one', ['administration'], async () => {
    const received = await routed(
      [
        sql('a', '1 = 1'),
        sql('b', 'x = 1'),
        sql('c', 'x = 1', "SET by = 'c'"),
        sql('d', 'x = 1', "SET by = 'd'"),
        sql('e', 'x = 2'),
      ],
      [{ body: 'm', applicationProperties: { x: 1 } }],
    );

    expect(received.map(({ applicationProperties }) => applicationProperties['by'] ?? 'none').sort()).toEqual([
      'c',
      'd',
      'none',
    ]);
  });

  // https://github.com/MicrosoftDocs/azure-docs/issues/58562
  test('names its rule on each copy that an action made, and on no other', ['administration'], async () => {
    const received = await routed(
      [sql('a', '1 = 1'), sql('b', '1 = 1'), sql('c', '1 = 1', 'SET x = 1'), sql('D', '1 = 1', 'REMOVE x')],
      [{ body: 'm', applicationProperties: { x: 0 } }],
    );

    const shown = received.map(({ applicationProperties: { RuleName, x } }) => `${RuleName}: ${x}`);
    expect(shown.sort()).toEqual(['D: undefined', 'c: 1', 'undefined: 0']);
  });

  test('begins with a rule that takes everything, which can be replaced', ['administration', 'listRules'], async () => {
    const topic = name('t');
    await driver().createTopic(topic);
    await driver().createSubscription(topic, 's');

    const before = await driver().listRules(topic, 's');
    await driver().addRule(topic, 's', sql('few', "sys.Label = 'few'"));
    await driver().removeRule(topic, 's', '$Default');
    await driver().send(topic, [{ body: 'n' }, { body: 'y', subject: 'few' }]);

    expect(before).toEqual(['$Default']);
    expect(await driver().listRules(topic, 's')).toEqual(['few']);
    expect(bodiesOf(await drain(driver(), `${topic}/Subscriptions/s`))).toEqual(['y']);
  });

  test('refuses a rule of a name that is taken', ['administration'], async () => {
    const topic = name('t');
    await driver().createTopic(topic);
    await driver().createSubscription(topic, 's', {}, [sql('r', '1 = 1')]);

    await expect(driver().addRule(topic, 's', sql('R', '1 = 1'))).rejects.toMatchObject({
      code: 'MessagingEntityAlreadyExists',
    });
  });

  test('refuses a wrong expression', ['administration'], async () => {
    const topic = name('t');
    await driver().createTopic(topic);
    await driver().createSubscription(topic, 's');

    await expect(driver().addRule(topic, 's', sql('r', 'a = = 1'))).rejects.toThrow(/position 5/);
  });
}
