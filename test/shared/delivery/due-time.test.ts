import { expect, it } from 'vitest';
import { delayStart, lagMs } from '../../../shared/delivery/due-time.ts';

const NOON = Date.parse('2026-03-01T12:00:00Z');

it.each([
  ['now, when the message was enqueued before', '2026-03-01T11:50:00+00:00', 0],
  ['when the message was enqueued, by a broker whose clock is ahead', '2026-03-01T12:00:01.5+00:00', 1_500],
  ['that also when it is written in another zone', '2026-03-01T21:00:01.5000000+09:00', 1_500],
  ['that also with Z', '2026-03-01T12:59:59Z', 3_599_000],
  ['now, when it is more than an hour off', '2026-03-01T13:00:01Z', 0],
  ['now, when it has no zone', '2026-03-01T12:00:01.5', 0],
  ['now, when it is no time', '2026-99-01T12:00:01Z', 0],
  ['now, when it is another field of the body', { at: 1 }, 0],
  ['now, when it is a list', ['2026-03-01T12:30:00Z'], 0],
  ['now, when it is a number', NOON + 5, 0],
  ['now, when there is more before it', '+002026-03-01T12:30:00Z', 0],
  ['now, when the host does not say', undefined, 0],
])('a delay begins %s', (_, enqueuedTime, after) => {
  expect(delayStart(NOON, enqueuedTime) - NOON).toBe(after);
});

it.each([
  ['since then', '2026-03-01T11:59:30.500+00:00', 29_500],
  ['none, when the clock of the broker is ahead', '2026-03-01T12:00:03Z', 0],
  ['not known, when the host does not say', undefined, undefined],
  ['not known, without a zone', '2026-03-01T11:59:30', undefined],
  ['not known, when it is no time', '2026-13-41T25:61:61Z', undefined],
  ['not known, when no message lives as long', '1970-01-01T00:00:00Z', undefined],
])('the lag of a message is %s', (_, enqueuedTime, expected) => {
  expect(lagMs(NOON, enqueuedTime)).toBe(expected);
});
