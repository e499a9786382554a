/** The errors queue and its dead-letter queue as one place: `shared/ports/dead-letter-list.ts` says why there are two. */
import type { ServiceBusClient } from '@azure/service-bus';
import type { DeadLetterEntry } from '../../ports/bus.ts';
import { type EntryPlace, oldestFirst, parseCursor, parseEntryNumber } from '../../ports/dead-letter-list.ts';
import { ERRORS_QUEUE } from '../../topology.ts';
import { EntryReader } from './entry-reader.ts';

export class ErrorsQueue {
  readonly #places: Readonly<Record<EntryPlace, EntryReader>>;

  constructor(client: ServiceBusClient) {
    this.#places = {
      queue: new EntryReader(client, ERRORS_QUEUE, 'queue'),
      'dead-letters': new EntryReader(client, ERRORS_QUEUE, 'dead-letters'),
    };
  }

  async ping(): Promise<void> {
    await this.#places.queue.ping();
  }

  /** As `DeadLetterQueue.deadLetters`. */
  async list(from: string, count: number): Promise<DeadLetterEntry[]> {
    const position = parseCursor(from);
    if (!position) throw new TypeError(`expected a cursor of the errors queue, got '${from}'`);
    const pages = (['queue', 'dead-letters'] as const).map((place) => this.#places[place].list(position[place], count));
    return oldestFirst(await Promise.all(pages), count);
  }

  /** As `DeadLetterQueue.findDeadLetter`. */
  async find(sequenceNumber: string): Promise<DeadLetterEntry | undefined> {
    const number = parseEntryNumber(sequenceNumber);
    return number && this.#places[number.place].find(number.sequence);
  }

  /** As `DeadLetterQueue.takeDeadLetter`. */
  async take(sequenceNumber: string, before: () => Promise<void>): Promise<boolean> {
    const number = parseEntryNumber(sequenceNumber);
    return number !== undefined && this.#places[number.place].take(number.sequence, before);
  }
}
