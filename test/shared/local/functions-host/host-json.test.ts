import { availableParallelism } from 'node:os';
import { expect, it } from 'vitest';
import { globPattern } from '../../../../shared/local/functions-host/app.ts';
import { parseHostJson, readHostJson } from '../../../../shared/local/functions-host/host-json.ts';
import { resolveNames } from '../../../../shared/local/functions-host/settings.ts';

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
