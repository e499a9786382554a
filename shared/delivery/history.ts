/**
 * The history of events is their records, found through two indexes: by day, newest first, and by chain. An index row
 * holds what can be asked for, and the key of the record. It is entered before its record comes to its first rest.
 */
import { DAY_MS } from '../duration.ts';
import type { StateStore, Stored } from '../ports/state.ts';
import { type EventRecord, keyPart, RECORDS, recordKey } from './event-record.ts';

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

/** Keys of later times come first. Times out of the keys' range are taken for its first or last. */
export function newestFirst(ms: number): string {
  return String(LAST_MS - Math.max(0, Math.min(ms, LAST_MS))).padStart(13, '0');
}

export function dayOf(ms: number): string {
  const number = Math.floor(ms / DAY_MS);
  // Nearly always the day that was asked for before, and a date takes longer to write than a row.
  if (number !== lastDay.number) lastDay = { number, text: new Date(ms).toISOString().slice(0, 10) };
  return lastDay.text;
}

let lastDay = { number: Number.NaN, text: '' };

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
  const key = rowKey(record);
  const day = dayOf(startedAt);
  await Promise.all([
    state.put(dayPartition(day), key, row, '*'),
    state.put(chainPartition(correlationId), key, row, '*'),
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

/**
 * The records that were asked for. A row whose record is gone, or not written yet, is passed over.
 *
 * The cost is that of the rows looked at: a chain's are its own, a day's are filtered by the store.
 */
export async function readHistory(state: StateStore, query: HistoryQuery): Promise<HistoryPage> {
  const rows: { readonly key: string; readonly record: string }[] = [];
  for await (const { key, value } of rowsOf(state, query)) {
    rows.push({ key, record: value.record });
    if (rows.length > query.limit) break;
  }
  const listed = rows.slice(0, query.limit);
  const found = await Promise.all(listed.map(({ record }) => state.get<EventRecord>(RECORDS, record)));
  return {
    records: found.flatMap((stored) => (stored ? [stored.value] : [])),
    next: rows.length > query.limit ? listed.at(-1)?.key : undefined,
  };
}

/** The index rows of a query, newest first, one more than it asks for. */
async function* rowsOf(state: StateStore, query: HistoryQuery): AsyncIterable<Stored<HistoryRow>> {
  const { type, subject, correlationId, since, cursor } = query;
  const range = {
    // The first key after the cursor.
    ...(cursor !== undefined && { from: `${cursor}\0` }),
    ...(since !== undefined && { to: newestFirst(since - 1) }),
    where: { ...(type !== undefined && { type }), ...(subject !== undefined && { subject }) },
  };
  let left = query.limit + 1;
  if (correlationId !== undefined) {
    yield* state.query<HistoryRow>(chainPartition(correlationId), { ...range, limit: left });
    return;
  }
  const days = {
    ...(cursor !== undefined && { from: dayKey(dayOf(LAST_MS - Number(cursor.slice(0, 13)))) }),
    ...(since !== undefined && { to: newestFirst(Date.parse(dayOf(since)) - 1) }),
  };
  for await (const { value } of state.query<{ day: string }>(DAYS, days)) {
    for await (const row of state.query<HistoryRow>(dayPartition(value.day), { ...range, limit: left })) {
      yield row;
      if (--left <= 0) return;
    }
  }
}
