/**
 * Forgets the history that is too old or too much, oldest days first. Records are also what makes a redelivered event
 * take effect once, so none is forgotten while a message of its event can still be somewhere. Discards the entries of the
 * errors queue that are too old: the broker does not, once their time to live has moved them to its dead-letter queue.
 */

import { DAY_MS, HOUR_MS, MINUTE_MS } from '../duration.ts';
import type { Ports } from '../ports/handler.ts';
import type { StateStore, Stored } from '../ports/state.ts';
import type { HistoryLimits } from '../settings.ts';
import { stackOf } from '../stack.ts';
import { ERRORS_KEPT_MS, REDELIVERABLE_MS } from '../topology.ts';
import { type EventRecord, RECORDS } from './event-record.ts';
import { chainPartition, DAYS, dayPartition, type HistoryRow } from './history.ts';

/** When each store is due for its next pass. */
const nextPasses = new WeakMap<StateStore, number>();

/**
 * A pass when one is due: every hour, or every minute while there is more to forget or to discard. Never rejects: what is
 * kept for too long is no reason to fail an event.
 */
export async function forgetOldWhenDue(
  { state, deadLetterQueue, clock, log }: Pick<Ports, 'state' | 'deadLetterQueue' | 'clock' | 'log'>,
  limits: HistoryLimits,
): Promise<void> {
  const now = clock.now();
  if (now < (nextPasses.get(state) ?? 0)) return;
  nextPasses.set(state, now + HOUR_MS);
  const isDone = async (what: string, pass: Promise<boolean>): Promise<boolean> =>
    pass.catch((error: unknown) => {
      const message = error instanceof Error ? error.message : String(error);
      log.warn(`${what} failed`, { error: message, stack: stackOf(error) });
      return true;
    });
  const passes = await Promise.all([
    isDone('forgetting old history', forgetOld(state, now, limits)),
    isDone('discarding old errors', discardOldErrors({ deadLetterQueue, log }, now)),
  ]);
  if (passes.includes(false)) nextPasses.set(state, now + MINUTE_MS);
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

interface Day {
  readonly day: string;
  /** How many rows it has; known once the day is over. */
  readonly count?: number;
}

/**
 * One pass. Safe to stop anywhere, to run again, and to run at the same time as others.
 *
 * @param atMost how many events are forgotten in one pass
 * @returns whether there was nothing more to forget
 */
export async function forgetOld(state: StateStore, now: number, limits: HistoryLimits, atMost = 200): Promise<boolean> {
  let kept = 0;
  let left = atMost;
  const days: Stored<Day>[] = [];
  for await (const day of state.query<Day>(DAYS)) days.push(day);
  // Nothing costs anything until the oldest day may be forgotten.
  if (!days.some(({ value }) => mayForget(value, now))) return true;

  for (const day of days) {
    kept += await countOf(state, day, now);
    const isTooOld = endOf(day.value) < now - limits.ageMs;
    if (!mayForget(day.value, now) || !(isTooOld || kept > limits.events)) continue;
    left -= await forgetDay(state, day, now, left);
    if (left <= 0) return false;
  }
  return true;
}

function endOf({ day }: Day): number {
  return Date.parse(day) + DAY_MS;
}

function mayForget(day: Day, now: number): boolean {
  return endOf(day) < now - REDELIVERABLE_MS;
}

/** The rows of a day; counted once, when the day is over by more than clocks differ. */
async function countOf(state: StateStore, { key, value }: Stored<Day>, now: number): Promise<number> {
  if (value.count !== undefined) return value.count;
  let count = 0;
  for await (const _ of state.query(dayPartition(value.day))) count++;
  if (endOf(value) + DAY_MS < now) await state.put(DAYS, key, { ...value, count }, '*');
  return count;
}

/** @returns how many events were forgotten */
async function forgetDay(state: StateStore, { key, value }: Stored<Day>, now: number, atMost: number): Promise<number> {
  const partition = dayPartition(value.day);
  let forgotten = 0;
  let hasRest = false;
  for await (const row of state.query<HistoryRow>(partition)) {
    if (forgotten >= atMost) return forgotten;
    if (await forgetEvent(state, partition, row, now)) forgotten++;
    else hasRest = true;
  }
  if (!hasRest) await state.delete(DAYS, key, '*');
  return forgotten;
}

async function forgetEvent(
  state: StateStore,
  partition: string,
  { key, value }: Stored<HistoryRow>,
  now: number,
): Promise<boolean> {
  const stored = await state.get<EventRecord>(RECORDS, value.record);
  if (stored) {
    const { status, updatedAt } = stored.value;
    const isEnded = status === 'completed' || status === 'dead-lettered';
    // A replay may have brought it back to life.
    if (!isEnded || updatedAt > now - REDELIVERABLE_MS) return false;
    await state.delete(RECORDS, value.record, stored.etag);
  }
  await state.delete(chainPartition(value.correlationId), key, '*');
  // Last, since the rest is found through it.
  await state.delete(partition, key, '*');
  return true;
}
