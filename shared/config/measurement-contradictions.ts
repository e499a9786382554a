/** What no value of `measurements` shows by itself: sources that nobody knows, tokens in the clear, bounds in vain. */
import type { PlatformConfig } from './sections.ts';
import type { Contradiction } from './service-contradictions.ts';

export function* measurementContradictions({
  services,
  measurements,
}: Pick<PlatformConfig, 'services' | 'measurements'>): Iterable<Contradiction> {
  for (const [name, { url, auth, tokenSetting }] of Object.entries(measurements)) {
    const path = ['measurements', name];
    if (auth === 'azure' && tokenSetting !== undefined) {
      yield { path: [...path, 'tokenSetting'], expected: 'nothing beside the sign-in with `azure`' };
    }
    const hasToken = auth === 'azure' || tokenSetting !== undefined;
    if (hasToken && !isPrivate(url))
      yield { path: [...path, 'url'], expected: 'an https address: a token is sent there' };
  }
  for (const [index, { objectives }] of services.entries()) {
    for (const [at, { measurements: measured, maxEventsPerMinute }] of objectives.entries()) {
      const path = ['services', index, 'objectives', at];
      if (measured && !Object.hasOwn(measurements, measured.source)) {
        const known = Object.keys(measurements).join(', ') || 'none is named';
        yield { path: [...path, 'measurements', 'source'], expected: `one of the measurements (${known})` };
      }
      if (measured && maxEventsPerMinute !== undefined) {
        yield { path: [...path, 'maxEventsPerMinute'], expected: 'nothing beside measurements, which nobody pushes' };
      }
    }
  }
}

function isPrivate(url: string): boolean {
  const { protocol, hostname } = new URL(url);
  return protocol === 'https:' || /^(localhost|127\.[0-9.]+|\[::1\])$/.test(hostname);
}
