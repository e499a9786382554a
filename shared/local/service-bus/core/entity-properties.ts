/** What an administrator sets on an entity: properties, their defaults and their bounds. Durations are in milliseconds. */
import { DAY_MS, MINUTE_MS } from '../../../duration.ts';
import { BrokerError } from './broker-error.ts';

export type EntityStatus = 'Active' | 'Disabled' | 'SendDisabled' | 'ReceiveDisabled';

interface CommonProperties {
  /** `Infinity` is never. */
  readonly defaultMessageTimeToLiveMs: number;
  /** Deletes the entity when it was not used for so long; `Infinity` is never. */
  readonly autoDeleteOnIdleMs: number;
  readonly status: EntityStatus;
  readonly userMetadata: string;
  /** Kept and shown; the broker has no partitions and batches anyhow. */
  readonly enablePartitioning: boolean;
  readonly enableBatchedOperations: boolean;
}

/** Where messages wait for receivers: a queue or a subscription. */
export interface ReceiveProperties extends CommonProperties {
  readonly lockDurationMs: number;
  readonly maxDeliveryCount: number;
  readonly deadLetteringOnMessageExpiration: boolean;
  /** Fixed when the entity is made. */
  readonly requiresSession: boolean;
  /** Name of a queue or topic that every message goes on to. */
  readonly forwardTo: string | undefined;
  /** Name of a queue or topic that dead letters go on to. */
  readonly forwardDeadLetteredMessagesTo: string | undefined;
}

/** What messages are sent to: a queue or a topic. */
export interface SendProperties extends CommonProperties {
  readonly maxSizeInMegabytes: number;
  readonly maxMessageSizeBytes: number;
  /** Fixed when the entity is made. */
  readonly requiresDuplicateDetection: boolean;
  readonly duplicateDetectionHistoryTimeWindowMs: number;
}

export interface QueueProperties extends ReceiveProperties, SendProperties {}

export interface TopicProperties extends SendProperties {
  readonly supportOrdering: boolean;
}

export interface SubscriptionProperties extends ReceiveProperties {
  readonly deadLetteringOnFilterEvaluationExceptions: boolean;
}

const NEVER = Number.POSITIVE_INFINITY;

const common = {
  defaultMessageTimeToLiveMs: NEVER,
  autoDeleteOnIdleMs: NEVER,
  status: 'Active',
  userMetadata: '',
  enablePartitioning: false,
  enableBatchedOperations: true,
} as const;

const receive = {
  ...common,
  lockDurationMs: MINUTE_MS,
  maxDeliveryCount: 10,
  deadLetteringOnMessageExpiration: false,
  requiresSession: false,
  forwardTo: undefined,
  forwardDeadLetteredMessagesTo: undefined,
} as const;

/** Bounds that hold for the whole broker. */
export interface Limits {
  readonly maxMessageSizeBytes: number;
  readonly maxSizeInMegabytes: number;
}

/** Those of the Standard tier. @see https://learn.microsoft.com/azure/service-bus-messaging/service-bus-quotas */
export const STANDARD_LIMITS: Limits = { maxMessageSizeBytes: 256 * 1024, maxSizeInMegabytes: 1024 };

const send = {
  ...common,
  requiresDuplicateDetection: false,
  duplicateDetectionHistoryTimeWindowMs: 10 * MINUTE_MS,
} as const;

export function queueDefaults(limits: Limits): QueueProperties {
  return { ...receive, ...send, ...limits };
}

export function topicDefaults(limits: Limits): TopicProperties {
  return { ...send, ...limits, supportOrdering: true };
}

export function subscriptionDefaults(): SubscriptionProperties {
  return { ...receive, deadLetteringOnFilterEvaluationExceptions: true };
}

type AllProperties = QueueProperties & TopicProperties & SubscriptionProperties;
type AnyProperties = { readonly [Name in keyof AllProperties]?: AllProperties[Name] | undefined };

/** The bounds of the service. @see https://learn.microsoft.com/azure/service-bus-messaging/service-bus-quotas */
const BOUNDS: readonly (readonly [keyof AnyProperties, number, number])[] = [
  ['lockDurationMs', 1_000, 5 * MINUTE_MS],
  ['maxDeliveryCount', 1, 2_000],
  ['defaultMessageTimeToLiveMs', 1_000, NEVER],
  ['autoDeleteOnIdleMs', 5 * MINUTE_MS, NEVER],
  ['duplicateDetectionHistoryTimeWindowMs', 20_000, 7 * DAY_MS],
  ['maxSizeInMegabytes', 1, 5 * 1024 * 1024],
  ['maxMessageSizeBytes', 1, 100 * 1024 * 1024],
];

const FIXED = ['requiresSession', 'requiresDuplicateDetection', 'enablePartitioning'] as const;

/**
 * The properties with the given ones set; undefined ones are left as they were, save the two forwards, which it clears.
 *
 * @param existing whether the entity exists, so that what is fixed when it is made cannot change
 * @throws BrokerError naming the property and the value
 */
export function withProperties<T extends AnyProperties>(
  path: string,
  base: T,
  given: Partial<T>,
  existing: boolean,
): T {
  const changes = given as AnyProperties; // what the bound of T says, which the compiler does not see through Partial
  for (const [name, low, high] of BOUNDS) {
    const value = changes[name];
    if (value !== undefined && !(typeof value === 'number' && value >= low && value <= high)) {
      throw new BrokerError('amqp:invalid-field', `${path}: ${name} must be from ${low} to ${high}, got ${value}`);
    }
  }
  for (const name of FIXED) {
    if (existing && changes[name] !== undefined && changes[name] !== base[name]) {
      throw new BrokerError(
        'amqp:not-allowed',
        `${path}: ${name} is fixed when the entity is made and cannot become ${changes[name]}`,
      );
    }
  }
  const clearable = new Set<string>(['forwardTo', 'forwardDeadLetteredMessagesTo']);
  const set = Object.entries(given).filter(([name, value]) => value !== undefined || clearable.has(name));
  return { ...base, ...Object.fromEntries(set) };
}

/** @see https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules */
const ENTITY_NAME = /^[A-Za-z0-9](?:[A-Za-z0-9._~/-]*[A-Za-z0-9_])?$/;
const SHORT_NAME = /^[A-Za-z0-9$](?:[A-Za-z0-9._-]*[A-Za-z0-9_])?$/;

/** @throws BrokerError when it is no name for a queue or topic (with slashes) or for a subscription or rule (short) */
export function checkName(kind: 'queue' | 'topic' | 'subscription' | 'rule', name: string): void {
  const isShort = kind === 'subscription' || kind === 'rule';
  const longest = isShort ? 50 : 260;
  if (name.length > longest || !(isShort ? SHORT_NAME : ENTITY_NAME).test(name)) {
    const allowed = isShort ? "letters, digits, '.', '-' and '_'" : "letters, digits, '.', '-', '_' and '/'";
    throw new BrokerError('amqp:invalid-field', `'${name}' is no ${kind} name: 1 to ${longest} of ${allowed}`);
  }
}
