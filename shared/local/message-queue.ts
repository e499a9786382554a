/**
 * One queue: locks, settles, redelivers, expires, schedules. Queues, subscriptions and their dead letters are made of
 * it. Every operation costs O(log n) or less in what is queued; one timer is armed, for the next thing to fall due.
 */
import { randomBytes } from 'node:crypto';
import { AscendingQueue, Place } from './ascending-queue.ts';
import { BrokerError } from './broker-error.ts';
import type { Timer, TimerClock } from './clock.ts';
import { type Consumer, type ConsumerOptions, Feed, type Feeder, type ReceiveMode } from './consumer.ts';
import { connectionCut, type FaultOperation, type Faults, faultError } from './faults.ts';
import {
  Delivery,
  HeldMessage,
  type Holder,
  type LockReference,
  type Origin,
  PeekedMessage,
  parseLockToken,
} from './held-message.ts';
import { type Content, changeContent, type PropertyValue } from './message.ts';
import { SequenceLog } from './sequence-log.ts';
import { type SessionHold, Sessions } from './sessions.ts';

/** The rules of a queue; they may change while it lives. */
export interface QueueSettings {
  readonly lockDurationMs: number;
  /** `Infinity` in a dead-letter queue. */
  readonly maxDeliveryCount: number;
  readonly defaultMessageTimeToLiveMs: number;
  readonly deadLetteringOnMessageExpiration: boolean;
  readonly requiresSession: boolean;
  /** False in a dead-letter queue, which keeps its messages for ever. */
  readonly expires: boolean;
}

/** What a queue asks of the entity around it. */
export interface QueueHost {
  readonly clock: TimerClock;
  settings(): QueueSettings;
  /** Puts a message, already removed here, among the dead letters. @throws BrokerError when there is no such place */
  deadLetter(message: HeldMessage, content: Content): void;
  /** Takes a message, already removed here, whose scheduled time came. */
  activate(content: Content): void;
  /** The bytes held here changed. */
  resized(bytes: number): void;
  readonly faults: Faults;
  /** A client received or settled. */
  used(): void;
}

export type ChangedProperties = Readonly<Record<string, PropertyValue | undefined>>;

/** Service Bus cuts reason and description; https://learn.microsoft.com/azure/service-bus-messaging/service-bus-quotas */
const LONGEST_REASON = 4096;

export class MessageQueue implements Feeder {
  /** Such as `orders` or `orders/Subscriptions/billing/$DeadLetterQueue`. */
  readonly path: string;
  readonly #host: QueueHost;
  readonly #log = new SequenceLog<HeldMessage>();
  readonly #feed: Feed;
  readonly #sessions: Sessions;
  readonly #locks = new AscendingQueue<HeldMessage>();
  readonly #expiries = new AscendingQueue<HeldMessage>();
  readonly #scheduled = new AscendingQueue<HeldMessage>();
  readonly #salt = randomBytes(4).toString('hex');
  #lastSequenceNumber = 0;
  #lastLockNumber = 0;
  #timer: Timer | undefined;
  #timerAt = Number.POSITIVE_INFINITY;
  #bytes = 0;
  #isClosed = false;

  constructor(path: string, host: QueueHost) {
    this.path = path;
    this.#host = host;
    this.#feed = new Feed(this);
    this.#sessions = new Sessions(this, host.clock, () => this.#settings.lockDurationMs);
  }

  get #settings(): QueueSettings {
    return this.#host.settings();
  }

  /** Messages that are neither scheduled nor settled: waiting, locked and deferred ones. */
  get activeCount(): number {
    this.#sweep();
    return this.#log.size - this.#scheduled.size;
  }

  get scheduledCount(): number {
    this.#sweep();
    return this.#scheduled.size;
  }

  get sizeInBytes(): number {
    this.#sweep();
    return this.#bytes;
  }

  /** Whether somebody is receiving. */
  get hasReceivers(): boolean {
    return this.#feed.consumers.size > 0 || this.#sessions.holdCount > 0 || this.#locks.size > 0;
  }

  // ---------------------------------------------------------------- putting in

  /** Appends a message; the time to live counts from now. @returns its sequence number */
  enqueue(content: Content, origin: Origin = {}): number {
    const { defaultMessageTimeToLiveMs, expires } = this.#settings;
    const enqueuedAt = this.#host.clock.now();
    const never = Number.POSITIVE_INFINITY;
    const ttl = expires
      ? Math.min(content.timeToLiveMs ?? never, defaultMessageTimeToLiveMs, origin.longestTimeToLiveMs ?? never)
      : never;
    const times = { enqueuedAt, expiresAt: enqueuedAt + ttl };
    const message = new HeldMessage(content, this.nextSequenceNumber(), 'active', times, origin);
    this.#insert(message);
    this.#makeReady(message);
    return message.sequenceNumber;
  }

  /** Keeps a message until its time, when the entity gets it back by `activate`. @returns its number, good for cancelling */
  schedule(content: Content, at: number): number {
    const times = { enqueuedAt: at, expiresAt: Number.POSITIVE_INFINITY };
    const message = new HeldMessage(content, this.nextSequenceNumber(), 'scheduled', times, {});
    this.#insert(message);
    this.#scheduled.add(message.timed, at);
    this.#arm(at);
    return message.sequenceNumber;
  }

  /** Takes a number out of the series. */
  nextSequenceNumber(): number {
    return ++this.#lastSequenceNumber;
  }

  /** All or none. @throws BrokerError when one of them is not scheduled here (any more) */
  cancelScheduled(sequenceNumbers: readonly number[]): void {
    this.#sweep();
    const messages = [...new Set(sequenceNumbers)].map((number) => {
      const message = this.#log.get(number);
      if (message?.state !== 'scheduled') throw this.#notFound(number);
      return message;
    });
    for (const message of messages) this.#remove(message);
  }

  // ---------------------------------------------------------------- taking out

  /** Pushes messages to a receiver as it gives credit. @throws BrokerError when the entity has sessions */
  openConsumer(options: ConsumerOptions): Consumer {
    this.#requirePlain();
    return this.#feed.open(options);
  }

  /** What is there now, at most `count`. @throws BrokerError when the entity has sessions */
  receive(count = 1, mode: ReceiveMode = 'peekLock'): Delivery[] {
    this.#requirePlain();
    return this.pull(this.#feed, count, mode, undefined);
  }

  /**
   * Locks deferred messages, or removes them. All or none.
   *
   * @throws BrokerError when one of them is not deferred here, or locked. One that expired goes where expired ones go.
   */
  receiveDeferred(
    sequenceNumbers: readonly number[],
    mode: ReceiveMode = 'peekLock',
    session?: SessionHold,
  ): Delivery[] {
    this.#sweep();
    const now = this.#host.clock.now();
    const messages = [...new Set(sequenceNumbers)].map((number) => {
      const message = this.#log.get(number);
      const isFound = message?.state === 'deferred' && message.lockNumber === 0;
      if (!isFound || (session && message.content.sessionId !== session.sessionId)) throw this.#notFound(number);
      if (message.expiresAt <= now) {
        // https://learn.microsoft.com/azure/service-bus-messaging/message-expiration: deferred ones are checked when asked for
        this.#expire(message);
        throw this.#notFound(number);
      }
      return message;
    });
    return messages.map((message) => this.#handOut(message, mode, session));
  }

  /** Messages from a number on, in whatever state, without touching them. */
  peek(fromSequenceNumber = 0, count = 1, sessionId?: string): PeekedMessage[] {
    this.#sweep();
    const log = sessionId === undefined ? this.#log : this.#sessions.logOf(sessionId);
    const found: PeekedMessage[] = [];
    if (count < 1 || log === undefined) return found;
    for (const message of log.from(fromSequenceNumber)) {
      found.push(new PeekedMessage(message));
      if (found.length >= count) break;
    }
    return found;
  }

  // ---------------------------------------------------------------- settling

  /** The message is done with. @throws BrokerError when the lock is lost */
  complete(lock: LockReference): void {
    this.#settle('complete', lock, (message) => this.#remove(message));
  }

  /** Makes it available again, in its old place. @throws BrokerError when the lock is lost */
  abandon(lock: LockReference, properties?: ChangedProperties): void {
    this.#settle('abandon', lock, (message) => {
      this.#change(message, properties);
      this.#unlock(message, true);
    });
  }

  /** Like `abandon`, but as if it had never been delivered. @throws BrokerError when the lock is lost */
  release(lock: LockReference): void {
    this.#settle('abandon', lock, (message) => this.#unlock(message, false));
  }

  /** Sets it aside; it is received by its sequence number from then on. @throws BrokerError when the lock is lost */
  defer(lock: LockReference, properties?: ChangedProperties): void {
    this.#settle('defer', lock, (message) => {
      this.#change(message, properties);
      message.state = 'deferred';
      this.#forgetLock(message);
    });
  }

  /** Moves it to the dead-letter queue. @throws BrokerError when the lock is lost, or this is a dead-letter queue */
  deadLetter(lock: LockReference, reason?: string, description?: string, properties?: ChangedProperties): void {
    if (!this.#settings.expires) {
      throw new BrokerError(
        'amqp:not-allowed',
        `${this.path} is a dead-letter queue: it has no dead letters of its own`,
      );
    }
    this.#settle('deadLetter', lock, (message) => {
      this.#change(message, properties);
      this.#moveToDeadLetters(message, reason, description);
    });
  }

  /** Begins the lock anew. @returns until when it holds. @throws BrokerError when it is lost */
  renewLock(lock: LockReference): number {
    return this.#settle('renewLock', lock, (message) => {
      if (message.holder?.session) {
        throw new BrokerError('amqp:not-allowed', `${this.path} has sessions: renew the lock of the session`);
      }
      this.#locks.remove(message.timed);
      this.#lockUntil(message, this.#host.clock.now() + this.#settings.lockDurationMs);
      return message.lockedUntil;
    });
  }

  // ---------------------------------------------------------------- sessions

  /** @throws BrokerError when the entity has no sessions */
  get sessions(): Sessions {
    if (!this.#settings.requiresSession) {
      throw new BrokerError('amqp:not-allowed', `${this.path} does not have sessions: open it without one`);
    }
    this.#sweep();
    return this.#sessions;
  }

  // ---------------------------------------------------------------- for the entity and its parts

  /** Takes what is ready out of a feed. */
  pull(feed: Feed, count: number, mode: ReceiveMode, holder: Holder | undefined): Delivery[] {
    this.#sweep();
    const taken: Delivery[] = [];
    while (taken.length < count) {
      const message = feed.ready.shift();
      if (message === undefined) break;
      taken.push(this.#handOut(message, mode, holder));
    }
    return taken;
  }

  hand(message: HeldMessage, consumer: Consumer): Delivery {
    return this.#handOut(message, consumer.mode, consumer);
  }

  takeBack(consumer: Consumer): void {
    this.releaseAll(consumer.held, true);
  }

  /** Hands out a message of a session; its lock is the session's. */
  handInSession(message: HeldMessage, mode: ReceiveMode, session: SessionHold): Delivery {
    return this.#handOut(message, mode, session);
  }

  /** Returns all that a holder has locked. */
  releaseAll(held: AscendingQueue<HeldMessage>, isFailed: boolean): void {
    for (let message = held.first(); message; message = held.first()) this.#unlock(message, isFailed);
  }

  /** Takes all that can be received out of the queue: forwarding was switched on. */
  takeReady(): HeldMessage[] {
    this.#sweep();
    const taken: HeldMessage[] = [];
    const feeds = this.#settings.requiresSession ? this.#sessions.feeds() : [this.#feed];
    for (const feed of feeds) {
      for (let message = feed.ready.first(); message; message = feed.ready.first()) {
        this.#remove(message);
        taken.push(message);
      }
    }
    return taken.sort((a, b) => a.sequenceNumber - b.sequenceNumber);
  }

  /** Ends every receiver, for example because the entity was disabled. */
  closeReceivers(error: BrokerError): void {
    for (const consumer of [...this.#feed.consumers]) consumer.closeWith(error);
    this.#sessions.closeAll(error);
  }

  /** The entity is deleted. Nothing happens here any more. */
  close(error: BrokerError): void {
    this.#isClosed = true;
    this.closeReceivers(error);
    this.#timer?.cancel();
    this.#timerAt = Number.POSITIVE_INFINITY;
  }

  /** Wakes the queue by that time. */
  wakeBy(time: number): void {
    this.#arm(time);
  }

  // ---------------------------------------------------------------- inside

  #requirePlain(): void {
    if (this.#settings.requiresSession) {
      throw new BrokerError('amqp:not-allowed', `${this.path} has sessions: accept a session to receive from it`);
    }
  }

  #notFound(sequenceNumber: number): BrokerError {
    return new BrokerError('com.microsoft:message-not-found', `${this.path} holds no such message: ${sequenceNumber}`);
  }

  #insert(message: HeldMessage): void {
    this.#log.append(message.sequenceNumber, message);
    if (this.#settings.requiresSession) this.#sessions.insert(message);
    this.#resize(message.content.sizeBytes);
  }

  #resize(bytes: number): void {
    this.#bytes += bytes;
    this.#host.resized(bytes);
  }

  /** Takes a message out altogether, whatever its state. */
  #remove(message: HeldMessage): void {
    if (message.lockNumber !== 0) this.#forgetLock(message);
    this.#unready(message);
    this.#scheduled.remove(message.timed);
    this.#log.remove(message.sequenceNumber);
    if (this.#settings.requiresSession) this.#sessions.remove(message);
    this.#resize(-message.content.sizeBytes);
  }

  #makeReady(message: HeldMessage): void {
    if (message.expiresAt !== Number.POSITIVE_INFINITY) {
      this.#expiries.add(message.timed, message.expiresAt);
      this.#arm(message.expiresAt);
    }
    if (this.#settings.requiresSession) this.#sessions.makeReady(message);
    else this.#feed.makeReady(message);
  }

  /** Takes a message out of the ready ones, if it is among them. */
  #unready(message: HeldMessage): void {
    if (message.ready.isQueued) {
      if (this.#settings.requiresSession) this.#sessions.unready(message);
      else this.#feed.ready.remove(message.ready);
    }
    if (message.state === 'active') this.#expiries.remove(message.timed);
  }

  /** Locks a message that is ready no more for its receiver, or removes it. */
  #handOut(message: HeldMessage, mode: ReceiveMode, holder: Holder | undefined): Delivery {
    if (mode === 'receiveAndDelete') {
      const delivery = new Delivery(message, this.#salt);
      this.#remove(message);
      return delivery;
    }
    // A locked message is safe from expiry.
    if (message.state === 'active') this.#expiries.remove(message.timed);
    this.#lastLockNumber = (this.#lastLockNumber % 0xffff_ffff) + 1;
    message.lockNumber = this.#lastLockNumber;
    message.holder = holder;
    if (holder) {
      message.held ??= new Place<HeldMessage>(message);
      holder.held.add(message.held, message.lockNumber);
    }
    if (holder?.session) message.lockedUntil = holder.session.lockedUntil;
    else this.#lockUntil(message, this.#host.clock.now() + this.#settings.lockDurationMs);
    const delivery = new Delivery(message, this.#salt);
    if (this.#host.faults.strike('receive', this.path)?.effect === 'lose-lock') this.#unlock(message, true);
    return delivery;
  }

  #lockUntil(message: HeldMessage, time: number): void {
    message.lockedUntil = time;
    this.#locks.add(message.timed, time);
    this.#arm(time);
  }

  #forgetLock(message: HeldMessage): void {
    this.#locks.remove(message.timed);
    if (message.held) message.holder?.held.remove(message.held);
    message.holder = undefined;
    message.lockNumber = 0;
  }

  #settle<Result>(operation: FaultOperation, lock: LockReference, act: (message: HeldMessage) => Result): Result {
    this.#sweep();
    const fault = this.#host.faults.strike(operation, this.path);
    if (fault?.effect === 'fail') throw faultError(fault);
    const message = this.#find(lock);
    if (fault?.effect === 'lose-lock' && message) this.#unlock(message, true);
    if (message === undefined || message.lockNumber === 0) throw this.#lockLost(lock);
    this.#host.used();
    const result = act(message);
    if (fault?.effect === 'cut-connection') throw connectionCut();
    return result;
  }

  /** The message of a lock that still holds. */
  #find(lock: LockReference): HeldMessage | undefined {
    const known = typeof lock === 'string' ? parseLockToken(lock, this.#salt) : lock;
    if (known === undefined || (typeof lock !== 'string' && lock.salt !== this.#salt)) return undefined;
    const message = this.#log.get(known.sequenceNumber);
    return known.lockNumber !== 0 && message?.lockNumber === known.lockNumber ? message : undefined;
  }

  #lockLost(lock: LockReference): BrokerError {
    const what = typeof lock === 'string' ? `the lock ${lock}` : `the lock of message ${lock.sequenceNumber}`;
    return this.#settings.requiresSession
      ? new BrokerError(
          'com.microsoft:session-lock-lost',
          `${what} on ${this.path} is lost with its session, or settled`,
        )
      : new BrokerError(
          'com.microsoft:message-lock-lost',
          `${what} on ${this.path} is lost, or the message was settled`,
        );
  }

  /** Ends a lock without settling. */
  #unlock(message: HeldMessage, isFailed: boolean): void {
    this.#forgetLock(message);
    if (isFailed) message.deliveryCount++;
    if (isFailed && message.deliveryCount >= this.#settings.maxDeliveryCount) {
      const description = `Message could not be consumed after ${message.deliveryCount} delivery attempts.`;
      this.#moveToDeadLetters(message, 'MaxDeliveryCountExceeded', description);
    } else if (message.state === 'deferred') {
      // It stays set aside.
    } else if (message.expiresAt <= this.#host.clock.now()) {
      this.#expire(message);
    } else {
      this.#makeReady(message);
    }
  }

  #change(message: HeldMessage, properties: ChangedProperties | undefined): void {
    if (properties === undefined || Object.keys(properties).length === 0) return;
    message.content = changeContent(message.content, properties);
  }

  #moveToDeadLetters(message: HeldMessage, reason: string | undefined, description: string | undefined): void {
    const why = {
      ...(reason !== undefined && { DeadLetterReason: reason.slice(0, LONGEST_REASON) }),
      ...(description !== undefined && { DeadLetterErrorDescription: description.slice(0, LONGEST_REASON) }),
    };
    this.#remove(message);
    this.#host.deadLetter(message, changeContent(message.content, why));
  }

  #expire(message: HeldMessage): void {
    if (this.#settings.deadLetteringOnMessageExpiration) {
      this.#moveToDeadLetters(message, 'TTLExpiredException', 'The message expired and was dead lettered.');
    } else {
      this.#remove(message);
    }
  }

  /** Does what fell due. Every operation begins with it, since a timer may come late. */
  #sweep(): void {
    if (this.#timerAt === Number.POSITIVE_INFINITY) return;
    const now = this.#host.clock.now();
    if (this.#timerAt > now) return;
    this.#timer?.cancel();
    this.#timerAt = Number.POSITIVE_INFINITY;
    while (this.#locks.firstKey() <= now) {
      const message = this.#locks.first();
      if (message) this.#unlock(message, true);
    }
    this.#sessions.loseDue(now);
    while (this.#expiries.firstKey() <= now) {
      const message = this.#expiries.first();
      if (message) this.#expire(message);
    }
    while (this.#scheduled.firstKey() <= now) {
      const message = this.#scheduled.first();
      if (!message) break;
      this.#remove(message);
      this.#host.activate(message.content);
    }
    this.#arm(
      Math.min(
        this.#locks.firstKey(),
        this.#expiries.firstKey(),
        this.#scheduled.firstKey(),
        this.#sessions.nextLoss(),
      ),
    );
  }

  /** Sees to it that the queue wakes by then. A timer that comes too early, its reason gone, only looks again. */
  #arm(time: number): void {
    if (time >= this.#timerAt || this.#isClosed) return;
    this.#timer?.cancel();
    this.#timerAt = time;
    this.#timer = this.#host.clock.at(time, () => this.#sweep());
  }
}
