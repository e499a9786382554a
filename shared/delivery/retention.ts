/**
 * Forgets the history that is too old or too much, by whole days. Records are also what makes a redelivered event take
 * effect once, so none is forgotten while a message of its event can still be somewhere. Discards, for a timer, the entries of
 * the errors queue that are too old: the broker does not, once their time to live has moved them to its dead-letter queue.
 */

import { DAY_MS, HOUR_MS, MINUTE_MS } from '../duration.ts';
import { ConflictError } from '../errors.ts';
import type { Ports } from '../ports/handler.ts';
import type { Query, StateStore, Stored } from '../ports/state.ts';
import type { HistoryLimits } from '../settings.ts';
import { stackOf } from '../stack.ts';
import { MAX_FORGET_MS, systemTimer, within } from '../timeout.ts';
import { ERRORS_KEPT_MS, REDELIVERABLE_MS } from '../topology.ts';
import { type EventRecord, RECORD_PARTITIONS } from './event-record.ts';
import { BY_TIME, type HistoryRow, newestFirst, recordKeyOf, rowKeysOf, startedAtOf } from './history.ts';

/** How many events each day had that is over; the keys are in reverse order of time. */
const DAYS = 'history-days';

/** The events forgotten in a pass, beside twice as many as came in since the last one. */
const PASS = 200;
/** A pass is part of an event's time. */
const MAX_PASS = 5_000;
/** So many rows are forgotten at once: what a transaction takes. */
const BATCH = 100;
/** A store that is slow must not make it longer than a function may take; what was under way then ends by itself. */
const PASS_MS = MAX_FORGET_MS / 2;

/** What is left to do, by store. */
interface Schedule {
  nextPlanAt: number;
  nextPassAt: number;
  /** Whatever was first seen before this is being forgotten. */
  before: number | undefined;
  /** Events that came in since the last pass. */
  cameIn: number;
  isBusy: boolean;
}

const schedules = new WeakMap<StateStore, Schedule>();

/**
 * A pass when one is due: every hour, and while there is more every minute; over the history also after every so many
 * events, so that more is forgotten than comes in. Call it once an event. Never rejects: what is kept for too long is no
 * reason to fail an event.
 */
export async function forgetOldWhenDue(
  { state, clock, log }: Pick<Ports, 'state' | 'clock' | 'log'>,
  limits: HistoryLimits,
  timer = systemTimer,
): Promise<void> {
  const now = clock.now();
  const schedule = schedules.get(state) ?? {
    ...{ nextPlanAt: 0, nextPassAt: 0, before: undefined, cameIn: 0, isBusy: false },
  };
  schedules.set(state, schedule);
  schedule.cameIn++;
  const isPassDue = schedule.before !== undefined && (now >= schedule.nextPassAt || schedule.cameIn >= PASS / 2);
  if (schedule.isBusy || !(isPassDue || now >= schedule.nextPlanAt)) return;
  try {
    const isLate = (): boolean => clock.now() >= now + PASS_MS;
    await within(MAX_FORGET_MS, timer, forgetBySchedule(schedule, state, { now, isLate }, limits));
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    log.warn('forgetting old history failed', { error: message, stack: stackOf(error) });
  }
}

/** When a pass began, and whether it goes on for too long. */
interface Pass {
  readonly now: number;
  readonly isLate: () => boolean;
}

async function forgetBySchedule(
  schedule: Schedule,
  state: StateStore,
  pass: Pass,
  limits: HistoryLimits,
): Promise<void> {
  const { now } = pass;
  const atMost = Math.min(PASS + 2 * (schedule.cameIn - 1), MAX_PASS);
  const isPlanDue = now >= schedule.nextPlanAt;
  Object.assign(schedule, { isBusy: true, cameIn: 0, nextPassAt: now + MINUTE_MS });
  try {
    if (isPlanDue) {
      schedule.nextPlanAt = now + HOUR_MS;
      schedule.before = await forgettableBefore(state, pass, limits);
    }
    if (schedule.before === undefined) return;
    if (await forgetBefore(state, schedule.before, pass, atMost)) schedule.before = undefined;
  } finally {
    schedule.isBusy = false;
  }
}

/**
 * One pass over the errors queue. Safe to stop anywhere, to run again, and to run at the same time as others.
 *
 * @param atMost how many entries are looked at in one pass
 * @returns whether there was nothing more to discard
 */
export async function discardOldErrors(
  { deadLetterQueue, log }: Pick<Ports, 'deadLetterQueue' | 'log'>,
  now: number,
  atMost = 50,
): Promise<boolean> {
  const entries = await deadLetterQueue.deadLetters('0', atMost);
  const old = entries.filter(({ deadLetteredAt }) => deadLetteredAt < now - ERRORS_KEPT_MS);
  for (const { sequenceNumber, reason, type, messageId } of old) {
    if (await deadLetterQueue.takeDeadLetter(sequenceNumber)) {
      log.warn('old error discarded', { sequenceNumber, reason, type, messageId });
    }
  }
  return old.length === 0 || old.length < entries.length;
}

/**
 * One pass. Safe to stop anywhere, to run again, and to run at the same time as others.
 *
 * @param atMost how many events are forgotten in one pass
 * @returns whether there was nothing more to forget
 */
export async function forgetOld(
  state: StateStore,
  now: number,
  limits: HistoryLimits,
  atMost = PASS,
): Promise<boolean> {
  const pass = { now, isLate: () => false };
  const before = await forgettableBefore(state, pass, limits);
  return before === undefined || forgetBefore(state, before, pass, atMost);
}

/** The beginning of the oldest day that is kept; undefined when nothing is older. */
async function forgettableBefore(state: StateStore, pass: Pass, limits: HistoryLimits): Promise<number | undefined> {
  const { now } = pass;
  const redeliverable = dayOf(now - REDELIVERABLE_MS);
  // Nothing costs anything until the oldest day may be forgotten.
  if ((await newestIn(state, { before: redeliverable })) === undefined) return undefined;
  const tooOld = dayOf(now - limits.ageMs);
  return Math.min(redeliverable, Math.max(tooOld, await tooManyBefore(state, pass, limits.events)));
}

/**
 * The end of the newest day that, with all after it, has more events than are kept. None when counting takes too long: the
 * days that are counted by then need not be counted again.
 */
async function tooManyBefore(state: StateStore, { now, isLate }: Pass, events: number): Promise<number> {
  const counted: Day[] = [];
  for await (const { value } of state.query<Day>(DAYS)) counted.push(value);
  const [newest] = counted;
  const since = newest ? newest.day + DAY_MS : Number.NEGATIVE_INFINITY;
  let kept = 0;
  for (let before = Number.POSITIVE_INFINITY; ; ) {
    const at = await newestIn(state, { since, before });
    if (at === undefined) break;
    before = dayOf(at);
    const count = await countOf(state, before, now);
    kept += count;
    if (kept > events) return before + DAY_MS;
    if (isLate()) return Number.NEGATIVE_INFINITY;
  }
  for (const { day, count } of counted) {
    kept += count;
    if (kept > events) return day + DAY_MS;
  }
  return Number.NEGATIVE_INFINITY;
}

interface Day {
  /** When it began, in milliseconds since the Unix epoch. */
  readonly day: number;
  readonly count: number;
}

function dayOf(ms: number): number {
  return Math.floor(ms / DAY_MS) * DAY_MS;
}

/** Counted once, when the day is over by more than clocks differ. */
async function countOf(state: StateStore, day: number, now: number): Promise<number> {
  const range = rangeOf({ since: day, before: day + DAY_MS });
  const counts = RECORD_PARTITIONS.map(async (partition) => {
    let count = 0;
    for await (const _ of state.query(partition, range)) count++;
    return count;
  });
  const count = (await Promise.all(counts)).reduce((sum, share) => sum + share, 0);
  if (day + 2 * DAY_MS < now) await state.put<Day>(DAYS, newestFirst(day), { day, count }, '*');
  return count;
}

interface Span {
  readonly since?: number;
  readonly before: number;
}

function rangeOf({ since = Number.NEGATIVE_INFINITY, before }: Span): Query {
  const to = since > 0 ? newestFirst(since - 1) : ':';
  return { from: `${BY_TIME}${newestFirst(before - 1)}`, to: `${BY_TIME}${to}` };
}

/** When the newest event of a span was first seen. */
async function newestIn(state: StateStore, span: Span): Promise<number | undefined> {
  const range = { ...rangeOf(span), limit: 1 };
  const found = RECORD_PARTITIONS.map(async (partition) => {
    for await (const { key } of state.query(partition, range)) return startedAtOf(key);
    return Number.NEGATIVE_INFINITY;
  });
  const newest = Math.max(...(await Promise.all(found)));
  return newest === Number.NEGATIVE_INFINITY ? undefined : newest;
}

/** @returns whether nothing more is to be forgotten */
async function forgetBefore(
  state: StateStore,
  before: number,
  { now, isLate }: Pass,
  atMost: number,
): Promise<boolean> {
  let left = atMost;
  // Processes that do this at the same time begin in different places.
  const first = Math.floor(now) % RECORD_PARTITIONS.length;
  for (const partition of [...RECORD_PARTITIONS.slice(first), ...RECORD_PARTITIONS.slice(0, first)]) {
    if (isLate()) return false;
    let batch: Stored<HistoryRow>[] = [];
    let rows = 0;
    for await (const row of state.query<HistoryRow>(partition, rangeOf({ before }))) {
      const more = rowKeysOf(row.key, row.value).length;
      if (rows + more > BATCH || batch.length === left) {
        left -= await forgetEvents(state, partition, batch, now);
        [batch, rows] = [[], 0];
        if (left <= 0 || isLate()) return false;
      }
      batch.push(row);
      rows += more;
    }
    left -= await forgetEvents(state, partition, batch, now);
  }
  for await (const { key } of state.query(DAYS, { from: newestFirst(before - 1) })) await state.delete(DAYS, key, '*');
  return true;
}

/** @returns how many were forgotten */
async function forgetEvents(
  state: StateStore,
  partition: string,
  rows: readonly Stored<HistoryRow>[],
  now: number,
): Promise<number> {
  const isGone = await Promise.all(rows.map(({ key }) => forgetRecord(state, partition, recordKeyOf(key), now)));
  // Last, since the rest is found through them.
  const gone = rows.filter((_, index) => isGone[index]).map(({ key, value }) => rowKeysOf(key, value));
  if (gone.length === 0) return 0;
  const keys = gone.flat();
  try {
    await state.transact(
      partition,
      keys.map((key) => ({ kind: 'delete', key })),
    );
  } catch (error) {
    if (!(error instanceof ConflictError)) throw error;
    // Another process deletes some of them, or an earlier build wrote none by type.
    for (const key of keys.toReversed()) await state.delete(partition, key, '*');
  }
  return gone.length;
}

/** @returns whether there is no record (any more) */
async function forgetRecord(state: StateStore, partition: string, key: string, now: number): Promise<boolean> {
  const stored = await state.get<EventRecord>(partition, key);
  if (!stored) return true;
  const { status, updatedAt } = stored.value;
  const isEnded = status === 'completed' || status === 'dead-lettered';
  // A replay may have brought it back to life.
  if (!isEnded || updatedAt > now - REDELIVERABLE_MS) return false;
  try {
    await state.delete(partition, key, stored.etag);
    return true;
  } catch (error) {
    if (!(error instanceof ConflictError)) throw error;
    return false;
  }
}
