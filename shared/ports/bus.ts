/** Events on their way: sent, given up, received. One contract suite: `test/contract/event-bus.ts`. */
import type { PlatformEvent } from '../events/catalog.ts';
import type { CloudEvent } from '../events/cloud-event.ts';

/** An event for one subscription alone, to arrive later. */
export interface Redelivery {
  /** Usually a `PlatformEvent`; an event that is newer than this build can be sent again all the same. */
  readonly event: CloudEvent;
  /** Milliseconds since the Unix epoch. */
  readonly at: number;
  /** The one subscription that gets it; topic, address and subject follow from it. */
  readonly to: string;
  /** Which redelivery this is; sent as the CloudEvents extension `redelivery`. */
  readonly redelivery: number;
  /** Sent as the extension `unrecordedattempts` unless 0: how often it was attempted without a record. */
  readonly unrecordedAttempts?: number | undefined;
  /** Sent as the extension `awaitedrun`: the run whose lease this waits for. */
  readonly awaitedRunId?: string | undefined;
  /** Sent as the extension `endedrun`: the run that ended and could not say so in the record. */
  readonly endedRunId?: string | undefined;
  /** Sent as the extension `unheardruns`: the runs that may have claimed the event without hearing so. */
  readonly unheardRunIds?: readonly string[] | undefined;
  /** Sent as the extension `automaticreplays` unless 0: how often it was replayed by itself in a row. */
  readonly automaticReplays?: number | undefined;
  /** Sent as the extension `replayof`: the entry of the errors queue that it is replayed from. */
  readonly replayOf?: string | undefined;
  /** At most 128 characters. Sending the same id twice within the duplicate-detection window is sending it once. */
  readonly messageId: string;
}

/** A message that could not be handled, for the errors queue. */
export interface DeadLetter {
  /** At most 128 characters. */
  readonly messageId: string;
  /** The event, or the body as it came when it is none. */
  readonly body: unknown;
  readonly type: string | undefined;
  readonly correlationId: string | undefined;
  readonly traceparent: string | undefined;
  /** PascalCase. */
  readonly reason: string;
  /** At most 4 KiB are kept. */
  readonly description: string;
  readonly subscription: string;
  readonly attempts: number;
  /** The redelivery that failed; a replay is the next one. */
  readonly redelivery: number;
}

/** A message that lies in the errors queue: dead-lettered by a handler's delivery, or given up by the broker. */
export interface DeadLetterEntry {
  /** Names it in the errors queue: digits, with a `d` before them when it lies in the queue's own dead-letter queue. */
  readonly sequenceNumber: string;
  readonly messageId: string;
  /** When it came to where it lies, in milliseconds since the Unix epoch. */
  readonly deadLetteredAt: number;
  /** As text; empty when it is a gzip. */
  readonly body: string;
  /** The body as it was sent when it is a gzip; `bodyOf` unpacks it. */
  readonly gzipped: Uint8Array | undefined;
  /** Whether the body is only the beginning of what was sent. */
  readonly isCut: boolean;
  readonly type: string | undefined;
  readonly correlationId: string | undefined;
  /** Ours, or the broker's, such as `MaxDeliveryCountExceeded` or `TTLExpiredException`; empty when nobody said. */
  readonly reason: string;
  readonly description: string;
  /** Where it failed: the handler's subscription, or whatever the broker took the message from. No sender's word. */
  readonly subscription: string | undefined;
  /** As in `DeadLetter`; undefined when the broker gave it up. */
  readonly attempts: number | undefined;
  readonly redelivery: number | undefined;
  readonly applicationProperties: Readonly<Record<string, unknown>>;
}

/** What a subscriber gets; settled by the promise of its callback: fulfilled completes, rejected abandons. */
export interface ReceivedMessage {
  readonly body: unknown;
  readonly messageId: string;
  readonly deliveryCount: number;
  readonly applicationProperties: Readonly<Record<string, unknown>>;
}

/** What waits at a subscription. */
export interface Backlog {
  /** Messages that wait, are locked or are deferred: all of them, or as many as were to be counted. */
  readonly count: number;
  /** When the one came that is there for the longest time, in milliseconds since the Unix epoch; undefined when there is none. */
  readonly oldestEnqueuedAt: number | undefined;
}

/** The handlers' subscriptions, looked at without taking anything out. The right to receive is enough for it. */
export interface Subscriptions {
  /** @returns undefined when there is no such subscription */
  backlog(subscription: string, atMost: number): Promise<Backlog | undefined>;
  /**
   * Whether a subscription exists, as it was at most a minute ago: cheap enough to be asked for each event. True where
   * this identity has no right to know.
   */
  hasSubscription(subscription: string): Promise<boolean>;
}

/**
 * Sends events. Delivery is at least once; publishing an event id twice within ten minutes is once. A topic drops without
 * a word what no subscription takes, so nothing is sent to a handler whose subscription is known to be missing.
 */
export interface Publisher extends Subscriptions {
  /** Resolves when the broker has accepted the event. @throws EventTooLargeError @throws MissingSubscriptionError */
  publish(event: PlatformEvent): Promise<void>;
  /**
   * A batch per topic (more when they do not fit into one); not one transaction across topics.
   *
   * @param nonce known to the sender alone, and the same when it sends them again: whoever knows which events are to come
   * cannot have messages of their ids dropped as duplicates
   * @throws MissingSubscriptionError before anything is sent
   */
  publishAll(events: readonly PlatformEvent[], nonce?: string): Promise<void>;
  /** @throws MissingSubscriptionError */
  schedule(redelivery: Redelivery): Promise<void>;
  /** Checks that the broker answers. */
  ping(): Promise<void>;
}

/** The errors queue, and the dead-letter queue of that, as one place. */
export interface DeadLetterQueue {
  deadLetter(message: DeadLetter): Promise<void>;
  /**
   * What is in the errors queue from a cursor on, oldest first, at most so many: fewer when they are large, none only at
   * its end. `0` is the beginning, `cursorAfter` an entry what lies behind it.
   */
  deadLetters(from: string, count: number): Promise<DeadLetterEntry[]>;
  /** The entry of that number; undefined when it no longer exists. */
  findDeadLetter(sequenceNumber: string): Promise<DeadLetterEntry | undefined>;
  /**
   * Takes an entry out of the errors queue, once `before` is done. When that rejects, or the process dies, the entry
   * stays; so `before` may be done twice. Others are left in their places, but are deferred: they are read and taken
   * out by their numbers alone from then on.
   *
   * @returns false when the entry no longer exists
   * @throws TransientError while another process takes it
   */
  takeDeadLetter(sequenceNumber: string, before?: () => Promise<void>): Promise<boolean>;
}

/** Receives events: what the Functions host does in Azure. */
export interface Subscriber {
  /** Receives from a subscription until the returned function is called; it resolves when the last callback ended. */
  subscribe(
    topic: string,
    subscription: string,
    receive: (message: ReceivedMessage) => Promise<void>,
  ): () => Promise<void>;
}

/** One connection to a broker, in all its roles. */
export interface EventBus extends Publisher, DeadLetterQueue, Subscriber {
  close(): Promise<void>;
}
