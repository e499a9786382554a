/**
 * The operations of one queue. Queues, subscriptions and their dead-letter queues consist of these. Every operation
 * costs O(log n) or less in the number of messages. One timer is armed, for whatever falls due next.
 */
import { BrokerError } from './broker-error.ts';
import type { Consumer, ConsumerOptions, ReceiveMode } from './consumer.ts';
import { connectionCut, type FaultOperation, faultError } from './faults.ts';
import {
  type DeliveredMessage,
  HeldMessage,
  type LockReference,
  type MessageTimes,
  type Origin,
  PeekedMessage,
} from './held-message.ts';
import { checkEach } from './limits/property-quotas.ts';
import { type ChangedProperties, type Content, changeContent } from './message.ts';
import type { QueueHost, QueueSettings } from './queue-host.ts';
import { QueueState } from './queue-state.ts';
import type { SessionHold, Sessions } from './sessions.ts';

export class MessageQueue {
  /** Such as `orders` or `orders/Subscriptions/billing/$DeadLetterQueue`. */
  readonly path: string;
  readonly #host: QueueHost;
  readonly #state: QueueState;
  #lastSequenceNumber = 0;
  #lastTimes: MessageTimes = { enqueuedAt: 0, expiresAt: 0 };

  constructor(path: string, host: QueueHost) {
    this.path = path;
    this.#host = host;
    this.#state = new QueueState(path, host);
  }

  get #settings(): QueueSettings {
    return this.#host.settings();
  }

  /** How many messages wait, are locked or are deferred. */
  get activeCount(): number {
    this.#state.sweep();
    return this.#state.log.size - this.#state.scheduled.size;
  }

  get scheduledCount(): number {
    this.#state.sweep();
    return this.#state.scheduled.size;
  }

  get sizeInBytes(): number {
    this.#state.sweep();
    return this.#state.bytes;
  }

  /** Whether a receiver is open or a lock is held. */
  get hasReceivers(): boolean {
    return this.#state.feed.consumers.size > 0 || this.#state.sessions.holdCount > 0 || this.#state.locks.size > 0;
  }

  // ---------------------------------------------------------------- sending

  /** Appends a message. Its time to live counts from now. @returns its sequence number */
  enqueue(content: Content, origin: Origin = {}): number {
    const { defaultMessageTimeToLiveMs, expires } = this.#settings;
    const enqueuedAt = this.#host.clock.now();
    const never = Number.POSITIVE_INFINITY;
    const ttl = expires
      ? Math.min(content.timeToLiveMs ?? never, defaultMessageTimeToLiveMs, origin.longestTimeToLiveMs ?? never)
      : never;
    const expiresAt = enqueuedAt + ttl;
    const last = this.#lastTimes;
    if (last.enqueuedAt !== enqueuedAt || last.expiresAt !== expiresAt) this.#lastTimes = { enqueuedAt, expiresAt };
    const message = new HeldMessage(content, this.nextSequenceNumber(), 'active', this.#lastTimes, origin);
    this.#state.insert(message);
    this.#state.makeReady(message);
    return message.sequenceNumber;
  }

  /** Keeps a message until its time, then passes it to the entity (`activate`). @returns the number to cancel it by */
  schedule(content: Content, at: number): number {
    const times = { enqueuedAt: at, expiresAt: Number.POSITIVE_INFINITY };
    const message = new HeldMessage(content, this.nextSequenceNumber(), 'scheduled', times, {});
    this.#state.insert(message);
    this.#state.scheduled.add(message.timed, at);
    this.#state.arm(at);
    return message.sequenceNumber;
  }

  /** Uses up a sequence number. */
  nextSequenceNumber(): number {
    return ++this.#lastSequenceNumber;
  }

  /** Cancels all messages or none. @throws BrokerError when one of them is not scheduled */
  cancelScheduled(sequenceNumbers: readonly number[]): void {
    this.#state.sweep();
    const messages = [...new Set(sequenceNumbers)].map((number) => {
      const message = this.#state.log.get(number);
      if (message?.state !== 'scheduled') throw this.#notFound(number);
      return message;
    });
    for (const message of messages) this.#state.remove(message);
  }

  // ---------------------------------------------------------------- receiving

  /** Pushes messages to a receiver as it gives credit. @throws BrokerError when the entity has sessions */
  openConsumer(options: ConsumerOptions): Consumer {
    this.#requirePlain();
    return this.#state.feed.open(options);
  }

  /** Pulls up to `count` ready messages. @throws BrokerError when the entity has sessions */
  receive(count = 1, mode: ReceiveMode = 'peekLock'): DeliveredMessage[] {
    this.#requirePlain();
    return this.#state.pull(this.#state.feed, count, mode, undefined);
  }

  /**
   * Locks deferred messages, or removes them: all or none.
   *
   * @throws BrokerError when one of them is not deferred, is locked or has expired; an expired one is then removed
   */
  receiveDeferred(
    sequenceNumbers: readonly number[],
    mode: ReceiveMode = 'peekLock',
    session?: SessionHold,
  ): DeliveredMessage[] {
    this.#state.sweep();
    const now = this.#host.clock.now();
    const messages = [...new Set(sequenceNumbers)].map((number) => {
      const message = this.#state.log.get(number);
      const isFound = message?.state === 'deferred' && message.lockNumber === 0;
      if (!isFound || (session && message.content.sessionId !== session.sessionId)) throw this.#notFound(number);
      if (message.expiresAt <= now) {
        // https://learn.microsoft.com/azure/service-bus-messaging/message-expiration: deferred messages are checked when they are received
        this.#state.expire(message);
        throw this.#notFound(number);
      }
      return message;
    });
    return messages.map((message) => this.#state.handOut(message, mode, session));
  }

  /** Snapshots of the messages from a sequence number on, in any state. */
  peek(fromSequenceNumber = 0, count = 1, sessionId?: string): PeekedMessage[] {
    this.#state.sweep();
    const log = sessionId === undefined ? this.#state.log : this.#state.sessions.logOf(sessionId);
    const found: PeekedMessage[] = [];
    for (const message of count < 1 ? [] : (log?.from(fromSequenceNumber) ?? [])) {
      found.push(new PeekedMessage(message));
      if (found.length >= count) break;
    }
    this.#host.throttle?.spend(found.length);
    // https://learn.microsoft.com/azure/service-bus-messaging/message-expiration#idleness
    this.#host.used();
    return found;
  }

  /**
   * Deletes messages that nobody has locked, the oldest first: active and deferred ones that were enqueued by then.
   *
   * @returns how many: at most as many as the tier allows in one request
   * @throws BrokerError when the entity has sessions and none is given
   */
  deleteMessages(count: number, enqueuedBy: number, session?: SessionHold): number {
    if (!session) this.#requirePlain();
    this.#state.sweep();
    const log = session ? this.#state.sessions.logOf(session.sessionId) : this.#state.log;
    const most = Math.min(count, this.#host.limits.maxDeletedMessages);
    let deleted = 0;
    for (const message of log?.from(0) ?? []) {
      if (deleted >= most) break;
      if (message.lockNumber !== 0 || message.state === 'scheduled' || message.enqueuedAt > enqueuedBy) continue;
      this.#state.remove(message);
      deleted++;
    }
    if (deleted > 0) this.#host.used();
    return deleted;
  }

  // ---------------------------------------------------------------- settling

  /** Whether a text is the token of a present or past lock of this queue. */
  isLockToken(text: string): boolean {
    return this.#state.isToken(text);
  }

  /** Removes a message that was handled. @throws BrokerError when the lock is lost */
  complete(lock: LockReference): void {
    this.#settle('complete', lock, (message) => this.#state.remove(message));
  }

  /** Makes a message available again, in its old place. @throws BrokerError when the lock is lost */
  abandon(lock: LockReference, properties?: ChangedProperties): void {
    this.#settle('abandon', lock, (message) => {
      this.#change(message, properties);
      this.#state.unlock(message, true);
    });
  }

  /**
   * Like `abandon`, but does not raise the delivery count. The protocol guide lets releases count towards the maximum;
   * the service itself does not: https://github.com/Azure/amqpnetlite/issues/342, https://github.com/lawrencegripper/ion/issues/6
   *
   * @throws BrokerError when the lock is lost
   */
  release(lock: LockReference): void {
    this.#settle('abandon', lock, (message) => this.#state.unlock(message, false));
  }

  /**
   * Sets a message aside; it is then received by its sequence number alone. This delivery counts as failed, so that the
   * last one dead-letters it: https://github.com/Azure/azure-service-bus/issues/375
   *
   * @throws BrokerError when the lock is lost
   */
  defer(lock: LockReference, properties?: ChangedProperties): void {
    this.#settle('defer', lock, (message) => {
      this.#change(message, properties);
      message.state = 'deferred';
      this.#state.unlock(message, true);
    });
  }

  /**
   * Moves a message to the dead-letter queue.
   *
   * @throws BrokerError when the lock is lost, or this is a dead-letter queue
   */
  deadLetter(lock: LockReference, reason?: string, description?: string, properties?: ChangedProperties): void {
    if (!this.#settings.expires) {
      throw new BrokerError(
        'amqp:not-allowed',
        `${this.path} is a dead-letter queue: it has no dead letters of its own`,
      );
    }
    this.#settle('deadLetter', lock, (message) => {
      this.#change(message, properties);
      this.#state.moveToDeadLetters(message, reason, description);
    });
  }

  /** Renews a lock. @returns its new end. @throws BrokerError when it is lost */
  renewLock(lock: LockReference): number {
    return this.#settle('renewLock', lock, (message) => {
      if (message.holder?.session) {
        throw new BrokerError('amqp:not-allowed', `${this.path} has sessions: renew the lock of the session`);
      }
      this.#state.locks.remove(message.timed);
      return this.#state.lockUntil(message, this.#host.clock.now() + this.#settings.lockDurationMs);
    });
  }

  // ---------------------------------------------------------------- sessions

  /** @throws BrokerError when the entity has no sessions */
  get sessions(): Sessions {
    if (!this.#settings.requiresSession) {
      throw new BrokerError('amqp:not-allowed', `${this.path} does not have sessions: open it without one`);
    }
    this.#state.sweep();
    return this.#state.sessions;
  }

  // ---------------------------------------------------------------- for the entity

  /** Removes and returns all ready messages, when forwarding is switched on. */
  takeReady(): HeldMessage[] {
    return this.#state.takeReady();
  }

  /** Closes every receiver, for example when the entity is disabled. */
  closeReceivers(error: BrokerError): void {
    this.#state.closeReceivers(error);
  }

  /** Closes the receivers and cancels the timer: the entity is deleted. */
  close(error: BrokerError): void {
    this.#state.close(error);
  }

  // ---------------------------------------------------------------- inside

  #requirePlain(): void {
    if (this.#settings.requiresSession) {
      throw new BrokerError('amqp:not-allowed', `${this.path} has sessions: accept a session to receive from it`);
    }
  }

  #notFound(sequenceNumber: number): BrokerError {
    return new BrokerError(
      'com.microsoft:message-not-found',
      `${this.path} has no such message: sequence number ${sequenceNumber}`,
    );
  }

  #settle<Result>(operation: FaultOperation, lock: LockReference, act: (message: HeldMessage) => Result): Result {
    this.#state.sweep();
    const fault = this.#host.faults.strike(operation, this.path);
    if (fault?.effect === 'fail') throw faultError(fault);
    const message = this.#state.find(lock);
    if (fault?.effect === 'lose-lock' && message) this.#state.unlock(message, true);
    if (message === undefined || message.lockNumber === 0) throw this.#lockLost(lock);
    this.#host.used();
    const result = act(message);
    if (fault?.effect === 'cut-connection') throw connectionCut();
    return result;
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

  #change(message: HeldMessage, properties: ChangedProperties | undefined): void {
    if (properties === undefined || Object.keys(properties).length === 0) return;
    checkEach(properties);
    message.content = changeContent(message.content, properties);
  }
}
