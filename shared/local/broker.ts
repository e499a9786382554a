/**
 * The broker: its entities, and the way of a message from the sender to the queues. It is in memory and synchronous;
 * time comes from the injected clock. A call that throws a `BrokerError` has changed nothing.
 */
import { parseAddress, type SubQueue } from './address.ts';
import { BrokerError, entityNotFound } from './broker-error.ts';
import type { Timer, TimerClock } from './clock.ts';
import { DuplicateWindow } from './duplicates.ts';
import { type EntityHost, ReceiveEntity } from './entity.ts';
import {
  checkName,
  type Limits,
  type QueueProperties,
  queueDefaults,
  type SendProperties,
  STANDARD_LIMITS,
  type SubscriptionProperties,
  subscriptionDefaults,
  type TopicProperties,
  topicDefaults,
  withProperties,
} from './entity-properties.ts';
import { connectionCut, Faults, faultError } from './faults.ts';
import type { Origin } from './held-message.ts';
import { acceptMessage, type Content, type OutgoingMessage } from './message.ts';
import type { MessageQueue } from './message-queue.ts';
import type { RuleDefinition } from './rule.ts';
import { alreadyExists, type Subscription, Topic } from './topic.ts';

export interface BrokerOptions {
  readonly clock: TimerClock;
  /** Those of the Standard tier unless given. */
  readonly limits?: Partial<Limits>;
}

/** A queue as an entity. */
export class Queue extends ReceiveEntity<QueueProperties> {
  get name(): string {
    return this.path;
  }
}

/** What sending needs to know about a queue or a topic. */
interface SendTarget {
  readonly entity: Queue | Topic;
  readonly seen: DuplicateWindow;
  /** Set while old ids will be forgotten. */
  forgetting: Timer | undefined;
  /** Held here and in the entity's subscriptions. */
  bytes: number;
  /** Held back by a fault until the next send. */
  heldBack: Content[];
}

export class Broker {
  readonly clock: TimerClock;
  readonly faults: Faults = new Faults();
  readonly #limits: Limits;
  readonly #targets = new Map<string, SendTarget>();

  constructor({ clock, limits }: BrokerOptions) {
    this.clock = clock;
    this.#limits = { ...STANDARD_LIMITS, ...limits };
  }

  // ---------------------------------------------------------------- administration

  createQueue(name: string, properties: Partial<QueueProperties> = {}): Queue {
    checkName('queue', name);
    const all = this.#checked(name, withProperties(name, queueDefaults(this.#limits), properties, false));
    return this.#add(name, (host) => new Queue(name, all, host));
  }

  createTopic(name: string, properties: Partial<TopicProperties> = {}): Topic {
    checkName('topic', name);
    const all = withProperties(name, topicDefaults(this.#limits), properties, false);
    return this.#add(name, (host) => new Topic(name, all, host));
  }

  /** Without rules it takes every message. */
  createSubscription(
    topic: string,
    name: string,
    properties: Partial<SubscriptionProperties> = {},
    rules: readonly RuleDefinition[] = [],
  ): Subscription {
    const owner = this.getTopic(topic);
    const path = `${owner.name}/Subscriptions/${name}`;
    const all = this.#checked(path, withProperties(path, subscriptionDefaults(), properties, false));
    const target = this.#target(topic);
    const made = owner.addSubscription(name, all, rules, this.#hostOf(target));
    this.#watchIdle(made, () => owner.removeSubscription(name));
    return made;
  }

  updateQueue(name: string, changes: Partial<QueueProperties>): Queue {
    const queue = this.getQueue(name);
    queue.setProperties(this.#checked(name, withProperties(name, queue.properties, changes, true)));
    this.#watchIdle(queue, () => this.deleteQueue(name));
    return queue;
  }

  updateTopic(name: string, changes: Partial<TopicProperties>): Topic {
    const topic = this.getTopic(name);
    topic.setProperties(withProperties(name, topic.properties, changes, true));
    this.#watchIdle(topic, () => this.deleteTopic(name));
    return topic;
  }

  updateSubscription(topic: string, name: string, changes: Partial<SubscriptionProperties>): Subscription {
    const subscription = this.getSubscription(topic, name);
    const { path, properties } = subscription;
    subscription.setProperties(this.#checked(path, withProperties(path, properties, changes, true)));
    this.#watchIdle(subscription, () => this.deleteSubscription(topic, name));
    return subscription;
  }

  /** @throws BrokerError when there is no such queue; so do the two below */
  getQueue(name: string): Queue {
    const entity = this.#targets.get(keyOf(name))?.entity;
    if (!(entity instanceof Queue)) throw entityNotFound(name);
    return entity;
  }

  getTopic(name: string): Topic {
    const entity = this.#targets.get(keyOf(name))?.entity;
    if (!(entity instanceof Topic)) throw entityNotFound(name);
    return entity;
  }

  getSubscription(topic: string, name: string): Subscription {
    return this.getTopic(topic).subscription(name);
  }

  /** Ends every receiver of it; its messages are gone. */
  deleteQueue(name: string): void {
    this.getQueue(name);
    this.#remove(name);
  }

  /** With its subscriptions. */
  deleteTopic(name: string): void {
    this.getTopic(name);
    this.#remove(name);
  }

  deleteSubscription(topic: string, name: string): void {
    this.getTopic(topic).removeSubscription(name);
  }

  /** By name. */
  listQueues(): Queue[] {
    return this.#list((entity) => entity instanceof Queue);
  }

  listTopics(): Topic[] {
    return this.#list((entity) => entity instanceof Topic);
  }

  listSubscriptions(topic: string): Subscription[] {
    return [...this.getTopic(topic).subscriptions.values()].sort((a, b) => (keyOf(a.name) < keyOf(b.name) ? -1 : 1));
  }

  // ---------------------------------------------------------------- sending

  /** What messages can be sent to. @throws BrokerError when there is no such queue or topic, or it is a sub-queue */
  resolveTarget(path: string): Queue | Topic {
    const { entity, subscription, subQueue } = parseAddress(path);
    if (subscription !== undefined || subQueue !== 'main') {
      throw new BrokerError('amqp:not-allowed', `'${path}' takes no messages; send to '${entity}'`);
    }
    return this.#target(entity).entity;
  }

  /**
   * Sends a batch: all or nothing.
   *
   * @returns the sequence numbers; a duplicate's stands for nothing. Those of scheduled messages are good for cancelling
   * @throws BrokerError when the entity is gone, disabled or full, or does not take one of the messages
   */
  send(path: string, messages: readonly OutgoingMessage[]): number[] {
    return this.#send('send', path, messages);
  }

  /** As `send`; only the faults are told apart. */
  schedule(path: string, messages: readonly OutgoingMessage[]): number[] {
    return this.#send('schedule', path, messages);
  }

  /** All or none. @throws BrokerError when one of them is not scheduled (any more) */
  cancelScheduled(path: string, sequenceNumbers: readonly number[]): void {
    const entity = this.resolveTarget(path);
    (entity instanceof Topic ? entity.scheduled : entity.queue).cancelScheduled(sequenceNumbers);
  }

  // ---------------------------------------------------------------- receiving

  /**
   * The queue that a path stands for: `q`, `topic/Subscriptions/sub`, or either followed by `/$DeadLetterQueue` or
   * `/$Transfer/$DeadLetterQueue`.
   *
   * @throws BrokerError when there is none, or it does not serve receivers
   */
  resolve(path: string): MessageQueue {
    const { entity, subQueue } = this.resolveEntity(path);
    if (subQueue === 'deadLetter') return entity.deadLetters;
    if (subQueue === 'transferDeadLetter') return entity.transferDeadLetters;
    entity.checkReceive();
    return entity.queue;
  }

  /** The entity that a path belongs to, and which of its queues is meant. @throws BrokerError when there is none */
  resolveEntity(path: string): { entity: Queue | Subscription; subQueue: SubQueue } {
    const { entity: name, subscription, subQueue } = parseAddress(path);
    const { entity } = this.#target(name);
    if (entity instanceof Topic) {
      if (subscription === undefined) {
        throw new BrokerError('amqp:not-allowed', `'${path}' is a topic: receive from one of its subscriptions`);
      }
      return { entity: entity.subscription(subscription), subQueue };
    }
    if (subscription !== undefined) throw entityNotFound(path);
    return { entity, subQueue };
  }

  /** Ends everything: receivers, timers. */
  close(): void {
    const gone = new BrokerError('amqp:connection:forced', 'the broker is shutting down');
    for (const { entity, forgetting } of this.#targets.values()) {
      forgetting?.cancel();
      entity.close(gone);
    }
    this.#targets.clear();
  }

  // ---------------------------------------------------------------- inside

  #target(name: string): SendTarget {
    const target = this.#targets.get(keyOf(name));
    if (!target) throw entityNotFound(name);
    return target;
  }

  #remove(name: string): void {
    const target = this.#target(name);
    this.#targets.delete(keyOf(name));
    target.forgetting?.cancel();
    target.entity.close(entityNotFound(name));
  }

  #list<Entity extends Queue | Topic>(isWanted: (entity: Queue | Topic) => boolean): Entity[] {
    return [...this.#targets.entries()]
      .filter(([, { entity }]) => isWanted(entity))
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([, { entity }]) => entity as Entity); // the callers name the class that they filter by
  }

  #add<Entity extends Queue | Topic>(name: string, make: (host: EntityHost) => Entity): Entity {
    const key = keyOf(name);
    if (this.#targets.has(key)) throw alreadyExists(name);
    const account = { bytes: 0 };
    const entity = make(this.#hostOf(account));
    const target: SendTarget = Object.assign(account, {
      entity,
      seen: new DuplicateWindow(),
      forgetting: undefined,
      heldBack: [],
    });
    this.#targets.set(key, target);
    this.#watchIdle(entity, () => (entity instanceof Topic ? this.deleteTopic(name) : this.deleteQueue(name)));
    return entity;
  }

  #hostOf(account: { bytes: number }): EntityHost {
    return {
      clock: this.clock,
      faults: this.faults,
      forward: (target, content, origin) => this.#forward(target, content, origin),
      resized: (bytes) => {
        account.bytes += bytes;
      },
    };
  }

  /** @throws BrokerError when it would forward to itself */
  #checked<Properties extends QueueProperties | SubscriptionProperties>(
    path: string,
    properties: Properties,
  ): Properties {
    for (const target of [properties.forwardTo, properties.forwardDeadLetteredMessagesTo]) {
      if (target !== undefined && keyOf(target) === keyOf(path)) {
        throw new BrokerError('amqp:invalid-field', `${path} cannot forward to itself`);
      }
    }
    if (properties.forwardTo !== undefined && properties.requiresSession) {
      throw new BrokerError(
        'amqp:invalid-field',
        `${path} cannot both have sessions and forward to '${properties.forwardTo}'`,
      );
    }
    return properties;
  }

  #send(operation: 'send' | 'schedule', path: string, messages: readonly OutgoingMessage[]): number[] {
    const { name } = this.resolveTarget(path);
    const target = this.#target(name);
    const fault = this.faults.strike(operation, name);
    if (fault?.effect === 'fail') throw faultError(fault);
    const contents = messages.map((message) => this.#accept(target, message));
    this.#checkRoom(target, contents);
    target.entity.times.accessedAt = this.clock.now();

    if (fault?.effect === 'delay') {
      const at = this.clock.now() + (fault.delayMs ?? 1_000);
      this.clock.at(at, () => void this.#store(target, contents));
      return contents.map(() => this.#takeNumber(target));
    }
    const heldBack = target.heldBack;
    target.heldBack = fault?.effect === 'reorder' ? contents : [];
    const numbers =
      fault?.effect === 'reorder' ? contents.map(() => this.#takeNumber(target)) : this.#store(target, contents);
    if (fault?.effect === 'duplicate') for (const content of contents) this.#arrive(target, content);
    this.#store(target, heldBack);
    if (fault?.effect === 'cut-connection') throw connectionCut();
    return numbers;
  }

  #accept({ entity }: SendTarget, message: OutgoingMessage): Content {
    const { maxMessageSizeBytes } = entity.properties;
    if (message.sizeBytes > maxMessageSizeBytes) {
      throw new BrokerError(
        'amqp:link:message-size-exceeded',
        `the message takes ${message.sizeBytes} bytes; '${entity.name}' takes at most ${maxMessageSizeBytes}`,
      );
    }
    if (entity instanceof Queue && entity.properties.requiresSession && message.sessionId === undefined) {
      throw new BrokerError('amqp:not-allowed', `'${entity.name}' has sessions: the message must have a session id`);
    }
    return acceptMessage(message);
  }

  /** @throws BrokerError when the entity does not take that much more */
  #checkRoom({ entity, bytes }: SendTarget, contents: readonly Content[]): void {
    const { status, maxSizeInMegabytes } = entity.properties;
    if (status === 'Disabled' || status === 'SendDisabled') {
      throw new BrokerError('com.microsoft:entity-disabled', `the entity '${entity.name}' is disabled for sending`);
    }
    let needed = bytes;
    for (const content of contents) needed += content.sizeBytes;
    if (needed > maxSizeInMegabytes * 1024 * 1024) {
      throw new BrokerError(
        'amqp:resource-limit-exceeded',
        `the entity '${entity.name}' holds ${bytes} bytes and takes at most ${maxSizeInMegabytes} MB`,
      );
    }
  }

  #takeNumber({ entity }: SendTarget): number {
    return (entity instanceof Topic ? entity.scheduled : entity.queue).nextSequenceNumber();
  }

  #store(target: SendTarget, contents: readonly Content[]): number[] {
    return contents.map((content) =>
      this.#isDuplicate(target, content.messageId) ? this.#takeNumber(target) : this.#arrive(target, content),
    );
  }

  #arrive({ entity }: SendTarget, content: Content): number {
    const at = content.scheduledEnqueueTimeMs;
    if (at === undefined || at <= this.clock.now()) return entity.arrive(content);
    return (entity instanceof Topic ? entity.scheduled : entity.queue).schedule(content, at);
  }

  /** Whether the id came within the window; it is remembered from now on. */
  #isDuplicate(target: SendTarget, messageId: string): boolean {
    const { entity, seen } = target;
    const { requiresDuplicateDetection, duplicateDetectionHistoryTimeWindowMs }: SendProperties = entity.properties;
    if (!requiresDuplicateDetection) return false;
    const now = this.clock.now();
    seen.forget(now - duplicateDetectionHistoryTimeWindowMs);
    if (seen.has(messageId)) return true;
    seen.add(messageId, now);
    this.#forgetLater(target);
    return false;
  }

  /** An entity that nothing is sent to any more does not keep its ids for ever. */
  #forgetLater(target: SendTarget): void {
    if (target.forgetting) return;
    const window = target.entity.properties.duplicateDetectionHistoryTimeWindowMs;
    target.forgetting = this.clock.at(this.clock.now() + window, () => {
      target.forgetting = undefined;
      target.seen.forget(this.clock.now() - window);
      if (target.seen.size > 0) this.#forgetLater(target);
    });
  }

  #forward(path: string, content: Content, origin: Origin): void {
    const target = this.#target(path);
    this.#checkRoom(target, [content]);
    if (!this.#isDuplicate(target, content.messageId)) target.entity.arrive(content, origin);
  }

  /** Deletes an entity when it was not used for as long as its properties say. */
  #watchIdle(entity: Queue | Topic | Subscription, remove: () => void): void {
    entity.idleTimer?.cancel();
    const { autoDeleteOnIdleMs } = entity.properties;
    if (autoDeleteOnIdleMs === Number.POSITIVE_INFINITY) return;
    const { times } = entity;
    const since = Math.max(times.accessedAt, times.updatedAt);
    entity.idleTimer = this.clock.at(since + autoDeleteOnIdleMs, () => {
      const now = this.clock.now();
      if (entity.isInUse) times.accessedAt = now;
      if (Math.max(times.accessedAt, times.updatedAt) + autoDeleteOnIdleMs <= now) remove();
      else this.#watchIdle(entity, remove);
    });
  }
}

function keyOf(name: string): string {
  return name.toLowerCase();
}
