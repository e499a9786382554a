import { expect, it } from 'vitest';
import {
  netJson,
  netProperty,
  netText,
  netTime,
  parseNetJson,
} from '../../../../shared/local/functions-host/json-net.ts';

it.each([
  ['2026-01-01T00:00:00Z', '2026-01-01T00:00:00Z', '01/01/2026 00:00:00'],
  ['2026-01-01T00:00:00.2500000Z', '2026-01-01T00:00:00.25Z', '01/01/2026 00:00:00'],
  ['2026-01-01T00:00:00', '2026-01-01T00:00:00', '01/01/2026 00:00:00'],
  ['2026-01-01T00:00:00.123456789+02:00', '2025-12-31T22:00:00.1234567+00:00', '12/31/2025 22:00:00'],
  ['2026-01-01T00:00:00-0530', '2026-01-01T05:30:00+00:00', '01/01/2026 05:30:00'],
  ['2026-01-01', '2026-01-01', '2026-01-01'],
  ['2026-02-30T00:00:00Z', '2026-02-30T00:00:00Z', '2026-02-30T00:00:00Z'],
  ['at 2026-01-01T00:00:00Z', 'at 2026-01-01T00:00:00Z', 'at 2026-01-01T00:00:00Z'],
])('the text %s is %s in JSON and %s as a value', (given, inJson, asText) => {
  expect([netJson(given), netText(given)]).toEqual([inJson, asText]);
});

it('rewrites dates at any depth, and leaves everything else', () => {
  const value = { list: [{ at: '2026-01-01T00:00:00+00:00' }], n: 1.5, none: null, flag: true };

  expect(netJson(value)).toEqual({ ...value, list: [{ at: '2026-01-01T00:00:00+00:00' }] });
});

it.each([
  [true, 'True'],
  [false, 'False'],
  [1.5, '1.5'],
])('%s as a value is %s', (value, text) => {
  expect(netText(value)).toBe(text);
});

it('writes a time without the zeros at its end', () => {
  const times = [250, 0, 1].map((ms) => netTime(new Date(Date.UTC(2026, 0, 1, 0, 0, 0, ms)), ''));

  expect(times).toEqual(['2026-01-01T00:00:00.25', '2026-01-01T00:00:00', '2026-01-01T00:00:00.001']);
});

it('parses JSON of 64 levels and no more', () => {
  const nested = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels);

  expect(parseNetJson(nested(64))).toBeInstanceOf(Array);
  expect(() => parseNetJson(nested(65))).toThrow('more than 64 levels');
});

it.each([
  [Buffer.from([1, 2]), 'AQI='],
  [Number.NaN, 'NaN'],
  [2, 2],
  ['x', 'x'],
])('the application property %s is %s in JSON', (value, inJson) => {
  expect(netProperty(value)).toBe(inJson);
});
