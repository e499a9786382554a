/** A message in one queue: where it stands, who holds it, and the snapshots of it that receivers get. */
import { type AscendingQueue, QueuePlace } from './ascending-queue.ts';
import type { Content } from './message.ts';

/** `locked` and `deferred` at once is a deferred message that was received by its number. */
export type MessageState = 'active' | 'deferred' | 'scheduled';

/** Who may hold locks: a consumer, an accepted session, or the queue itself for messages that were pulled. */
export interface Holder {
  /** Held messages in the order they were locked. */
  readonly held: AscendingQueue<HeldMessage>;
  /** The lock that covers all of them, if it is a session's. */
  readonly session: { readonly lockedUntil: number } | undefined;
}

/** Where a message came from, kept when it moves on to another entity. */
export interface Origin {
  /** The number it had where it was first sent. */
  readonly enqueuedSequenceNumber?: number | undefined;
  /** How often it was auto-forwarded. */
  readonly hops?: number;
  /** The entity that dead-lettered it, once it was forwarded from there. */
  readonly deadLetterSource?: string | undefined;
  readonly deliveryCount?: number;
  /** The limit of the topic that it came through. */
  readonly longestTimeToLiveMs?: number;
}

export class HeldMessage {
  content: Content;
  readonly sequenceNumber: number;
  readonly enqueuedSequenceNumber: number;
  readonly enqueuedAt: number;
  /** `Infinity` is never. */
  readonly expiresAt: number;
  readonly hops: number;
  readonly deadLetterSource: string | undefined;
  /** Deliveries that failed. */
  deliveryCount: number;
  state: MessageState;
  /** 0 while it is not locked. Each lock has a number of its own, so that an old token is told from a new one. */
  lockNumber = 0;
  lockedUntil = 0;
  holder: Holder | undefined = undefined;
  /** Its place among those that can be received, or else among what its holder has locked. */
  readonly place: QueuePlace<HeldMessage> = new QueuePlace<HeldMessage>(this);
  #timed: QueuePlace<HeldMessage> | undefined = undefined;

  constructor(
    content: Content,
    sequenceNumber: number,
    state: MessageState,
    at: { readonly enqueuedAt: number; readonly expiresAt: number },
    origin: Origin,
  ) {
    this.content = content;
    this.sequenceNumber = sequenceNumber;
    this.enqueuedSequenceNumber = origin.enqueuedSequenceNumber ?? sequenceNumber;
    this.enqueuedAt = at.enqueuedAt;
    this.expiresAt = at.expiresAt;
    this.hops = origin.hops ?? 0;
    this.deadLetterSource = origin.deadLetterSource;
    this.deliveryCount = origin.deliveryCount ?? 0;
    this.state = state;
  }

  /**
   * Its place among the deadlines: the lock's while locked, else the expiry or the time it is scheduled for. Made when
   * it is needed: most messages wait without a deadline, and what waits is what the garbage collector copies.
   */
  get timed(): QueuePlace<HeldMessage> {
    this.#timed ??= new QueuePlace<HeldMessage>(this);
    return this.#timed;
  }
}

/** A message as it was peeked at; it does not change when the message does. */
export class PeekedMessage {
  readonly content: Content;
  readonly sequenceNumber: number;
  readonly enqueuedSequenceNumber: number;
  readonly enqueuedAt: number;
  /** `Infinity` is never. */
  readonly expiresAt: number;
  /** Deliveries that failed: 0 on the first. The SDKs for .NET and Java show one more. */
  readonly deliveryCount: number;
  readonly state: MessageState;
  /** The entity that dead-lettered it, once it was forwarded from there. */
  readonly deadLetterSource: string | undefined;

  constructor(message: HeldMessage) {
    this.content = message.content;
    this.sequenceNumber = message.sequenceNumber;
    this.enqueuedSequenceNumber = message.enqueuedSequenceNumber;
    this.enqueuedAt = message.enqueuedAt;
    this.expiresAt = message.expiresAt;
    this.deliveryCount = message.deliveryCount;
    this.state = message.state;
    this.deadLetterSource = message.deadLetterSource;
  }
}

/** A message as it was received. Settle with it, or with its lock token. */
export class DeliveredMessage extends PeekedMessage {
  /** 0 when it was received and deleted. */
  readonly lockNumber: number;
  readonly #lockedUntil: number;
  /** Tells the locks of different queues apart. */
  readonly salt: string;

  constructor(message: HeldMessage, salt: string) {
    super(message);
    this.lockNumber = message.lockNumber;
    this.#lockedUntil = message.lockedUntil;
    this.salt = salt;
  }

  /** Until when it was locked as it was received; undefined when it was received and deleted. */
  get lockedUntil(): number | undefined {
    return this.lockNumber === 0 ? undefined : this.#lockedUntil;
  }

  /** Writes the sixteen bytes of the lock token, in the order of its text. */
  writeLockToken(target: Buffer): void {
    target.write(this.salt, 0, 'hex');
    target.writeUInt32BE(this.lockNumber, 4);
    target.writeUInt32BE(Math.floor(this.sequenceNumber / 0x1_0000_0000), 8);
    target.writeUInt32BE(this.sequenceNumber % 0x1_0000_0000, 12);
  }

  /** A UUID in lower-case text; undefined when it was received and deleted. */
  get lockToken(): string | undefined {
    return this.lockNumber === 0 ? undefined : lockToken(this.salt, this.lockNumber, this.sequenceNumber);
  }
}

/** A lock, by its token or by what was received under it. */
export type LockReference = string | DeliveredMessage;

/*
 * A token holds the queue's salt (8 hex digits), the number of the lock (8) and the sequence number (16). So finding the
 * message of a token needs no table that would have to be kept clean.
 */
function lockToken(salt: string, lockNumber: number, sequenceNumber: number): string {
  const lock = (lockNumber >>> 0).toString(16).padStart(8, '0');
  const sequence = sequenceNumber.toString(16).padStart(16, '0');
  return `${salt}-${lock.slice(0, 4)}-${lock.slice(4)}-${sequence.slice(0, 4)}-${sequence.slice(4)}`;
}

const TOKEN = /^([0-9a-f]{8})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{12})$/i;

/** @returns undefined when the text is no token of the queue with that salt */
export function parseLockToken(
  token: string,
  salt: string,
): { lockNumber: number; sequenceNumber: number } | undefined {
  const [, ofQueue, high, low, front, back] = TOKEN.exec(token) ?? [];
  if (ofQueue?.toLowerCase() !== salt) return undefined;
  return { lockNumber: Number.parseInt(`${high}${low}`, 16), sequenceNumber: Number.parseInt(`${front}${back}`, 16) };
}
