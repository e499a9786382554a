import { afterEach, expect, it, vi } from 'vitest';
import { appAt } from '../../../shared/cli/options.ts';

afterEach(() => vi.unstubAllEnvs());

const at = (url: string | undefined, mayBeInsecure = false) => appAt({ url, 'insecure-http': mayBeInsecure });

it('takes an empty PLATFORM_EVENTS_URL for one that is not set', () => {
  vi.stubEnv('PLATFORM_EVENTS_URL', '');
  expect(() => at(undefined)).not.toThrow();
});

it.each([
  ['somewhere', "--url: expected a URL such as 'https://shop.azurewebsites.net', got 'somewhere'"],
  ['shop.example:7071', "got one of 'shop.example:'"],
  ['file:///etc/hosts', "got one of 'file:'"],
  [
    'http://shop.example/api',
    "--url: expected https, got 'http://shop.example': the function key would be sent unencrypted",
  ],
  ['http://127.example', 'expected https'],
])('refuses the address %s', (url, message) => {
  expect(() => at(url)).toThrow(message);
});

it.each([
  'https://me:canary@shop.example',
  'https://shop.example/api/events?code=canary',
  'me:canary@shop?x',
  '//?canary',
  'canary;key=canary',
])('does not show what may be a key in %s', (url) => {
  expect(() => at(url)).toThrow(/^--url: (?!.*canary)/);
});

it('says which setting holds the address that it refuses', () => {
  vi.stubEnv('PLATFORM_EVENTS_URL', 'http://shop.example');

  expect(() => at(undefined)).toThrow('PLATFORM_EVENTS_URL: expected https');
  expect(() => at(undefined, true)).not.toThrow();
});

it.each(['http://localhost:7071', 'http://127.0.0.1:7071', 'http://[::1]:7071/api/', 'https://shop.example'])(
  'takes %s',
  (url) => {
    expect(() => at(url)).not.toThrow();
  },
);

it('refuses a key that no header can hold, without showing it', () => {
  vi.stubEnv('PLATFORM_EVENTS_KEY', 'canary\n');

  expect(() => at(undefined)).toThrow(/^PLATFORM_EVENTS_KEY: (?!.*canary)/);
});
