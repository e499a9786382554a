/**
 * The broker: its entities, and how a message gets from the sender to the queues. It is in memory and synchronous, and
 * takes the time from the injected clock. A call that throws a `BrokerError` has changed nothing.
 */

import type { CompileRule } from '../filters/rule.ts';
import type { RuleDefinition } from '../filters/rule-definition.ts';
import type { AuthorizationRule } from './authorization-rule.ts';
import { BrokerError, entityNotFound } from './broker-error.ts';
import type { TimerClock } from './clock.ts';
import { type EntityHost, Queue } from './entity.ts';
import { parseEntityPath, type SubQueue } from './entity-path.ts';
import {
  checkName,
  checkSizes,
  type QueueProperties,
  queueDefaults,
  type SubscriptionProperties,
  subscriptionDefaults,
  type TopicProperties,
  topicDefaults,
  withProperties,
} from './entity-properties.ts';
import { Faults } from './faults.ts';
import { DEFAULT_LIMITS, type Limits } from './limits/limits.ts';
import { Throttle } from './limits/throttle.ts';
import type { OutgoingMessage } from './message.ts';
import type { MessageQueue } from './message-queue.ts';
import { type Account, SendTarget } from './send-target.ts';
import { alreadyExists, type Subscription, Topic } from './topic.ts';

export interface BrokerOptions {
  readonly clock: TimerClock;
  readonly compileRule: CompileRule;
  /** Each is as in `DEFAULT_LIMITS` when absent. */
  readonly limits?: Partial<Limits>;
}

export class Broker {
  readonly clock: TimerClock;
  readonly createdAt: number;
  readonly faults: Faults = new Faults();
  readonly #compileRule: CompileRule;
  readonly limits: Limits;
  /** Undefined without throttling. */
  readonly throttle: Throttle | undefined;
  readonly #targets = new Map<string, SendTarget>();

  constructor({ clock, compileRule, limits }: BrokerOptions) {
    this.clock = clock;
    this.createdAt = clock.now();
    this.#compileRule = compileRule;
    this.limits = { ...DEFAULT_LIMITS, ...limits };
    const { creditsPerSecond } = this.limits;
    this.throttle = creditsPerSecond === Number.POSITIVE_INFINITY ? undefined : new Throttle(clock, creditsPerSecond);
  }

  // ---------------------------------------------------------------- administration

  createQueue(name: string, properties: Partial<QueueProperties> = {}): Queue {
    checkName('queue', name);
    const all = this.#checked(name, withProperties(name, queueDefaults(this.limits), properties, false));
    checkSizes(name, all, this.limits);
    return this.#add(name, (host) => new Queue(name, all, host));
  }

  createTopic(name: string, properties: Partial<TopicProperties> = {}): Topic {
    checkName('topic', name);
    const all = withProperties(name, topicDefaults(this.limits), properties, false);
    checkSizes(name, all, this.limits);
    return this.#add(name, (host) => new Topic(name, all, host));
  }

  /** A subscription without rules takes every message. */
  createSubscription(
    topic: string,
    name: string,
    properties: Partial<SubscriptionProperties> = {},
    rules: readonly RuleDefinition[] = [],
  ): Subscription {
    const owner = this.getTopic(topic);
    const path = `${owner.name}/Subscriptions/${name}`;
    const all = this.#checked(path, withProperties(path, subscriptionDefaults(), properties, false));
    this.#checkCount('subscriptions per topic', owner.subscriptions.size, this.limits.maxSubscriptionsPerTopic);
    const target = this.#target(topic);
    const made = owner.addSubscription(name, all, rules, this.#hostOf(target.account));
    this.#watchIdle(made, () => owner.removeSubscription(name));
    return made;
  }

  updateQueue(name: string, changes: Partial<QueueProperties>): Queue {
    const queue = this.getQueue(name);
    const all = this.#checked(name, withProperties(name, queue.properties, changes, true));
    checkSizes(name, all, this.limits);
    queue.setProperties(all);
    this.#watchIdle(queue, () => this.deleteQueue(name));
    return queue;
  }

  updateTopic(name: string, changes: Partial<TopicProperties>): Topic {
    const topic = this.getTopic(name);
    const all = withProperties(name, topic.properties, changes, true);
    checkSizes(name, all, this.limits);
    topic.setProperties(all);
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

  /** @throws BrokerError when the queue does not exist */
  getQueue(name: string): Queue {
    const entity = this.#targets.get(keyOf(name))?.entity;
    if (!(entity instanceof Queue)) throw entityNotFound(name);
    return entity;
  }

  /** @throws BrokerError when the topic does not exist */
  getTopic(name: string): Topic {
    const entity = this.#targets.get(keyOf(name))?.entity;
    if (!(entity instanceof Topic)) throw entityNotFound(name);
    return entity;
  }

  /** @throws BrokerError when the topic or the subscription does not exist */
  getSubscription(topic: string, name: string): Subscription {
    return this.getTopic(topic).subscription(name);
  }

  /** Ends every receiver of the queue and deletes its messages. */
  deleteQueue(name: string): void {
    this.getQueue(name);
    this.#remove(name);
  }

  /** Deletes the subscriptions of the topic too. */
  deleteTopic(name: string): void {
    this.getTopic(name);
    this.#remove(name);
  }

  deleteSubscription(topic: string, name: string): void {
    this.getTopic(topic).removeSubscription(name);
  }

  /** Sorted by name, like the two lists below. */
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

  /** The queue or topic to send to. @throws BrokerError when it does not exist, or the path is that of a sub-queue */
  resolveTarget(path: string): Queue | Topic {
    const { entity, subscription, subQueue } = parseEntityPath(path);
    if (subscription !== undefined || subQueue !== 'main') {
      throw new BrokerError('amqp:not-allowed', `messages cannot be sent to '${path}'; send to '${entity}'`);
    }
    return this.#target(entity).entity;
  }

  /** The authorization rules of the queue or topic that is at a path or above it; none when there is none. */
  rulesOf(path: string): readonly AuthorizationRule[] {
    const target = this.#targets.get(keyOf(path));
    if (target) return target.entity.properties.authorizationRules;
    const end = path.lastIndexOf('/');
    return end < 0 ? [] : this.rulesOf(path.slice(0, end));
  }

  /** Whether a queue or topic of this name exists. */
  has(name: string): boolean {
    return this.#targets.has(keyOf(name));
  }

  /**
   * Sends a batch: all messages or none.
   *
   * @returns the sequence numbers. A scheduled message is cancelled by its number; a duplicate's number is never used
   * @throws BrokerError when the entity does not exist, is disabled or full, or refuses one of the messages
   */
  send(path: string, messages: readonly OutgoingMessage[]): number[] {
    return this.#target(this.resolveTarget(path).name).send('send', messages);
  }

  /** Like `send`, but counted as another operation by the injected faults. */
  schedule(path: string, messages: readonly OutgoingMessage[]): number[] {
    return this.#target(this.resolveTarget(path).name).send('schedule', messages);
  }

  /** Cancels all messages or none. @throws BrokerError when one of them is not scheduled */
  cancelScheduled(path: string, sequenceNumbers: readonly number[]): void {
    const entity = this.resolveTarget(path);
    (entity instanceof Topic ? entity.scheduled : entity.queue).cancelScheduled(sequenceNumbers);
  }

  // ---------------------------------------------------------------- receiving

  /**
   * The queue that a path stands for: `q`, `topic/Subscriptions/sub`, or either followed by `/$DeadLetterQueue` or
   * `/$Transfer/$DeadLetterQueue`.
   *
   * @throws BrokerError when the entity does not exist, or cannot be received from
   */
  resolve(path: string): MessageQueue {
    const { entity, subQueue } = this.resolveEntity(path);
    if (subQueue === 'deadLetter') return entity.deadLetters;
    if (subQueue === 'transferDeadLetter') return entity.transferDeadLetters;
    entity.checkReceive();
    return entity.queue;
  }

  /** Like `resolve`, but also takes a topic, whose scheduled messages can be looked at. */
  resolveForPeek(path: string): MessageQueue {
    const { entity: name, subscription, subQueue } = parseEntityPath(path);
    const { entity } = this.#target(name);
    const isTopic = entity instanceof Topic && subscription === undefined && subQueue === 'main';
    return isTopic ? entity.scheduled : this.resolve(path);
  }

  /**
   * The entity of a path, and which of its queues the path means.
   *
   * @throws BrokerError when the entity does not exist
   */
  resolveEntity(path: string): { entity: Queue | Subscription; subQueue: SubQueue } {
    const { entity: name, subscription, subQueue } = parseEntityPath(path);
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

  /** Ends all receivers and timers. */
  close(): void {
    const gone = new BrokerError('amqp:connection:forced', 'the broker is shutting down');
    for (const target of this.#targets.values()) target.close(gone);
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
    target.close(entityNotFound(name));
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
    this.#checkCount('queues and topics', this.#targets.size, this.limits.maxEntities);
    const account = { bytes: 0, receivers: 0 };
    const entity = make(this.#hostOf(account));
    this.#targets.set(key, new SendTarget(entity, account, this));
    this.#watchIdle(entity, () => (entity instanceof Topic ? this.deleteTopic(name) : this.deleteQueue(name)));
    return entity;
  }

  #checkCount(what: string, count: number, most: number): void {
    if (count < most) return;
    throw new BrokerError('amqp:resource-limit-exceeded', `the namespace allows at most ${most} ${what}`);
  }

  #hostOf(account: Account): EntityHost {
    return {
      clock: this.clock,
      faults: this.faults,
      compileRule: this.#compileRule,
      throttle: this.throttle,
      limits: this.limits,
      forward: (path, content, origin) => this.#target(path).take(content, origin),
      resized: (bytes) => {
        account.bytes += bytes;
      },
      receiving: (change) => {
        const { maxReceiversPerEntity: most } = this.limits;
        if (change > 0 && account.receivers >= most) {
          throw new BrokerError('amqp:resource-limit-exceeded', `an entity allows at most ${most} receivers at a time`);
        }
        account.receivers += change;
      },
    };
  }

  /** @throws BrokerError when the entity would forward to itself, or forward although it has sessions */
  #checked<Properties extends QueueProperties | SubscriptionProperties>(
    path: string,
    properties: Properties,
  ): Properties {
    for (const target of [properties.forwardTo, properties.forwardDeadLetteredMessagesTo]) {
      if (target !== undefined && keyOf(target) === keyOf(path)) {
        throw new BrokerError('com.microsoft:argument-error', `${path} cannot forward to itself`);
      }
    }
    if (properties.forwardTo !== undefined && properties.requiresSession) {
      throw new BrokerError(
        'com.microsoft:argument-error',
        `${path} cannot both have sessions and forward to '${properties.forwardTo}'`,
      );
    }
    return properties;
  }

  /** Deletes an entity that has been idle for as long as its properties say. */
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
