import fc from 'fast-check';
import { expect, it } from 'vitest';
import { formatIsoDuration, parseIsoDuration } from '../../../../../shared/local/service-bus/config/iso-duration.ts';

it.each([
  ['PT1M', 60_000],
  ['PT0S', 0],
  ['PT20S', 20_000],
  ['PT1M30.5S', 90_500],
  ['P1DT2H', 26 * 3_600_000],
  ['P14D', 14 * 86_400_000],
  ['P1Y2M', 425 * 86_400_000],
  ['P1W', 7 * 86_400_000],
  ['PT36H', 36 * 3_600_000],
  ['PT0.1234567S', 123],
  ['P10675199DT2H48M5.4775807S', Number.POSITIVE_INFINITY],
  ['P99999999D', Number.POSITIVE_INFINITY],
])('reads %s', (text, ms) => {
  expect(parseIsoDuration(text)).toBe(ms);
});

it.each(['', 'P', 'PT', 'P1DT', '1M', 'PT1', 'PT-1S', '-PT1S', 'pt1s', 'PT1S ', 'PT1,5S', '00:01:00'])(
  'refuses %j',
  (text) => {
    expect(parseIsoDuration(text)).toBeUndefined();
  },
);

it.each([
  [0, 'PT0S'],
  [60_000, 'PT1M'],
  [90_500, 'PT1M30.5S'],
  [14 * 86_400_000, 'P14D'],
  [86_400_000 + 1, 'P1DT0.001S'],
  [Number.POSITIVE_INFINITY, 'P10675199DT2H48M5.4775807S'],
])('writes %s as %s', (ms, text) => {
  expect(formatIsoDuration(ms)).toBe(text);
});

it('reads what it wrote', () => {
  fc.assert(
    fc.property(fc.nat({ max: 10 ** 13 }), (ms) => {
      expect(parseIsoDuration(formatIsoDuration(ms))).toBe(ms);
    }),
  );
});
