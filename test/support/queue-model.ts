/**
 * What a queue must do, written as plainly as can be: one array, searched from the front each time. The property tests
 * hold the broker against it.
 */
export interface ModelSettings {
  readonly lockDurationMs: number;
  readonly maxDeliveryCount: number;
  readonly defaultMessageTimeToLiveMs: number;
  readonly deadLetteringOnMessageExpiration: boolean;
  readonly requiresDuplicateDetection: boolean;
  readonly duplicateDetectionHistoryTimeWindowMs: number;
  readonly requiresSession: boolean;
}

export interface ModelMessage {
  body: string;
  sessionId: string | undefined;
  seq: number;
  state: 'active' | 'deferred' | 'scheduled';
  deliveryCount: number;
  /** When it expires, or when it is scheduled for. */
  dueAt: number;
  timeToLiveMs: number;
  /** Undefined while it is not locked. */
  lock: { id: number; until: number; holder: ModelSession | undefined } | undefined;
}

export interface ModelSession {
  readonly id: string;
  until: number;
  isLost: boolean;
}

export interface ModelSend {
  readonly body: string;
  readonly messageId: string;
  readonly sessionId?: string | undefined;
  readonly timeToLiveMs?: number | undefined;
  readonly delayMs?: number | undefined;
}

/** The refusals are named as the SDK names them. */
export class ModelRefusal extends Error {}

export class QueueModel {
  readonly settings: ModelSettings;
  now: number;
  messages: ModelMessage[] = [];
  deadLetters: { body: string; reason: string | undefined; deliveryCount: number }[] = [];
  holds: ModelSession[] = [];
  states = new Map<string, string>();
  #seen: { id: string; at: number }[] = [];
  #lastSeq = 0;
  #lastLock = 0;

  constructor(settings: ModelSettings, now: number) {
    this.settings = settings;
    this.now = now;
  }

  send(batch: readonly ModelSend[]): number[] {
    return batch.map((message) => {
      if (this.settings.requiresDuplicateDetection) {
        const window = this.settings.duplicateDetectionHistoryTimeWindowMs;
        this.#seen = this.#seen.filter(({ at }) => at > this.now - window);
        if (this.#seen.some(({ id }) => id === message.messageId)) return ++this.#lastSeq;
        this.#seen.push({ id: message.messageId, at: this.now });
      }
      const timeToLiveMs = Math.min(message.timeToLiveMs ?? Infinity, this.settings.defaultMessageTimeToLiveMs);
      return this.#add(message.body, message.sessionId, timeToLiveMs, message.delayMs);
    });
  }

  #add(body: string, sessionId: string | undefined, timeToLiveMs: number, delayMs: number | undefined): number {
    const isScheduled = delayMs !== undefined && delayMs > 0;
    this.messages.push({
      body,
      sessionId,
      seq: ++this.#lastSeq,
      state: isScheduled ? 'scheduled' : 'active',
      deliveryCount: 0,
      dueAt: this.now + (isScheduled ? delayMs : timeToLiveMs),
      timeToLiveMs,
      lock: undefined,
    });
    return this.#lastSeq;
  }

  cancel(seq: number): void {
    const message = this.messages.find((each) => each.seq === seq && each.state === 'scheduled');
    if (!message) throw new ModelRefusal('MessageNotFound');
    this.#drop(message);
  }

  receive(count: number, isDeleting: boolean, session?: ModelSession): (ModelMessage & { lockId: number })[] {
    if (session) this.#checkSession(session);
    const ready = this.messages
      .filter(({ state, lock, sessionId }) => state === 'active' && !lock && (!session || sessionId === session.id))
      .sort((a, b) => a.seq - b.seq)
      .slice(0, count);
    return ready.map((message) => this.#take(message, isDeleting, session));
  }

  receiveDeferred(seq: number, session?: ModelSession): ModelMessage & { lockId: number } {
    const message = this.messages.find((each) => each.seq === seq && each.state === 'deferred' && !each.lock);
    if (!message || (session && message.sessionId !== session.id)) throw new ModelRefusal('MessageNotFound');
    if (message.dueAt <= this.now) {
      this.#expire(message);
      throw new ModelRefusal('MessageNotFound');
    }
    return this.#take(message, false, session);
  }

  #take(
    message: ModelMessage,
    isDeleting: boolean,
    session: ModelSession | undefined,
  ): ModelMessage & { lockId: number } {
    if (isDeleting) this.#drop(message);
    else message.lock = { id: ++this.#lastLock, until: this.now + this.settings.lockDurationMs, holder: session };
    return { ...message, lockId: message.lock?.id ?? 0 };
  }

  settle(lockId: number, how: 'complete' | 'abandon' | 'defer' | 'deadLetter' | 'renew'): void {
    const message = this.messages.find(({ lock }) => lock?.id === lockId);
    if (!message?.lock) throw new ModelRefusal(this.settings.requiresSession ? 'SessionLockLost' : 'MessageLockLost');
    if (how === 'renew') {
      if (message.lock.holder) throw new ModelRefusal('InvalidOperation');
      message.lock.until = this.now + this.settings.lockDurationMs;
    } else if (how === 'abandon') {
      this.#unlock(message, true);
    } else if (how === 'defer') {
      message.state = 'deferred';
      this.#unlock(message, true);
    } else {
      this.#drop(message);
      if (how === 'deadLetter') this.#bury(message, 'Test');
    }
  }

  accept(id: string): ModelSession {
    if (this.holds.some((hold) => hold.id === id)) throw new ModelRefusal('SessionCannotBeLocked');
    const session = { id, until: this.now + this.settings.lockDurationMs, isLost: false };
    this.holds.push(session);
    return session;
  }

  /** Ids that may be given out next: which one is the broker's choice. */
  free(): string[] {
    const ready = this.messages.filter(({ state, lock }) => state === 'active' && !lock);
    const ids = new Set(ready.map(({ sessionId }) => sessionId ?? ''));
    return [...ids].filter((id) => !this.holds.some((hold) => hold.id === id));
  }

  renewSession(session: ModelSession): void {
    this.#checkSession(session);
    session.until = this.now + this.settings.lockDurationMs;
  }

  setState(session: ModelSession, state: string): void {
    this.#checkSession(session);
    this.states.set(session.id, state);
  }

  closeSession(session: ModelSession): void {
    if (!session.isLost) this.#endSession(session, false);
  }

  #checkSession(session: ModelSession): void {
    if (session.isLost) throw new ModelRefusal('SessionLockLost');
  }

  #endSession(session: ModelSession, isFailed: boolean): void {
    session.isLost = true;
    this.holds = this.holds.filter((hold) => hold !== session);
    for (const message of this.messages.filter(({ lock }) => lock?.holder === session)) this.#unlock(message, isFailed);
  }

  /** Time passes in steps of whatever happens next. */
  advanceTo(time: number): void {
    for (;;) {
      const locks = this.messages.flatMap(({ lock }) => (lock && !lock.holder ? [lock.until] : []));
      const dues = this.messages.filter(({ state, lock }) => state !== 'deferred' && !lock).map(({ dueAt }) => dueAt);
      const next = Math.min(...locks, ...dues, ...this.holds.map(({ until }) => until));
      if (next > time) break;
      this.now = next;
      this.#fallDue();
    }
    this.now = time;
  }

  #fallDue(): void {
    for (const message of this.messages.filter(({ lock }) => lock && !lock.holder && lock.until <= this.now)) {
      this.#unlock(message, true);
    }
    for (const session of this.holds.filter(({ until }) => until <= this.now)) this.#endSession(session, true);
    for (const message of [...this.messages]) {
      if (message.state === 'active' && !message.lock && message.dueAt <= this.now) this.#expire(message);
    }
    const scheduled = this.messages.filter(({ state, dueAt }) => state === 'scheduled' && dueAt <= this.now);
    for (const message of scheduled.sort((a, b) => a.dueAt - b.dueAt || a.seq - b.seq)) {
      this.#drop(message);
      this.#add(message.body, message.sessionId, message.timeToLiveMs, undefined);
    }
  }

  #unlock(message: ModelMessage, isFailed: boolean): void {
    message.lock = undefined;
    if (!isFailed) {
      if (message.state === 'active' && message.dueAt <= this.now) this.#expire(message);
      return;
    }
    message.deliveryCount++;
    if (message.deliveryCount >= this.settings.maxDeliveryCount) {
      this.#drop(message);
      this.#bury(message, 'MaxDeliveryCountExceeded');
    } else if (message.state === 'active' && message.dueAt <= this.now) {
      this.#expire(message);
    }
  }

  #expire(message: ModelMessage): void {
    this.#drop(message);
    if (this.settings.deadLetteringOnMessageExpiration) this.#bury(message, 'TTLExpiredException');
  }

  #bury({ body, deliveryCount }: ModelMessage, reason: string): void {
    this.deadLetters.push({ body, reason, deliveryCount });
  }

  #drop(message: ModelMessage): void {
    this.messages = this.messages.filter((each) => each !== message);
  }
}
