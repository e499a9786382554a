/**
 * The errors queue as one list. Its entries lie in two places: in the queue, and in the queue's own dead-letter queue,
 * where a message goes when the time to live that its sender gave it ends. Service Bus numbers the messages of each, so
 * an entry's number says in which of the two it lies: `17` in the queue, `d17` in its dead-letter queue.
 */
import type { DeadLetterEntry } from './bus.ts';

export type EntryPlace = 'queue' | 'dead-letters';

/** So many entries of a kind are replayed or discarded for one request. */
export const MAX_AT_ONCE = 250;

/** Where an entry lies. */
export interface EntryNumber {
  readonly place: EntryPlace;
  /** Digits. */
  readonly sequence: string;
}

/** How far a list has come in each place: the sequence number that is next. */
export type ListPosition = Readonly<Record<EntryPlace, string>>;

/** What was read of one place, in the order of its numbers. */
export interface PlacePage {
  readonly entries: readonly DeadLetterEntry[];
  /** Whether nothing lies behind them. */
  readonly isEnd: boolean;
}

/** In the one way that lists write it; undefined when the text is no number of an entry. */
export function parseEntryNumber(text: string): EntryNumber | undefined {
  const [, prefix, digits] = /^(d?)([0-9]{1,19})$/.exec(text) ?? [];
  const sequence = sequenceIn(digits);
  return sequence === undefined ? undefined : { place: prefix === 'd' ? 'dead-letters' : 'queue', sequence };
}

export function formatEntryNumber({ place, sequence }: EntryNumber): string {
  return place === 'queue' ? sequence : `d${sequence}`;
}

/** `17`, or `17d4` once the list has come to 4 in the dead-letter queue; undefined when the text is no cursor. */
export function parseCursor(text: string): ListPosition | undefined {
  const [, queue, deadLetters = '0'] = /^([0-9]{1,19})(?:d([0-9]{1,19}))?$/.exec(text) ?? [];
  const [first, second] = [sequenceIn(queue), sequenceIn(deadLetters)];
  return first === undefined || second === undefined ? undefined : { queue: first, 'dead-letters': second };
}

/** The cursor behind an entry that a list from `cursor` on has come to. */
export function cursorAfter(cursor: string, { sequenceNumber }: Pick<DeadLetterEntry, 'sequenceNumber'>): string {
  const [position, number] = [parseCursor(cursor), parseEntryNumber(sequenceNumber)];
  if (!position || !number) throw new TypeError(`expected a cursor and a number, got '${cursor}', '${sequenceNumber}'`);
  const next = { ...position, [number.place]: String(BigInt(number.sequence) + 1n) };
  return next['dead-letters'] === '0' ? next.queue : `${next.queue}d${next['dead-letters']}`;
}

/** Both places as one list, oldest first, as far as what was read goes. */
export function oldestFirst(pages: readonly PlacePage[], count: number): DeadLetterEntry[] {
  const rest = pages.map(({ entries, isEnd }) => ({ entries: [...entries].reverse(), isEnd }));
  const found: DeadLetterEntry[] = [];
  // Behind a page that was cut may lie what is older than all the others.
  while (found.length < count && rest.every(({ entries, isEnd }) => isEnd || entries.length > 0)) {
    const heads = rest.flatMap(({ entries }) => entries.at(-1)?.deadLetteredAt ?? []);
    const oldest = rest.find(({ entries }) => entries.at(-1)?.deadLetteredAt === Math.min(...heads));
    const next = oldest?.entries.pop();
    if (!next) break;
    found.push(next);
  }
  return found;
}

/** Service Bus counts in 63 bits. */
function sequenceIn(digits: string | undefined): string | undefined {
  if (digits === undefined || BigInt(digits) >= 2n ** 63n) return undefined;
  return String(BigInt(digits));
}
