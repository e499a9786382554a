/**
 * The sessions of one entity. Each is an ordered queue with an exclusive lock and a state.
 *
 * @see https://learn.microsoft.com/azure/service-bus-messaging/message-sessions
 */
import { AscendingQueue, QueuePlace } from './ascending-queue.ts';
import { BrokerError } from './broker-error.ts';
import { type Consumer, type ConsumerOptions, Feed, type Feeder, type ReceiveMode } from './consumer.ts';
import type { DeliveredMessage, HeldMessage, Holder } from './held-message.ts';
import type { Throttle } from './limits/throttle.ts';
import type { QueueHost } from './queue-host.ts';
import { SequenceLog } from './sequence-log.ts';

/** What sessions need from their queue. */
interface SessionQueue {
  readonly path: string;
  readonly throttle: Throttle | undefined;
  pull(feed: Feed, count: number, mode: ReceiveMode, holder: Holder): DeliveredMessage[];
  handOut(message: HeldMessage, mode: ReceiveMode, holder: Holder): DeliveredMessage;
  releaseAll(held: AscendingQueue<HeldMessage>, isFailed: boolean): void;
  arm(time: number): void;
  receiving(change: 1 | -1): void;
}

interface SessionOptions {
  /** The lock expired, or the broker ended it. */
  readonly onLost?: (error: BrokerError) => void;
}

class Session implements Feeder {
  readonly id: string;
  readonly feed: Feed;
  readonly log: SequenceLog<HeldMessage> = new SequenceLog<HeldMessage>();
  readonly available: QueuePlace<Session> = new QueuePlace<Session>(this);
  readonly #queue: SessionQueue;
  hold: SessionHold | undefined = undefined;
  state: Uint8Array | undefined = undefined;
  stateSetAt = 0;

  constructor(id: string, queue: SessionQueue) {
    this.id = id;
    this.#queue = queue;
    this.feed = new Feed(this);
  }

  hand(message: HeldMessage, consumer: Consumer): DeliveredMessage {
    if (!this.hold) throw new Error(`session ${this.id} has a consumer but is not held`);
    return this.#queue.handOut(message, consumer.mode, this.hold);
  }

  get throttle(): Throttle | undefined {
    return this.#queue.throttle;
  }

  /** Does nothing: what a consumer received belongs to the session's holder, who may open another consumer. */
  takeBack(): void {}

  receiving(change: 1 | -1): void {
    this.#queue.receiving(change);
  }
}

/** An accepted session. No other receiver can accept it until it is closed or its lock expires. */
export class SessionHold implements Holder {
  readonly held: AscendingQueue<HeldMessage> = new AscendingQueue<HeldMessage>();
  readonly place: QueuePlace<SessionHold> = new QueuePlace<SessionHold>(this);
  readonly #sessions: Sessions;
  readonly #session: Session;
  readonly #options: SessionOptions;
  #lockedUntil = 0;
  #isLost = false;

  constructor(sessions: Sessions, session: Session, options: SessionOptions) {
    this.#sessions = sessions;
    this.#session = session;
    this.#options = options;
  }

  get sessionId(): string {
    return this.#session.id;
  }

  get session(): this {
    return this;
  }

  get isLost(): boolean {
    return this.#isLost;
  }

  get lockedUntil(): number {
    return this.#lockedUntil;
  }

  /** Starts the lock. */
  begin(): void {
    this.#lockedUntil = this.#sessions.lock(this);
  }

  /**
   * Renews the lock.
   *
   * @returns its new end.
   * @throws BrokerError when the lock is lost, as all methods below but `close`
   */
  renew(): number {
    this.#check();
    this.#lockedUntil = this.#sessions.lock(this);
    return this.#lockedUntil;
  }

  get state(): Uint8Array | undefined {
    this.#check();
    return this.#session.state;
  }

  /** Sets the state. It outlives messages and locks, until it is set to undefined. */
  setState(state: Uint8Array | undefined): void {
    this.#check();
    this.#sessions.setState(this.#session, state);
  }

  /** Like `MessageQueue.openConsumer`, for the messages of this session. */
  openConsumer(options: ConsumerOptions): Consumer {
    this.#check();
    return this.#session.feed.open(options);
  }

  receive(count = 1, mode: ReceiveMode = 'peekLock'): DeliveredMessage[] {
    this.#check();
    return this.#sessions.queue.pull(this.#session.feed, count, mode, this);
  }

  /**
   * Releases the session. Unsettled messages are available at once, in their old places, with unchanged delivery
   * counts.
   */
  close(): void {
    if (!this.#isLost) this.#end(false);
  }

  /** The broker takes the session away. */
  lose(error: BrokerError): void {
    if (this.#isLost) return;
    this.#end(true);
    for (const consumer of [...this.#session.feed.consumers]) consumer.closeWith(error);
    this.#options.onLost?.(error);
  }

  #end(isFailed: boolean): void {
    this.#isLost = true;
    if (!isFailed) for (const consumer of [...this.#session.feed.consumers]) consumer.close();
    this.#sessions.queue.releaseAll(this.held, isFailed);
    this.#sessions.unlock(this, this.#session);
  }

  #check(): void {
    this.#sessions.checkDue(this);
    if (this.#isLost) {
      throw new BrokerError('com.microsoft:session-lock-lost', `the lock of session '${this.sessionId}' is lost`);
    }
  }
}

/** A receiver that waits for the next session. */
interface Waiter {
  readonly options: SessionOptions;
  readonly grant: (hold: SessionHold) => void;
}

export class Sessions {
  readonly queue: SessionQueue;
  readonly #clock: QueueHost['clock'];
  readonly #maxStateBytes: number;
  readonly #lockDuration: () => number;
  readonly #sessions = new Map<string, Session>();
  /** Sessions with ready messages and no holder; the one that has waited longest comes first. */
  readonly #available = new AscendingQueue<Session>();
  readonly #waiters = new AscendingQueue<Waiter>();
  readonly #holds = new AscendingQueue<SessionHold>();
  #turn = 0;
  #isGrantDue = false;

  constructor(queue: SessionQueue, { clock, limits }: Pick<QueueHost, 'clock' | 'limits'>, lockDuration: () => number) {
    this.queue = queue;
    this.#clock = clock;
    this.#maxStateBytes = limits.maxMessageSizeBytes;
    this.#lockDuration = lockDuration;
  }

  /** Locks a session, with or without messages. @throws BrokerError when another receiver holds it */
  accept(sessionId: string, options: SessionOptions = {}): SessionHold {
    const session = this.#session(sessionId);
    if (session.hold) {
      throw new BrokerError(
        'com.microsoft:session-cannot-be-locked',
        `the session '${sessionId}' of ${this.queue.path} is locked by another receiver`,
      );
    }
    return this.#hold(session, options);
  }

  /** Locks the session with ready messages that has waited longest; undefined when no session has any. */
  acceptNext(options: SessionOptions = {}): SessionHold | undefined {
    const session = this.#available.first();
    return session && this.#hold(session, options);
  }

  /**
   * Grants the next session once one is available, in the order of the calls.
   *
   * @returns a function that stops waiting
   */
  waitForNext(grant: (hold: SessionHold) => void, options: SessionOptions = {}): () => void {
    const place = new QueuePlace<Waiter>({ grant, options });
    this.#waiters.add(place, this.#turn++);
    this.#grantSoon();
    return () => this.#waiters.remove(place);
  }

  /** The hold on a session; undefined when no receiver holds it. */
  holdOf(sessionId: string): SessionHold | undefined {
    return this.#sessions.get(sessionId)?.hold;
  }

  /** Ids of the sessions with messages or a state; with a time, of those whose state was set since then. */
  list(stateSetSince?: number): string[] {
    return [...this.#sessions.values()]
      .filter((session) =>
        stateSetSince === undefined
          ? session.log.size > 0 || session.state
          : session.state && session.stateSetAt >= stateSetSince,
      )
      .map((session) => session.id);
  }

  // ---------------------------------------------------------------- for the queue and the holds

  get holdCount(): number {
    return this.#holds.size;
  }

  insert(message: HeldMessage): void {
    this.#session(message.content.sessionId ?? '').log.append(message.sequenceNumber, message);
  }

  remove(message: HeldMessage): void {
    const session = this.#session(message.content.sessionId ?? '');
    session.log.remove(message.sequenceNumber);
    this.#refresh(session);
  }

  makeReady(message: HeldMessage): void {
    const session = this.#session(message.content.sessionId ?? '');
    session.feed.makeReady(message);
    this.#refresh(session);
  }

  unready(message: HeldMessage): void {
    const session = this.#session(message.content.sessionId ?? '');
    session.feed.ready.remove(message);
    this.#refresh(session);
  }

  feeds(): Feed[] {
    return [...this.#sessions.values()].map(({ feed }) => feed);
  }

  logOf(sessionId: string): SequenceLog<HeldMessage> | undefined {
    return this.#sessions.get(sessionId)?.log;
  }

  /** Starts or renews the lock of a hold. @returns its end */
  lock(hold: SessionHold): number {
    const until = this.#clock.now() + this.#lockDuration();
    this.#holds.remove(hold.place);
    this.#holds.add(hold.place, until);
    this.queue.arm(until);
    return until;
  }

  unlock(hold: SessionHold, session: Session): void {
    this.#holds.remove(hold.place);
    session.hold = undefined;
    this.#refresh(session);
  }

  /** @throws BrokerError for a state that is larger than a message may be */
  setState(session: Session, state: Uint8Array | undefined): void {
    if (state && state.length > this.#maxStateBytes) {
      throw new BrokerError(
        'amqp:link:message-size-exceeded',
        `the state of session '${session.id}' has ${state.length} bytes; ${this.queue.path} allows at most ${this.#maxStateBytes}`,
      );
    }
    // An empty state clears it: Go's client has no other way.
    session.state = state?.length ? state : undefined;
    session.stateSetAt = this.#clock.now();
  }

  /** Ends a hold that has expired before the timer fired. */
  checkDue(hold: SessionHold): void {
    if (!hold.isLost && hold.lockedUntil <= this.#clock.now()) this.loseDue(this.#clock.now());
  }

  loseDue(now: number): void {
    while (this.#holds.firstKey() <= now) {
      const hold = this.#holds.first();
      hold?.lose(new BrokerError('com.microsoft:session-lock-lost', `the lock of session '${hold.sessionId}' expired`));
    }
  }

  nextLoss(): number {
    return this.#holds.firstKey();
  }

  closeAll(error: BrokerError): void {
    for (let hold = this.#holds.first(); hold; hold = this.#holds.first()) hold.lose(error);
  }

  #session(id: string): Session {
    let session = this.#sessions.get(id);
    if (!session) {
      session = new Session(id, this.queue);
      this.#sessions.set(id, session);
    }
    return session;
  }

  #hold(session: Session, options: SessionOptions): SessionHold {
    const hold = new SessionHold(this, session, options);
    session.hold = hold;
    hold.begin();
    this.#refresh(session);
    return hold;
  }

  /** Updates the list of available sessions, and deletes a session without hold, state and messages. */
  #refresh(session: Session): void {
    const isAvailable = !session.hold && session.feed.ready.size > 0;
    if (isAvailable && !session.available.isQueued) {
      this.#available.add(session.available, this.#turn++);
      this.#grantSoon();
    } else if (!isAvailable) {
      this.#available.remove(session.available);
      if (!session.hold && session.state === undefined && session.log.size === 0) this.#sessions.delete(session.id);
    }
  }

  #grantSoon(): void {
    if (this.#isGrantDue || this.#waiters.size === 0 || this.#available.size === 0) return;
    this.#isGrantDue = true;
    queueMicrotask(() => {
      this.#isGrantDue = false;
      while (this.#waiters.size > 0) {
        const session = this.#available.first();
        if (!session) return;
        const waiter = this.#waiters.shift();
        waiter?.grant(this.#hold(session, waiter.options));
      }
    });
  }
}
