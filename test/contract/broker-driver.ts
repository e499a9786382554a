/** How the broker contract reaches a broker: the core directly, or any Service Bus through a client. */

import { BrokerError } from '../../shared/local/service-bus/core/broker-error.ts';
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

/** A refusal of the broker as the SDK shows it. */
export function asSdk<Result>(run: () => Result): Result {
  try {
    return run();
  } catch (error) {
    if (error instanceof BrokerError) throw Object.assign(error, { code: error.reason });
    throw error;
  }
}

export interface TestSession extends TestReceiver {
  readonly sessionId: string;
  getState(): Promise<string | undefined>;
  setState(state: string | undefined): Promise<void>;
  renewSession(): Promise<number>;
}

export interface BrokerDriver {
  createQueue(name: string, properties?: Partial<QueueProperties>): Promise<void>;
  createTopic(name: string, properties?: Partial<TopicProperties>): Promise<void>;
  createSubscription(
    topic: string,
    name: string,
    properties?: Partial<SubscriptionProperties>,
    rules?: readonly RuleDefinition[],
  ): Promise<void>;
  addRule(topic: string, subscription: string, rule: RuleDefinition): Promise<void>;
  removeRule(topic: string, subscription: string, rule: string): Promise<void>;
  /** Names. */
  listRules(topic: string, subscription: string): Promise<string[]>;
  deleteQueue(name: string): Promise<void>;
  counts(path: string): Promise<{ active: number; deadLetter: number; scheduled: number }>;
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
  /** The broker's time. */
  now(): number;
  /** Lets that much of the broker's time pass. */
  advance(ms: number): Promise<void>;
  close(): Promise<void>;
}

/** What a driver may be unable to do. */
export type BrokerFeature = 'virtualTime' | 'administration' | 'runtimeCounts' | 'listRules';

/** `true`, or the reason why not, which the report shows. */
export type BrokerFeatures = Readonly<Record<BrokerFeature, true | string>>;
