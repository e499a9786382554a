/** A message in one queue: its state, who holds it, and the snapshots that receivers get. */
import { type AscendingQueue, QueuePlace, TimedPlace } from './ascending-queue.ts';
import type { Content } from './message.ts';

/** A deferred message stays `deferred` while it is locked, after it was received by its number. */
export type MessageState = 'active' | 'deferred' | 'scheduled';

/** Who holds locks: a consumer or an accepted session. Messages that were pulled have no holder. */
export interface Holder {
  /** The held messages, in the order in which they were locked. */
  readonly held: AscendingQueue<HeldMessage>;
  /** A session's lock covers all its messages. */
  readonly session: { readonly lockedUntil: number } | undefined;
}

/** Where a message came from; kept when it is forwarded to another entity. */
export interface Origin {
  /** Its sequence number where it was first sent. */
  readonly enqueuedSequenceNumber?: number | undefined;
  /** How often it was auto-forwarded. */
  readonly hops?: number;
  /** The entity that dead-lettered and forwarded it. */
  readonly deadLetterSource?: string | undefined;
  readonly deliveryCount?: number;
  /** The default time to live of the topic that it came through. */
  readonly longestTimeToLiveMs?: number;
}

/** Messages that are enqueued in one moment share theirs. */
export interface MessageTimes {
  readonly enqueuedAt: number;
  /** `Infinity` is never. */
  readonly expiresAt: number;
}

/** It is its own place among the ready messages, or among those that its holder has locked. */
export class HeldMessage extends QueuePlace<HeldMessage> {
  content: Content;
  readonly sequenceNumber: number;
  readonly enqueuedSequenceNumber: number;
  readonly times: MessageTimes;
  readonly hops: number;
  readonly deadLetterSource: string | undefined;
  /** How many deliveries failed. */
  deliveryCount: number;
  state: MessageState;
  /**
   * 0 while the message is not locked. Each lock has its own number, so that an old token is not valid for a new lock.
   */
  lockNumber = 0;
  lockedUntil: number | undefined = undefined;
  holder: Holder | undefined = undefined;
  #timed: QueuePlace<HeldMessage> | undefined = undefined;

  constructor(content: Content, sequenceNumber: number, state: MessageState, times: MessageTimes, origin: Origin) {
    super();
    this.content = content;
    this.sequenceNumber = sequenceNumber;
    this.enqueuedSequenceNumber = origin.enqueuedSequenceNumber ?? sequenceNumber;
    this.times = times;
    this.hops = origin.hops ?? 0;
    this.deadLetterSource = origin.deadLetterSource;
    this.deliveryCount = origin.deliveryCount ?? 0;
    this.state = state;
  }

  get enqueuedAt(): number {
    return this.times.enqueuedAt;
  }

  get expiresAt(): number {
    return this.times.expiresAt;
  }

  /**
   * Its place among the deadlines: the end of its lock, its expiry or its scheduled time. Created when it is needed,
   * because most messages wait without a deadline, and the garbage collector copies what waits.
   */
  get timed(): QueuePlace<HeldMessage> {
    this.#timed ??= new TimedPlace<HeldMessage>(this);
    return this.#timed;
  }
}

/** A snapshot of a message; it does not change when the message does. */
export class PeekedMessage {
  readonly content: Content;
  readonly sequenceNumber: number;
  readonly enqueuedSequenceNumber: number;
  readonly #times: MessageTimes;
  /** How many deliveries failed: 0 on the first. The SDKs for .NET and Java show one more. */
  readonly deliveryCount: number;
  readonly state: MessageState;
  /** The entity that dead-lettered and forwarded it. */
  readonly deadLetterSource: string | undefined;

  constructor(message: HeldMessage) {
    this.content = message.content;
    this.sequenceNumber = message.sequenceNumber;
    this.enqueuedSequenceNumber = message.enqueuedSequenceNumber;
    this.#times = message.times;
    this.deliveryCount = message.deliveryCount;
    this.state = message.state;
    this.deadLetterSource = message.deadLetterSource;
  }

  get enqueuedAt(): number {
    return this.#times.enqueuedAt;
  }

  /** `Infinity` is never. */
  get expiresAt(): number {
    return this.#times.expiresAt;
  }
}

/** A message as a receiver gets it. It is settled with this object, or with its lock token. */
export class DeliveredMessage extends PeekedMessage {
  /** 0 in receive-and-delete mode. */
  readonly lockNumber: number;
  readonly #lockedUntil: number | undefined;
  /** Distinguishes the locks of different queues. */
  readonly salt: number;

  constructor(message: HeldMessage, salt: number) {
    super(message);
    this.lockNumber = message.lockNumber;
    this.#lockedUntil = message.lockedUntil;
    this.salt = salt;
  }

  /** The end of the lock as it was at the delivery; undefined in receive-and-delete mode. */
  get lockedUntil(): number | undefined {
    return this.lockNumber === 0 ? undefined : this.#lockedUntil;
  }

  /** Writes the sixteen bytes of the lock token, in the order of its text. @internal */
  writeLockToken(target: Buffer): void {
    target.writeUInt32BE(this.salt, 0);
    target.writeUInt32BE(this.lockNumber, 4);
    target.writeUInt32BE(Math.floor(this.sequenceNumber / 0x1_0000_0000), 8);
    target.writeUInt32BE(this.sequenceNumber % 0x1_0000_0000, 12);
  }

  /** A UUID in lower-case text; undefined in receive-and-delete mode. */
  get lockToken(): string | undefined {
    return this.lockNumber === 0 ? undefined : lockToken(this.salt, this.lockNumber, this.sequenceNumber);
  }
}

/** A lock, by its token or by the message that was delivered under it. */
export type LockReference = string | DeliveredMessage;

/*
 * A token holds the queue's salt (8 hex digits), the lock number (8) and the sequence number (16). So no table of
 * tokens is needed to find the message of a token.
 */
function lockToken(salt: number, lockNumber: number, sequenceNumber: number): string {
  const front = salt.toString(16).padStart(8, '0');
  const lock = (lockNumber >>> 0).toString(16).padStart(8, '0');
  const sequence = sequenceNumber.toString(16).padStart(16, '0');
  return `${front}-${lock.slice(0, 4)}-${lock.slice(4)}-${sequence.slice(0, 4)}-${sequence.slice(4)}`;
}

const TOKEN = /^([0-9a-f]{8})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{12})$/i;

/** @returns undefined when the text is not a token of the queue with that salt */
export function parseLockToken(
  token: string,
  salt: number,
): { lockNumber: number; sequenceNumber: number } | undefined {
  const [, ofQueue, high, low, front, back] = TOKEN.exec(token) ?? [];
  if (ofQueue === undefined || Number.parseInt(ofQueue, 16) !== salt) return undefined;
  return { lockNumber: Number.parseInt(`${high}${low}`, 16), sequenceNumber: Number.parseInt(`${front}${back}`, 16) };
}
