/**
 * The state of every message of a queue: ready, locked, deferred, scheduled or removed. The moves between these states
 * are here, each with its deadline. The operations of clients are in message-queue.ts.
 */
import { randomBytes } from 'node:crypto';
import { AscendingQueue } from './ascending-queue.ts';
import type { BrokerError } from './broker-error.ts';
import type { ScheduledCall } from './clock.ts';
import { type Consumer, Feed, type Feeder, type ReceiveMode } from './consumer.ts';
import { DeliveredMessage, type HeldMessage, type Holder, type LockReference, parseLockToken } from './held-message.ts';
import type { Throttle } from './limits/throttle.ts';
import { changeContent } from './message.ts';
import type { QueueHost, QueueSettings } from './queue-host.ts';
import { SequenceLog } from './sequence-log.ts';
import { Sessions } from './sessions.ts';

/**
 * Service Bus truncates reason and description;
 * https://learn.microsoft.com/azure/service-bus-messaging/service-bus-quotas
 */
const MAX_REASON = 4096;

export class QueueState implements Feeder {
  readonly path: string;
  readonly host: QueueHost;
  /** Every message, in any state. */
  readonly log: SequenceLog<HeldMessage> = new SequenceLog<HeldMessage>();
  /** The ready messages of an entity without sessions. */
  readonly feed: Feed;
  readonly sessions: Sessions;
  readonly locks: AscendingQueue<HeldMessage> = new AscendingQueue<HeldMessage>();
  readonly scheduled: AscendingQueue<HeldMessage> = new AscendingQueue<HeldMessage>();
  readonly #expiries = new AscendingQueue<HeldMessage>();
  readonly #salt = randomBytes(4).readUInt32BE();
  bytes = 0;
  #lastLockNumber = 0;
  #timer: ScheduledCall | undefined;
  #timerAt = Number.POSITIVE_INFINITY;
  #isClosed = false;

  constructor(path: string, host: QueueHost) {
    this.path = path;
    this.host = host;
    this.feed = new Feed(this);
    this.sessions = new Sessions(this, host, () => this.settings.lockDurationMs);
  }

  get settings(): QueueSettings {
    return this.host.settings();
  }

  get throttle(): Throttle | undefined {
    return this.host.throttle;
  }

  receiving(change: 1 | -1): void {
    this.host.receiving(change);
  }

  /** Takes up to `count` ready messages out of a feed. */
  pull(feed: Feed, count: number, mode: ReceiveMode, holder: Holder | undefined): DeliveredMessage[] {
    this.sweep();
    const taken: DeliveredMessage[] = [];
    while (taken.length < count && !this.host.throttle?.isExhausted) {
      const message = feed.ready.shift();
      if (message === undefined) break;
      taken.push(this.handOut(message, mode, holder));
    }
    return taken;
  }

  hand(message: HeldMessage, consumer: Consumer): DeliveredMessage {
    return this.handOut(message, consumer.mode, consumer);
  }

  takeBack(consumer: Consumer): void {
    this.releaseAll(consumer.held, true);
  }

  /** Unlocks all that a holder has locked. */
  releaseAll(held: AscendingQueue<HeldMessage>, isFailed: boolean): void {
    for (let message = held.first(); message; message = held.first()) this.unlock(message, isFailed);
  }

  /** Removes and returns all ready messages, when forwarding is switched on. */
  takeReady(): HeldMessage[] {
    this.sweep();
    const taken: HeldMessage[] = [];
    const feeds = this.settings.requiresSession ? this.sessions.feeds() : [this.feed];
    for (const feed of feeds) {
      for (let message = feed.ready.first(); message; message = feed.ready.first()) {
        this.remove(message);
        taken.push(message);
      }
    }
    return taken.sort((a, b) => a.sequenceNumber - b.sequenceNumber);
  }

  /** Closes every receiver, for example when the entity is disabled. */
  closeReceivers(error: BrokerError): void {
    for (const consumer of [...this.feed.consumers]) consumer.closeWith(error);
    this.sessions.closeAll(error);
  }

  /** Closes the receivers and cancels the timer: the entity is deleted. */
  close(error: BrokerError): void {
    this.#isClosed = true;
    this.closeReceivers(error);
    this.#timer?.cancel();
    this.#timerAt = Number.POSITIVE_INFINITY;
  }

  insert(message: HeldMessage): void {
    this.log.append(message.sequenceNumber, message);
    if (this.settings.requiresSession) this.sessions.insert(message);
    this.#resize(message.content.sizeBytes);
  }

  #resize(bytes: number): void {
    this.bytes += bytes;
    this.host.resized(bytes);
  }

  /** Removes a message in any state. */
  remove(message: HeldMessage): void {
    if (message.lockNumber !== 0) this.forgetLock(message);
    this.#unready(message);
    this.scheduled.remove(message.timed);
    this.log.remove(message.sequenceNumber);
    if (this.settings.requiresSession) this.sessions.remove(message);
    this.#resize(-message.content.sizeBytes);
  }

  makeReady(message: HeldMessage): void {
    if (message.expiresAt !== Number.POSITIVE_INFINITY) {
      this.#expiries.add(message.timed, message.expiresAt);
      this.arm(message.expiresAt);
    }
    if (this.settings.requiresSession) this.sessions.makeReady(message);
    else this.feed.makeReady(message);
  }

  /** Takes a message out of the ready ones, when it is among them. */
  #unready(message: HeldMessage): void {
    if (message.isQueued) {
      if (this.settings.requiresSession) this.sessions.unready(message);
      else this.feed.ready.remove(message);
    }
    if (message.state === 'active') this.#expiries.remove(message.timed);
  }

  /** Locks a message that has left the ready ones for its receiver, or removes it. */
  handOut(message: HeldMessage, mode: ReceiveMode, holder: Holder | undefined): DeliveredMessage {
    this.host.used();
    this.host.throttle?.take(1);
    if (mode === 'receiveAndDelete') {
      const delivery = new DeliveredMessage(message, this.#salt);
      this.remove(message);
      return delivery;
    }
    // A locked message does not expire.
    if (message.state === 'active') this.#expiries.remove(message.timed);
    this.#lastLockNumber = (this.#lastLockNumber % 0xffff_ffff) + 1;
    message.lockNumber = this.#lastLockNumber;
    message.holder = holder;
    holder?.held.add(message, message.lockNumber);
    if (holder?.session) message.lockedUntil = holder.session.lockedUntil;
    else this.lockUntil(message, this.host.clock.now() + this.settings.lockDurationMs);
    const delivery = new DeliveredMessage(message, this.#salt);
    if (this.host.faults.strike('receive', this.path)?.effect === 'lose-lock') this.unlock(message, true);
    return delivery;
  }

  /** @returns the time */
  lockUntil(message: HeldMessage, time: number): number {
    message.lockedUntil = time;
    this.locks.add(message.timed, time);
    this.arm(time);
    return time;
  }

  forgetLock(message: HeldMessage): void {
    this.locks.remove(message.timed);
    message.holder?.held.remove(message);
    message.holder = undefined;
    message.lockNumber = 0;
  }

  /** The message of a lock; undefined when the lock has ended. */
  find(lock: LockReference): HeldMessage | undefined {
    const known = typeof lock === 'string' ? parseLockToken(lock, this.#salt) : lock;
    if (known === undefined || (typeof lock !== 'string' && lock.salt !== this.#salt)) return undefined;
    const message = this.log.get(known.sequenceNumber);
    return known.lockNumber !== 0 && message?.lockNumber === known.lockNumber ? message : undefined;
  }

  /** Whether a text is the token of a present or past lock of this queue. */
  isToken(text: string): boolean {
    return parseLockToken(text, this.#salt) !== undefined;
  }

  /** Ends a lock without settling. */
  unlock(message: HeldMessage, isFailed: boolean): void {
    this.forgetLock(message);
    if (isFailed && this.settings.countsDeliveries) message.deliveryCount++;
    if (isFailed && message.deliveryCount >= this.settings.maxDeliveryCount) {
      const description = `Message could not be consumed after ${message.deliveryCount} delivery attempts.`;
      this.moveToDeadLetters(message, 'MaxDeliveryCountExceeded', description);
    } else if (message.state === 'deferred') {
      // It stays deferred.
    } else if (message.expiresAt <= this.host.clock.now()) {
      this.expire(message);
    } else {
      this.makeReady(message);
    }
  }

  moveToDeadLetters(message: HeldMessage, reason: string | undefined, description: string | undefined): void {
    const why = {
      ...(reason !== undefined && { DeadLetterReason: reason.slice(0, MAX_REASON) }),
      ...(description !== undefined && { DeadLetterErrorDescription: description.slice(0, MAX_REASON) }),
    };
    this.remove(message);
    this.host.deadLetter(message, changeContent(message.content, why));
  }

  expire(message: HeldMessage): void {
    if (this.settings.deadLetteringOnMessageExpiration) {
      this.moveToDeadLetters(message, 'TTLExpiredException', 'The message expired and was dead lettered.');
    } else {
      this.remove(message);
    }
  }

  /**
   * Ends locks, expires and activates messages that are due. Every operation begins with it, since a timer may be late.
   */
  sweep(): void {
    if (this.#timerAt === Number.POSITIVE_INFINITY) return;
    const now = this.host.clock.now();
    if (this.#timerAt > now) return;
    this.#timer?.cancel();
    this.#timerAt = Number.POSITIVE_INFINITY;
    while (this.locks.firstKey() <= now) {
      const message = this.locks.first();
      if (message) this.unlock(message, true);
    }
    this.sessions.loseDue(now);
    while (this.#expiries.firstKey() <= now) {
      const message = this.#expiries.first();
      if (message) this.expire(message);
    }
    while (this.scheduled.firstKey() <= now) {
      const message = this.scheduled.first();
      if (!message) break;
      this.remove(message);
      this.host.activate(message.content);
    }
    this.arm(
      Math.min(this.locks.firstKey(), this.#expiries.firstKey(), this.scheduled.firstKey(), this.sessions.nextLoss()),
    );
  }

  /** Makes sure that the queue is swept by that time. A sweep that turns out to be too early does no harm. */
  arm(time: number): void {
    if (time >= this.#timerAt || this.#isClosed) return;
    this.#timer?.cancel();
    this.#timerAt = time;
    this.#timer = this.host.clock.at(time, () => this.sweep());
  }
}
