/**
 * Who published an event, and with which rights. Over HTTP that is stored under the event's identity before it is sent, and
 * bound to what the event says, so that nothing else under that identity speaks with those rights. An event without such
 * a record came on its topic, and has the rights that the configuration gives to that topic's senders. What an event
 * says of its caller itself is believed nowhere.
 */
import { hash } from 'node:crypto';
import { RIGHTS } from '../config/rights.ts';
import type { PlatformConfig } from '../config.ts';
import { ConflictError } from '../errors.ts';
import type { PlatformEvent } from '../events/catalog.ts';
import { eventKey } from '../events/identity.ts';
import type { Caller, Grant, RequestHeaders, Right } from '../ports/access.ts';
import type { Ports } from '../ports/handler.ts';
import type { Operation, StateStore } from '../ports/state.ts';
import { REDELIVERABLE_MS, topicOf } from '../topology.ts';
import { originOf } from './audit.ts';
import { rightsFor } from './rights.ts';

const SENDERS = 'senders';
/** Two rows each are what a transaction takes. */
const BATCH = 50;

/** The one whose word an event is, as far as the platform knows. */
export interface EventSender {
  /** For people and the audit log. */
  readonly who: string;
  readonly from: string;
  /** What it may do where the event is about. */
  readonly rights: readonly Right[];
  /** What it may be called in the event; nothing where the platform does not know who it is. */
  readonly aliases: readonly string[];
}

interface SenderRecord extends EventSender {
  readonly digest: string;
  /** Milliseconds since the Unix epoch. */
  readonly at: number;
}

interface Published {
  readonly caller: Caller;
  readonly headers: RequestHeaders;
}

type Needs = Pick<Ports, 'state' | 'clock' | 'config'>;

/**
 * Stores who publishes these events. Not of health checks: they come by the minute, and ask for no right of their sender.
 *
 * @returns the places of those whose identity is that of another event, of this request or of an earlier one
 */
export async function recordSenders(
  events: readonly PlatformEvent[],
  { caller, headers }: Published,
  { state, clock, config }: Needs,
): Promise<readonly number[]> {
  const at = clock.now();
  const from = originOf(headers);
  const { name: who, aliases } = caller;
  const records = new Map<string, SenderRecord>();
  const taken: number[] = [];
  const places = new Map<string, number[]>();
  for (const [index, event] of events.entries()) {
    if (event.type === 'HealthCheck') continue;
    const key = eventKey(event);
    const rights = rightsFor(caller, RIGHTS, event, config);
    const record: SenderRecord = { who, from, rights, aliases, digest: digestOf(event), at };
    const before = records.get(key);
    if (before && before.digest !== record.digest) taken.push(index);
    else if (!before) records.set(key, record);
    places.set(key, [...(places.get(key) ?? []), index]);
  }
  const all = [...records];
  for (let first = 0; first < all.length; first += BATCH) {
    const keys = await insertRecords(state, all.slice(first, first + BATCH), at);
    taken.push(...keys.flatMap((key) => places.get(key) ?? []));
  }
  return [...new Set(taken)].sort((a, b) => a - b);
}

/** @returns the keys under which something else is recorded */
async function insertRecords(
  state: StateStore,
  records: readonly (readonly [string, SenderRecord])[],
  now: number,
): Promise<string[]> {
  try {
    await state.transact(SENDERS, records.flatMap(rowsOf));
    return [];
  } catch (error) {
    if (!(error instanceof ConflictError)) throw error;
  }
  // Some are here already: one that is sent again, or another event under the same identity.
  const taken: string[] = [];
  for (const record of records) {
    const [key, { digest }] = record;
    const found = await state.get<SenderRecord>(SENDERS, recordKey(key));
    if (found && !isOver(found.value, now)) {
      if (found.value.digest !== digest) taken.push(key);
      continue;
    }
    if (found) await forget(state, key, found.value.at);
    await state.transact(SENDERS, rowsOf(record));
  }
  return taken;
}

/** The record, and by its time where it is. */
function rowsOf([key, record]: readonly [string, SenderRecord]): Operation[] {
  return [
    { kind: 'insert', key: recordKey(key), value: record },
    { kind: 'insert', key: timeKey(record.at, key), value: {} },
  ];
}

/** Whose word an event is. One that differs from what was published under its identity is nobody's. */
export async function senderOf(event: PlatformEvent, { state, clock, config }: Needs): Promise<EventSender> {
  const found = await state.get<SenderRecord>(SENDERS, recordKey(eventKey(event)));
  if (!found || isOver(found.value, clock.now())) return topicSender(event, config);
  if (found.value.digest === digestOf(event)) return found.value;
  const { who } = found.value;
  return { ...unknownOn(event), who: `somebody with the id of an event of ${who}`, rights: [] };
}

function topicSender(event: PlatformEvent, config: PlatformConfig): EventSender {
  const grants = topicGrants(config).filter(({ types }) => types.some((type) => type === event.type));
  const rights = rightsFor({ grants }, RIGHTS, event, config);
  return { ...unknownOn(event), rights };
}

function unknownOn({ type, source }: PlatformEvent): EventSender {
  const who = `topic ${topicOf(type)}`;
  return { who, from: `${who}, source ${source}`.slice(0, 200), rights: [], aliases: [] };
}

const EVERYWHERE = { clusters: ['*'], namespaces: ['*'], services: ['*'] };

function topicGrants({ access: { topics }, unlisted }: PlatformConfig): readonly Grant[] {
  if (!topics && unlisted === 'refuse') return [];
  if (!topics) return [{ rights: ['override'], types: ['DeploymentRequested'], ...EVERYWHERE }];
  return topics.map(({ type, ...grant }) => ({ ...grant, types: [type] }));
}

/** Of type and data, whatever the order of the fields. */
function digestOf({ type, data }: PlatformEvent): string {
  return hash('sha256', JSON.stringify([type, sorted(data)]), 'base64url');
}

function sorted(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(sorted);
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  // As pairs: an object would bring names that are numbers, or `__proto__`, into an order of its own.
  return { fields: entries.map(([name, field]) => [name, sorted(field)]) };
}

/** An event that can no longer come again needs no record, and whoever sends it anew is asked anew. */
function isOver({ at }: SenderRecord, now: number): boolean {
  return at <= now - REDELIVERABLE_MS;
}

const TIMES = 'at|';

function recordKey(key: string): string {
  return `key|${key}`;
}

function timeKey(at: number, key: string): string {
  return `${TIMES}${String(Math.max(0, at)).padStart(13, '0')}|${key}`;
}

async function forget(state: StateStore, key: string, at: number): Promise<void> {
  await state.delete(SENDERS, recordKey(key), '*');
  // Last, since the rest is found through it.
  await state.delete(SENDERS, timeKey(at, key), '*');
}

/**
 * Forgets who published what can no longer come again.
 *
 * @param atMost how many in one pass
 * @returns whether nothing more is to be forgotten
 */
export async function forgetOldSenders(state: StateStore, now: number, atMost = 50): Promise<boolean> {
  const range = { from: TIMES, to: timeKey(now - REDELIVERABLE_MS + 1, ''), limit: atMost };
  const old: { key: string; at: number }[] = [];
  for await (const { key: row } of state.query(SENDERS, range)) {
    const [, at = '', key = ''] = row.split('|');
    old.push({ key, at: Number(at) });
  }
  for (const { key, at } of old) await forget(state, key, at);
  return old.length < atMost;
}
