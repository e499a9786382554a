import { describe, expect, it } from 'vitest';
import type { DeadLetterEntry } from '../../../shared/ports/bus.ts';
import {
  cursorAfter,
  formatEntryNumber,
  oldestFirst,
  parseCursor,
  parseEntryNumber,
} from '../../../shared/ports/dead-letter-list.ts';

/** Entries of one place, by number and time. */
function entries(...all: [string, number][]): DeadLetterEntry[] {
  // A list looks at nothing else.
  return all.map(([sequenceNumber, deadLetteredAt]) => ({ sequenceNumber, deadLetteredAt }) as DeadLetterEntry);
}
const numbersOf = (found: readonly DeadLetterEntry[]): string[] => found.map(({ sequenceNumber }) => sequenceNumber);

describe('the number of an entry', () => {
  it.each([
    ['17', 'queue', '17'],
    ['d17', 'dead-letters', '17'],
    ['017', 'queue', '17'],
    ['9223372036854775807', 'queue', '9223372036854775807'],
  ] as const)('%s names its place', (text, place, sequence) => {
    expect(parseEntryNumber(text)).toEqual({ place, sequence });
    expect(parseEntryNumber(formatEntryNumber({ place, sequence }))).toEqual({ place, sequence });
  });

  it.each(['', 'd', 'x17', 'D17', '17d', '17d4', '-1', '1.5', '9223372036854775808', 'd9223372036854775808'])(
    'is none: %s',
    (text) => {
      expect(parseEntryNumber(text)).toBeUndefined();
    },
  );
});

describe('a cursor', () => {
  it('goes on in the place of the entry, and stays where it is in the other', () => {
    expect(cursorAfter('0', { sequenceNumber: '4' })).toBe('5');
    expect(cursorAfter('5', { sequenceNumber: 'd1' })).toBe('5d2');
    expect(cursorAfter('5d2', { sequenceNumber: '9007199254740993' })).toBe('9007199254740994d2');
    expect(parseCursor('5d2')).toEqual({ queue: '5', 'dead-letters': '2' });
    expect(parseCursor('0')).toEqual({ queue: '0', 'dead-letters': '0' });
  });

  it.each(['', 'd2', '5d', '5x2', '9223372036854775808', '5d9223372036854775808'])('is none: %s', (text) => {
    expect(parseCursor(text)).toBeUndefined();
  });
});

describe('the list of both places', () => {
  it('is oldest first', () => {
    const queue = { entries: entries(['1', 10], ['2', 30], ['3', 50]), isEnd: true };
    const deadLetters = { entries: entries(['d1', 20], ['d2', 40], ['d3', 60]), isEnd: true };

    expect(numbersOf(oldestFirst([queue, deadLetters], 9))).toEqual(['1', 'd1', '2', 'd2', '3', 'd3']);
    expect(numbersOf(oldestFirst([queue, deadLetters], 4))).toEqual(['1', 'd1', '2', 'd2']);
  });

  it('ends where a page was cut, since something older may lie behind it', () => {
    const queue = { entries: entries(['1', 10], ['2', 30]), isEnd: false };
    const deadLetters = { entries: entries(['d1', 20], ['d2', 40]), isEnd: true };

    expect(numbersOf(oldestFirst([queue, deadLetters], 9))).toEqual(['1', 'd1', '2']);
  });

  it('is empty only when both places end', () => {
    expect(
      oldestFirst(
        [
          { entries: [], isEnd: true },
          { entries: [], isEnd: true },
        ],
        9,
      ),
    ).toEqual([]);
    const deadLetters = { entries: entries(['d1', 20]), isEnd: false };
    expect(numbersOf(oldestFirst([{ entries: [], isEnd: true }, deadLetters], 9))).toEqual(['d1']);
  });
});
