import { afterEach, expect, it, vi } from 'vitest';
import { appAt } from '../../../shared/cli/options.ts';
import { UsageError } from '../../../shared/local/command.ts';

afterEach(() => vi.unstubAllEnvs());

it('takes an empty PLATFORM_EVENTS_URL for one that is not set', () => {
  vi.stubEnv('PLATFORM_EVENTS_URL', '');
  expect(() => appAt(undefined)).not.toThrow();
});

it.each(['https://me:hunter2@app.example', 'https://app.example/api?code=hunter2', 'hunter2;key=hunter2'])(
  'refuses the address %s, and does not show what may be a key',
  (url) => {
    expect(() => appAt(url)).toThrow(
      new UsageError('--url: expected a URL without user and query (a key goes into PLATFORM_EVENTS_KEY)'),
    );
  },
);

it('refuses an address that is none', () => {
  expect(() => appAt('somewhere')).toThrow("--url: expected a URL, got 'somewhere'");
});
