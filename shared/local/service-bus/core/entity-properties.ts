/** The properties of entities, with defaults and bounds. Durations are in milliseconds. */
import { DAY_MS, MINUTE_MS } from '../../../duration.ts';
import { type AuthorizationRule, checkRules } from './authorization-rule.ts';
import { BrokerError } from './broker-error.ts';
import type { Limits } from './limits/limits.ts';

export type EntityStatus = 'Active' | 'Disabled' | 'SendDisabled' | 'ReceiveDisabled';

interface CommonProperties {
  /** `Infinity` for never. */
  readonly defaultMessageTimeToLiveMs: number;
  /** The entity is deleted after being idle for so long; `Infinity` for never. */
  readonly autoDeleteOnIdleMs: number;
  readonly status: EntityStatus;
  readonly userMetadata: string;
  /** Kept and shown without effect: the broker has no partitions, and always batches. */
  readonly enablePartitioning: boolean;
  readonly enableBatchedOperations: boolean;
}

/** Of an entity that is received from: a queue or a subscription. */
export interface ReceiveProperties extends CommonProperties {
  readonly lockDurationMs: number;
  readonly maxDeliveryCount: number;
  readonly deadLetteringOnMessageExpiration: boolean;
  /** Fixed when the entity is created. */
  readonly requiresSession: boolean;
  /** Name of the queue or topic that every message is forwarded to. */
  readonly forwardTo: string | undefined;
  /** Name of the queue or topic that dead letters are forwarded to. */
  readonly forwardDeadLetteredMessagesTo: string | undefined;
}

/** Of an entity that is sent to: a queue or a topic. */
export interface SendProperties extends CommonProperties {
  readonly maxSizeInMegabytes: number;
  readonly maxMessageSizeBytes: number;
  /** Kept and shown without effect: the broker keeps everything in memory alone. */
  readonly enableExpress: boolean;
  /** Fixed when the entity is created. */
  readonly requiresDuplicateDetection: boolean;
  readonly duplicateDetectionHistoryTimeWindowMs: number;
  /** Who may use it, beside those whom the namespace's own rules let in. */
  readonly authorizationRules: readonly AuthorizationRule[];
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

const send = {
  ...common,
  requiresDuplicateDetection: false,
  duplicateDetectionHistoryTimeWindowMs: 10 * MINUTE_MS,
  authorizationRules: [],
  enableExpress: false,
} as const;

export function queueDefaults({ maxMessageSizeBytes, maxSizeInMegabytes }: Limits): QueueProperties {
  return { ...receive, ...send, maxMessageSizeBytes, maxSizeInMegabytes };
}

export function topicDefaults({ maxMessageSizeBytes, maxSizeInMegabytes }: Limits): TopicProperties {
  return { ...send, maxMessageSizeBytes, maxSizeInMegabytes, supportOrdering: true };
}

/** @throws BrokerError when an entity asks for more than the tier has */
export function checkSizes(path: string, properties: SendProperties, limits: Limits): void {
  for (const [name, most] of [
    ['maxMessageSizeBytes', limits.largestMessageSizeBytes],
    ['maxSizeInMegabytes', limits.largestSizeInMegabytes],
  ] as const) {
    if (properties[name] <= most) continue;
    throw new BrokerError(
      'com.microsoft:argument-error',
      `${path}: ${name} is at most ${most} in the ${limits.sku} tier, got ${properties[name]}`,
    );
  }
}

export function subscriptionDefaults(): SubscriptionProperties {
  return { ...receive, deadLetteringOnFilterEvaluationExceptions: true };
}

type AllProperties = QueueProperties & TopicProperties & SubscriptionProperties;
type AnyProperties = { readonly [Name in keyof AllProperties]?: AllProperties[Name] | undefined };

/** The bounds of the service. @see https://learn.microsoft.com/azure/service-bus-messaging/service-bus-quotas */
const BOUNDS: readonly (readonly [keyof AnyProperties, number, number])[] = [
  ['lockDurationMs', 1_000, 5 * MINUTE_MS],
  ['maxDeliveryCount', 1, 2_147_483_647],
  ['defaultMessageTimeToLiveMs', 1_000, NEVER],
  ['autoDeleteOnIdleMs', 5 * MINUTE_MS, NEVER],
  ['duplicateDetectionHistoryTimeWindowMs', 20_000, 7 * DAY_MS],
  ['maxSizeInMegabytes', 1, 5 * 1024 * 1024],
  ['maxMessageSizeBytes', 1, 100 * 1024 * 1024],
];

/** @see https://learn.microsoft.com/dotnet/api/azure.messaging.servicebus.administration.queueproperties.usermetadata */
const MAX_METADATA = 1024;

const FIXED = ['requiresSession', 'requiresDuplicateDetection', 'enablePartitioning'] as const;

/**
 * The properties with the given ones set. An undefined value leaves a property as it was, but clears the two forwards.
 *
 * @param existing whether the entity exists: what is fixed at its creation can then not change
 * @throws BrokerError naming the property and the value
 */
export function withProperties<T extends AnyProperties>(
  path: string,
  base: T,
  given: Partial<T>,
  existing: boolean,
): T {
  const changes = given as AnyProperties; // T is bound to it, which the compiler does not see through Partial
  for (const [name, low, high] of BOUNDS) {
    const value = changes[name];
    if (value !== undefined && !(typeof value === 'number' && value >= low && value <= high)) {
      throw new BrokerError(
        'com.microsoft:argument-error',
        `${path}: ${name} must be from ${low} to ${high}, got ${value}`,
      );
    }
  }
  for (const name of FIXED) {
    if (existing && changes[name] !== undefined && changes[name] !== base[name]) {
      throw new BrokerError(
        'amqp:not-allowed',
        `${path}: ${name} is fixed when the entity is created and cannot become ${changes[name]}`,
      );
    }
  }
  if ((changes.userMetadata?.length ?? 0) > MAX_METADATA) {
    throw new BrokerError(
      'com.microsoft:argument-error',
      `${path}: userMetadata has ${changes.userMetadata?.length} characters; at most ${MAX_METADATA} are allowed`,
    );
  }
  if (changes.authorizationRules) checkRules(path, changes.authorizationRules);
  const clearable = new Set<string>(['forwardTo', 'forwardDeadLetteredMessagesTo']);
  const set = Object.entries(given).filter(([name, value]) => value !== undefined || clearable.has(name));
  const all: T = { ...base, ...Object.fromEntries(set) };
  // What forwards is never idle: https://learn.microsoft.com/azure/service-bus-messaging/service-bus-auto-forwarding
  const forwards = (all as AnyProperties).forwardTo ?? (all as AnyProperties).forwardDeadLetteredMessagesTo;
  return forwards === undefined ? all : { ...all, autoDeleteOnIdleMs: NEVER };
}

/** @see https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules */
const ENTITY_NAME = /^[A-Za-z0-9](?:[A-Za-z0-9._~/-]*[A-Za-z0-9_])?$/;
const SHORT_NAME = /^[A-Za-z0-9$](?:[A-Za-z0-9._-]*[A-Za-z0-9_])?$/;

/** Names of queues and topics may hold slashes. @throws BrokerError when the name is not valid for the kind */
export function checkName(kind: 'queue' | 'topic' | 'subscription' | 'rule', name: string): void {
  const isShort = kind === 'subscription' || kind === 'rule';
  const longest = isShort ? 50 : 260;
  if (name.length > longest || !(isShort ? SHORT_NAME : ENTITY_NAME).test(name)) {
    const allowed = isShort ? "letters, digits, '.', '-' and '_'" : "letters, digits, '.', '-', '_' and '/'";
    throw new BrokerError(
      'com.microsoft:argument-error',
      `'${name}' is not a ${kind} name: expected 1 to ${longest} of ${allowed}`,
    );
  }
}
