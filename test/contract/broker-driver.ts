/** How the broker contract reaches a broker: the core directly, or any Service Bus through a client. */

import type {
  QueueProperties,
  SubscriptionProperties,
  TopicProperties,
} from '../../shared/local/service-bus/core/entity-properties.ts';
import type { PropertyValue } from '../../shared/local/service-bus/core/message.ts';
import type { RuleDefinition } from '../../shared/local/service-bus/filters/rule-definition.ts';

/** Bodies are text; a driver encodes them as it likes, so long as they come back equal. */
export interface TestMessage {
  readonly body: string;
  readonly messageId?: string;
  readonly sessionId?: string;
  readonly correlationId?: string;
  readonly subject?: string;
  readonly to?: string;
  readonly replyTo?: string;
  readonly contentType?: string;
  readonly replyToSessionId?: string;
  readonly partitionKey?: string;
  readonly timeToLiveMs?: number;
  readonly applicationProperties?: Readonly<Record<string, PropertyValue>>;
  /** Sent with this enqueue time, by an ordinary send. */
  readonly scheduledEnqueueTimeMs?: number;
}

/** A message as it was received or peeked at. Numbers are text: some clients have no other exact form for them. */
export interface ReceivedTestMessage {
  readonly body: string;
  readonly messageId: string;
  readonly sessionId: string | undefined;
  readonly correlationId: string | undefined;
  readonly subject: string | undefined;
  readonly to: string | undefined;
  readonly replyTo: string | undefined;
  readonly replyToSessionId: string | undefined;
  readonly contentType: string | undefined;
  readonly partitionKey: string | undefined;
  /** Undefined for never. */
  readonly expiresAt: number | undefined;
  readonly applicationProperties: Readonly<Record<string, unknown>>;
  readonly sequenceNumber: string;
  readonly enqueuedSequenceNumber: string | undefined;
  /** 0 on the first delivery. */
  readonly deliveryCount: number;
  readonly enqueuedAt: number;
  readonly lockedUntil: number | undefined;
  readonly state: 'active' | 'deferred' | 'scheduled';
  readonly deadLetterReason: string | undefined;
  readonly deadLetterErrorDescription: string | undefined;
  readonly deadLetterSource: string | undefined;
}

export interface TestReceiver {
  /** Up to `count`; fewer, or none, when no more came within what the driver thinks long enough. */
  receive(count: number): Promise<ReceivedTestMessage[]>;
  /** All of these need a message that this receiver received. A failing call rejects with an error whose `code` is the SDK's. */
  complete(message: ReceivedTestMessage): Promise<void>;
  abandon(message: ReceivedTestMessage, properties?: Readonly<Record<string, PropertyValue>>): Promise<void>;
  defer(message: ReceivedTestMessage, properties?: Readonly<Record<string, PropertyValue>>): Promise<void>;
  deadLetter(message: ReceivedTestMessage, reason?: string, description?: string): Promise<void>;
  renewLock(message: ReceivedTestMessage): Promise<number>;
  receiveDeferred(sequenceNumbers: readonly string[]): Promise<ReceivedTestMessage[]>;
  peek(count: number, fromSequenceNumber?: string): Promise<ReceivedTestMessage[]>;
  /** Deletes messages that were enqueued before a time. @returns how many */
  deleteMessages(count: number, enqueuedBefore: number): Promise<number>;
  /** Returns what it holds. */
  close(): Promise<void>;
}

/** What a receiver has taken, by what the suite was given for it. */
export class TakenMessages<Original> {
  readonly #originals = new Map<ReceivedTestMessage, Original>();
  readonly #show: (original: Original) => ReceivedTestMessage;

  constructor(show: (original: Original) => ReceivedTestMessage) {
    this.#show = show;
  }

  readonly keep = (original: Original): ReceivedTestMessage => {
    const shown = this.#show(original);
    this.#originals.set(shown, original);
    return shown;
  };

  original(message: ReceivedTestMessage): Original {
    const found = this.#originals.get(message);
    if (!found) throw new Error('settle what this receiver received');
    return found;
  }
}

export interface TestSession extends TestReceiver {
  readonly sessionId: string;
  getState(): Promise<string | undefined>;
  setState(state: string | undefined): Promise<void>;
  renewSession(): Promise<number>;
}

/** The properties of an entity, by the names of the core; durations in milliseconds. */
export type EntityProperties = Readonly<Partial<QueueProperties & TopicProperties & SubscriptionProperties>>;

export interface EntityCounts {
  readonly active: number;
  readonly deadLetter: number;
  readonly scheduled: number;
  readonly transferDeadLetter: number;
  readonly total: number;
}

/**
 * Entities by their paths: `q`, `t`, `t/Subscriptions/s`. A failing call rejects with an error whose `code` is
 * `MessagingEntityNotFound`, `MessagingEntityAlreadyExists`, `QuotaExceeded`, or else `BadRequest`.
 */
interface Administration {
  createQueue(name: string, properties?: Partial<QueueProperties>): Promise<void>;
  createTopic(name: string, properties?: Partial<TopicProperties>): Promise<void>;
  createSubscription(
    topic: string,
    name: string,
    properties?: Partial<SubscriptionProperties>,
    rules?: readonly RuleDefinition[],
  ): Promise<void>;
  describeQueue(name: string): Promise<EntityProperties>;
  describeTopic(name: string): Promise<EntityProperties>;
  describeSubscription(topic: string, name: string): Promise<EntityProperties>;
  updateQueue(name: string, changes: Partial<QueueProperties>): Promise<void>;
  updateTopic(name: string, changes: Partial<TopicProperties>): Promise<void>;
  updateSubscription(topic: string, name: string, changes: Partial<SubscriptionProperties>): Promise<void>;
  deleteQueue(name: string): Promise<void>;
  deleteTopic(name: string): Promise<void>;
  deleteSubscription(topic: string, name: string): Promise<void>;
  /** Names. */
  listQueues(): Promise<string[]>;
  listTopics(): Promise<string[]>;
  listSubscriptions(topic: string): Promise<string[]>;
  /** The rule as the administration shows it. */
  describeRule(topic: string, subscription: string, rule: string): Promise<RuleDefinition>;
  updateRule(topic: string, subscription: string, rule: RuleDefinition): Promise<void>;
  counts(path: string): Promise<EntityCounts>;
}

/** A link as a bare AMQP client asks for it: to a coordinator of transactions, to send, or to receive. */
export type BareLink =
  | { readonly to: 'coordinator' }
  | {
      readonly to: 'target';
      readonly address: string;
      /** 0 to put none. The link is watched for a second longer than its token is valid, up to three seconds. */
      readonly tokenSeconds: number;
    }
  | { readonly to: 'source'; readonly address: string; readonly distributionMode?: string };

export interface BrokerDriver extends Administration {
  /** Over AMQP, where there is a choice. */
  addRule(topic: string, subscription: string, rule: RuleDefinition): Promise<void>;
  removeRule(topic: string, subscription: string, rule: string): Promise<void>;
  /** Names. */
  listRules(topic: string, subscription: string): Promise<string[]>;
  /** One batch. */
  send(entity: string, messages: readonly TestMessage[]): Promise<void>;
  schedule(entity: string, messages: readonly TestMessage[], at: number): Promise<string[]>;
  cancelScheduled(entity: string, sequenceNumbers: readonly string[]): Promise<void>;
  /** Paths as `q`, `t/Subscriptions/s`, either with `/$DeadLetterQueue`. */
  receiver(path: string, mode?: 'peekLock' | 'receiveAndDelete'): Promise<TestReceiver>;
  /** Looks at what is there without a receiver: also at a topic, which has none. */
  peek(path: string, count: number): Promise<ReceivedTestMessage[]>;
  acceptSession(path: string, sessionId: string): Promise<TestSession>;
  /** Undefined when none came free in what the driver thinks long enough. */
  acceptNextSession(path: string): Promise<TestSession | undefined>;
  /**
   * Attaches a link by itself, without an SDK. @returns `granted`, with the source that came back, or the condition of
   * the refusal
   */
  attach(
    link: BareLink,
  ): Promise<{ readonly granted: boolean; readonly condition?: string; readonly source?: unknown }>;
  /** Sends a message over HTTP. @returns the status of the answer */
  post(queue: string): Promise<number>;
  /** Ends the broker and starts it again. */
  restart(): Promise<void>;
  /** The broker's time. */
  now(): number;
  /** Lets that much of the broker's time pass. Where it has to be waited for, the signal ends the wait: it rejects. */
  advance(ms: number, signal?: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

/**
 * What a driver may be unable to do: let time pass, check descriptions as the REST interface does, delete in batches,
 * attach a link of its own, start the broker again.
 */
export type BrokerFeature = 'time' | 'rest' | 'batchDelete' | 'bareLinks' | 'restart';

/** `true`, or the reason why not, which the report shows. */
export type BrokerFeatures = Readonly<Record<BrokerFeature, true | string>>;
