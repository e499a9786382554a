/**
 * The history of events is their records, found by two rows each: by time, and by chain. The rows lie in the partition of
 * their record and are inserted with it in one transaction, so an event is in the history as soon as it is claimed. What
 * is listed is merged from all partitions.
 */
import { hash } from 'node:crypto';
import { eventKey } from '../events/identity.ts';
import type { Query, StateStore, Stored } from '../ports/state.ts';
import { type EventRecord, RECORD_PARTITIONS, recordKey, recordPartition } from './event-record.ts';

/** What a row says of its event: what can be asked for. The key has the rest. */
export interface HistoryRow {
  readonly type: string;
  readonly subject: string;
  readonly correlationId: string;
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

/** Before the keys of the rows; no handler's name begins so, and so no record's key. */
export const BY_TIME = '@time|';

const LAST_MS = 9_999_999_999_999;
/** After every time in a key. */
const END = ':';

/** Keys of later times come first. Times out of the keys' range are taken for its first or last. */
export function newestFirst(ms: number): string {
  return String(LAST_MS - Math.max(0, Math.min(ms, LAST_MS))).padStart(13, '0');
}

/** A row's place in its list: the time when its event was first seen, and the key of the record. */
function placeOf({ startedAt }: Pick<EventRecord, 'startedAt'>, key: string): string {
  return `${newestFirst(startedAt)}|${key}`;
}

/** Of a row that is listed by time. */
export function recordKeyOf(timeKey: string): string {
  return timeKey.slice(BY_TIME.length + '0000000000000|'.length);
}

/** When the event of a row that is listed by time was first seen. */
export function startedAtOf(timeKey: string): number {
  return LAST_MS - Number(timeKey.slice(BY_TIME.length, BY_TIME.length + 13));
}

/** Of the row that has the same place in the list of its chain. */
export function chainKeyOf(timeKey: string, { correlationId }: Pick<HistoryRow, 'correlationId'>): string {
  return `${chainPrefix(correlationId)}${timeKey.slice(BY_TIME.length)}`;
}

/** A digest, since a key has no room for whatever a publisher may call a chain. */
function chainPrefix(correlationId: string): string {
  return `@chain|${hash('sha256', correlationId).slice(0, 16)}|`;
}

/** Inserts a record, and with it its rows. @throws ConflictError when there is a record of the event at the handler */
export async function insertRecord(state: StateStore, record: EventRecord): Promise<Stored<EventRecord>> {
  const { type, subject, correlationId, handler } = record;
  const key = recordKey(handler, eventKey(record));
  const row: HistoryRow = { type, subject, correlationId };
  const timeKey = `${BY_TIME}${placeOf(record, key)}`;
  const [etag = ''] = await state.transact(recordPartition(key), [
    { kind: 'insert', key, value: record },
    { kind: 'put', key: timeKey, value: row, etag: '*' },
    { kind: 'put', key: chainKeyOf(timeKey, row), value: row, etag: '*' },
  ]);
  return { key, value: record, etag };
}

/**
 * The records that were asked for. A row whose record is gone is passed over.
 *
 * The cost is that of the rows looked at: a chain's are its own, others are filtered by the store.
 */
export async function readHistory(state: StateStore, query: HistoryQuery): Promise<HistoryPage> {
  const { type, subject, correlationId, since, limit, cursor } = query;
  const prefix = correlationId === undefined ? BY_TIME : chainPrefix(correlationId);
  const range = {
    // The first key after the cursor.
    from: cursor === undefined ? prefix : `${prefix}${cursor}\0`,
    to: `${prefix}${since === undefined ? END : newestFirst(since - 1)}`,
    where: Object.fromEntries(
      Object.entries({ type, subject, correlationId }).flatMap(([name, value]) =>
        value === undefined ? [] : [[name, value]],
      ),
    ),
  };
  const places: string[] = [];
  for await (const { key } of rowsOf(state, range, limit + 1)) {
    places.push(key.slice(prefix.length));
    if (places.length > limit) break;
  }
  const listed = places.slice(0, limit);
  const found = await Promise.all(
    listed.map((place) => {
      const key = recordKeyOf(`${BY_TIME}${place}`);
      return state.get<EventRecord>(recordPartition(key), key);
    }),
  );
  return {
    records: found.flatMap((stored) => (stored ? [stored.value] : [])),
    next: places.length > limit ? listed.at(-1) : undefined,
  };
}

interface Range extends Query {
  readonly from: string;
  readonly to: string;
}

type Rows = AsyncGenerator<Stored<HistoryRow>, undefined>;

/** The rows of a range in every partition, newest first. @param expected how many of them will be wanted */
async function* rowsOf(state: StateStore, range: Range, expected: number): Rows {
  // Twice a partition's even share; who has more is asked again.
  const chunk = Math.ceil((2 * expected) / RECORD_PARTITIONS.length) + 2;
  const heads = new Map<Rows, Stored<HistoryRow>>();
  const advance = async (rows: Rows): Promise<void> => {
    const { value } = await rows.next();
    if (value) heads.set(rows, value);
    else heads.delete(rows);
  };
  await Promise.all(RECORD_PARTITIONS.map((partition) => advance(rowsIn(state, partition, range, chunk))));
  while (heads.size > 0) {
    const [rows, row] = [...heads].reduce((first, other) => (other[1].key < first[1].key ? other : first));
    yield row;
    await advance(rows);
  }
}

/** One partition's share, in chunks. */
async function* rowsIn(state: StateStore, partition: string, range: Range, chunk: number): Rows {
  let { from } = range;
  let count: number;
  do {
    count = 0;
    for await (const row of state.query<HistoryRow>(partition, { ...range, from, limit: chunk })) {
      count++;
      // The first key after it.
      from = `${row.key}\0`;
      yield row;
    }
  } while (count === chunk);
}
