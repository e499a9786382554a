/** Receivers that messages are pushed to: they give credit, and get that many messages as these become ready. */
import { AscendingQueue, QueuePlace } from './ascending-queue.ts';
import type { BrokerError } from './broker-error.ts';
import type { DeliveredMessage, HeldMessage, Holder } from './held-message.ts';
import type { Throttle } from './limits/throttle.ts';

export type ReceiveMode = 'peekLock' | 'receiveAndDelete';

export interface ConsumerOptions {
  readonly mode: ReceiveMode;
  /** Called in a microtask, in order, once per credit. Must not throw. */
  readonly onMessage: (delivery: DeliveredMessage) => void;
  /** The broker closed the consumer: the entity was deleted or disabled, or the session's lock was lost. */
  readonly onClosed?: (error: BrokerError) => void;
}

/** What a feed needs from its queue or session. */
export interface Feeder {
  readonly throttle: Throttle | undefined;
  /** Locks a message that has left the ready ones for the consumer, or removes it. */
  hand(message: HeldMessage, consumer: Consumer): DeliveredMessage;
  /** Returns what the consumer has locked. */
  takeBack(consumer: Consumer): void;
  /** A consumer came (1) or went (-1). @throws BrokerError when there are as many as may be */
  receiving(change: 1 | -1): void;
}

/**
 * Ready messages, and the consumers that wait for them in turn. A plain queue has one feed; each session has its own.
 */
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

  /** @throws BrokerError when there are as many as may be */
  open(options: ConsumerOptions): Consumer {
    this.#feeder.receiving(1);
    const consumer = new Consumer(this, options);
    this.consumers.add(consumer);
    return consumer;
  }

  makeReady(message: HeldMessage): void {
    this.ready.add(message, message.sequenceNumber);
    if (this.#waiting.size > 0) this.pumpSoon();
  }

  /** Adds a consumer with credit to the waiting ones, and removes one without. */
  update(consumer: Consumer): void {
    if (consumer.credit > 0 && !consumer.isClosed) {
      if (!consumer.isWaiting) this.#waiting.add(consumer.place, this.#turn++);
      if (this.ready.size > 0) this.pumpSoon();
    } else {
      this.#waiting.remove(consumer.place);
    }
  }

  close(consumer: Consumer): void {
    if (this.consumers.delete(consumer)) this.#feeder.receiving(-1);
    this.update(consumer);
    this.#feeder.takeBack(consumer);
  }

  /** Pumps once per burst, in a microtask, so that deliveries are not nested into the call that made messages ready. */
  pumpSoon(): void {
    if (this.#isPumpDue) return;
    this.#isPumpDue = true;
    queueMicrotask(() => {
      this.#isPumpDue = false;
      this.pump();
    });
  }

  #pumpOnRefill(throttle: Throttle): void {
    if (this.#isPumpDue) return;
    this.#isPumpDue = true;
    throttle.onRefill(() => {
      this.#isPumpDue = false;
      this.pump();
    });
  }

  /** Hands out the ready messages to the consumers in turn. Without credits of the namespace they wait. */
  pump(): void {
    const { throttle } = this.#feeder;
    while (this.#waiting.size > 0) {
      if (throttle?.isExhausted) {
        if (this.ready.size > 0) this.#pumpOnRefill(throttle);
        return;
      }
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

  /** Asks for so many further messages. */
  addCredit(count: number): void {
    this.#credit += count;
    this.#feed.update(this);
  }

  /** Sets the credit, as an AMQP flow does. */
  setCredit(count: number): void {
    this.#credit = count;
    this.#feed.update(this);
  }

  /** Delivers the ready messages, then takes back all credit. @returns the credit that was left */
  drain(): number {
    this.#feed.pump();
    const left = this.#credit;
    this.setCredit(0);
    return left;
  }

  /**
   * Closes the consumer. The messages that it holds are available again at once, in their old places, and their
   * delivery counts rise. (The service waits for the locks to expire; on a laptop that only costs time.) Closing twice
   * is harmless.
   */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#credit = 0;
    this.#feed.close(this);
  }

  /** Closes the consumer from the broker's side. */
  closeWith(error: BrokerError): void {
    if (this.#isClosed) return;
    this.close();
    this.#options.onClosed?.(error);
  }

  /** Delivers a message and spends one credit. */
  take(delivery: DeliveredMessage): void {
    this.#credit--;
    this.#options.onMessage(delivery);
  }
}
