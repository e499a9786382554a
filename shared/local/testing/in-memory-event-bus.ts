/** The event bus in one process, for tests: the topology's entities on their own broker, in virtual time. */

import {
  type BusMessage,
  deadLetterEntry,
  deadLetterMessage,
  eventMessage,
  redeliveryMessage,
} from '../../delivery/bus-message.ts';
import { MissingSubscriptionError, TransientError } from '../../errors.ts';
import type { EventType, PlatformEvent } from '../../events/catalog.ts';
import { MAX_MESSAGE_BYTES } from '../../events/cloud-event.ts';
import { eventKey } from '../../events/identity.ts';
import type { Backlog, DeadLetter, DeadLetterEntry, EventBus, ReceivedMessage, Redelivery } from '../../ports/bus.ts';
import {
  type EntryPlace,
  formatEntryNumber,
  oldestFirst,
  parseCursor,
  parseEntryNumber,
} from '../../ports/dead-letter-list.ts';
import { topology as builtTopology, ERRORS_QUEUE, routeTo, subscriptionsOf, type Topology } from '../../topology.ts';
import { applyTopology } from '../service-bus/config/apply-topology.ts';
import type { Broker } from '../service-bus/core/broker.ts';
import { flushPromises, type TimerClock, VirtualClock } from '../service-bus/core/clock.ts';
import type { Faults } from '../service-bus/core/faults.ts';
import type { DeliveredMessage, PeekedMessage } from '../service-bus/core/held-message.ts';
import type { OutgoingMessage } from '../service-bus/core/message.ts';
import type { MessageQueue } from '../service-bus/core/message-queue.ts';
import { createBroker } from '../service-bus/create-broker.ts';
import { RecentEvents } from './recent-events.ts';
import { SubscriptionLoop } from './subscription-loop.ts';

interface InMemoryEventBusOptions {
  /** How many published events are kept for `events`. */
  readonly capacity?: number;
  /** A virtual clock when absent. */
  readonly clock?: TimerClock;
  readonly topology?: Topology;
  /** How many messages each subscription handles at once. */
  readonly concurrency?: number;
}

/**
 * An `EventBus` with the semantics of Service Bus. Handlers run as messages fall due. A handler must not wait for
 * virtual time to pass, since time stands still until the handler has ended.
 *
 * @example
 * const bus = new InMemoryEventBus({ capacity: 1000 });
 * bus.subscribe('deployment-requested', 'deployment-requested', async (message) => { ... });
 * await bus.publish(event);
 * await bus.settled();         // every handler ended, nothing is due
 * await bus.advance('5m');     // runs what falls due on the way, in order
 * bus.faults.add({ on: 'send', nth: 3, effect: 'fail' });
 */
export class InMemoryEventBus implements EventBus {
  readonly clock: TimerClock;
  readonly broker: Broker;
  readonly #events: RecentEvents;
  readonly #concurrency: number;
  readonly #subscribers = new Set<SubscriptionLoop>();
  readonly #otherWork = new Set<Promise<void>>();

  constructor({ capacity = 1_000, clock, topology = builtTopology, concurrency = 16 }: InMemoryEventBusOptions = {}) {
    this.clock = clock ?? new VirtualClock();
    this.broker = createBroker({ clock: this.clock });
    this.#events = new RecentEvents(capacity);
    this.#concurrency = concurrency;
    applyTopology(this.broker, topology);
  }

  /** Injects faults. Paths are `topic`, `topic/Subscriptions/subscription` or `errors`. */
  get faults(): Faults {
    return this.broker.faults;
  }

  async publish(event: PlatformEvent): Promise<void> {
    await this.publishAll([event]);
  }

  async publishAll(events: readonly PlatformEvent[], nonce?: string): Promise<void> {
    const batches = new Map<string, (BusMessage & { readonly key: string })[]>();
    for (const message of events.map((event) => ({ ...eventMessage(event, nonce), key: eventKey(event) }))) {
      const batch = batches.get(message.entity);
      if (batch) batch.push(message);
      else batches.set(message.entity, [message]);
    }
    for (const topic of batches.keys()) this.#requireSubscriptions(topic);
    for (const [topic, messages] of batches) {
      for (const batch of inBatches(messages)) {
        this.broker.send(topic, batch.map(outgoing));
        for (const { key, subject, body } of batch) this.#events.add(key, subject, body);
      }
    }
  }

  async schedule(redelivery: Redelivery): Promise<void> {
    const message = redeliveryMessage(redelivery);
    this.#requireSubscriptions(message.entity);
    this.broker.schedule(message.entity, [outgoing(message)]);
  }

  async deadLetter(deadLetter: DeadLetter): Promise<void> {
    const message = deadLetterMessage(deadLetter);
    this.broker.send(message.entity, [outgoing(message)]);
  }

  async deadLetters(from: string, count: number): Promise<DeadLetterEntry[]> {
    const position = parseCursor(from);
    if (!position) throw new TypeError(`expected a cursor of the errors queue, got '${from}'`);
    const pages = PLACES.map((place) => {
      const entries = this.#place(place)
        .peek(Number(position[place]), count)
        .map((message) => entryOf(place, message));
      return { entries, isEnd: entries.length < count };
    });
    return oldestFirst(pages, count);
  }

  async findDeadLetter(sequenceNumber: string): Promise<DeadLetterEntry | undefined> {
    const number = parseEntryNumber(sequenceNumber);
    const found = number && peekAt(this.#place(number.place), Number(number.sequence));
    return found && entryOf(number.place, found);
  }

  async takeDeadLetter(sequenceNumber: string, before = async (): Promise<void> => {}): Promise<boolean> {
    const parsed = parseEntryNumber(sequenceNumber);
    if (!parsed) return false;
    const [queue, number] = [this.#place(parsed.place), Number(parsed.sequence)];
    const found = peekAt(queue, number);
    if (!found) return false;
    // A message is received by its number once it is deferred.
    if (found.state === 'active') for (const one of queue.receive(Number.POSITIVE_INFINITY)) queue.defer(one);
    const delivery = receivedAt(queue, number);
    if (!delivery) return false;
    try {
      await before();
    } catch (error) {
      queue.defer(delivery);
      throw error;
    }
    queue.complete(delivery);
    return true;
  }

  subscribe(
    topic: string,
    subscription: string,
    receive: (message: ReceivedMessage) => Promise<void>,
  ): () => Promise<void> {
    const queue = this.broker.resolve(`${topic}/Subscriptions/${subscription}`);
    const subscriber = new SubscriptionLoop(queue, this.clock, receive, this.#concurrency);
    this.#subscribers.add(subscriber);
    return async () => {
      await subscriber.stop();
      this.#subscribers.delete(subscriber);
    };
  }

  async backlog(subscription: string, atMost: number): Promise<Backlog | undefined> {
    if (!this.#has(subscription)) return undefined;
    const waiting = this.broker.getSubscription(topicOf(subscription), subscription).queue.peek(0, atMost);
    return { count: waiting.length, oldestEnqueuedAt: waiting[0]?.enqueuedAt };
  }

  async hasSubscription(subscription: string): Promise<boolean> {
    return this.#has(subscription);
  }

  async ping(): Promise<void> {
    if (this.broker.listTopics().length === 0) throw new TransientError('the bus is closed');
  }

  /** Waits for running handlers, then deletes all messages. */
  async close(): Promise<void> {
    await Promise.all([...this.#subscribers].map((subscriber) => subscriber.stop()));
    this.#subscribers.clear();
    this.broker.close();
  }

  #has(subscription: string): boolean {
    const topic = topicOf(subscription);
    if (!this.broker.has(topic)) return false;
    return this.broker.getTopic(topic).subscriptions.has(subscription);
  }

  #requireSubscriptions(topic: string): void {
    for (const name of subscriptionsOf(topic)) if (!this.#has(name)) throw new MissingSubscriptionError(topic, name);
  }

  #place(place: EntryPlace): MessageQueue {
    return this.broker.resolve(place === 'queue' ? ERRORS_QUEUE : `${ERRORS_QUEUE}/$DeadLetterQueue`);
  }

  // ---------------------------------------------------------------- for tests

  /** The published events, newest first, each id once; redeliveries are left out. */
  events({ type, limit }: { type?: EventType; limit?: number } = {}): PlatformEvent[] {
    return this.#events.list(type, limit);
  }

  /** The entries of the errors queue, oldest first. */
  errors(): DeadLetterEntry[] {
    const all = (place: EntryPlace) => this.#place(place).peek(0, Number.POSITIVE_INFINITY);
    const pages = PLACES.map((place) => ({ entries: all(place).map((one) => entryOf(place, one)), isEnd: true }));
    return oldestFirst(pages, Number.POSITIVE_INFINITY);
  }

  /** Has time stand still, and `settled` wait, until work beside the handlers' has ended. It must not reject. */
  waitFor(work: Promise<void>): void {
    this.#otherWork.add(work);
    void work.finally(() => this.#otherWork.delete(work));
  }

  /** Resolves when no handler runs and nothing is due now. */
  async settled(): Promise<void> {
    for (;;) {
      await flushPromises();
      const running = [...this.#otherWork, ...[...this.#subscribers].flatMap((subscriber) => subscriber.running)];
      if (running.length > 0) await Promise.race(running);
      else if (!(this.clock instanceof VirtualClock && this.clock.runNext())) return;
    }
  }

  /**
   * Advances the virtual clock by milliseconds, or by a duration such as `5m`. Handlers run as their messages fall due,
   * and end before time advances further.
   */
  async advance(by: number | string): Promise<void> {
    if (!(this.clock instanceof VirtualClock)) throw new TypeError('only a bus on a virtual clock can be advanced');
    await this.clock.advance(by, () => this.settled());
  }
}

const PLACES = ['queue', 'dead-letters'] as const;

function topicOf(subscription: string): string {
  return routeTo(subscription)?.topic ?? subscription;
}

function peekAt(queue: MessageQueue, sequenceNumber: number): PeekedMessage | undefined {
  const [found] = queue.peek(sequenceNumber, 1);
  return found?.sequenceNumber === sequenceNumber ? found : undefined;
}

/** Undefined when it is gone: one that expired leaves when it is asked for. @throws TransientError when another receiver has locked the entry */
function receivedAt(queue: MessageQueue, sequenceNumber: number): DeliveredMessage | undefined {
  try {
    return queue.receiveDeferred([sequenceNumber])[0];
  } catch (cause) {
    if (!peekAt(queue, sequenceNumber)) return undefined;
    throw new TransientError(`entry ${sequenceNumber} is locked by another receiver`, { cause });
  }
}

function entryOf(
  place: EntryPlace,
  { content, sequenceNumber, enqueuedAt, deadLetterSource }: PeekedMessage,
): DeadLetterEntry {
  const { applicationProperties, messageId, subject, correlationId, contentType, body } = content;
  return deadLetterEntry({
    place,
    sequenceNumber: formatEntryNumber({ place, sequence: String(sequenceNumber) }),
    messageId,
    deadLetteredAt: enqueuedAt,
    body: body instanceof Uint8Array ? body : Buffer.from(String(body)),
    contentType,
    subject,
    correlationId,
    deadLetterSource,
    applicationProperties,
  });
}

/** Batches of at most the size of one send, in order. */
function inBatches<Message extends BusMessage>(messages: readonly Message[]): Message[][] {
  const batches: Message[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const message of messages) {
    bytes += message.body.length + PROPERTIES_BYTES;
    if (bytes > MAX_MESSAGE_BYTES) {
      batches.push([]);
      bytes = message.body.length + PROPERTIES_BYTES;
    }
    batches.at(-1)?.push(message);
  }
  return batches;
}

/** An upper bound for the properties of a message; only the AMQP endpoint knows the exact size. */
const PROPERTIES_BYTES = 512;

function outgoing({ entity: _, ...message }: BusMessage): OutgoingMessage {
  return { ...message, sizeBytes: message.body.length };
}
