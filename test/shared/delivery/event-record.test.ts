/** What a message means beside a record, and when to try again. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeKey } from '../../../shared/adapters/table-entity.ts';
import { type EventRecord, type Meaning, meaningOf, recordKey } from '../../../shared/delivery/event-record.ts';
import { backoffMs, MAX_TRIES } from '../../../shared/delivery/retry-policy.ts';

const record = { copy: 2, owner: 'other', leaseUntil: 1_000 } as EventRecord;

describe('a message', () => {
  it.each<[EventRecord['status'], number, string | undefined, number, Meaning]>([
    ['finished', 2, undefined, 0, 'settled'],
    ['finished', 3, undefined, 0, 'settled'],
    ['parked', 2, undefined, 0, 'settled'],
    ['parked', 3, undefined, 0, 'turn'],
    ['waiting', 1, undefined, 0, 'stale'],
    ['waiting', 2, undefined, 0, 'turn'],
    ['waiting', 3, undefined, 0, 'turn'],
    ['running', 1, undefined, 5_000, 'settled'],
    ['running', 2, undefined, 999, 'busy'],
    ['running', 2, undefined, 1_000, 'take-over'],
    ['running', 2, 'other', 0, 'take-over'],
    ['running', 2, 'somebody else', 0, 'busy'],
    ['running', 3, undefined, 0, 'busy'],
  ])(
    'beside a %s record of copy 2: copy %i that waited for %s, at %i, is %s',
    (status, copy, waitedFor, now, meaning) => {
      expect(meaningOf({ ...record, status }, { copy, waitedFor, endedRun: undefined }, 'me', now)).toBe(meaning);
    },
  );

  it.each<[string, string | undefined, Meaning]>([
    ['me', undefined, 'mine'],
    ['other', 'other', 'turn'],
    ['other', 'somebody else', 'busy'],
  ])('beside a run of %s, after the end of a run of %s that is not on record, is %s', (owner, endedRun, meaning) => {
    const running = { ...record, status: 'running', owner } as const;

    expect(meaningOf(running, { copy: 2, waitedFor: undefined, endedRun }, 'me', 0)).toBe(meaning);
  });
});

describe('the key of a record', () => {
  it('holds the id, or its digest when it is too long for a key', () => {
    expect(recordKey('health-check', 'e-1')).toBe('health-check|e-1');
    expect(Buffer.byteLength(recordKey('health-check', '日'.repeat(256)))).toBeLessThan(300);
    expect(encodeKey(recordKey('error-budget-depleted', '~'.repeat(200))).length).toBeLessThan(512);
    expect(recordKey('health-check', 'x'.repeat(250))).not.toBe(recordKey('health-check', 'x'.repeat(251)));
  });
});

describe('the back-off', () => {
  it('grows from a second to five minutes, to half an hour in all', () => {
    const longest = Array.from({ length: MAX_TRIES - 1 }, (_, n) => backoffMs(n + 1, () => 0.999_999));

    expect(longest.map((ms) => Math.round(ms / 1_000))).toEqual([1, 3, 9, 27, 81, 243, 300, 300, 300, 300, 300]);
    expect(longest.reduce((sum, ms) => sum + ms) / 60_000).toBeCloseTo(31, 0);
  });

  it('is drawn from the whole range below its bound, but never under a second', () => {
    expect(backoffMs(6, () => 0.5)).toBe(121_500);
    expect(backoffMs(6, () => 0)).toBe(1_000);
  });

  it('waits at least as long as asked, up to an hour', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 40 }),
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        fc.nat(),
        (tries, drawn, asked) => {
          const ms = backoffMs(tries, () => drawn, asked);

          expect(ms).toBeGreaterThanOrEqual(Math.min(asked, 3_600_000));
          expect(ms).toBeLessThanOrEqual(Math.max(300_000, Math.min(asked, 3_600_000)));
        },
      ),
    );
  });
});
