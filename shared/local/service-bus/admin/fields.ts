/**
 * The descriptions of queues, topics and subscriptions: the XML field of each property. The order is that of the
 * service's data contract, on which clients in some languages depend.
 *
 * @see https://learn.microsoft.com/rest/api/servicebus/create-queue
 */

import { formatIsoDuration, parseIsoDuration } from '../config/iso-duration.ts';
import type {
  EntityStatus,
  QueueProperties,
  SubscriptionProperties,
  TopicProperties,
} from '../core/entity-properties.ts';
import { readRules, renderRules } from './authorization-rules.ts';
import { AdminError } from './error.ts';
import { element, type Xml, type XmlElement } from './xml.ts';

/** Reads and writes one type of property. */
interface Format<T> {
  readonly expected: string;
  read(text: string): T | undefined;
  write(value: T): string;
}

const duration: Format<number> = {
  expected: 'an ISO 8601 duration such as PT1M',
  read: parseIsoDuration,
  write: formatIsoDuration,
};

const integer: Format<number> = {
  expected: 'an integer',
  read: (text) => (/^[0-9]{1,15}$/.test(text) ? Number(text) : undefined),
  write: String,
};

const kilobytes: Format<number> = {
  expected: integer.expected,
  read: (text) => {
    const value = integer.read(text);
    return value === undefined ? undefined : value * 1024;
  },
  write: (bytes) => String(Math.ceil(bytes / 1024)),
};

const flag: Format<boolean> = {
  expected: 'true or false',
  read: (text) => ({ true: true, '1': true, false: false, '0': false })[text.toLowerCase()],
  write: String,
};

const text: Format<string> = { expected: 'a text', read: (value) => value, write: String };

const STATUSES: readonly EntityStatus[] = ['Active', 'Disabled', 'SendDisabled', 'ReceiveDisabled'];

const status: Format<EntityStatus> = {
  expected: STATUSES.join(', '),
  read: (value) => STATUSES.find((known) => known === value),
  write: String,
};

/** A property of `P`, or a field that is not read from a text: one of answers alone, or the authorization rules. */
type DescriptionField<P> =
  | { [K in keyof P]-?: readonly [string, K, Format<NonNullable<P[K]>>] }[keyof P]
  | readonly [string];

type EntityProperties = QueueProperties | TopicProperties | SubscriptionProperties;

const queue: readonly DescriptionField<QueueProperties>[] = [
  ['LockDuration', 'lockDurationMs', duration],
  ['MaxSizeInMegabytes', 'maxSizeInMegabytes', integer],
  ['RequiresDuplicateDetection', 'requiresDuplicateDetection', flag],
  ['RequiresSession', 'requiresSession', flag],
  ['DefaultMessageTimeToLive', 'defaultMessageTimeToLiveMs', duration],
  ['DeadLetteringOnMessageExpiration', 'deadLetteringOnMessageExpiration', flag],
  ['DuplicateDetectionHistoryTimeWindow', 'duplicateDetectionHistoryTimeWindowMs', duration],
  ['MaxDeliveryCount', 'maxDeliveryCount', integer],
  ['EnableBatchedOperations', 'enableBatchedOperations', flag],
  ['SizeInBytes'],
  ['MessageCount'],
  ['IsAnonymousAccessible'],
  ['AuthorizationRules'],
  ['Status', 'status', status],
  ['ForwardTo', 'forwardTo', text],
  ['UserMetadata', 'userMetadata', text],
  ['CreatedAt'],
  ['UpdatedAt'],
  ['AccessedAt'],
  ['SupportOrdering'],
  ['CountDetails'],
  ['AutoDeleteOnIdle', 'autoDeleteOnIdleMs', duration],
  ['EnablePartitioning', 'enablePartitioning', flag],
  ['EntityAvailabilityStatus'],
  ['ForwardDeadLetteredMessagesTo', 'forwardDeadLetteredMessagesTo', text],
  ['EnableExpress', 'enableExpress', flag],
  ['MaxMessageSizeInKilobytes', 'maxMessageSizeBytes', kilobytes],
];

const topic: readonly DescriptionField<TopicProperties>[] = [
  ['DefaultMessageTimeToLive', 'defaultMessageTimeToLiveMs', duration],
  ['MaxSizeInMegabytes', 'maxSizeInMegabytes', integer],
  ['RequiresDuplicateDetection', 'requiresDuplicateDetection', flag],
  ['DuplicateDetectionHistoryTimeWindow', 'duplicateDetectionHistoryTimeWindowMs', duration],
  ['EnableBatchedOperations', 'enableBatchedOperations', flag],
  ['SizeInBytes'],
  ['FilteringMessagesBeforePublishing'],
  ['IsAnonymousAccessible'],
  ['AuthorizationRules'],
  ['Status', 'status', status],
  ['UserMetadata', 'userMetadata', text],
  ['CreatedAt'],
  ['UpdatedAt'],
  ['AccessedAt'],
  ['SupportOrdering', 'supportOrdering', flag],
  ['CountDetails'],
  ['SubscriptionCount'],
  ['SqlFilterCount'],
  ['CorrelationFilterCount'],
  ['AutoDeleteOnIdle', 'autoDeleteOnIdleMs', duration],
  ['EnablePartitioning', 'enablePartitioning', flag],
  ['EntityAvailabilityStatus'],
  ['EnableSubscriptionPartitioning'],
  ['EnableExpress', 'enableExpress', flag],
  ['MaxMessageSizeInKilobytes', 'maxMessageSizeBytes', kilobytes],
];

const subscription: readonly DescriptionField<SubscriptionProperties>[] = [
  ['LockDuration', 'lockDurationMs', duration],
  ['RequiresSession', 'requiresSession', flag],
  ['DefaultMessageTimeToLive', 'defaultMessageTimeToLiveMs', duration],
  ['DeadLetteringOnMessageExpiration', 'deadLetteringOnMessageExpiration', flag],
  ['DeadLetteringOnFilterEvaluationExceptions', 'deadLetteringOnFilterEvaluationExceptions', flag],
  ['MessageCount'],
  ['MaxDeliveryCount', 'maxDeliveryCount', integer],
  ['EnableBatchedOperations', 'enableBatchedOperations', flag],
  ['Status', 'status', status],
  ['ForwardTo', 'forwardTo', text],
  ['CreatedAt'],
  ['UpdatedAt'],
  ['AccessedAt'],
  ['CountDetails'],
  ['UserMetadata', 'userMetadata', text],
  ['AutoDeleteOnIdle', 'autoDeleteOnIdleMs', duration],
  ['EntityAvailabilityStatus'],
  ['ForwardDeadLetteredMessagesTo', 'forwardDeadLetteredMessagesTo', text],
];

const fieldsByKind = { queue, topic, subscription };

export interface PropertiesByKind {
  readonly queue: QueueProperties;
  readonly topic: TopicProperties;
  readonly subscription: SubscriptionProperties;
}

type EntityKind = keyof PropertiesByKind;

/**
 * The properties that a description sets. Unknown fields, and fields that occur only in answers, are ignored, as the
 * service does. Both forwards are always in the result: a description without one clears it.
 *
 * @throws AdminError that names the field, its value and what was expected
 */
export function readDescription<K extends EntityKind>(
  kind: K,
  { name, children }: XmlElement,
): Partial<PropertiesByKind[K]> {
  const set: [string, unknown][] = [];
  const rules = children.find((child) => child.name === 'AuthorizationRules');
  if (rules && kind !== 'subscription') set.push(['authorizationRules', readRules(rules)]);
  for (const [xmlName, property, format] of fieldsOfKind(kind)) {
    if (property === undefined || format === undefined) continue;
    const child = children.find((candidate) => candidate.name === xmlName);
    if (property === 'forwardTo' || property === 'forwardDeadLetteredMessagesTo') {
      set.push([property, child && forwardTargetOf(child.text)]);
    } else if (child) {
      const value = format.read(child.text.trim());
      if (value === undefined) {
        throw new AdminError(400, `${name}.${xmlName}: expected ${format.expected}, got ${JSON.stringify(child.text)}`);
      }
      set.push([property, value]);
    }
  }
  // Each field's format has returned a value of its property's type.
  return Object.fromEntries(set) as Partial<PropertiesByKind[K]>;
}

/** The entity in the address that clients send as a forwarding target. */
function forwardTargetOf(address: string): string | undefined {
  const path = address.trim().replace(/^[a-z]+:\/\/[^/]*\/*/i, '');
  return path === '' ? undefined : path;
}

/**
 * The fields of a description.
 *
 * @param answers the values of the fields that occur only in answers
 */
export function renderDescription<K extends EntityKind>(
  kind: K,
  properties: PropertiesByKind[K],
  answers: Readonly<Record<string, Xml>>,
  origin: string,
): Xml[] {
  return fieldsOfKind(kind).flatMap(([xmlName, property, format]) => {
    if (xmlName === 'AuthorizationRules' && 'authorizationRules' in properties) {
      return renderRules(properties.authorizationRules);
    }
    if (property === undefined || format === undefined) return answers[xmlName] ?? [];
    const value: unknown = Reflect.get(properties, property);
    if (value === undefined || value === '') return [];
    if (property === 'forwardTo' || property === 'forwardDeadLetteredMessagesTo') {
      return element(xmlName, `${origin.replace(/^https?:/, 'sb:')}/${value}`);
    }
    return element(xmlName, format.write(value));
  });
}

/** The fields of a kind, without the link between property and type that the tables above are checked for. */
function fieldsOfKind(
  kind: EntityKind,
): readonly (
  | readonly [string, keyof EntityProperties | string, Format<unknown>]
  | readonly [string, undefined?, undefined?]
)[] {
  return fieldsByKind[kind] as unknown as readonly (readonly [string, string, Format<unknown>])[];
}
