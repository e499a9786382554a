import { availableParallelism } from 'node:os';
import { describe, expect, it } from 'vitest';
import { globPattern } from '../../../../shared/local/functions-host/app.ts';
import { parseHostJson, readHostJson } from '../../../../shared/local/functions-host/host-json.ts';
import { disabledFunctions, resolveNames } from '../../../../shared/local/functions-host/settings.ts';

it('reads the defaults of the Functions host', () => {
  const { functionTimeout, extensions } = parseHostJson({ version: '2.0' });

  expect(functionTimeout).toBe(30 * 60_000);
  expect(extensions.http.routePrefix).toBe('api');
  expect(extensions.serviceBus).toMatchObject({
    maxConcurrentCalls: 16 * availableParallelism(),
    maxAutoLockRenewalDuration: 300_000,
    prefetchCount: 0,
    autoCompleteMessages: true,
  });
});

it('reads time spans, and those without end', () => {
  const serviceBus = {
    maxAutoLockRenewalDuration: '-00:00:00.0010000',
    clientRetryOptions: { tryTimeout: '00:00:00.80' },
  };

  const host = parseHostJson({ version: '2.0', functionTimeout: '1.02:03:04', extensions: { serviceBus } });

  expect(host.functionTimeout).toBe((26 * 3600 + 3 * 60 + 4) * 1000);
  expect(host.extensions.serviceBus.maxAutoLockRenewalDuration).toBe(Number.POSITIVE_INFINITY);
  expect(host.extensions.serviceBus.clientRetryOptions.tryTimeout).toBe(800);
  expect(parseHostJson({ version: '2.0', functionTimeout: '-1' }).functionTimeout).toBe(Number.POSITIVE_INFINITY);
});

it('names what is malformed', () => {
  const input = { version: '2.0', functionTimeout: '5 minutes', extensions: { serviceBus: { maxConcurrentCalls: 0 } } };

  expect(() => parseHostJson(input)).toThrow(/functionTimeout.*extensions\.serviceBus\.maxConcurrentCalls/);
});

it('finds the host.json of this app valid, with its timeout above the lock', async () => {
  const { functionTimeout, extensions } = await readHostJson('.');

  expect(extensions.serviceBus.maxAutoLockRenewalDuration).toBeGreaterThanOrEqual(functionTimeout);
});

it.each([
  ['dist/functions/**/*.js', 'dist/functions/a/b.js', true],
  ['dist/functions/**/*.js', 'dist/functions/b.js', true],
  ['dist/functions/**/*.js', 'dist/functions/b.js.map', false],
  ['./src/{a,b}.js', 'src/b.js', true],
  ['src/*.js', 'src/a/b.js', false],
])('the glob %s and %s: %s', (glob, path, matches) => {
  expect(globPattern(glob).test(path)).toBe(matches);
});

it('replaces %NAME% by the setting and says when it is missing', () => {
  expect(resolveNames('%TOPIC%-events', { TOPIC: 'deployment' })).toBe('deployment-events');
  expect(() => resolveNames('%TOPIC%', {})).toThrow('TOPIC, which is not set');
});

describe('settings AzureFunctionsJobHost__…', () => {
  const parse = (settings: Record<string, string>) =>
    parseHostJson({ version: '2.0', extensions: { serviceBus: { maxConcurrentCalls: 16 } } }, 'host.json', settings);

  it('override host.json at any depth, whatever the case, and go where it says nothing', () => {
    const { functionTimeout, extensions } = parse({
      AzureFunctionsJobHost__extensions__serviceBus__maxConcurrentCalls: '4',
      azurefunctionsjobhost__Extensions__SERVICEBUS__autocompletemessages: 'False',
      'AzureFunctionsJobHost:extensions:http:routePrefix': '',
      AzureFunctionsJobHost__functionTimeout: '00:01:00',
      AzureFunctionsJobHost__extensions__serviceBus__clientRetryOptions__tryTimeout: '00:00:02',
    });

    expect(functionTimeout).toBe(60_000);
    expect(extensions.http.routePrefix).toBe('');
    expect(extensions.serviceBus).toMatchObject({
      maxConcurrentCalls: 4,
      autoCompleteMessages: false,
      clientRetryOptions: { tryTimeout: 2_000 },
    });
  });

  it('are named when they are wrong', () => {
    const name = 'AzureFunctionsJobHost__extensions__serviceBus__maxConcurrentCalls';

    expect(() => parse({ [name]: 'many' })).toThrow(
      new RegExp(`extensions\\.serviceBus\\.maxConcurrentCalls: expected an integer \\(set by ${name}\\)`),
    );
    expect(() => parse({ [name]: '0' })).toThrow(`(set by ${name})`);
  });

  it('that are others change nothing', () => {
    expect(parse({ AzureFunctionsJobHost: '1', SomethingElse__extensions: '2' })).toEqual(parse({}));
  });
});

describe('settings AzureWebJobs.<function>.Disabled', () => {
  it('disable what they name with true and 1, whatever the case', () => {
    const settings = {
      'AzureWebJobs.a-b.Disabled': 'true',
      'azurewebjobs.C.disabled': '1',
      'AzureWebJobs.d.Disabled': 'False',
      'AzureWebJobs.e.Disabled': '0',
      'AzureWebJobs.f.Disabled': '',
      AzureWebJobsStorage: 'x',
    };

    expect([...disabledFunctions(settings)]).toEqual(['a-b', 'c']);
  });

  it('are named when they are wrong', () => {
    expect(() => disabledFunctions({ 'AzureWebJobs.a.Disabled': 'yes' })).toThrow(
      "AzureWebJobs.a.Disabled: expected true, 1, false or 0, got 'yes'",
    );
  });
});
