/** What the operator reads when the settings are wrong; the Functions host shows no more than what is on stderr. */
import { afterEach, expect, it, vi } from 'vitest';
import { onHttp } from '../../shared/http/on-http.ts';
import { functionApp } from '../support/function-app.ts';

afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});

it('says in one record of stderr, as an error, all that is wrong with the settings', async () => {
  const records = vi.spyOn(console, 'error').mockImplementation(() => {});
  const settings = { ServiceBus: '', StateStore: 'memory', Cluster: 'nope\r\n  at all', HANDLER_TIMEOUT: 'soon' };
  for (const [name, value] of Object.entries(settings)) vi.stubEnv(name, value);

  const starting = functionApp(() =>
    onHttp(
      { name: 'any', methods: ['GET'], route: 'any', description: 'Any.', right: 'read', answers: {} },
      async () => ({}),
    ),
  );

  await expect(starting).rejects.toThrow('Cluster: expected');
  expect(records).toHaveBeenCalledTimes(1);
  const record = String(records.mock.calls[0]);
  expect(record).toMatch(
    /^error: .*Cluster: expected .*, got something else.*HANDLER_TIMEOUT: expected .*ServiceBus: /,
  );
  expect(record).not.toMatch(/[\r\n]/);
});
