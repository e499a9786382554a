/** Where a process is ahead of UTC. A thread cannot change its zone, and mutation tests run in threads: a file of its own. */
import { expect, it, onTestFinished } from 'vitest';
import { delayStart } from '../../../shared/delivery/due-time.ts';

const NOON = Date.parse('2026-03-01T12:00:00Z');

it('reads a time without a zone as none in a zone ahead of UTC, too', () => {
  const zone = process.env['TZ'];
  onTestFinished(() => {
    if (zone === undefined) delete process.env['TZ'];
    else process.env['TZ'] = zone;
  });
  process.env['TZ'] = 'America/Noronha';
  expect(new Date('2026-03-01T12:00:00').getTime()).toBe(NOON + 2 * 3_600_000);

  // 25 minutes ahead as local time, and long ago as UTC.
  expect(delayStart(NOON, '2026-03-01T10:25:00')).toBe(NOON);
});
