import { afterEach, expect, it, vi } from 'vitest';
import { appAt } from '../../../shared/cli/options.ts';

afterEach(() => vi.unstubAllEnvs());

it('takes an empty PLATFORM_EVENTS_URL for one that is not set', () => {
  vi.stubEnv('PLATFORM_EVENTS_URL', '');
  expect(() => appAt(undefined)).not.toThrow();
});

it('refuses an address that is none', () => {
  expect(() => appAt('somewhere')).toThrow("--url: expected a URL, got 'somewhere'");
});
