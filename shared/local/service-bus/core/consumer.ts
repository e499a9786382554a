/** Receivers that are pushed to: they give credit, and get that many messages as soon as there are any. */
import { AscendingQueue, QueuePlace } from './ascending-queue.ts';
import type { BrokerError } from './broker-error.ts';
import type { DeliveredMessage, HeldMessage, Holder } from './held-message.ts';

export type ReceiveMode = 'peekLock' | 'receiveAndDelete';

export interface ConsumerOptions {
  readonly mode: ReceiveMode;
  /** Called in a microtask, in order, once per credit. Must not throw. */
  readonly onMessage: (delivery: DeliveredMessage) => void;
  /** The broker ended it: the entity is gone or disabled, the session's lock was lost, a fault cut the connection. */
  readonly onClosed?: (error: BrokerError) => void;
}

/** What a feed needs of what is around it. */
export interface Feeder {
  /** Takes a message that is no longer among the ready: locks it for the consumer, or removes it. */
  hand(message: HeldMessage, consumer: Consumer): DeliveredMessage;
  /** Gives back what the consumer holds. */
  takeBack(consumer: Consumer): void;
}

/** Ready messages, and the consumers that wait for them in turn. A plain queue has one, an entity with sessions one each. */
export class Feed {
  readonly ready: AscendingQueue<HeldMessage> = new AscendingQueue<HeldMessage>();
  readonly consumers: Set<Consumer> = new Set();
  readonly #waiting = new AscendingQueue<Consumer>();
  readonly #feeder: Feeder;
  #turn = 0;
  #isPumpDue = false;

  constructor(feeder: Feeder) {
    this.#feeder = feeder;
  }

  open(options: ConsumerOptions): Consumer {
    const consumer = new Consumer(this, options);
    this.consumers.add(consumer);
    return consumer;
  }

  makeReady(message: HeldMessage): void {
    this.ready.add(message.place, message.sequenceNumber);
    if (this.#waiting.size > 0) this.pumpSoon();
  }

  /** Puts a consumer in line, or takes it out of it. */
  update(consumer: Consumer): void {
    if (consumer.credit > 0 && !consumer.isClosed) {
      if (!consumer.isWaiting) this.#waiting.add(consumer.place, this.#turn++);
      if (this.ready.size > 0) this.pumpSoon();
    } else {
      this.#waiting.remove(consumer.place);
    }
  }

  close(consumer: Consumer): void {
    this.consumers.delete(consumer);
    this.update(consumer);
    this.#feeder.takeBack(consumer);
  }

  /** One pump a burst: deliveries are not nested into whatever made the messages ready. */
  pumpSoon(): void {
    if (this.#isPumpDue) return;
    this.#isPumpDue = true;
    queueMicrotask(() => {
      this.#isPumpDue = false;
      this.pump();
    });
  }

  /** Hands out what there is, to the consumers in turn. */
  pump(): void {
    while (this.#waiting.size > 0) {
      const message = this.ready.shift();
      if (message === undefined) return;
      const consumer = this.#waiting.shift();
      if (consumer === undefined) return;
      consumer.take(this.#feeder.hand(message, consumer));
      this.update(consumer);
    }
  }
}

export class Consumer implements Holder {
  readonly session = undefined;
  readonly mode: ReceiveMode;
  readonly held: AscendingQueue<HeldMessage> = new AscendingQueue<HeldMessage>();
  readonly place: QueuePlace<Consumer> = new QueuePlace<Consumer>(this);
  readonly #feed: Feed;
  readonly #options: ConsumerOptions;
  #credit = 0;
  #isClosed = false;

  constructor(feed: Feed, options: ConsumerOptions) {
    this.#feed = feed;
    this.#options = options;
    this.mode = options.mode;
  }

  get credit(): number {
    return this.#credit;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  get isWaiting(): boolean {
    return this.place.isQueued;
  }

  /** Asks for that many more messages. */
  addCredit(count: number): void {
    this.#credit += count;
    this.#feed.update(this);
  }

  /** Sets the credit, as an AMQP flow does. */
  setCredit(count: number): void {
    this.#credit = count;
    this.#feed.update(this);
  }

  /** Delivers what is there, then takes back all credit. @returns what was left of it */
  drain(): number {
    this.#feed.pump();
    const left = this.#credit;
    this.setCredit(0);
    return left;
  }

  /**
   * Ends it. What it holds is available again at once, in its old place, and counts as delivered once more. (The
   * service would wait for the locks to expire; on a laptop nobody should wait for a client that is gone.)
   * Closing twice changes nothing.
   */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#credit = 0;
    this.#feed.close(this);
  }

  /** The broker's side of `close`. */
  closeWith(error: BrokerError): void {
    if (this.#isClosed) return;
    this.close();
    this.#options.onClosed?.(error);
  }

  /** One delivery, one credit. */
  take(delivery: DeliveredMessage): void {
    this.#credit--;
    this.#options.onMessage(delivery);
  }
}
