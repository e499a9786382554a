/**
 * A queue or its dead-letter queue, read and emptied one message at a time. Service Bus hands out the oldest message
 * first; one in the middle can be had by its number alone once it is deferred. So those before it are deferred on the
 * way, in their places.
 */
import {
  isServiceBusError,
  type ServiceBusClient,
  type ServiceBusReceivedMessage,
  type ServiceBusReceiver,
} from '@azure/service-bus';
import Long from 'long';
import { bytesOf, wholeBody } from '../../delivery/body-bytes.ts';
import { deadLetterEntry } from '../../delivery/bus-message.ts';
import { attemptsIn } from '../../describe-error.ts';
import { TransientError } from '../../errors.ts';
import type { DeadLetterEntry } from '../../ports/bus.ts';
import { type EntryPlace, formatEntryNumber, type PlacePage } from '../../ports/dead-letter-list.ts';

/** What one request asks the broker for. */
const MAX_AT_ONCE = 100;
/** A list ends at this size; the caller asks again for the rest. */
const MAX_LISTED_BYTES = 4 * 1024 * 1024;
/** How long the broker may take to hand out what is known to be there. */
const RECEIVE_MS = 3_000;

export class EntryReader {
  readonly #createReceiver: () => ServiceBusReceiver;
  readonly #place: EntryPlace;
  #reader: ServiceBusReceiver | undefined;
  /** One call defers at a time: two would lock the entries away from each other. */
  #deferring: Promise<unknown> = Promise.resolve();

  constructor(client: ServiceBusClient, queue: string, place: EntryPlace) {
    const subQueue = place === 'dead-letters' ? ({ subQueueType: 'deadLetter' } as const) : {};
    this.#createReceiver = () => client.createReceiver(queue, { skipParsingBodyAsJson: true, ...subQueue });
    this.#place = place;
  }

  async ping(): Promise<void> {
    await this.#open().peekMessages(1);
  }

  /** What lies here from a sequence number on, at most so many: fewer when they are large. */
  async list(from: string, count: number): Promise<PlacePage> {
    const entries: DeadLetterEntry[] = [];
    let bytes = 0;
    let next = Long.fromString(from);
    // The service answers with fewer than it was asked for when they are large.
    while (entries.length < count && bytes < MAX_LISTED_BYTES) {
      const more = await this.#open().peekMessages(count - entries.length, { fromSequenceNumber: next });
      const last = more.at(-1)?.sequenceNumber;
      if (!last) return { entries, isEnd: true };
      for (const entry of more.map((message) => this.#entryOf(message))) {
        entries.push(entry);
        bytes += entry.gzipped?.length ?? entry.body.length;
      }
      next = last.add(1);
    }
    return { entries, isEnd: false };
  }

  async find(sequence: string): Promise<DeadLetterEntry | undefined> {
    const found = await peekAt(this.#open(), Long.fromString(sequence));
    return found && this.#entryOf(found);
  }

  /** As `DeadLetterQueue.takeDeadLetter`. */
  async take(sequence: string, before: () => Promise<void>): Promise<boolean> {
    const number = Long.fromString(sequence);
    // Links of its own: one receives a batch at a time, and a request must not wait for another's.
    const receiver = this.#createReceiver();
    try {
      if (!(await this.#makeDeferred(receiver, number))) return false;
      const message = await lockedBy(receiver, number);
      if (!message) return false;
      try {
        await before();
      } catch (error) {
        // Given back at once; else it is when its lock expires.
        await receiver.deferMessage(message).catch(() => {});
        throw error;
      }
      await receiver.completeMessage(message);
      return true;
    } finally {
      await receiver.close();
    }
  }

  /** @returns false when there is no such message */
  #makeDeferred(receiver: ServiceBusReceiver, number: Long): Promise<boolean> {
    const mine = this.#deferring.then(async () => {
      for (;;) {
        const found = await peekAt(receiver, number);
        if (!found) return false;
        if (found.state === 'deferred') return true;
        await deferOldest(receiver, number);
      }
    });
    this.#deferring = mine.catch(() => {});
    return mine;
  }

  #open(): ServiceBusReceiver {
    this.#reader ??= this.#createReceiver();
    return this.#reader;
  }

  #entryOf(message: ServiceBusReceivedMessage): DeadLetterEntry {
    const { sequenceNumber, messageId, enqueuedTimeUtc, subject, correlationId, deadLetterSource } = message;
    return deadLetterEntry({
      place: this.#place,
      sequenceNumber: formatEntryNumber({ place: this.#place, sequence: String(sequenceNumber ?? 0) }),
      messageId: String(messageId ?? ''),
      deadLetteredAt: enqueuedTimeUtc?.getTime() ?? 0,
      body: bytesOf(wholeBody(message.body)),
      contentType: message.contentType,
      subject,
      correlationId: correlationId === undefined ? undefined : String(correlationId),
      deadLetterSource,
      applicationProperties: message.applicationProperties ?? {},
    });
  }
}

async function peekAt(receiver: ServiceBusReceiver, number: Long): Promise<ServiceBusReceivedMessage | undefined> {
  const [found] = await receiver.peekMessages(1, { fromSequenceNumber: number });
  return found?.sequenceNumber?.eq(number) ? found : undefined;
}

/**
 * @returns undefined when it is gone: a deferred message that expired leaves when it is asked for
 * @throws TransientError when another receiver has locked it, perhaps a process that died: a lock lasts a minute
 */
async function lockedBy(receiver: ServiceBusReceiver, number: Long): Promise<ServiceBusReceivedMessage | undefined> {
  const isLocked = (error: unknown): boolean => {
    const last = attemptsIn(error).at(-1);
    return isServiceBusError(last) && last.code === 'MessageNotFound';
  };
  const [message] = await receiver.receiveDeferredMessages(number).catch((error: unknown) => {
    if (isLocked(error)) return [];
    throw error;
  });
  if (!message && (await peekAt(receiver, number))) throw lockedError(number);
  return message;
}

function lockedError(number: Long): TransientError {
  return new TransientError(`entry ${number} is locked by another receiver; the lock expires within a minute`);
}

/** Defers messages from the front of the queue, no more than up to that number. */
async function deferOldest(receiver: ServiceBusReceiver, number: Long): Promise<void> {
  let count = 0;
  let from = Long.fromInt(1);
  while (count < MAX_AT_ONCE && from.lte(number)) {
    const peeked = await receiver.peekMessages(MAX_AT_ONCE, { fromSequenceNumber: from });
    const last = peeked.at(-1)?.sequenceNumber;
    if (!last) break;
    count += peeked.filter(({ state, sequenceNumber }) => state === 'active' && sequenceNumber?.lte(number)).length;
    from = last.add(1);
  }
  // Asked for exactly what is there, the SDK does not wait for more.
  const received = await receiver.receiveMessages(Math.max(1, Math.min(count, MAX_AT_ONCE)), {
    maxWaitTimeInMs: RECEIVE_MS,
  });
  if (received.length === 0) throw lockedError(number);
  await Promise.all(received.map((message) => receiver.deferMessage(message)));
}
