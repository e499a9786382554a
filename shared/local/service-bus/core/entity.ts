/** Queues and subscriptions as entities: their properties, their three message queues, and forwarding. */

import type { CompileRule } from '../filters/rule.ts';
import { BrokerError } from './broker-error.ts';
import type { ScheduledCall, TimerClock } from './clock.ts';
import type { QueueProperties, ReceiveProperties } from './entity-properties.ts';
import type { Faults } from './faults.ts';
import type { HeldMessage, Origin } from './held-message.ts';
import type { Limits } from './limits/limits.ts';
import type { Throttle } from './limits/throttle.ts';
import { type Content, changeContent } from './message.ts';
import { MessageQueue } from './message-queue.ts';
import type { QueueSettings } from './queue-host.ts';

/** What entities need from the broker. */
export interface EntityHost {
  readonly clock: TimerClock;
  readonly faults: Faults;
  readonly compileRule: CompileRule;
  readonly throttle: Throttle | undefined;
  readonly limits: Limits;
  /**
   * Forwards to another entity.
   *
   * @throws BrokerError when it does not exist, is disabled or full, or refuses the message
   */
  forward(target: string, content: Content, origin: Origin): void;
  resized(bytes: number): void;
  /** Reports that a receiver came (1) or went (-1). @throws BrokerError when there are as many as may be */
  receiving(change: 1 | -1): void;
}

/** Milliseconds since the Unix epoch. */
export interface EntityTimes {
  readonly createdAt: number;
  updatedAt: number;
  accessedAt: number;
}

export interface RuntimeCounts {
  /** Waiting, locked and deferred messages. */
  readonly activeMessageCount: number;
  readonly deadLetterMessageCount: number;
  readonly scheduledMessageCount: number;
  /** Always 0: messages are forwarded at once. */
  readonly transferMessageCount: number;
  readonly transferDeadLetterMessageCount: number;
  readonly totalMessageCount: number;
  readonly sizeInBytes: number;
}

/** https://learn.microsoft.com/azure/service-bus-messaging/service-bus-auto-forwarding */
const MAX_HOPS = 4;

/** A queue or a subscription, with its two sub-queues. */
export class ReceiveEntity<Properties extends ReceiveProperties = ReceiveProperties> {
  /** Such as `orders` or `events/Subscriptions/billing`. */
  readonly path: string;
  readonly times: EntityTimes;
  readonly queue: MessageQueue;
  readonly deadLetters: MessageQueue;
  readonly transferDeadLetters: MessageQueue;
  /** Set while the entity is deleted when idle. */
  idleTimer: ScheduledCall | undefined = undefined;
  readonly #host: EntityHost;
  #properties: Properties;
  #settings: QueueSettings;
  #deadLetterSettings: QueueSettings;

  constructor(path: string, properties: Properties, host: EntityHost) {
    this.path = path;
    this.#host = host;
    this.#properties = properties;
    this.#settings = { ...properties, ...LIVING };
    this.#deadLetterSettings = deadLetterSettings(properties);
    const now = host.clock.now();
    this.times = { createdAt: now, updatedAt: now, accessedAt: now };
    this.queue = this.#makeQueue(
      path,
      () => this.#settings,
      (message, content) => this.addDeadLetter(message, content),
    );
    this.deadLetters = this.#makeQueue(`${path}/$DeadLetterQueue`, () => this.#deadLetterSettings, refuseDeadLetter);
    this.transferDeadLetters = this.#makeQueue(
      `${path}/$Transfer/$DeadLetterQueue`,
      () => this.#deadLetterSettings,
      refuseDeadLetter,
    );
  }

  get properties(): Properties {
    return this.#properties;
  }

  setProperties(properties: Properties): void {
    const before = this.#properties;
    this.#properties = properties;
    this.#settings = { ...properties, ...LIVING };
    this.#deadLetterSettings = deadLetterSettings(properties);
    this.times.updatedAt = this.#host.clock.now();
    if (properties.status === 'Disabled' || properties.status === 'ReceiveDisabled') {
      this.queue.closeReceivers(
        new BrokerError('com.microsoft:entity-disabled', `the entity '${this.path}' is disabled`),
      );
    }
    if (properties.forwardTo !== undefined && properties.forwardTo !== before.forwardTo) {
      for (const message of this.queue.takeReady())
        this.#forward(properties.forwardTo, message.content, originOf(message));
    }
    if (properties.forwardDeadLetteredMessagesTo !== undefined && before.forwardDeadLetteredMessagesTo === undefined) {
      for (const message of this.deadLetters.takeReady()) this.addDeadLetter(message, message.content);
    }
  }

  /** @throws BrokerError when the entity cannot be received from */
  checkReceive(): void {
    const { status, forwardTo } = this.#properties;
    if (status === 'Disabled' || status === 'ReceiveDisabled') {
      throw new BrokerError('com.microsoft:entity-disabled', `the entity '${this.path}' is disabled for receiving`);
    }
    if (forwardTo !== undefined) {
      throw new BrokerError(
        'amqp:not-allowed',
        `'${this.path}' forwards to '${forwardTo}': it cannot be received from`,
      );
    }
  }

  get isInUse(): boolean {
    const queues = [this.queue, this.deadLetters, this.transferDeadLetters];
    return this.queue.scheduledCount > 0 || queues.some((queue) => queue.hasReceivers);
  }

  get counts(): RuntimeCounts {
    const { queue, deadLetters, transferDeadLetters } = this;
    const activeMessageCount = queue.activeCount;
    const scheduledMessageCount = queue.scheduledCount;
    const deadLetterMessageCount = deadLetters.activeCount;
    const transferDeadLetterMessageCount = transferDeadLetters.activeCount;
    return {
      activeMessageCount,
      deadLetterMessageCount,
      scheduledMessageCount,
      transferMessageCount: 0,
      transferDeadLetterMessageCount,
      totalMessageCount:
        activeMessageCount + scheduledMessageCount + deadLetterMessageCount + transferDeadLetterMessageCount,
      sizeInBytes: queue.sizeInBytes + deadLetters.sizeInBytes + transferDeadLetters.sizeInBytes,
    };
  }

  /** Enqueues or forwards an arriving message. @returns its sequence number; 0 when it does not stay here */
  arrive(content: Content, origin: Origin = {}): number {
    const { forwardTo, requiresSession } = this.#properties;
    if (forwardTo !== undefined) {
      const enqueuedSequenceNumber = origin.enqueuedSequenceNumber ?? this.queue.nextSequenceNumber();
      this.#forward(forwardTo, content, { ...origin, enqueuedSequenceNumber });
      return 0;
    }
    if (requiresSession && content.sessionId === undefined) {
      const why = "Session enabled entity doesn't allow a message whose session identifier is null.";
      this.#addDeadLetter(withReason(content, 'Session ID is null', why), origin);
      return 0;
    }
    return this.queue.enqueue(content, origin);
  }

  /** @see https://learn.microsoft.com/azure/service-bus-messaging/service-bus-dead-letter-queues */
  addDeadLetter(message: HeldMessage, content: Content): void {
    this.#addDeadLetter(content, originOf(message));
  }

  /** Dead-letters a message that this entity's rules cannot be applied to. */
  addUnfilterable(content: Content, origin: Origin, error: Error): void {
    this.#addDeadLetter(withReason(content, 'FilterEvaluationException', error.message), origin);
  }

  close(error: BrokerError): void {
    this.idleTimer?.cancel();
    this.queue.close(error);
    this.deadLetters.close(error);
    this.transferDeadLetters.close(error);
  }

  #addDeadLetter(content: Content, origin: Origin): void {
    const target = this.#properties.forwardDeadLetteredMessagesTo;
    if (target === undefined) this.deadLetters.enqueue(content, origin);
    // Its reader there must learn where the message failed.
    else this.#forward(target, content, { ...origin, deadLetterSource: this.path });
  }

  #forward(target: string, content: Content, origin: Origin): void {
    const hops = (origin.hops ?? 0) + 1;
    try {
      if (hops > MAX_HOPS) {
        const why = 'The maximum number of allowed hops when forwarding between queues has been exceeded.';
        throw new TransferError('MaxTransferHopCountExceeded', why);
      }
      this.#host.forward(target, content, { ...origin, hops, deliveryCount: 0 });
    } catch (error) {
      if (!(error instanceof BrokerError || error instanceof TransferError)) throw error;
      // Into this entity's own: https://github.com/Azure/azure-service-bus/issues/33; transactions alone use the other.
      this.deadLetters.enqueue(withReason(content, error.reason, error.message), origin);
    }
  }

  #makeQueue(
    path: string,
    settings: () => QueueSettings,
    deadLetter: (message: HeldMessage, content: Content) => void,
  ): MessageQueue {
    return new MessageQueue(path, {
      clock: this.#host.clock,
      faults: this.#host.faults,
      throttle: this.#host.throttle,
      limits: this.#host.limits,
      settings,
      deadLetter,
      activate: (content) => void this.arrive(content),
      resized: (bytes) => this.#host.resized(bytes),
      receiving: (change) => this.#host.receiving(change),
      used: () => {
        this.times.accessedAt = this.#host.clock.now();
      },
    });
  }
}

/** What a queue has that a dead-letter queue does not. */
const LIVING = { expires: true, countsDeliveries: true } as const;

function deadLetterSettings(properties: ReceiveProperties): QueueSettings {
  return {
    lockDurationMs: properties.lockDurationMs,
    defaultMessageTimeToLiveMs: Number.POSITIVE_INFINITY,
    maxDeliveryCount: Number.POSITIVE_INFINITY,
    deadLetteringOnMessageExpiration: false,
    requiresSession: false,
    expires: false,
    countsDeliveries: false,
  };
}

/** A queue as an entity. */
export class Queue extends ReceiveEntity<QueueProperties> {
  get name(): string {
    return this.path;
  }
}

class TransferError extends Error {
  readonly reason: string;

  constructor(reason: string, message: string) {
    super(message);
    this.reason = reason;
  }
}

function originOf({ enqueuedSequenceNumber, hops, deadLetterSource, deliveryCount }: HeldMessage): Origin {
  return { enqueuedSequenceNumber, hops, deadLetterSource, deliveryCount };
}

function withReason(content: Content, reason: string, description: string): Content {
  return changeContent(content, { DeadLetterReason: reason, DeadLetterErrorDescription: description });
}

function refuseDeadLetter(): never {
  throw new Error('a dead-letter queue cannot dead-letter');
}
