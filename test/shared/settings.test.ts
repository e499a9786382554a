/** A setting that is missing or malformed is named, with what was expected; a secret is never shown. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ConfigError } from '../../shared/errors.ts';
import { type Environment, readSettings, SETTINGS } from '../../shared/settings.ts';

const valid = {
  ServiceBus: 'Endpoint=sb://shop.servicebus.windows.net;SharedAccessKeyName=app;SharedAccessKey=c2VjcmV0',
  StateStore: 'memory',
  Cluster: 'simulated',
};

function problemsOf(environment: Environment): string {
  try {
    readSettings(environment);
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  return '';
}

it('reads the least that must be set, and fills in the rest', () => {
  expect(readSettings(valid)).toMatchObject({
    serviceBus: { connectionString: valid.ServiceBus },
    stateStore: 'memory',
    stateTable: 'platformevents',
    cluster: 'simulated',
    simulatedRolloutMs: 1_000,
    simulatedDeadlineMs: 3_000,
    handlerTimeoutMs: 20_000,
    historyLimits: { ageMs: 90 * 86_400_000, events: 1_000_000 },
  });
});

it('reads where to sign in with an identity', () => {
  const settings = readSettings({
    ServiceBus__fullyQualifiedNamespace: 'shop.servicebus.windows.net',
    ServiceBus__clientId: 'bus-identity',
    StateStore__tableServiceUri: 'https://shop.table.core.windows.net',
    Cluster: 'simulated',
  });

  expect(settings.serviceBus).toEqual({ endpoint: 'shop.servicebus.windows.net', clientId: 'bus-identity' });
  expect(settings.stateStore).toEqual({ endpoint: 'https://shop.table.core.windows.net', clientId: undefined });
});

describe('with real clusters', () => {
  const file = (config: object): string => {
    const path = join(mkdtempSync(join(tmpdir(), 'real-')), 'app.json');
    writeFileSync(path, JSON.stringify(config));
    return path;
  };
  const real = (config: object): Environment => ({ ...valid, Cluster: 'kubernetes', PLATFORM_CONFIG: file(config) });
  const registries = ['ghcr.io/acme'];
  const deployment = { registries };
  const namespaces = [{ namespace: 'shop-*', team: 'shop', environment: 'development' }];

  it('refuses what is not listed, whatever the configuration says', () => {
    const config = { unlisted: 'allow', policies: { deployment }, clusters: { default: { namespaces } } };

    expect(readSettings(real(config)).config).toMatchObject({ unlisted: 'refuse', policies: { deployment } });
    expect(readSettings({ ...real(config), Cluster: 'simulated' }).config.unlisted).toBe('allow');
  });

  it.each([
    [
      'nothing',
      {},
      ['policies.deployment.registries: expected the registries', 'clusters.default.namespaces: expected'],
    ],
    ['no registries', { clusters: { default: { namespaces } } }, ['policies.deployment.registries: expected']],
    ['no namespaces', { policies: { deployment } }, ['clusters.default.namespaces: expected the namespaces']],
  ])('does not start with %s listed, and says what to list', (_, config, expected) => {
    const problems = problemsOf(real(config));

    for (const text of expected) expect(problems).toContain(text);
    expect(problems).toContain('nothing is allowed that is not listed');
    expect(problemsOf({ ...real(config), Cluster: 'simulated' })).toBe('');
  });

  it('does not start with the configuration that is shipped for the simulated one', () => {
    const problems = problemsOf({ ...valid, Cluster: 'kubernetes', PLATFORM_CONFIG: 'platform.config.json' });

    expect(problems).toContain('platform.config.json: policies.deployment.registries: expected the registries');
    expect(problems).not.toContain('namespaces: expected');
  });
});

it('prefers a connection string, as the Functions host does', () => {
  const both = { ...valid, ServiceBus__fullyQualifiedNamespace: 'other.servicebus.windows.net' };

  expect(readSettings(both).serviceBus).toEqual({ connectionString: valid.ServiceBus });
});

it.each(['ServiceBus', 'StateStore', 'Cluster'] as const)('names %s when it is missing, and how to set it', (name) => {
  for (const missing of [undefined, '', '  ']) {
    const message = problemsOf({ ...valid, [name]: missing });
    expect(message).toMatch(new RegExp(`^${name}: expected .*got nothing`));
    expect(message).toContain('set it in local.settings.json, in the environment, or as an app setting in Azure');
  }
});

it.each([
  ['Cluster', 'nomad', "'simulated' or 'kubernetes'"],
  ['SIMULATED_ROLLOUT', 'soon', ''],
  ['SIMULATED_DEADLINE', '-1s', ''],
  ['HANDLER_TIMEOUT', '20', ''],
  ['HANDLER_TIMEOUT', '0s', 'a duration from 1s to 4m'],
  ['HISTORY_AGE', '7d', 'a duration from 44d: an event can come again until then'],
  ['HISTORY_EVENTS', 'many', 'a whole number from 1'],
  ['HEALTH_WITHOUT_KEY', 'yes', "'true' or 'false'"],
  ['PLATFORM_CONFIG', 'no-such-file.json', 'a file that can be read'],
])('names %s when it is malformed, and shows it', (name, value, expected) => {
  const message = problemsOf({ ...valid, [name]: value });

  expect(message).toMatch(new RegExp(`^${name}: expected `));
  expect(message).toContain(expected);
  expect(message).toContain(`got '${value}'`);
});

it.each([
  ['ServiceBus', 'Endpoint=https://shop;SharedAccessKey=hunter2'],
  ['ServiceBus', 'Endpoint=sb://hunter2'],
  ['ServiceBus__fullyQualifiedNamespace', 'sb://hunter2'],
  ['StateStore', 'hunter2'],
  ['StateStore__tableServiceUri', 'hunter2'],
  ['StateStore__tableServiceUri', 'https://shop.table.core.windows.net/?sv=2022&sig=hunter2'],
  ['StateStore__tableServiceUri', 'https://me:hunter2@shop.table.core.windows.net'],
  ['StateStore__table', 'hunter2-hunter2'],
])('never shows what %s holds', (name, value) => {
  const message = problemsOf({ ...valid, [name]: value });

  expect(message).toMatch(new RegExp(`^${name}: expected .*, got something else \\(not shown`));
  expect(message).not.toContain('hunter2');
});

const misplaced = [
  'Endpoint=sb://shop.servicebus.windows.net;SharedAccessKeyName=app;SharedAccessKey=hunter2',
  'DefaultEndpointsProtocol=https;AccountName=shop;AccountKey=hunter2',
  'https://shop.table.core.windows.net/?sv=2022&sig=hunter2',
  'https://me:hunter2@shop.example',
  'https://hooks.slack.com/services/T0/B0/hunter2',
  '{"Values":{"ServiceBus":"hunter2"}}',
  'users:\n- token: hunter2',
];
it.each(SETTINGS.flatMap((name) => misplaced.map((value) => ({ name, value }))))(
  'does not show $value when it comes in $name',
  ({ name, value }) => {
    expect(problemsOf({ ...valid, [name]: value })).not.toContain('hunter2');
  },
);

it.each([
  ['is no JSON', '{ "notifications": hunter2 }', 'line 1, column 20: expected a value'],
  ['has a comma too many', '{ "hunter2": 1,\n}', 'line 2, column 1: expected another element after the comma'],
])('says where a configuration file that %s goes wrong, and shows nothing of it', (_, text, expected) => {
  const file = join(mkdtempSync(join(tmpdir(), 'settings-')), 'platform.config.json');
  writeFileSync(file, text);

  const message = problemsOf({ ...valid, PLATFORM_CONFIG: file });

  expect(message).toContain(`${file}: expected JSON: ${expected}`);
  expect(message).not.toContain('hunter2');
});

it('names all that is wrong at once', () => {
  const message = problemsOf({ Cluster: 'nomad', HANDLER_TIMEOUT: 'soon' });

  for (const name of ['ServiceBus', 'StateStore', 'Cluster', 'HANDLER_TIMEOUT']) {
    expect(message).toContain(`${name}: expected`);
  }
});
