/**
 * What a namespace allows: the limits of a tier, or of the official emulator.
 *
 * @see https://learn.microsoft.com/azure/service-bus-messaging/service-bus-quotas
 */

export interface Limits {
  /** What an entity has when it does not say. */
  readonly maxMessageSizeBytes: number;
  readonly maxSizeInMegabytes: number;
  /** What an entity may ask for. */
  readonly largestMessageSizeBytes: number;
  readonly largestSizeInMegabytes: number;
  /** Queues and topics. */
  readonly maxEntities: number;
  readonly maxSubscriptionsPerTopic: number;
  readonly maxSqlFiltersPerTopic: number;
  readonly maxCorrelationFiltersPerTopic: number;
  readonly maxConnections: number;
  /** Receive requests at a time of a queue, or of all subscriptions of a topic together. */
  readonly maxReceiversPerEntity: number;
  /** In one request. */
  readonly maxDeletedMessages: number;
  /** `Infinity` for no throttling. */
  readonly creditsPerSecond: number;
  readonly sku: 'Standard' | 'Premium';
}

const KB = 1024;
const NONE = Number.POSITIVE_INFINITY;

/** Where no tier is chosen: what Standard gives, and what either tier allows. */
export const DEFAULT_LIMITS: Limits = {
  maxMessageSizeBytes: 256 * KB,
  maxSizeInMegabytes: 1024,
  largestMessageSizeBytes: NONE,
  largestSizeInMegabytes: NONE,
  maxEntities: NONE,
  maxSubscriptionsPerTopic: NONE,
  maxSqlFiltersPerTopic: NONE,
  maxCorrelationFiltersPerTopic: NONE,
  maxConnections: NONE,
  maxReceiversPerEntity: NONE,
  maxDeletedMessages: 500,
  creditsPerSecond: NONE,
  sku: 'Standard',
};

const BOTH_TIERS = {
  maxSqlFiltersPerTopic: 2_000,
  maxCorrelationFiltersPerTopic: 100_000,
  maxConnections: 5_000,
  maxReceiversPerEntity: 5_000,
};

export const TIERS = {
  standard: {
    ...DEFAULT_LIMITS,
    ...BOTH_TIERS,
    largestMessageSizeBytes: 256 * KB,
    largestSizeInMegabytes: 5 * KB,
    maxEntities: 10_000,
    maxSubscriptionsPerTopic: 2_000,
    creditsPerSecond: 1_000,
  },
  premium: {
    ...DEFAULT_LIMITS,
    ...BOTH_TIERS,
    maxMessageSizeBytes: 1024 * KB,
    largestMessageSizeBytes: 100 * KB * KB,
    largestSizeInMegabytes: 80 * KB,
    // With one messaging unit.
    maxEntities: 1_000,
    maxSubscriptionsPerTopic: 2_000,
    maxDeletedMessages: 4_000,
    sku: 'Premium',
  },
} as const satisfies Readonly<Record<string, Limits>>;
