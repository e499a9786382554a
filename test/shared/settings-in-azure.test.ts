/** In Azure, what would look as if everything worked is refused at start; and so is a handler that the host would cut off. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Environment, functionTimeoutMs, readSettings } from '../../shared/settings.ts';
import { MAX_BESIDE_HANDLER_MS } from '../../shared/timeout.ts';

const laptop = {
  ServiceBus: 'Endpoint=sb://shop.servicebus.windows.net;SharedAccessKeyName=app;SharedAccessKey=c2VjcmV0',
  StateStore: 'memory',
  Cluster: 'simulated',
};
/** Real clusters need one: what is not listed is refused. */
const PLATFORM_CONFIG = join(mkdtempSync(join(tmpdir(), 'azure-')), 'app.json');
writeFileSync(
  PLATFORM_CONFIG,
  JSON.stringify({
    policies: { deployment: { registries: ['ghcr.io/shop'] } },
    clusters: { default: { namespaces: [{ namespace: 'shop', team: 'shop', environment: 'production' }] } },
  }),
);
const azure = {
  PLATFORM_CONFIG,
  WEBSITE_SITE_NAME: 'func-shop',
  ServiceBus__fullyQualifiedNamespace: 'shop.servicebus.windows.net',
  StateStore__tableServiceUri: 'https://shop.table.core.windows.net',
  Cluster: 'kubernetes',
};

function problemsOf(environment: Environment): string {
  try {
    readSettings(environment);
    return '';
  } catch (error) {
    return String(error);
  }
}

describe('in Azure', () => {
  it('takes what is kept and what is real', () => {
    expect(readSettings(azure)).toMatchObject({ cluster: 'kubernetes' });
  });

  it('refuses state in memory and simulated clusters, each by its name', () => {
    const problems = problemsOf({ ...laptop, WEBSITE_SITE_NAME: 'func-shop' });

    expect(problems).toContain(
      "StateStore: expected Table Storage in Azure (StateStore__tableServiceUri), got 'memory'",
    );
    expect(problems).toContain("Cluster: expected 'kubernetes' in Azure, got 'simulated'");
    expect(problemsOf({ ...azure, Cluster: 'simulated' })).not.toContain('StateStore: ');
    expect(problemsOf({ ...azure, StateStore: 'memory' })).not.toContain('Cluster: ');
  });

  it.each([
    ['on a laptop', {}],
    ['where the name is empty', { WEBSITE_SITE_NAME: '' }],
    [
      'where the Core Tools set the name',
      { WEBSITE_SITE_NAME: 'localhost', AZURE_FUNCTIONS_ENVIRONMENT: 'Development' },
    ],
  ])('takes both %s', (_, environment) => {
    expect(problemsOf({ ...laptop, ...environment })).toBe('');
  });

  it('refuses them in staging and production alike', () => {
    for (const name of ['Production', 'Staging']) {
      const problems = problemsOf({ ...laptop, WEBSITE_SITE_NAME: 'x', AZURE_FUNCTIONS_ENVIRONMENT: name });
      expect(problems).toContain('Cluster: expected');
    }
  });
});

describe('the identity', () => {
  it('is the managed one when the settings say so', () => {
    const settings = readSettings({
      ...azure,
      ServiceBus__credential: 'managedidentity',
      ServiceBus__clientId: 'bus-identity',
      StateStore__credential: 'managedidentity',
      StateStore__clientId: 'state-identity',
    });

    expect(settings.serviceBus).toEqual({
      endpoint: 'shop.servicebus.windows.net',
      credential: 'managedidentity',
      clientId: 'bus-identity',
    });
    expect(settings.stateStore).toMatchObject({ credential: 'managedidentity', clientId: 'state-identity' });
  });

  it.each(['ServiceBus__credential', 'StateStore__credential'])('is refused when %s says anything else', (name) => {
    expect(problemsOf({ ...azure, [name]: 'workloadidentity' })).toContain(
      `${name}: expected 'managedidentity', or nothing`,
    );
  });
});

describe('HANDLER_TIMEOUT', () => {
  const home = process.cwd();
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'host-json-'));
    process.chdir(folder);
  });
  afterEach(() => {
    process.chdir(home);
    rmSync(folder, { recursive: true });
  });
  const hostJson = (functionTimeout?: string): void =>
    writeFileSync('host.json', JSON.stringify({ version: '2.0', functionTimeout }));
  const timeSpan = (ms: number): string => new Date(ms).toISOString().slice(11, 19);

  it('fits into the time of a function with all else that one may wait for, to the second', () => {
    hostJson(timeSpan(MAX_BESIDE_HANDLER_MS + 60_000));

    expect(problemsOf({ ...azure, HANDLER_TIMEOUT: '60s' })).toBe('');
    expect(problemsOf({ ...azure, HANDLER_TIMEOUT: '61s' })).toMatch(
      /HANDLER_TIMEOUT: expected a time that, with \d+s .* functionTimeout of host.json \(\d+s\): at most 60s, got 61s/,
    );
  });

  it('counts the setting that overrides host.json', () => {
    hostJson('00:05:00');

    expect(problemsOf({ ...azure, HANDLER_TIMEOUT: '4m' })).toContain('HANDLER_TIMEOUT');
    expect(problemsOf({ ...azure, HANDLER_TIMEOUT: '4m', AzureFunctionsJobHost__functionTimeout: '00:10:00' })).toBe(
      '',
    );
    expect(
      problemsOf({ ...azure, HANDLER_TIMEOUT: '20s', AZUREFUNCTIONSJOBHOST__FUNCTIONTIMEOUT: '00:01:00' }),
    ).toContain('at most 0s');
  });

  it.each([
    ['00:05:00', 300_000],
    ['00:05', 300_000],
    ['1.00:00:00.5', 86_400_000],
    ['-1', Number.POSITIVE_INFINITY],
    [undefined, 1_800_000],
  ])('reads functionTimeout %s as %d ms', (text, expected) => {
    hostJson(text);

    expect(functionTimeoutMs({})).toBe(expected);
  });

  it('has the time of Flex Consumption where there is no host.json', () => {
    expect(functionTimeoutMs({})).toBe(1_800_000);
  });
});

it('fits with the settings that everything starts with', () => {
  expect(functionTimeoutMs({})).toBe(300_000);
  expect(problemsOf(laptop)).toBe('');
});
