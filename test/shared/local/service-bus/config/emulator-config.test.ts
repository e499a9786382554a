import { describe, expect, it } from 'vitest';
import { ConfigError } from '../../../../../shared/errors.ts';
import {
  readEmulatorConfig,
  toEmulatorConfig,
} from '../../../../../shared/local/service-bus/config/emulator-config.ts';
import { planOfTopology } from '../../../../../shared/local/service-bus/config/entity-plan.ts';
import { topology } from '../../../../../shared/topology.ts';

const inNamespace = (namespace: object) =>
  JSON.stringify({ UserConfig: { Namespaces: [{ Name: 'sbemulatorns', ...namespace }], Logging: { Type: 'File' } } });
const read = (namespace: object, strict = false) => readEmulatorConfig(inNamespace(namespace), { strict });
const rules = (...list: object[]) => ({ Topics: [{ Name: 't', Subscriptions: [{ Name: 's', Rules: list }] }] });

const defaults = {
  defaultMessageTimeToLiveMs: 3_600_000,
  deadLetteringOnMessageExpiration: false,
  lockDurationMs: 60_000,
  maxDeliveryCount: 3,
  requiresSession: false,
};

describe('readEmulatorConfig', () => {
  it('takes null for no value, wherever a field may be absent', () => {
    const properties = {
      ForwardTo: null,
      ForwardDeadLetteredMessagesTo: null,
      LockDuration: null,
      RequiresSession: null,
    };
    const filter = {
      FilterType: 'Correlation',
      CorrelationFilter: { Label: 'l', To: null },
      SqlFilter: null,
      Action: null,
    };
    const subscription = { Name: 's', Properties: null, Rules: [{ Name: 'r', Properties: filter }] };
    const { plan } = read({
      Queues: [{ Name: 'q', Properties: properties }],
      Topics: [{ Name: 't', Properties: null, Subscriptions: [subscription] }],
    });

    expect(plan.queues[0]?.properties).toMatchObject(defaults);
    expect(plan.topics[0]?.subscriptions[0]).toMatchObject({
      properties: defaults,
      rules: [{ name: 'r', filter: { kind: 'correlation', properties: { subject: 'l' } } }],
    });
    expect(read({ Queues: null, Topics: null }).plan).toEqual({ queues: [], topics: [] });
    expect(() => read({ Queues: [{ Name: null }] })).toThrow('Queues.0.Name');
  });

  it('reads queues, topics, subscriptions and rules, comments and all', () => {
    const text = `{
      "UserConfig": { // the namespace cannot be renamed
        "Namespaces": [ {
          "Name": "sbemulatorns",
          "Queues": [ { "Name": "orders", "Properties": {
            "DeadLetteringOnMessageExpiration": true, "DefaultMessageTimeToLive": "PT30M",
            "DuplicateDetectionHistoryTimeWindow": "PT1M", "RequiresDuplicateDetection": true,
            "LockDuration": "PT5S", "MaxDeliveryCount": 7, "RequiresSession": true,
            "ForwardTo": "", "ForwardDeadLetteredMessagesTo": "Failed", } } , { "Name": "failed" } ],
          "Topics": [ { "Name": "news",
            "Properties": { "DefaultMessageTimeToLive": "PT10M" },
            "Subscriptions": [ { "Name": "some", "Rules": [
              { "Name": "sql", "Properties": { "FilterType": "Sql",
                "SqlFilter": { "SqlExpression": "a = 1" }, "Action": { "SqlExpression": "SET b = 2" } } },
              { "Name": "same", "Properties": { "FilterType": "Correlation", "CorrelationFilter": {
                "Label": "l", /* "To": "nobody", */ "Properties": { "s": "x", "n": 1, "b": true } } } }, ] },
              { "Name": "all" } ] } ]
        } ],
        "Logging": { "Type": "File" }
      }
    }`;

    expect(readEmulatorConfig(text)).toEqual({
      warnings: [],
      plan: {
        queues: [
          {
            name: 'orders',
            properties: {
              defaultMessageTimeToLiveMs: 1_800_000,
              deadLetteringOnMessageExpiration: true,
              requiresDuplicateDetection: true,
              duplicateDetectionHistoryTimeWindowMs: 60_000,
              lockDurationMs: 5_000,
              maxDeliveryCount: 7,
              requiresSession: true,
              forwardDeadLetteredMessagesTo: 'Failed',
            },
          },
          {
            name: 'failed',
            properties: {
              ...defaults,
              requiresDuplicateDetection: false,
              duplicateDetectionHistoryTimeWindowMs: 20_000,
            },
          },
        ],
        topics: [
          {
            name: 'news',
            properties: {
              defaultMessageTimeToLiveMs: 600_000,
              requiresDuplicateDetection: false,
              duplicateDetectionHistoryTimeWindowMs: 20_000,
            },
            subscriptions: [
              {
                name: 'some',
                properties: defaults,
                rules: [
                  { name: 'sql', filter: { kind: 'sql', expression: 'a = 1' }, action: { expression: 'SET b = 2' } },
                  {
                    name: 'same',
                    filter: {
                      kind: 'correlation',
                      properties: { subject: 'l' },
                      applicationProperties: { s: 'x', n: 1, b: true },
                    },
                  },
                ],
              },
              { name: 'all', properties: defaults, rules: [] },
            ],
          },
        ],
      },
    });
  });

  it.each([
    ['text that is not JSON', '{ "UserConfig": }', 'Config.json: line 1, column 17: expected a value'],
    ['something else', '{}', 'Config.json: UserConfig: expected an object, got nothing'],
    ['no namespace', '{"UserConfig":{"Namespaces":[]}}', 'UserConfig.Namespaces: expected at least 1 element, got []'],
    [
      'a second namespace',
      '{"UserConfig":{"Namespaces":[{"Name":"a"},{"Name":"b"}]}}',
      'UserConfig.Namespaces: expected at most 1 element, got [',
    ],
    [
      'a duration that is none',
      inNamespace({ Queues: [{ Name: 'q', Properties: { LockDuration: '1m' } }] }),
      'UserConfig.Namespaces.0.Queues.0.Properties.LockDuration: expected an ISO 8601 duration, such as PT1M, got "1m"',
    ],
    [
      'a name twice',
      inNamespace({ Queues: [{ Name: 'Q' }], Topics: [{ Name: 'q' }] }),
      'UserConfig.Namespaces.0.Topics.0.Name: expected a unique name, got "q"',
    ],
    [
      'a rule twice',
      inNamespace(
        rules(
          ...['r', 'R'].map((Name) => ({
            Name,
            Properties: { FilterType: 'Sql', SqlFilter: { SqlExpression: '1=1' } },
          })),
        ),
      ),
      'Subscriptions.0.Rules.1.Name: expected a unique name, got "R"',
    ],
    [
      'a target that is not there',
      inNamespace({ Queues: [{ Name: 'q', Properties: { ForwardTo: 'nowhere' } }] }),
      'Queues.0.Properties.ForwardTo: expected the name of a queue or topic in this file, got "nowhere"',
    ],
    [
      'a filter of another type than it says',
      inNamespace(rules({ Name: 'r', Properties: { FilterType: 'Sql', CorrelationFilter: { Label: 'x' } } })),
      'Rules.0.Properties.SqlFilter: expected an object, since FilterType is Sql, got nothing',
    ],
    [
      'a type of filter that is none',
      inNamespace(rules({ Name: 'r', Properties: { FilterType: 'True' } })),
      "Rules.0.Properties.FilterType: expected 'Correlation' or 'Sql', got \"True\"",
    ],
  ])('refuses %s', (_, text, message) => {
    expect(() => readEmulatorConfig(text)).toThrow(ConfigError);
    expect(() => readEmulatorConfig(text)).toThrow(message);
  });

  it('passes over fields that it does not know, with a warning, unless it is strict', () => {
    const namespace = { Queues: [{ Name: 'q', Colour: 'red', Properties: { MaxDeliverCount: 9 } }] };

    expect(read(namespace).plan.queues).toMatchObject([{ name: 'q', properties: { maxDeliveryCount: 3 } }]);
    expect(read(namespace).warnings).toEqual([
      'Config.json: UserConfig.Namespaces.0.Queues.0.Properties.MaxDeliverCount is unknown and has no effect',
      'Config.json: UserConfig.Namespaces.0.Queues.0.Colour is unknown and has no effect',
    ]);
    expect(() => read(namespace, true)).toThrow('Queues.0.Colour: expected no field of this name, got a string');
    expect(() => read({ ...namespace, Topics: 1 })).toThrow(/^Config.json: [\w.]+\.Topics: expected an array, got 1$/);
  });

  it.each([
    [
      'a longer time to live',
      { Queues: [{ Name: 'q', Properties: { DefaultMessageTimeToLive: 'PT2H' } }] },
      'expected an ISO 8601 duration from PT5M to PT1H, such as PT5M, got "PT2H"',
    ],
    [
      'more deliveries',
      { Queues: [{ Name: 'q', Properties: { MaxDeliveryCount: 11 } }] },
      'MaxDeliveryCount: expected at most 10, got 11',
    ],
    [
      'a shorter memory for duplicates',
      { Topics: [{ Name: 't', Properties: { DuplicateDetectionHistoryTimeWindow: 'PT19S' } }] },
      'UserConfig.Namespaces.0.Topics.0.Properties.DuplicateDetectionHistoryTimeWindow: expected an ISO 8601 duration from PT20S to PT5M, such as PT1M, got "PT19S"',
    ],
    ['another namespace', { Name: 'mine' }, 'Name: expected \'sbemulatorns\', got "mine"'],
    [
      '51 entities',
      {
        Queues: Array.from({ length: 30 }, (_, n) => ({ Name: `q${n}` })),
        Topics: Array.from({ length: 21 }, (_, n) => ({ Name: `t${n}` })),
      },
      'expected at most 50 queues and topics',
    ],
    [
      '51 subscriptions',
      { Topics: [{ Name: 't', Subscriptions: Array.from({ length: 51 }, (_, n) => ({ Name: `s${n}` })) }] },
      'Subscriptions: expected at most 50 elements',
    ],
  ])('takes %s, but not when strict', (_, namespace, message) => {
    expect(read(namespace).warnings).toEqual([]);
    expect(() => read(namespace, true)).toThrow(message);
  });
});

describe('toEmulatorConfig', () => {
  it('makes of the topology what the official emulator takes, and what says the same within its quotas', () => {
    const { plan, warnings } = readEmulatorConfig(JSON.stringify(toEmulatorConfig(topology)), { strict: true });

    expect(warnings).toEqual([]);
    const whole = planOfTopology(topology);
    expect(plan.queues).toMatchObject([
      {
        name: 'errors',
        properties: {
          defaultMessageTimeToLiveMs: 3_600_000,
          lockDurationMs: 60_000,
          maxDeliveryCount: 10,
          deadLetteringOnMessageExpiration: true,
        },
      },
    ]);
    expect(plan.topics.map(({ name, subscriptions }) => ({ name, subscriptions }))).toEqual(
      whole.topics.map(({ name, subscriptions }) => ({
        name,
        subscriptions: subscriptions.map(({ name, properties, rules }) => ({
          name,
          rules,
          // A tenth of what it is on the service: the emulator takes no more.
          properties: { ...defaults, ...properties, maxDeliveryCount: 10 },
        })),
      })),
    );
    for (const { properties } of plan.topics) {
      expect(properties).toEqual({
        defaultMessageTimeToLiveMs: 3_600_000,
        requiresDuplicateDetection: true,
        duplicateDetectionHistoryTimeWindowMs: 300_000,
      });
    }
  });
});
