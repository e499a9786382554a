/** What the operator reads when a valid configuration promises something in vain. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it, vi } from 'vitest';
import { onHttp } from '../../shared/http/on-http.ts';
import { functionApp } from '../support/function-app.ts';

const LOCAL_BUS =
  'Endpoint=sb://localhost;SharedAccessKeyName=RootManageSharedAccessKey;SharedAccessKey=SAS_KEY_VALUE;UseDevelopmentEmulator=true;';

afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});

it('warns at start of a target that no page can fire for, in a line that is no error', async () => {
  const warnings = vi.spyOn(console, 'warn').mockImplementation(() => {});
  const directory = await mkdtemp(join(tmpdir(), 'config-'));
  const file = join(directory, 'platform.config.json');
  await writeFile(file, JSON.stringify({ services: [{ name: 'web', objectives: [{ target: 0.8 }] }] }));
  const settings = { ServiceBus: LOCAL_BUS, StateStore: 'memory', Cluster: 'simulated', PLATFORM_CONFIG: file };
  for (const [name, value] of Object.entries(settings)) vi.stubEnv(name, value);

  await functionApp(() =>
    onHttp(
      { name: 'any', methods: ['GET'], route: 'any', right: 'read', description: 'Any.', answers: {} },
      async () => ({}),
    ),
  );

  await rm(directory, { recursive: true });
  expect(warnings.mock.calls.flat()).toEqual([expect.stringMatching(/^warning: .*'availability' of web.*0\.834/)]);
  expect(String(warnings.mock.calls[0])).not.toMatch(/error/i);
});
