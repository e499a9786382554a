/** What is forgotten of the history, and what never is. */

import { describe, expect, it } from 'vitest';
import { MemoryStateStore } from '../../../shared/adapters/memory-store.ts';
import {
  type EventRecord,
  RECORD_PARTITIONS,
  readRecord,
  recordKey,
  recordPartition,
} from '../../../shared/delivery/event-record.ts';
import { insertRecord, readHistory } from '../../../shared/delivery/history.ts';
import { forgetOld, forgetOldWhenDue } from '../../../shared/delivery/retention.ts';
import { eventKey } from '../../../shared/events/identity.ts';
import { HISTORY_LIMITS } from '../../../shared/settings.ts';
import { REDELIVERABLE_MS } from '../../../shared/topology.ts';
import { FixedClock, RecordingLog } from '../../support/ports.ts';
import { type Gate, gated } from '../../support/process.ts';

const DAY = 86_400_000;
const NOW = Date.parse('2026-06-01T12:00:00Z');
const LIMITS = { ageMs: 90 * DAY, events: 1_000_000 };

async function put(
  state: MemoryStateStore,
  id: string,
  ageDays: number,
  more: Partial<EventRecord> = {},
): Promise<void> {
  const startedAt = NOW - ageDays * DAY;
  const record: EventRecord = {
    status: 'completed',
    handler: 'health-check',
    id,
    type: 'HealthCheck',
    source: '/probe',
    subject: 'web',
    time: new Date(startedAt).toISOString(),
    correlationId: `chain-of-${id}`,
    redelivery: 0,
    attempts: 0,
    runs: 1,
    runId: 'run',
    nonce: 'run',
    startedAt,
    updatedAt: startedAt,
    ...more,
  };
  await insertRecord(state, record);
}

async function remembered(state: MemoryStateStore): Promise<string[]> {
  const { records } = await readHistory(state, { limit: 1_000 });
  return records.map(({ id }) => id);
}

describe('the history', () => {
  it('forgets events that are older than the limit, records and rows alike', async () => {
    const state = new MemoryStateStore();
    for (const [id, age] of [
      ['today', 0],
      ['young', 88],
      ['old', 92],
      ['older', 200],
    ] as const)
      await put(state, id, age);

    expect(await forgetOld(state, NOW, LIMITS)).toBe(true);

    expect(await remembered(state)).toEqual(['today', 'young']);
    const key = (id: string) => eventKey({ source: '/probe', id });
    expect(await readRecord(state, 'health-check', key('young'))).toBeDefined();
    expect(await readRecord(state, 'health-check', key('old'))).toBeUndefined();
    expect((await readHistory(state, { correlationId: 'chain-of-old', limit: 10 })).records).toEqual([]);
    const keys: string[] = [];
    for (const partition of RECORD_PARTITIONS) for await (const { key } of state.query(partition)) keys.push(key);
    // A record and two rows of each that is left.
    expect(keys).toHaveLength(2 * 3);
    expect(keys.filter((key) => key.includes('old'))).toEqual([]);
  });

  it('forgets all rows of an event, as many events in a transaction as it takes; also of those with a row less', async () => {
    const state = new MemoryStateStore();
    const sizes: number[] = [];
    const transact = state.transact.bind(state);
    for (let n = 0; n < 1_000; n++) {
      await put(state, `check-${n}`, 100);
      await put(state, `failed-${n}`, 101, { type: 'DeploymentFailed', handler: 'deployment-failed' });
    }
    // An earlier build wrote no row by type.
    for (const partition of RECORD_PARTITIONS.slice(0, 2)) {
      for await (const { key } of state.query(partition, { from: '@type', to: '@typf' }))
        await state.delete(partition, key, '*');
    }
    state.transact = (partition, operations) => {
      sizes.push(operations.length);
      return transact(partition, operations);
    };

    expect(await forgetOld(state, NOW, LIMITS, 3_000)).toBe(true);

    for (const partition of RECORD_PARTITIONS) for await (const { key } of state.query(partition)) expect.fail(key);
    expect(Math.max(...sizes)).toBeGreaterThan(97);
  });

  it('forgets whole days, oldest first, when there are more events than the limit', async () => {
    const state = new MemoryStateStore();
    for (let age = 50; age < 60; age++) for (const n of [1, 2, 3]) await put(state, `${age}-${n}`, age);

    await forgetOld(state, NOW, { ...LIMITS, events: 10 });

    expect((await remembered(state)).map((id) => id.slice(0, 2))).toEqual(
      ['50', '51', '52'].flatMap((age) => [age, age, age]),
    );
  });

  it.each([
    ['as many as the limit', 9, 3],
    ['one more', 8, 2],
  ])('keeps whole days with %s', async (_, events, days) => {
    const state = new MemoryStateStore();
    for (let age = 50; age < 60; age++) for (const n of [1, 2, 3]) await put(state, `${age}-${n}`, age);

    // The second time by what was counted the first time.
    for (const _time of [1, 2]) {
      await forgetOld(state, NOW, { ...LIMITS, events });
      expect(await remembered(state)).toHaveLength(3 * days);
    }
  });

  it('forgets nothing that can still be redelivered, however much it is', async () => {
    const state = new MemoryStateStore();
    const youngest = Math.floor(REDELIVERABLE_MS / DAY);
    for (let age = 0; age <= youngest; age++) await put(state, `age-${age}`, age);

    await forgetOld(state, NOW, { ageMs: 0, events: 1 });

    expect(await remembered(state)).toHaveLength(youngest + 1);
    expect(REDELIVERABLE_MS).toBeGreaterThan(42 * DAY);
  });

  it.each([
    ['has not ended', { status: 'waiting' }],
    ['was replayed lately', { updatedAt: NOW - DAY }],
  ] as const)('keeps an old event that %s', async (_, more) => {
    const state = new MemoryStateStore();
    await put(state, 'kept', 100, more);
    await put(state, 'gone', 100);

    await forgetOld(state, NOW, LIMITS);

    expect(await remembered(state)).toEqual(['kept']);
  });

  it('forgets so many in one pass, and says that there is more', async () => {
    const state = new MemoryStateStore();
    for (let n = 0; n < 25; n++) await put(state, `n-${n}`, 100 + (n % 3));

    expect(await forgetOld(state, NOW, LIMITS, 10)).toBe(false);
    expect(await remembered(state)).toHaveLength(15);
    expect(await forgetOld(state, NOW, LIMITS, 10)).toBe(false);
    expect(await forgetOld(state, NOW, LIMITS, 10)).toBe(true);

    expect(await remembered(state)).toEqual([]);
  });

  it('is looked at every hour, or every minute while there is more to forget', async () => {
    const state = new MemoryStateStore();
    const clock = new FixedClock(NOW);
    const ports = { state, clock, log: new RecordingLog() };
    for (let n = 0; n < 250; n++) await put(state, `n-${n}`, 100);
    const left: number[] = [];

    for (const ms of [0, 59_000, 1_000, 60_000]) {
      clock.advance(ms);
      await forgetOldWhenDue(ports, HISTORY_LIMITS);
      left.push((await remembered(state)).length);
    }

    expect(left).toEqual([50, 50, 0, 0]);
  });

  it('is looked at after a hundred events too, and forgets twice as many more', async () => {
    const state = new MemoryStateStore();
    const ports = { state, clock: new FixedClock(NOW), log: new RecordingLog() };
    for (let n = 0; n < 700; n++) await put(state, `n-${n}`, 100);
    const left: number[] = [];

    for (const events of [1, 99, 1]) {
      for (let n = 0; n < events; n++) await forgetOldWhenDue(ports, LIMITS);
      left.push((await remembered(state)).length);
    }

    expect(left).toEqual([500, 500, 102]);
  });

  it('does not fail an event when it cannot be forgotten', async () => {
    const state = new MemoryStateStore();
    state.query = () => {
      throw new Error('away');
    };
    const log = new RecordingLog();

    await forgetOldWhenDue({ state, clock: new FixedClock(NOW), log }, HISTORY_LIMITS);

    expect(log.lines).toMatchObject([
      { level: 'warn', message: 'forgetting old history failed', fields: { error: 'away' } },
    ]);
  });
});

describe('a pass', () => {
  const OLD = { ageMs: 90 * DAY, events: 1 };

  async function stateWith(...ages: readonly number[]): Promise<MemoryStateStore> {
    const state = new MemoryStateStore();
    for (const age of ages) await put(state, `age-${age}`, age);
    return state;
  }

  it('does one thing after the other, the record before the rows that it is found by', async () => {
    const state = await stateWith(1, 2, 100);
    const open: string[] = [];
    const writes: string[] = [];
    const late: Gate = async (call, name) => {
      const isRead = name === 'query' || name === 'get';
      if (open.some((other) => !isRead || !['query', 'get'].includes(other))) writes.push(`${name} beside ${open}`);
      open.push(name);
      for (let turn = 0; turn < 3; turn++) await new Promise(setImmediate);
      if (!isRead) writes.push(name);
      return call().finally(() => open.splice(open.indexOf(name), 1));
    };

    expect(await forgetOld(gated(state, late), NOW, OLD)).toBe(true);

    expect(open).toEqual([]);
    expect(writes).toEqual(['put', 'delete', 'transact']);
    expect(await remembered(state)).toEqual(['age-1', 'age-2']);
  });

  const daysIn = async (state: MemoryStateStore): Promise<[number, number][]> => {
    const days: [number, number][] = [];
    for await (const { value } of state.query<{ day: number; count: number }>('history-days')) {
      days.push([Math.round((NOW - DAY / 2 - value.day) / DAY), value.count]);
    }
    return days;
  };

  it('counts a day once, when it is over, and goes by that count later', async () => {
    const state = new MemoryStateStore();
    for (const age of [0, 1, 2, 50, 51, 52, 53]) for (const n of [1, 2, 3]) await put(state, `${age}-${n}`, age);
    const limits = { ...LIMITS, events: 16 };
    await forgetOld(state, NOW, limits);

    expect(await daysIn(state)).toEqual([2, 50, 51].map((age) => [age, 3]));
    expect(await remembered(state)).toHaveLength(15);

    for (const n of [1, 2, 3]) await put(state, `again-${n}`, 0);
    let counted = 0;
    const gate: Gate = (call, name, [partition, range]) => {
      const { limit } = (range ?? {}) as { limit?: number };
      if (name === 'query' && partition === RECORD_PARTITIONS[0] && limit === undefined) counted++;
      return call();
    };
    await forgetOld(gated(state, gate), NOW, limits);

    // Today and yesterday; and what is forgotten is read.
    expect(counted).toBe(3);
    expect(await daysIn(state)).toEqual([2, 50].map((age) => [age, 3]));
    expect(await remembered(state)).toHaveLength(15);
  });

  it('counts nothing before the oldest day may be forgotten', async () => {
    const state = await stateWith(0, 1, 20);
    const counted: unknown[] = [];
    const gate: Gate = (call, name, [partition, range]) => {
      if (name !== 'query' || !(range && 'limit' in (range as object))) counted.push(`${name} ${partition}`);
      return call();
    };

    expect(await forgetOld(gated(state, gate), NOW, OLD)).toBe(true);

    expect(counted).toEqual([]);
  });

  it('forgets to the end of a day, and not a moment more', async () => {
    const state = new MemoryStateStore();
    const midnight = (NOW - DAY / 2 - 90 * DAY - NOW) / -DAY;
    await put(state, 'first of its day', midnight);
    await put(state, 'last of its day', midnight + 1 / DAY);

    await forgetOld(state, NOW, LIMITS);

    expect(await remembered(state)).toEqual(['first of its day']);
  });

  it('forgets fifty at once, of one partition after the other, beginning where others do not', async () => {
    const state = new MemoryStateStore();
    const written: (readonly [string, number])[] = [];
    for (let n = 0; n < 1_000; n++) {
      const id = `n-${n}`;
      const partition = recordPartition(recordKey('health-check', eventKey({ source: '/probe', id })));
      if (partition === RECORD_PARTITIONS[6] || (partition === RECORD_PARTITIONS[0] && n < 100))
        await put(state, id, 100);
    }
    const gate: Gate = (call, name, [partition, operations]) => {
      if (name === 'transact') written.push([String(partition), (operations as unknown[]).length / 2]);
      return call();
    };
    const now = Math.ceil(NOW / 16) * 16 + 5;

    expect(await forgetOld(gated(state, gate), now, LIMITS, 1_000)).toBe(true);

    const [first, ...rest] = written;
    expect(first).toEqual([RECORD_PARTITIONS[6], 50]);
    expect(rest.map(([partition]) => partition)).toEqual([RECORD_PARTITIONS[6], RECORD_PARTITIONS[0]]);
    expect(await remembered(state)).toEqual([]);
  });

  it('forgets what was dead-lettered, and rows whose record is gone', async () => {
    const state = new MemoryStateStore();
    await put(state, 'dead', 100, { status: 'dead-lettered' });
    await put(state, 'gone', 100);
    const key = recordKey('health-check', eventKey({ source: '/probe', id: 'gone' }));
    await state.delete(recordPartition(key), key, '*');

    expect(await forgetOld(state, NOW, LIMITS)).toBe(true);

    for (const partition of RECORD_PARTITIONS) for await (const { key } of state.query(partition)) expect(key).toBe('');
  });

  it('is made by one event at a time', async () => {
    const state = await stateWith(100);
    let plans = 0;
    const gate: Gate = async (call, name, [partition]) => {
      if (name === 'query' && partition === 'history-days') plans++;
      for (let turn = 0; turn < 3; turn++) await new Promise(setImmediate);
      return call();
    };
    const ports = { state: gated(state, gate), clock: new FixedClock(NOW), log: new RecordingLog() };

    await Promise.all([forgetOldWhenDue(ports, OLD), forgetOldWhenDue(ports, OLD)]);

    // To plan, and to forget the counts of days.
    expect(plans).toBe(2);
    expect(ports.log.lines).toEqual([]);
  });

  it('goes on beside another process that forgets the same', async () => {
    const state = await stateWith(100);
    let underWay = 0;
    let most = 0;
    const gate: Gate = async (call, name, [partition, operations]) => {
      underWay++;
      if (name === 'delete') most = Math.max(most, underWay);
      const [first] = name === 'transact' ? (operations as { key: string }[]) : [];
      if (first) await state.delete(String(partition), first.key, '*');
      for (let turn = 0; turn < 3; turn++) await new Promise(setImmediate);
      return call().finally(() => underWay--);
    };

    expect(await forgetOld(gated(state, gate), NOW, OLD)).toBe(true);

    expect([underWay, most]).toEqual([0, 1]);
    for (const partition of RECORD_PARTITIONS) for await (const { key } of state.query(partition)) expect(key).toBe('');
  });

  it('leaves what was replayed since it was looked at', async () => {
    const state = await stateWith(100);
    const gate: Gate = async (call, name, [partition, key]) => {
      if (name === 'delete') await state.put(String(partition), String(key), { status: 'waiting', id: 'again' }, '*');
      return call();
    };

    await forgetOld(gated(state, gate), NOW, OLD);

    expect(await remembered(state)).toEqual(['again']);
  });

  it.each(['delete', 'transact'])('fails when the store is away at a %s', async (method) => {
    const gate: Gate = (call, name, [partition]) =>
      name === method && partition !== 'history-days' ? Promise.reject(new Error('away')) : call();

    await expect(forgetOld(gated(await stateWith(100), gate), NOW, OLD)).rejects.toThrow('away');
  });
});
