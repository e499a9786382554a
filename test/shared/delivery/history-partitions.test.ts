/** The history lists as if all of it lay in one place: every filter, every page, however its events are spread. */
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { MemoryStateStore } from '../../../shared/adapters/memory-store.ts';
import { encodeKey } from '../../../shared/adapters/table-entity.ts';
import {
  type EventRecord,
  RECORD_PARTITIONS,
  recordKey,
  recordPartition,
} from '../../../shared/delivery/event-record.ts';
import {
  BY_TIME,
  type HistoryQuery,
  insertRecord,
  newestFirst,
  readHistory,
  rowKeysOf,
} from '../../../shared/delivery/history.ts';
import { ConflictError } from '../../../shared/errors.ts';
import { eventKey } from '../../../shared/events/identity.ts';

const T0 = Date.parse('2026-03-01T12:00:00Z');

function record(parts: Pick<EventRecord, 'id'> & Partial<EventRecord>): EventRecord {
  return {
    status: 'completed',
    handler: 'health-check',
    type: 'HealthCheck',
    source: '/probe',
    subject: 'web',
    time: '2026-03-01T12:00:00Z',
    correlationId: parts.id,
    redelivery: 0,
    attempts: 0,
    runs: 1,
    runId: 'run',
    nonce: 'run',
    startedAt: T0,
    updatedAt: T0,
    ...parts,
  };
}

const keyOf = ({ handler, source = '/probe', id }: Pick<EventRecord, 'id'> & Partial<EventRecord>): string =>
  recordKey(handler ?? 'health-check', eventKey({ source, id }));

/** What one partition would list, by its definition: by time and then by key. */
function expected(records: readonly EventRecord[], { type, subject, correlationId, since }: HistoryQuery): string[] {
  return records
    .filter((it) => type === undefined || it.type === type)
    .filter((it) => subject === undefined || it.subject === subject)
    .filter((it) => correlationId === undefined || it.correlationId === correlationId)
    .filter((it) => since === undefined || it.startedAt >= since)
    .map((it) => `${newestFirst(it.startedAt)}|${keyOf(it)}`)
    .sort()
    .map((place) => place.slice('0000000000000|'.length));
}

async function allPages(state: MemoryStateStore, query: HistoryQuery): Promise<string[]> {
  const keys: string[] = [];
  let cursor: string | undefined;
  do {
    const { records, next } = await readHistory(state, { ...query, cursor });
    // Whoever looks for a subject may have to look on.
    const isWhole = query.subject === undefined || query.correlationId !== undefined;
    if (next !== undefined && isWhole) expect(records).toHaveLength(query.limit);
    keys.push(...records.map(keyOf));
    cursor = next;
  } while (cursor !== undefined);
  return keys;
}

const pick = <T>(...values: readonly T[]): fc.Arbitrary<T> => fc.constantFrom(...values);

describe('the history of events in many partitions', () => {
  it('lists what one partition would, for every filter, in pages of any size', async () => {
    const event = fc.record({
      id: fc.oneof(fc.uuid(), fc.string({ minLength: 1, maxLength: 100 })),
      handler: pick('health-check', 'deployment-requested'),
      type: pick('HealthCheck', 'DeploymentRequested'),
      subject: pick('web', 'api', 'x'.repeat(300)),
      correlationId: pick('chain', 'chain ', 'other', '✓'.repeat(100)),
      // Many at one time, and some on other days.
      startedAt: fc.oneof(pick(0, 1, 2), fc.integer({ min: -3 * 86_400_000, max: 86_400_000 })).map((ms) => T0 + ms),
    });
    const query = fc.record(
      {
        type: pick('HealthCheck', 'DeploymentRequested'),
        subject: pick('web', 'x'.repeat(300), 'none'),
        correlationId: pick('chain', 'chain ', '✓'.repeat(100), 'none'),
        since: pick(0, T0, T0 + 1, T0 - 86_400_000),
        limit: pick(1, 2, 7, 40, 1_000),
      },
      { requiredKeys: ['limit'] },
    );
    const events = fc.uniqueArray(event, { maxLength: 150, selector: keyOf });
    await fc.assert(
      fc.asyncProperty(events, fc.array(query, { minLength: 1, maxLength: 6 }), async (parts, queries) => {
        const state = new MemoryStateStore();
        const records = parts.map(record);
        for (const each of records) await insertRecord(state, each);

        for (const asked of queries) expect(await allPages(state, asked)).toEqual(expected(records, asked));
      }),
      { numRuns: 60 },
    );
  });

  it('lists them when they all lie in one partition, too', async () => {
    const state = new MemoryStateStore();
    const records: EventRecord[] = [];
    for (let n = 0; records.length < 60; n++) {
      const one = record({ id: `event-${n}`, correlationId: 'chain', startedAt: T0 + (n % 7) });
      if (recordPartition(keyOf(one)) === RECORD_PARTITIONS[3]) records.push(one);
    }
    for (const one of records) await insertRecord(state, one);

    for (const limit of [1, 10, 59, 60, 1_000]) {
      expect(await allPages(state, { limit })).toEqual(expected(records, { limit }));
      const chain = { limit, correlationId: 'chain' };
      expect(await allPages(state, chain)).toEqual(expected(records, chain));
    }
  });

  it('is spread evenly', () => {
    const counts = new Map(RECORD_PARTITIONS.map((partition) => [partition, 0]));
    for (let n = 0; n < 16_000; n++) {
      const partition = recordPartition(keyOf({ id: `event-${n}` }));
      counts.set(partition, (counts.get(partition) ?? 0) + 1);
    }

    expect(counts.size).toBe(16);
    expect(Math.min(...counts.values())).toBeGreaterThan(850);
    expect(Math.max(...counts.values())).toBeLessThan(1_150);
  });

  it('has every record that was inserted: both or neither', async () => {
    const state = new MemoryStateStore();
    await insertRecord(state, record({ id: 'a', correlationId: 'first' }));

    // Seen again at another time: the record stands, and so must its place in the lists.
    const again = record({ id: 'a', correlationId: 'second', startedAt: T0 + 1 });
    await expect(insertRecord(state, again)).rejects.toThrow(ConflictError);

    expect((await readHistory(state, { limit: 10 })).records).toHaveLength(1);
    expect((await readHistory(state, { limit: 10, correlationId: 'second' })).records).toEqual([]);
  });

  it('has rows that are written again when they were left of a record that is gone', async () => {
    const state = new MemoryStateStore();
    const sent: unknown[] = [];
    const transact = state.transact.bind(state);
    state.transact = (partition, operations) => {
      sent.push(...operations.map(({ kind, key }) => [kind, key.slice(0, 1)]));
      return transact(partition, operations);
    };

    await insertRecord(state, record({ id: 'a' }));
    await state.delete(recordPartition(keyOf({ id: 'a' })), keyOf({ id: 'a' }), '*');
    await insertRecord(state, record({ id: 'a' }));

    const one = [['insert', 'h'], ...['put', 'put'].map((kind) => [kind, '@'])];
    expect(sent).toEqual([...one, ...one]);
    expect(await allPages(state, { limit: 10 })).toEqual([keyOf({ id: 'a' })]);
  });

  it('lists no event of another chain, though the digest of its name were the same', async () => {
    const state = new MemoryStateStore();
    const [mine, other] = [record({ id: 'mine' }), record({ id: 'other' })];
    for (const one of [mine, other]) await insertRecord(state, one);
    const row = { type: other.type, subject: other.subject, correlationId: other.correlationId };
    const [, place = ''] = rowKeysOf(`${BY_TIME}${newestFirst(T0)}|${keyOf(other)}`, mine);
    await state.insert(recordPartition(keyOf(other)), place, row);

    expect(await allPages(state, { limit: 10, correlationId: 'mine' })).toEqual([keyOf(mine)]);
  });

  it('passes over a row whose record is gone', async () => {
    const state = new MemoryStateStore();
    for (const id of ['a', 'b']) await insertRecord(state, record({ id }));
    await state.delete(recordPartition(keyOf({ id: 'a' })), keyOf({ id: 'a' }), '*');

    expect((await readHistory(state, { limit: 10 })).records).toEqual([record({ id: 'b' })]);
  });

  it('has no page after the one that holds the last event', async () => {
    const state = new MemoryStateStore();
    for (const id of ['a', 'b']) await insertRecord(state, record({ id }));

    expect((await readHistory(state, { limit: 1 })).next).toBeDefined();
    expect((await readHistory(state, { limit: 2 })).next).toBeUndefined();
  });

  describe('among many', () => {
    const state = new MemoryStateStore();
    let read = 0;
    let calls = 0;
    const counted: Pick<MemoryStateStore, 'query' | 'get'> = {
      get: (...key) => state.get(...key),
      query: async function* (...range) {
        calls++;
        for await (const row of state.query(...range)) {
          read++;
          yield row as never;
        }
      },
    };
    const look = (query: HistoryQuery): ReturnType<typeof readHistory> => {
      [read, calls] = [0, 0];
      return readHistory(counted as MemoryStateStore, query);
    };
    beforeAll(async () => {
      for (let n = 0; n < 4_000; n++) await insertRecord(state, record({ id: `event-${n}`, startedAt: T0 + n }));
      const rare = { type: 'DeploymentFailed', handler: 'deployment-failed', subject: 'default/shop/web' };
      for (const n of [0, 1, 2]) await insertRecord(state, record({ id: `failed-${n}`, startedAt: T0 + n, ...rare }));
    });

    it('reads a page without reading all, and a chain without the rest', async () => {
      await look({ limit: 1 });
      expect(read).toBeLessThan(60);
      await look({ limit: 10, correlationId: 'event-7' });
      expect(read).toBe(1);
      const row = { type: 'HealthCheck', subject: 'web', correlationId: 'c' };
      expect(rowKeysOf(`${BY_TIME}x`, row)[1]).toMatch(/^@chain\|[0-9a-f]{16}\|x$/);
    });

    it('finds the events of a rare type, and of one that most are of, without the others', async () => {
      const rare = await look({ limit: 30, type: 'DeploymentFailed' });
      expect(rare.records.map(({ id }) => id)).toEqual(['failed-2', 'failed-1', 'failed-0']);
      expect(read).toBe(3);
      await look({ limit: 30, type: 'HealthCheck' });
      expect(read).toBeLessThan(150);
      await look({ limit: 30, type: 'ClusterCreated' });
      expect([read, calls]).toEqual([0, RECORD_PARTITIONS.length]);
    });

    it('looks a thousand events back for a subject, and goes on from there', async () => {
      const first = await look({ limit: 30, subject: 'default/shop/web' });
      expect(first.records).toEqual([]);
      expect(first.next).toBeDefined();
      expect(read).toBeLessThan(4_000 / 2);
      expect(calls).toBeLessThan(6 * RECORD_PARTITIONS.length);

      expect(await allPages(state, { limit: 2, subject: 'default/shop/web' })).toHaveLength(3);
      // Of its type there are few.
      const both = await look({ limit: 30, subject: 'default/shop/web', type: 'DeploymentFailed' });
      expect([both.records.length, read]).toEqual([3, 3]);
    });
  });

  it('has keys of one length for all times, the latest first', () => {
    const times = [Number.POSITIVE_INFINITY, 9_999_999_999_000, T0, 0, Number.NEGATIVE_INFINITY];

    expect(times.map(newestFirst)).toEqual([
      ...['0000000000000', '0000000000999', String(9_999_999_999_999 - T0)],
      ...['9999999999999', '9999999999999'],
    ]);
  });

  it('takes the longest ids that are allowed', async () => {
    const state = new MemoryStateStore();
    const longest = [`${'~'.repeat(50)}${'.'.repeat(150)}`, '/ '.repeat(45), '✓'.repeat(256), '~'.repeat(200)];
    const records = longest.map((id) => record({ id, correlationId: id, handler: 'resource-quota-exceeded' }));
    for (const one of records) await insertRecord(state, one);

    for (const one of records) {
      expect(await allPages(state, { limit: 10, correlationId: one.id })).toEqual([keyOf(one)]);
      for await (const { key } of state.query(recordPartition(keyOf(one)))) {
        expect(encodeKey(key).length).toBeLessThanOrEqual(512);
        expect(Buffer.byteLength(key)).toBeLessThanOrEqual(300);
      }
    }
  });
});
