/**
 * The history of events is their records, found through two indexes: by day, newest first, and by chain. An index row
 * holds what can be asked for, and the key of the record. It is entered before its record comes to its first rest.
 */
import type { StateStore } from './ports.ts';
import { type EventRecord, keyPart, recordKey } from './record.ts';

/** Which days have rows; the keys are in reverse order of time. */
export const DAYS = 'history-days';

export interface HistoryRow {
  readonly record: string;
  readonly type: string;
  readonly subject: string;
  readonly correlationId: string;
  readonly startedAt: number;
}

/** What the history is asked for; every part narrows it. */
export interface HistoryQuery {
  readonly type?: string | undefined;
  readonly subject?: string | undefined;
  readonly correlationId?: string | undefined;
  /** First seen at or after this time, in milliseconds since the Unix epoch. */
  readonly since?: number | undefined;
  readonly limit: number;
  /** The `next` of an earlier page. */
  readonly cursor?: string | undefined;
}

export interface HistoryPage {
  /** Newest first, by when the event was first seen. */
  readonly records: readonly EventRecord[];
  /** Where the next page begins; undefined on the last one. */
  readonly next: string | undefined;
}

const LAST_MS = 9_999_999_999_999;

/** Keys of later times come first. */
export function newestFirst(ms: number): string {
  return String(LAST_MS - ms).padStart(13, '0');
}

export function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

export function dayKey(day: string): string {
  return newestFirst(Date.parse(day));
}

export function dayPartition(day: string): string {
  return `history-${day}`;
}

export function chainPartition(correlationId: string): string {
  return `history-of-${keyPart(correlationId)}`;
}

/** The key of a record's rows, in both indexes. */
export function rowKey({ startedAt, handler, id }: Pick<EventRecord, 'startedAt' | 'handler' | 'id'>): string {
  return `${newestFirst(startedAt)}|${recordKey(handler, id)}`;
}

/** Writes the index rows of a record. Writing them again is harmless. */
export async function enterHistory(state: StateStore, record: EventRecord): Promise<void> {
  const { type, subject, correlationId, startedAt, handler, id } = record;
  const row: HistoryRow = { record: recordKey(handler, id), type, subject, correlationId, startedAt };
  const day = dayOf(startedAt);
  await Promise.all([
    state.put(dayPartition(day), rowKey(record), row, '*'),
    state.put(chainPartition(correlationId), rowKey(record), row, '*'),
    enterDay(state, day),
  ]);
}

/** The days that each store is known to have; so the row of a day is written once a process. */
const enteredDays = new WeakMap<StateStore, string>();

async function enterDay(state: StateStore, day: string): Promise<void> {
  if (enteredDays.get(state) === day) return;
  await state.put(DAYS, dayKey(day), { day }, '*');
  enteredDays.set(state, day);
}
