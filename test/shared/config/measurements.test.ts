/** Which configurations of measured objectives are refused, and which settings they need. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../../shared/config.ts';
import { readSettings } from '../../../shared/settings.ts';

const SOURCE = { kind: 'prometheus', url: 'https://prometheus.example.com' };
const ASKED = { source: 'main', good: 'requests_total{code!~"5.."}', total: 'requests_total' };

function configured(source: object, asked: object = ASKED, objective: object = {}): object {
  const objectives = [{ target: 0.99, measurements: asked, ...objective }];
  return { measurements: { main: { ...SOURCE, ...source } }, services: [{ name: 'web', objectives }] };
}

it('signs in nowhere unless it is told to', () => {
  const { measurements, services } = parseConfig(configured({}));

  expect(measurements['main']).toEqual({ ...SOURCE, auth: 'none' });
  expect(services[0]?.objectives[0]?.measurements).toEqual(ASKED);
});

it.each(['requests_total{job="a or b",code!~"5..|}"}', "{'http.requests', job='{'} or\ntotal:sum OR b{} # both"])(
  'takes %s',
  (good) => {
    expect(() => parseConfig(configured({}, { ...ASKED, good }))).not.toThrow();
  },
);

it.each<[string, object, string]>([
  ['a source that nobody knows', configured({}, { ...ASKED, source: 'other' }), 'one of the measurements (main)'],
  ['an empty query', configured({}, { ...ASKED, good: ' ' }), 'a query that selects counters'],
  ['a sum', configured({}, { ...ASKED, total: 'sum(requests_total)' }), 'without rate, sum and arithmetic'],
  ['a sum behind a selector', configured({}, { ...ASKED, total: 'a or b + c' }), 'without rate, sum and arithmetic'],
  ['a selector without its end', configured({}, { ...ASKED, good: 'a{b="}"' }), 'without rate, sum and arithmetic'],
  ['a bound of what nobody pushes', configured({}, ASKED, { maxEventsPerMinute: 5 }), 'nothing beside measurements'],
  ['a token in the clear', configured({ url: 'http://p.example.com', auth: 'azure' }), 'an https address: a token'],
  ['two ways to sign in', configured({ auth: 'azure', tokenSetting: 'T' }), 'nothing beside the sign-in'],
  ['a password in the address', configured({ url: 'https://me:hunter2@p.example.com' }), 'without user, password'],
])('refuses %s', (_, config, message) => {
  expect(() => parseConfig(config)).toThrow(message);
  expect(() => parseConfig(config)).not.toThrow('hunter2');
});

describe('at start', () => {
  const start = (config: object, environment: Record<string, string> = {}) => {
    const file = join(mkdtempSync(join(tmpdir(), 'measurements-')), 'config.json');
    writeFileSync(file, JSON.stringify(config));
    const bus = 'Endpoint=sb://localhost;SharedAccessKeyName=k;SharedAccessKey=k';
    const settings = { ServiceBus: bus, StateStore: 'memory', Cluster: 'simulated', PLATFORM_CONFIG: file };
    return () => readSettings({ ...settings, ...environment });
  };
  const withToken = configured({ tokenSetting: 'PROM_TOKEN' });

  it('needs the token that the configuration names, and does not show a wrong one', () => {
    expect(start(withToken)).toThrow("expected the setting 'PROM_TOKEN' to hold a token, got nothing");
    expect(start(withToken, { PROM_TOKEN: 'a b' })).toThrow('not shown: it is a secret');
    expect(start(withToken, { PROM_TOKEN: 'a.b' })()).toMatchObject({ measurements: 'prometheus' });
  });

  it('needs none where measurements are simulated, which Azure refuses', () => {
    expect(start(withToken, { Measurements: 'simulated' })()).toMatchObject({ measurements: 'simulated' });
    expect(start(withToken, { Measurements: 'simulated', WEBSITE_SITE_NAME: 'shop' })).toThrow(
      "Measurements: expected 'prometheus' in Azure",
    );
    expect(start(withToken, { Measurements: 'nowhere' })).toThrow("'simulated' or 'prometheus', got 'nowhere'");
  });
});
