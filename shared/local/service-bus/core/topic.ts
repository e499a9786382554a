/** Topics: a message that is sent to one is offered to each of its subscriptions. */

import type { Rule } from '../filters/rule.ts';
import type { RuleDefinition } from '../filters/rule-definition.ts';
import { BrokerError, entityNotFound, FilterError } from './broker-error.ts';
import type { ScheduledCall } from './clock.ts';
import { type EntityHost, type EntityTimes, ReceiveEntity } from './entity.ts';
import { checkName, type SubscriptionProperties, type TopicProperties } from './entity-properties.ts';
import type { Origin } from './held-message.ts';
import type { Limits } from './limits/limits.ts';
import type { Arrival, Content } from './message.ts';
import { MessageQueue } from './message-queue.ts';

/** The rule of a subscription that is created without rules. */
const DEFAULT_RULE: RuleDefinition = { name: '$Default', filter: { kind: 'true' } };

/** The rules of the service: https://learn.microsoft.com/azure/service-bus-messaging/topic-filters */
export class Subscription extends ReceiveEntity<SubscriptionProperties> {
  readonly topic: string;
  readonly name: string;
  readonly #rules = new Map<string, Rule>();
  /** In the order of their names; made when it is next asked for. */
  #ruleList: readonly Rule[] | undefined = undefined;
  readonly #limits: Limits;
  /** All of its topic; without this one while it is being made. */
  readonly #siblings: () => readonly Subscription[];
  readonly #compile: (definition: RuleDefinition, createdAt?: number) => Rule;

  constructor(
    topic: string,
    name: string,
    properties: SubscriptionProperties,
    host: EntityHost,
    siblings: () => readonly Subscription[],
  ) {
    super(`${topic}/Subscriptions/${name}`, properties, host);
    this.topic = topic;
    this.name = name;
    this.#limits = host.limits;
    this.#siblings = siblings;
    this.#compile = (definition, createdAt = host.clock.now()) => host.compileRule(definition, createdAt);
  }

  get rules(): readonly Rule[] {
    this.#ruleList ??= [...this.#rules].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, rule]) => rule);
    return this.#ruleList;
  }

  /** @throws BrokerError when the rule does not exist */
  rule(name: string): Rule {
    const rule = this.#rules.get(name.toLowerCase());
    if (!rule) throw entityNotFound(`${this.path}/Rules/${name}`);
    return rule;
  }

  /** @throws BrokerError when the name is taken or an expression is wrong */
  addRule(definition: RuleDefinition): Rule {
    checkName('rule', definition.name);
    const key = definition.name.toLowerCase();
    if (this.#rules.has(key)) throw alreadyExists(`${this.path}/Rules/${definition.name}`);
    this.#checkCount(definition);
    const rule = this.#setRule(this.#compile(definition));
    this.times.accessedAt = rule.createdAt;
    return rule;
  }

  /** @throws BrokerError when the rule does not exist or an expression is wrong */
  updateRule(definition: RuleDefinition): Rule {
    const before = this.rule(definition.name);
    if (before.definition.filter.kind !== definition.filter.kind) this.#checkCount(definition);
    return this.#setRule(this.#compile({ ...definition, name: before.definition.name }, before.createdAt));
  }

  /** @throws BrokerError when the rule does not exist */
  removeRule(name: string): void {
    this.rule(name);
    this.#rules.delete(name.toLowerCase());
    this.#ruleList = undefined;
  }

  /** @throws BrokerError when the topic has all the filters of that kind that it may have */
  #checkCount({ filter: { kind } }: RuleDefinition): void {
    if (kind !== 'sql' && kind !== 'correlation') return;
    const { maxSqlFiltersPerTopic, maxCorrelationFiltersPerTopic } = this.#limits;
    const [most, name] =
      kind === 'sql' ? [maxSqlFiltersPerTopic, 'SQL'] : [maxCorrelationFiltersPerTopic, 'correlation'];
    if (most === Number.POSITIVE_INFINITY) return;
    let count = 0;
    for (const { rules } of new Set([...this.#siblings(), this]))
      count += rules.filter(({ definition }) => definition.filter.kind === kind).length;
    if (count < most) return;
    throw new BrokerError('amqp:resource-limit-exceeded', `${this.topic} may have at most ${most} ${name} filters`);
  }

  #setRule(rule: Rule): Rule {
    this.#rules.set(rule.definition.name.toLowerCase(), rule);
    this.#ruleList = undefined;
    return rule;
  }

  /** Enqueues one copy for each matching rule with an action, and one copy for all matching rules without. */
  offer(content: Content, origin: Origin & Arrival): void {
    let isTaken = false;
    for (const rule of this.rules) {
      if (isTaken && !rule.act) continue;
      try {
        if (!rule.matches(content, origin)) continue;
        if (rule.act) {
          this.arrive(rule.act(content, origin), origin);
        } else {
          isTaken = true;
          this.arrive(content, origin);
        }
      } catch (error) {
        if (!(error instanceof FilterError)) throw error;
        if (this.properties.deadLetteringOnFilterEvaluationExceptions) this.addUnfilterable(content, origin, error);
      }
    }
  }
}

export class Topic {
  readonly name: string;
  readonly times: EntityTimes;
  readonly subscriptions: Map<string, Subscription> = new Map<string, Subscription>();
  /** The scheduled messages. This queue has no receivers. */
  readonly scheduled: MessageQueue;
  idleTimer: ScheduledCall | undefined = undefined;
  readonly #host: EntityHost;
  #properties: TopicProperties;
  #list: readonly Subscription[] = [];

  constructor(name: string, properties: TopicProperties, host: EntityHost) {
    this.name = name;
    this.#properties = properties;
    this.#host = host;
    const now = host.clock.now();
    this.times = { createdAt: now, updatedAt: now, accessedAt: now };
    const never = Number.POSITIVE_INFINITY;
    const settings = {
      lockDurationMs: never,
      maxDeliveryCount: never,
      defaultMessageTimeToLiveMs: never,
      deadLetteringOnMessageExpiration: false,
      requiresSession: false,
      expires: false,
      countsDeliveries: false,
    };
    this.scheduled = new MessageQueue(name, {
      clock: host.clock,
      faults: host.faults,
      throttle: host.throttle,
      limits: host.limits,
      settings: () => settings,
      deadLetter: () => {},
      activate: (content) => void this.arrive(content),
      resized: (bytes) => host.resized(bytes),
      receiving: (change) => host.receiving(change),
      used: () => {},
    });
  }

  get path(): string {
    return this.name;
  }

  get properties(): TopicProperties {
    return this.#properties;
  }

  setProperties(properties: TopicProperties): void {
    this.#properties = properties;
    this.times.updatedAt = this.#host.clock.now();
  }

  /** @throws BrokerError when the subscription does not exist */
  subscription(name: string): Subscription {
    const subscription = this.subscriptions.get(name.toLowerCase());
    if (!subscription) throw entityNotFound(`${this.name}/Subscriptions/${name}`);
    return subscription;
  }

  /** Creates nothing when it throws. @throws BrokerError when the name is taken or a rule is wrong */
  addSubscription(
    name: string,
    properties: SubscriptionProperties,
    rules: readonly RuleDefinition[],
    host: EntityHost,
  ): Subscription {
    checkName('subscription', name);
    if (this.subscriptions.has(name.toLowerCase())) throw alreadyExists(`${this.name}/Subscriptions/${name}`);
    const subscription = new Subscription(this.name, name, properties, host, () => this.#list);
    for (const rule of rules.length === 0 ? [DEFAULT_RULE] : rules) subscription.addRule(rule);
    this.subscriptions.set(name.toLowerCase(), subscription);
    this.#list = [...this.subscriptions.values()];
    return subscription;
  }

  removeSubscription(name: string): void {
    const subscription = this.subscription(name);
    this.subscriptions.delete(name.toLowerCase());
    this.#list = [...this.subscriptions.values()];
    subscription.close(entityNotFound(subscription.path));
  }

  /** Offers a message to every subscription. @returns its sequence number in the topic */
  arrive(content: Content, origin: Origin = {}): number {
    const sequenceNumber = this.scheduled.nextSequenceNumber();
    const { defaultMessageTimeToLiveMs: longest } = this.#properties;
    // The topic's time to live limits that in every subscription; the message itself keeps what its sender set.
    const here = {
      ...origin,
      enqueuedSequenceNumber: origin.enqueuedSequenceNumber ?? sequenceNumber,
      longestTimeToLiveMs: longest,
      sequenceNumber,
      clock: this.#host.clock,
    };
    // Disabled subscriptions too: their messages are there when they are enabled again.
    for (const subscription of this.#list) subscription.offer(content, here);
    return sequenceNumber;
  }

  /** How many filters each message is held against. */
  get ruleCount(): number {
    let count = 0;
    for (const { rules } of this.#list) count += rules.length;
    return count;
  }

  get sizeInBytes(): number {
    let bytes = this.scheduled.sizeInBytes;
    for (const { counts } of this.#list) bytes += counts.sizeInBytes;
    return bytes;
  }

  /** A topic is not idle while it has scheduled messages, or one of its subscriptions is in use. */
  get isInUse(): boolean {
    return this.scheduled.scheduledCount > 0 || this.#list.some((subscription) => subscription.isInUse);
  }

  close(error: BrokerError): void {
    this.idleTimer?.cancel();
    this.scheduled.close(error);
    for (const subscription of this.#list) subscription.close(error);
  }
}

export function alreadyExists(path: string): BrokerError {
  return new BrokerError('com.microsoft:entity-already-exists', `the messaging entity '${path}' already exists`);
}
