/** The operations of the administration on the broker's entities. Each address names one entity or one list. */

import type { Broker } from '../core/broker.ts';
import { type EntityTimes, Queue, type RuntimeCounts } from '../core/entity.ts';
import type { QueueProperties } from '../core/entity-properties.ts';
import type { Subscription, Topic } from '../core/topic.ts';
import type { Rule } from '../filters/rule.ts';
import type { RuleDefinition } from '../filters/rule-definition.ts';
import { type Address, countDetails, type Entry } from './atom.ts';
import { AdminError } from './error.ts';
import { type PropertiesByKind, readDescription, renderDescription } from './fields.ts';
import { type AdminPath, formatAdminPath } from './path.ts';
import { readRule, renderRule } from './rules.ts';
import { element, type Xml, type XmlElement } from './xml.ts';

/** @throws BrokerError when the entity does not exist; AdminError when the address is that of a list */
export function findEntity(broker: Broker, target: AdminPath, { origin }: Address): Entry {
  switch (target.kind) {
    case 'namespace':
      return namespaceEntry(origin, broker);
    case 'entity': {
      const entity = broker.resolveTarget(target.name);
      return entity instanceof Queue ? queueEntry(entity, origin) : topicEntry(entity, origin);
    }
    case 'subscription':
      return subscriptionEntry(broker.getSubscription(target.topic, target.name), origin);
    case 'rule': {
      const subscription = broker.getSubscription(target.topic, target.subscription);
      return ruleEntry(subscription, subscription.rule(target.name));
    }
    default:
      throw notOne(target);
  }
}

/** All entities of a list, sorted by name; rules in the order of their creation. */
export function listEntities(broker: Broker, target: AdminPath, { origin }: Address): Entry[] {
  switch (target.kind) {
    case 'queues':
      return broker.listQueues().map((queue) => queueEntry(queue, origin));
    case 'topics':
      return broker.listTopics().map((topic) => topicEntry(topic, origin));
    case 'subscriptions':
      return broker.listSubscriptions(target.topic).map((subscription) => subscriptionEntry(subscription, origin));
    case 'rules': {
      const subscription = broker.getSubscription(target.topic, target.subscription);
      return subscription.rules.map((rule) => ruleEntry(subscription, rule));
    }
    default:
      throw new AdminError(400, `${formatAdminPath(target)} is not a list`);
  }
}

/**
 * Creates the entity of a description.
 *
 * @throws BrokerError when it exists already or a value is out of bounds; AdminError when the description is malformed
 */
export function createEntity(broker: Broker, target: AdminPath, description: XmlElement): void {
  switch (kindOf(target, description)) {
    case 'QueueDescription':
      broker.createQueue(nameOf(target), read(broker, 'queue', description));
      return;
    case 'TopicDescription':
      broker.createTopic(nameOf(target), read(broker, 'topic', description));
      return;
    case 'SubscriptionDescription': {
      const { topic, name } = asSubscription(target);
      const properties = read(broker, 'subscription', description);
      broker.createSubscription(topic, name, properties, defaultRule(description));
      return;
    }
    case 'RuleDescription': {
      const { topic, subscription, name } = asRule(target);
      broker.getSubscription(topic, subscription).addRule(readRule(description, name));
    }
  }
}

/** Changes the properties that a description sets. @throws like `createEntity`, but the entity must exist */
export function updateEntity(broker: Broker, target: AdminPath, description: XmlElement): void {
  switch (kindOf(target, description)) {
    case 'QueueDescription':
      broker.updateQueue(nameOf(target), read(broker, 'queue', description));
      return;
    case 'TopicDescription':
      broker.updateTopic(nameOf(target), read(broker, 'topic', description));
      return;
    case 'SubscriptionDescription': {
      const { topic, name } = asSubscription(target);
      broker.updateSubscription(topic, name, read(broker, 'subscription', description));
      return;
    }
    case 'RuleDescription': {
      const { topic, subscription, name } = asRule(target);
      broker.getSubscription(topic, subscription).updateRule(readRule(description, name));
    }
  }
}

/** Deletes an entity and what belongs to it. @throws BrokerError when it does not exist */
export function deleteEntity(broker: Broker, target: AdminPath): void {
  switch (target.kind) {
    case 'entity':
      if (broker.resolveTarget(target.name) instanceof Queue) broker.deleteQueue(target.name);
      else broker.deleteTopic(target.name);
      return;
    case 'subscription':
      broker.deleteSubscription(target.topic, target.name);
      return;
    case 'rule':
      broker.getSubscription(target.topic, target.subscription).removeRule(target.name);
      return;
    default:
      throw notOne(target);
  }
}

// ---------------------------------------------------------------- descriptions in requests

type DescriptionKind = 'QueueDescription' | 'TopicDescription' | 'SubscriptionDescription' | 'RuleDescription';

const KINDS: Readonly<Partial<Record<AdminPath['kind'], readonly DescriptionKind[]>>> = {
  entity: ['QueueDescription', 'TopicDescription'],
  subscription: ['SubscriptionDescription'],
  rule: ['RuleDescription'],
};

/** The kind of a description. @throws AdminError when the address cannot have that kind */
function kindOf(target: AdminPath, { name }: XmlElement): DescriptionKind {
  const possible = KINDS[target.kind];
  if (!possible) throw notOne(target);
  const kind = possible.find((known) => known === name);
  if (kind === undefined) {
    throw new AdminError(400, `${formatAdminPath(target)}: expected a ${possible.join(' or a ')}, got '${name}'`);
  }
  return kind;
}

function nameOf(target: AdminPath): string {
  if (target.kind !== 'entity') throw notOne(target);
  return target.name;
}

function asSubscription(target: AdminPath): AdminPath & { kind: 'subscription' } {
  if (target.kind !== 'subscription') throw notOne(target);
  return target;
}

function asRule(target: AdminPath): AdminPath & { kind: 'rule' } {
  if (target.kind !== 'rule') throw notOne(target);
  return target;
}

function notOne(target: AdminPath): AdminError {
  return new AdminError(400, `${formatAdminPath(target)} is not one entity`);
}

/** The sizes that a queue or topic can have: those of Standard, and those of Premium. */
const SIZES: readonly number[] = [1024, 2048, 3072, 4096, 5120, 10_240, 20_480, 40_960, 81_920];

/** Reads a description. Its forwarding targets must exist: a sender would not learn that they do not. */
function read<K extends keyof PropertiesByKind>(
  broker: Broker,
  kind: K,
  description: XmlElement,
): Partial<PropertiesByKind[K]> {
  const properties: Partial<PropertiesByKind[K]> = readDescription(kind, description);
  // Every kind has some of these.
  const { forwardTo, forwardDeadLetteredMessagesTo, maxSizeInMegabytes } = properties as Partial<QueueProperties>;
  const targets = { ForwardTo: forwardTo, ForwardDeadLetteredMessagesTo: forwardDeadLetteredMessagesTo };
  for (const [field, path] of Object.entries(targets)) {
    if (path !== undefined && !broker.has(path)) {
      throw new AdminError(400, `${description.name}.${field}: expected an existing queue or topic, got '${path}'`);
    }
  }
  // What an entity has by default is sent back with every change.
  const sizes = [broker.limits.maxSizeInMegabytes, ...SIZES];
  if (maxSizeInMegabytes !== undefined && !sizes.includes(maxSizeInMegabytes)) {
    const expected = `expected ${SIZES.join(', ')}, got ${maxSizeInMegabytes}`;
    throw new AdminError(400, `${description.name}.MaxSizeInMegabytes: ${expected}`);
  }
  return properties;
}

/** The first rule of a new subscription, in place of the one that takes every message. */
function defaultRule({ children }: XmlElement): RuleDefinition[] {
  const rule = children.find(({ name }) => name === 'DefaultRuleDescription');
  if (!rule) return [];
  const name = rule.children.find((child) => child.name === 'Name')?.text.trim();
  return [readRule(rule, name || '$Default')];
}

// ---------------------------------------------------------------- descriptions in answers

function queueEntry(queue: Queue, origin: string): Entry {
  const { name, properties, counts } = queue;
  const answers = { ...common(queue.times), ...runtime(counts), SupportOrdering: element('SupportOrdering', 'true') };
  const fields = renderDescription('queue', properties, answers, origin);
  return { title: name, path: `/${name}`, ...dates(queue.times), description: { name: 'QueueDescription', fields } };
}

function topicEntry(topic: Topic, origin: string): Entry {
  const { name, properties, times } = topic;
  const kinds = [...topic.subscriptions.values()].flatMap(({ rules }) =>
    rules.map(({ definition }) => definition.filter.kind),
  );
  const answers = {
    ...common(times),
    ...fields({
      SizeInBytes: topic.sizeInBytes,
      SubscriptionCount: topic.subscriptions.size,
      // Service Bus counts true and false filters as SQL.
      SqlFilterCount: kinds.filter((kind) => kind !== 'correlation').length,
      CorrelationFilterCount: kinds.filter((kind) => kind === 'correlation').length,
      FilteringMessagesBeforePublishing: false,
      EnableSubscriptionPartitioning: false,
    }),
    // A topic holds scheduled messages alone.
    CountDetails: countDetails({
      active: 0,
      deadLetter: 0,
      scheduled: topic.scheduled.scheduledCount,
      transfer: 0,
      transferDeadLetter: 0,
    }),
  };
  const description = { name: 'TopicDescription', fields: renderDescription('topic', properties, answers, origin) };
  return { title: name, path: `/${name}`, ...dates(times), description };
}

function subscriptionEntry(subscription: Subscription, origin: string): Entry {
  const { topic, name, properties, times, counts } = subscription;
  const answers = { ...common(times), ...runtime(counts) };
  const path = formatAdminPath({ kind: 'subscription', topic, name });
  const rendered = renderDescription('subscription', properties, answers, origin);
  return { title: name, path, ...dates(times), description: { name: 'SubscriptionDescription', fields: rendered } };
}

function ruleEntry({ topic, name: subscription }: Subscription, { definition, createdAt }: Rule): Entry {
  const { name } = definition;
  return {
    title: name,
    path: formatAdminPath({ kind: 'rule', topic, subscription, name }),
    createdMs: createdAt,
    updatedMs: createdAt,
    description: { name: 'RuleDescription', fields: renderRule(definition, createdAt) },
  };
}

/** The namespace is as old as its broker. */
function namespaceEntry(origin: string, { createdAt: createdMs, limits }: Broker): Entry {
  const [name = ''] = new URL(origin).hostname.split('.');
  const date = new Date(createdMs).toISOString();
  // The limits of Premium are those of one unit. SDKs refuse a Premium namespace that says nothing of its units.
  const units = limits.sku === 'Premium' ? { MessagingUnits: 1 } : {};
  const values = { CreatedTime: date, MessagingSKU: limits.sku, ...units, ModifiedTime: date, Name: name };
  const description = {
    name: 'NamespaceInfo',
    fields: Object.values(fields({ ...values, NamespaceType: 'Messaging' })),
  };
  return { title: name, path: formatAdminPath({ kind: 'namespace' }), createdMs, updatedMs: createdMs, description };
}

function dates({ createdAt, updatedAt }: EntityTimes): Pick<Entry, 'createdMs' | 'updatedMs'> {
  return { createdMs: createdAt, updatedMs: updatedAt };
}

function common({ createdAt, updatedAt, accessedAt }: EntityTimes): Record<string, Xml> {
  return fields({
    CreatedAt: new Date(createdAt).toISOString(),
    UpdatedAt: new Date(updatedAt).toISOString(),
    AccessedAt: new Date(accessedAt).toISOString(),
    IsAnonymousAccessible: false,
    EntityAvailabilityStatus: 'Available',
  });
}

function runtime(counts: RuntimeCounts): Record<string, Xml> {
  return {
    ...fields({ MessageCount: counts.totalMessageCount, SizeInBytes: counts.sizeInBytes }),
    CountDetails: countDetails({
      active: counts.activeMessageCount,
      deadLetter: counts.deadLetterMessageCount,
      scheduled: counts.scheduledMessageCount,
      transfer: counts.transferMessageCount,
      transferDeadLetter: counts.transferDeadLetterMessageCount,
    }),
  };
}

function fields(values: Readonly<Record<string, string | number | boolean>>): Record<string, Xml> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, element(name, String(value))]));
}
