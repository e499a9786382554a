/** What a message means beside a record, and how long a retry waits. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MemoryStateStore } from '../../../shared/adapters/memory-store.ts';
import { encodeKey } from '../../../shared/adapters/table-entity.ts';
import {
  type ClaimDecision,
  claimedRecord,
  decideClaim,
  type EventRecord,
  firstRecord,
  isCompleted,
  recordKey,
} from '../../../shared/delivery/event-record.ts';
import { insertRecord } from '../../../shared/delivery/history.ts';
import { backoffMs, MAX_ATTEMPTS } from '../../../shared/delivery/retry-policy.ts';
import { eventKey } from '../../../shared/events/identity.ts';
import { event, HANDLER } from '../../support/delivery-cases.ts';

const record = { redelivery: 2, runId: 'other', leaseUntil: 1_000 } as EventRecord;

const NO_MARKS = { redelivery: 2, awaitedRunId: undefined, endedRunId: undefined, unheardRunIds: undefined };

describe('a message', () => {
  it.each<[EventRecord['status'], number, string | undefined, number, ClaimDecision]>([
    ['completed', 2, undefined, 0, 'ignore'],
    ['completed', 3, undefined, 0, 'ignore'],
    ['dead-lettered', 2, undefined, 0, 'ignore'],
    ['dead-lettered', 3, undefined, 0, 'run'],
    ['waiting', 1, undefined, 0, 'resend'],
    ['waiting', 2, undefined, 0, 'run'],
    ['waiting', 3, undefined, 0, 'run'],
    ['in-progress', 1, undefined, 5_000, 'ignore'],
    ['in-progress', 2, undefined, 999, 'wait'],
    ['in-progress', 2, undefined, 1_000, 'take-over'],
    ['in-progress', 2, 'other', 0, 'take-over'],
    ['in-progress', 2, 'somebody else', 0, 'wait'],
    ['in-progress', 3, undefined, 0, 'wait'],
  ])(
    'beside a %s record of redelivery 2: redelivery %i that waited for %s, at %i, is %s',
    (status, redelivery, awaitedRunId, now, meaning) => {
      expect(decideClaim({ ...record, status }, { ...NO_MARKS, redelivery, awaitedRunId }, 'me', now)).toBe(meaning);
    },
  );

  it.each<[string, string | undefined, ClaimDecision]>([
    ['me', undefined, 'resume'],
    ['other', 'other', 'run'],
    ['other', 'somebody else', 'wait'],
  ])('beside a run of %s, after the end of a run of %s that is not on record, is %s', (runId, endedRunId, meaning) => {
    const running = { ...record, status: 'in-progress', runId } as const;

    expect(decideClaim(running, { ...NO_MARKS, endedRunId }, 'me', 0)).toBe(meaning);
  });

  it.each<[string, readonly string[], ClaimDecision]>([
    ['me', ['me'], 'resume'],
    ['other', ['first', 'other'], 'reclaim'],
    ['other', ['first'], 'wait'],
  ])('beside a run of %s, after runs that may have claimed it unheard (%j), is %s', (runId, unheardRunIds, meaning) => {
    const running = { ...record, status: 'in-progress', runId } as const;

    expect(decideClaim(running, { ...NO_MARKS, unheardRunIds }, 'me', 0)).toBe(meaning);
  });
});

describe('the key of a record', () => {
  it('names the handler and the event, and is short enough for the keys that it is a part of', () => {
    const key = recordKey('resource-quota-exceeded', eventKey({ source: `/${'é'.repeat(900)}`, id: '~'.repeat(256) }));

    expect(key).toMatch(/^resource-quota-exceeded\|[-0-9a-f]{36}$/);
    expect(encodeKey(`@chain|0123456789abcdef|0000000000000|${key}`).length).toBeLessThan(200);
  });
});

describe('the record of an event seen for the first time', () => {
  const first = firstRecord(
    { handler: HANDLER, event, summary: 's'.repeat(501) },
    { redelivery: 0, runId: 'n', now: 5, leaseMs: 50 },
  );
  const lease = { redelivery: 0, runId: 'me', now: 7, leaseMs: 100 };

  it('has every field, so that none is added to it later', () => {
    const claimed = claimedRecord(first, 'run', lease);

    expect(first).toMatchObject({ status: 'in-progress', runId: 'n', nonce: 'n', runs: 1, leaseUntil: 55 });
    expect(Object.keys(claimed)).toEqual(Object.keys(first));
    expect(claimed).toMatchObject({
      runId: 'me',
      nonce: 'n',
      runs: 2,
      status: 'in-progress',
      leaseUntil: 107,
      startedAt: 5,
      updatedAt: 7,
    });
    expect(claimed.summary).toHaveLength(500);
  });

  it.each([
    ['completed', true],
    ['in-progress', false],
    ['waiting', false],
    ['dead-lettered', false],
  ] as const)('says while it is %s whether its handler is done with the event', async (status, isDone) => {
    const state = new MemoryStateStore();
    await insertRecord(state, { ...first, status });

    expect(await isCompleted(state, HANDLER, eventKey(event))).toBe(isDone);
    expect(await isCompleted(state, HANDLER, 'long forgotten')).toBe(true);
  });
});

it.each([
  ['counts one more when it is taken over', 'in-progress', 1, 'take-over', 2],
  ['begin anew when one has ended, though that is not on record', 'in-progress', 2, 'run', 0],
  ['are not forgotten of an event that is given up for them', 'in-progress', 3, 'run', 3],
  ['begin anew when the event waits', 'waiting', 3, 'run', 0],
  ['begin anew when the event is replayed', 'dead-lettered', 3, 'run', 0],
] as const)('the runs of an event that vanished in a row %s', (_, status, vanished, decision, expected) => {
  const lease = { redelivery: 2, runId: 'me', now: 0, leaseMs: 1 };

  expect(claimedRecord({ ...record, status, vanished }, decision, lease).vanished).toBe(expected);
});

describe('the back-off', () => {
  it('grows from a second to five minutes, to half an hour in all', () => {
    const longest = Array.from({ length: MAX_ATTEMPTS - 1 }, (_, n) => backoffMs(n + 1, () => 0.999_999));

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
        (attempts, drawn, asked) => {
          const ms = backoffMs(attempts, () => drawn, asked);

          expect(ms).toBeGreaterThanOrEqual(Math.min(asked, 3_600_000));
          expect(ms).toBeLessThanOrEqual(Math.max(300_000, Math.min(asked, 3_600_000)));
        },
      ),
    );
  });
});
