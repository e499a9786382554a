/** The history keeps to its limits however fast events come in, and however many processes forget at once. */
import { describe, expect, it, onTestFinished } from 'vitest';
import { MemoryStateStore } from '../../../shared/adapters/memory-store.ts';
import { createTableStorage } from '../../../shared/adapters/table-storage.ts';
import { RECORD_PARTITIONS } from '../../../shared/delivery/event-record.ts';
import { insertRecord } from '../../../shared/delivery/history.ts';
import { forgetOld, forgetOldWhenDue } from '../../../shared/delivery/retention.ts';
import { flushPromises, VirtualClock } from '../../../shared/local/service-bus/core/clock.ts';
import type { StateStore } from '../../../shared/ports/state.ts';
import { HISTORY_LIMITS } from '../../../shared/settings.ts';
import { startAzurite } from '../../support/azurite.ts';
import { FixedClock, RecordingLog } from '../../support/ports.ts';
import { gated } from '../../support/process.ts';
import { recordsOf } from '../../support/records.ts';

const DAY = 86_400_000;
const NOW = Date.parse('2026-06-01T12:00:00Z');

async function enter(state: StateStore, id: string, startedAt: number): Promise<void> {
  const of = { handler: 'health-check', type: 'HealthCheck', source: '/probe', subject: 'web', correlationId: id };
  const run = { status: 'completed', redelivery: 0, attempts: 0, runs: 1, runId: 'run', nonce: 'run' } as const;
  await insertRecord(state, { ...of, ...run, id, time: '', startedAt, updatedAt: startedAt });
}

async function rowsIn(state: StateStore): Promise<number> {
  let rows = 0;
  for (const partition of RECORD_PARTITIONS) for await (const _ of state.query(partition)) rows++;
  return rows;
}

describe('the history', () => {
  it.each([1, 5, 100, 1_000])('forgets more than comes in at %i events a second', async (perSecond) => {
    const state = new MemoryStateStore();
    const clock = new FixedClock(NOW);
    const ports = { state, clock, log: new RecordingLog() };
    for (let n = 0; n < 1_500; n++) await enter(state, `old-${n}`, NOW - 100 * DAY);

    for (let n = 0; n < 1_000; n++) {
      clock.advance(1_000 / perSecond);
      await enter(state, `new-${n}`, clock.now());
      await forgetOldWhenDue(ports, HISTORY_LIMITS);
    }

    const old = (await recordsOf(state)).filter(({ id }) => id.startsWith('old-'));
    expect(old.length).toBeLessThan(500);
    expect(ports.log.lines).toEqual([]);
  });

  it('keeps to the number of events while more come in every day', async () => {
    const state = new MemoryStateStore();
    const clock = new FixedClock(NOW);
    const ports = { state, clock, log: new RecordingLog() };
    const kept: number[] = [];

    for (let day = 0; day < 75; day++) {
      for (let n = 0; n < 60; n++) {
        clock.advance(DAY / 60);
        await enter(state, `${day}-${n}`, clock.now());
        await forgetOldWhenDue(ports, { ...HISTORY_LIMITS, events: 3_000 });
      }
      kept.push((await recordsOf(state)).length);
    }

    // 50 days of them, and the day that is not over.
    expect(Math.max(...kept)).toBeLessThanOrEqual(3_000 + 60);
    expect(kept.at(-1)).toBeGreaterThan(2_900);
  });

  it('is forgotten for no longer than an event may take, however slow the store is', async () => {
    const state = new MemoryStateStore();
    for (let n = 0; n < 600; n++) await enter(state, `old-${n}`, NOW - 100 * DAY);
    for (let day = 1; day <= 60; day++) await enter(state, `of-${day}`, NOW - day * DAY);
    const clock = new VirtualClock(NOW);
    const timer = (ms: number, run: () => void) => clock.at(clock.now() + ms, run).cancel;
    const slow = gated(state, async (call) => {
      await new Promise<void>((resolve) => void timer(2_003, resolve));
      return call();
    });
    const ports = { state: slow, clock, log: new RecordingLog() };
    const isThere = async (): Promise<boolean> => (await recordsOf(state)).some(({ id }) => id.startsWith('old-'));
    const took: number[] = [];

    while (took.length < 100 && (await isThere())) {
      const begun = clock.now();
      const work = forgetOldWhenDue(ports, HISTORY_LIMITS, timer).then(() => took.push(clock.now() - begun));
      for (const passes = took.length; took.length === passes; clock.runNext(Number.POSITIVE_INFINITY)) {
        await flushPromises();
      }
      await work;
      await clock.advance('1m');
    }

    expect(await isThere()).toBe(false);
    expect(Math.max(...took)).toBeLessThanOrEqual(20_000);
    expect(ports.log.lines).toEqual([]);
  });

  it('ends with its event when the store does not answer', async () => {
    const clock = new VirtualClock(NOW);
    const timer = (ms: number, run: () => void) => clock.at(clock.now() + ms, run).cancel;
    const state = gated(new MemoryStateStore(), () => new Promise(() => {}));
    const log = new RecordingLog();

    const work = forgetOldWhenDue({ state, clock, log }, HISTORY_LIMITS, timer);
    await clock.advance('20s');
    await work;

    expect(log.lines).toMatchObject([{ level: 'warn', message: 'forgetting old history failed' }]);
  });

  it('is forgotten whole by several processes at once', async () => {
    const state = new MemoryStateStore();
    for (let n = 0; n < 400; n++) await enter(state, `old-${n}`, NOW - 100 * DAY);

    await Promise.all([0, 0, 1, 5].map((ms) => forgetOld(state, NOW + ms, HISTORY_LIMITS, 1_000)));

    expect(await rowsIn(state)).toBe(0);
  });

  it('is forgotten on Azurite, in transactions', async () => {
    const azurite = await startAzurite();
    onTestFinished(() => azurite.close());
    const state = await createTableStorage({ connectionString: azurite.connectionString }, 'retention');
    await enter(state, 'new', NOW);
    const old = Array.from({ length: 120 }, (_, n) => enter(state, `old-${n}`, NOW - 100 * DAY));
    await Promise.all(old);

    await Promise.all([forgetOld(state, NOW, HISTORY_LIMITS), forgetOld(state, NOW, HISTORY_LIMITS)]);

    expect(await rowsIn(state)).toBe(3);
    expect((await recordsOf(state)).map(({ id }) => id)).toEqual(['new']);
  });
});
