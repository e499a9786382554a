/**
 * The history of events is their records, found by rows beside them: by time, by chain, and by type. The rows lie in the
 * partition of their record and are inserted with it in one transaction, so an event is in the history as soon as it is
 * claimed. What is listed is merged from all partitions.
 */
import { hash } from 'node:crypto';
import { eventKey } from '../events/identity.ts';
import type { Operation, Query, StateStore, Stored } from '../ports/state.ts';
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
  /** Newest first, by when the event was first seen. Fewer than asked for, even none, when too many others lie between. */
  readonly records: readonly EventRecord[];
  /** Where the next page begins; undefined on the last one. */
  readonly next: string | undefined;
}

/** Before the keys of the rows; no handler's name begins so, and so no record's key. */
export const BY_TIME = '@time|';

/** Most of all events are of this type: the list by time finds them, and they have no row by type. */
const FREQUENT_TYPE = 'HealthCheck';
/** A list that has not all that is asked for in one place is looked through so far for one page. */
const MAX_LOOKED_AT = 1_000;
/** So many rows of a partition are read at once. */
const MAX_CHUNK = 200;

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

/** Of all rows of an event, that by time first: they have the same place in each list. */
export function rowKeysOf(timeKey: string, { correlationId, type }: HistoryRow): string[] {
  const place = timeKey.slice(BY_TIME.length);
  const byType = type === FREQUENT_TYPE ? [] : [`${typePrefix(type)}${place}`];
  return [timeKey, `${chainPrefix(correlationId)}${place}`, ...byType];
}

/** A digest, since a key has no room for whatever a publisher may call a chain. */
function chainPrefix(correlationId: string): string {
  return `@chain|${hash('sha256', correlationId).slice(0, 16)}|`;
}

function typePrefix(type: string): string {
  return `@type|${type}|`;
}

/** Inserts a record, and with it its rows. @throws ConflictError when there is a record of the event at the handler */
export async function insertRecord(
  state: StateStore,
  record: EventRecord,
  key: string = recordKey(record.handler, eventKey(record)),
): Promise<Stored<EventRecord>> {
  const { type, subject, correlationId } = record;
  const row: HistoryRow = { type, subject, correlationId };
  const timeKey = `${BY_TIME}${placeOf(record, key)}`;
  const [etag = ''] = await state.transact(recordPartition(key), [
    { kind: 'insert', key, value: record },
    ...rowKeysOf(timeKey, row).map((rowKey): Operation => ({ kind: 'put', key: rowKey, value: row, etag: '*' })),
  ]);
  return { key, value: record, etag };
}

/** Where the events that were asked for are listed, perhaps among others. */
interface List {
  readonly prefix: string;
  /** What the store is asked to leave out: all of the list is looked at, however little is found. */
  readonly where?: NonNullable<Query['where']>;
  /** Whether no page may look at all of it. */
  readonly isLong: boolean;
}

function listOf({ type, subject, correlationId }: HistoryQuery): List {
  if (correlationId !== undefined) {
    const where = { correlationId, ...(type !== undefined && { type }), ...(subject !== undefined && { subject }) };
    return { prefix: chainPrefix(correlationId), where, isLong: false };
  }
  if (type !== undefined && type !== FREQUENT_TYPE) return { prefix: typePrefix(type), isLong: subject !== undefined };
  return { prefix: BY_TIME, isLong: type !== undefined || subject !== undefined };
}

/**
 * The records that were asked for. A row whose record is gone is passed over.
 *
 * The cost is that of the rows looked at. A chain's and a type's are their own; for a subject, the newest of all are looked
 * through, so many for a page, and `next` leads on.
 */
export async function readHistory(state: StateStore, query: HistoryQuery): Promise<HistoryPage> {
  const { type, subject, since, limit, cursor } = query;
  const { prefix, where, isLong } = listOf(query);
  const range = {
    // The first key after the cursor.
    from: cursor === undefined ? prefix : `${prefix}${cursor}\0`,
    to: `${prefix}${since === undefined ? END : newestFirst(since - 1)}`,
    ...(where && { where }),
  };
  const fits = ({ value: row }: Stored<HistoryRow>): boolean =>
    (type === undefined || row.type === type) && (subject === undefined || row.subject === subject);
  const listed: string[] = [];
  let [lookedAt, next, last]: [number, string | undefined, string | undefined] = [0, undefined, undefined];
  for await (const row of rowsOf(state, range, limit + 1)) {
    const isFull = listed.length === limit && fits(row);
    if (isFull || (isLong && lookedAt === MAX_LOOKED_AT)) {
      next = last;
      break;
    }
    last = row.key.slice(prefix.length);
    lookedAt++;
    if (fits(row)) listed.push(last);
  }
  const found = await Promise.all(
    listed.map((place) => {
      const key = recordKeyOf(`${BY_TIME}${place}`);
      return state.get<EventRecord>(recordPartition(key), key);
    }),
  );
  return { records: found.flatMap((stored) => (stored ? [stored.value] : [])), next };
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

/** One partition's share, in chunks that grow: whoever asks for more passes over most of them. */
async function* rowsIn(state: StateStore, partition: string, range: Range, first: number): Rows {
  let { from } = range;
  let count: number;
  let limit = first;
  let isMore: boolean;
  do {
    count = 0;
    for await (const row of state.query<HistoryRow>(partition, { ...range, from, limit })) {
      count++;
      // The first key after it.
      from = `${row.key}\0`;
      yield row;
    }
    isMore = count === limit;
    limit = Math.min(2 * limit, MAX_CHUNK);
  } while (isMore);
}
