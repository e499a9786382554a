/**
 * The errors queue, read and emptied one entry at a time. Service Bus hands out the oldest message first; one in the
 * middle can be had by its number alone once it is deferred. So those before it are deferred on the way, in their places.
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
import { ERRORS_QUEUE } from '../../topology.ts';

/** What one request asks the broker for. */
const MAX_AT_ONCE = 100;
/** A list ends at this size; the caller asks again for the rest. */
const MAX_LISTED_BYTES = 4 * 1024 * 1024;
/** How long the broker may take to hand out what is known to be there. */
const RECEIVE_MS = 3_000;

export class ErrorsQueue {
  readonly #client: ServiceBusClient;
  #reader: ServiceBusReceiver | undefined;
  /** One call defers at a time: two would lock the entries away from each other. */
  #deferring: Promise<unknown> = Promise.resolve();

  constructor(client: ServiceBusClient) {
    this.#client = client;
  }

  async ping(): Promise<void> {
    await this.#open().peekMessages(1);
  }

  /** As `EventBus.dead-lettered`. */
  async list(from: string, count: number): Promise<DeadLetterEntry[]> {
    const found: DeadLetterEntry[] = [];
    let bytes = 0;
    let next = Long.fromString(from);
    // The service answers with fewer than it was asked for when they are large.
    while (found.length < count && bytes < MAX_LISTED_BYTES) {
      const more = await this.#open().peekMessages(count - found.length, { fromSequenceNumber: next });
      const last = more.at(-1)?.sequenceNumber;
      if (!last) break;
      const entries = more.map(entryOf);
      found.push(...entries);
      for (const { body, gzipped } of entries) bytes += gzipped?.length ?? body.length;
      next = last.add(1);
    }
    return found;
  }

  /** As `EventBus.takeDeadLetter`. */
  async take(sequenceNumber: string, before: () => Promise<void>): Promise<boolean> {
    const number = Long.fromString(sequenceNumber);
    // Links of its own: one receives a batch at a time, and a request must not wait for another's.
    const receiver = this.#client.createReceiver(ERRORS_QUEUE, { skipParsingBodyAsJson: true });
    try {
      if (!(await this.#makeDeferred(receiver, number))) return false;
      const message = await lockedBy(receiver, number);
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

  /** @returns false when the message does not exist */
  #makeDeferred(receiver: ServiceBusReceiver, number: Long): Promise<boolean> {
    const mine = this.#deferring.then(async () => {
      for (;;) {
        const [found] = await receiver.peekMessages(1, { fromSequenceNumber: number });
        if (!found?.sequenceNumber?.eq(number)) return false;
        if (found.state === 'deferred') return true;
        await deferOldest(receiver, number);
      }
    });
    this.#deferring = mine.catch(() => {});
    return mine;
  }

  #open(): ServiceBusReceiver {
    this.#reader ??= this.#client.createReceiver(ERRORS_QUEUE, { skipParsingBodyAsJson: true });
    return this.#reader;
  }
}

/** @throws TransientError when another receiver has locked it, perhaps a process that died: a lock lasts a minute */
async function lockedBy(receiver: ServiceBusReceiver, number: Long): Promise<ServiceBusReceivedMessage> {
  const isLocked = (error: unknown): boolean => {
    const last = attemptsIn(error).at(-1);
    return isServiceBusError(last) && last.code === 'MessageNotFound';
  };
  const [message] = await receiver.receiveDeferredMessages(number).catch((error: unknown) => {
    if (isLocked(error)) return [];
    throw error;
  });
  if (!message) throw lockedError(number);
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

function entryOf(message: ServiceBusReceivedMessage): DeadLetterEntry {
  const { sequenceNumber, messageId, enqueuedTimeUtc, subject, correlationId, deadLetterSource } = message;
  return deadLetterEntry({
    sequenceNumber: String(sequenceNumber ?? 0),
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
