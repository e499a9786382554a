/** The sending side of a queue or a topic: checks, duplicate detection and scheduling. */
import { BrokerError } from './broker-error.ts';
import type { ScheduledCall, TimerClock } from './clock.ts';
import { DuplicateWindow } from './duplicate-window.ts';
import { type EntityHost, Queue } from './entity.ts';
import type { SendProperties } from './entity-properties.ts';
import { connectionCut, type Faults, faultError } from './faults.ts';
import type { Origin } from './held-message.ts';
import { checkPropertyQuotas, MAX_PROPERTY_BYTES } from './limits/property-quotas.ts';
import type { Throttle } from './limits/throttle.ts';
import { acceptMessage, type Content, type OutgoingMessage } from './message.ts';
import type { MessageQueue } from './message-queue.ts';

import { Topic } from './topic.ts';

/** What is counted of a queue, or of a topic with its subscriptions. */
export interface Account {
  bytes: number;
  receivers: number;
}

export class SendTarget {
  readonly entity: Queue | Topic;
  readonly account: Account;
  readonly #clock: TimerClock;
  readonly #faults: Faults;
  readonly #throttle: Throttle | undefined;
  readonly #seen = new DuplicateWindow();
  /** Set while ids are remembered. */
  #forgetting: ScheduledCall | undefined;
  /** Held back by a `reorder` fault until the next send. */
  #heldBack: readonly Content[] = [];

  constructor(
    entity: Queue | Topic,
    account: Account,
    { clock, faults, throttle }: Pick<EntityHost, 'clock' | 'faults' | 'throttle'>,
  ) {
    this.entity = entity;
    this.account = account;
    this.#clock = clock;
    this.#faults = faults;
    this.#throttle = throttle;
  }

  /** Sends all messages or none. @returns the sequence numbers; a duplicate's is never used. @throws BrokerError */
  send(operation: 'send' | 'schedule', messages: readonly OutgoingMessage[]): number[] {
    const fault = this.#faults.strike(operation, this.entity.name);
    if (fault?.effect === 'fail') throw faultError(fault);
    this.#throttle?.spend(messages.length * (1 + (this.entity instanceof Topic ? this.entity.ruleCount : 0)));
    const contents = messages.map((message) => this.#accept(message));
    this.#checkRoom(contents);
    this.entity.times.accessedAt = this.#clock.now();

    if (fault?.effect === 'delay') {
      this.#clock.at(this.#clock.now() + (fault.delayMs ?? 1_000), () => void this.#store(contents));
      return contents.map(() => this.#queue.nextSequenceNumber());
    }
    const heldBack = this.#heldBack;
    const isHeldBack = fault?.effect === 'reorder';
    this.#heldBack = isHeldBack ? contents : [];
    const numbers = isHeldBack ? contents.map(() => this.#queue.nextSequenceNumber()) : this.#store(contents);
    if (fault?.effect === 'duplicate') for (const content of contents) this.#arrive(content);
    this.#store(heldBack);
    if (fault?.effect === 'cut-connection') throw connectionCut();
    return numbers;
  }

  /** Takes a message that another entity forwards. @throws BrokerError when the message is refused */
  take(content: Content, origin: Origin): void {
    this.#checkRoom([content]);
    if (this.#isDuplicate(content.messageId)) return;
    const at = content.scheduledEnqueueTimeMs;
    // An action of the entity that forwards may have set a time that is still to come.
    if (at !== undefined && at > this.#clock.now()) this.#queue.schedule(content, at);
    else this.entity.arrive(content, origin);
  }

  close(error: BrokerError): void {
    this.#forgetting?.cancel();
    this.entity.close(error);
  }

  /** The queue that holds scheduled messages and assigns sequence numbers. */
  get #queue(): MessageQueue {
    return this.entity instanceof Topic ? this.entity.scheduled : this.entity.queue;
  }

  get #properties(): SendProperties {
    return this.entity.properties;
  }

  #accept(message: OutgoingMessage): Content {
    const { name } = this.entity;
    const { maxMessageSizeBytes } = this.#properties;
    if (message.sizeBytes > maxMessageSizeBytes) {
      throw new BrokerError(
        'amqp:link:message-size-exceeded',
        `the message has ${message.sizeBytes} bytes; '${name}' allows at most ${maxMessageSizeBytes}`,
      );
    }
    // A message that is smaller than the largest property cannot exceed a quota of properties.
    if (message.sizeBytes > MAX_PROPERTY_BYTES) checkPropertyQuotas(message);
    const needsSession = this.entity instanceof Queue && this.entity.properties.requiresSession;
    if (needsSession && message.sessionId === undefined) {
      throw new BrokerError('amqp:not-allowed', `'${name}' has sessions: the message must have a session id`);
    }
    return acceptMessage(message);
  }

  #checkRoom(contents: readonly Content[]): void {
    const { name } = this.entity;
    const { status, maxSizeInMegabytes } = this.#properties;
    if (status === 'Disabled' || status === 'SendDisabled') {
      throw new BrokerError('com.microsoft:entity-disabled', `the entity '${name}' is disabled for sending`);
    }
    const { bytes } = this.account;
    let needed = bytes;
    for (const content of contents) needed += content.sizeBytes;
    if (needed > maxSizeInMegabytes * 1024 * 1024) {
      throw new BrokerError(
        'amqp:resource-limit-exceeded',
        `the entity '${name}' holds ${bytes} bytes and allows at most ${maxSizeInMegabytes} MB`,
      );
    }
  }

  #store(contents: readonly Content[]): number[] {
    return contents.map((content) =>
      this.#isDuplicate(content.messageId) ? this.#queue.nextSequenceNumber() : this.#arrive(content),
    );
  }

  #arrive(content: Content): number {
    const at = content.scheduledEnqueueTimeMs;
    if (at === undefined || at <= this.#clock.now()) return this.entity.arrive(content);
    return this.#queue.schedule(content, at);
  }

  /** Whether the id was seen within the window. Remembers it. */
  #isDuplicate(messageId: string): boolean {
    const { requiresDuplicateDetection, duplicateDetectionHistoryTimeWindowMs } = this.#properties;
    if (!requiresDuplicateDetection) return false;
    const now = this.#clock.now();
    this.#seen.forget(now - duplicateDetectionHistoryTimeWindowMs);
    if (this.#seen.has(messageId)) return true;
    this.#seen.add(messageId, now);
    this.#forgetLater();
    return false;
  }

  /** Frees the ids of an entity that nothing is sent to. */
  #forgetLater(): void {
    if (this.#forgetting) return;
    const window = this.#properties.duplicateDetectionHistoryTimeWindowMs;
    this.#forgetting = this.#clock.at(this.#clock.now() + window, () => {
      this.#forgetting = undefined;
      this.#seen.forget(this.#clock.now() - window);
      if (this.#seen.size > 0) this.#forgetLater();
    });
  }
}
