/** Entities as plain values: what a configuration asks for, before a broker has them. */
import type { Topology } from '../topology.ts';
import type { QueueProperties, SubscriptionProperties, TopicProperties } from './entity-properties.ts';
import type { PropertyValue } from './message.ts';

/** An SQL expression and the values of the parameters in it, by their names with the `@`. */
export interface ActionPlan {
  readonly expression: string;
  readonly parameters?: Readonly<Record<string, PropertyValue>>;
}

/** What a rule lets through: all that an SQL expression says, or all properties being equal. */
export type FilterPlan =
  | { readonly kind: 'true' }
  | { readonly kind: 'false' }
  | (ActionPlan & { readonly kind: 'sql' })
  | {
      readonly kind: 'correlation';
      readonly properties: Readonly<Partial<Record<CorrelationProperty, string | undefined>>>;
      readonly applicationProperties: Readonly<Record<string, PropertyValue>>;
    };

export type CorrelationProperty =
  | 'messageId'
  | 'correlationId'
  | 'subject'
  | 'to'
  | 'replyTo'
  | 'replyToSessionId'
  | 'sessionId'
  | 'contentType';

export interface RulePlan {
  readonly name: string;
  readonly filter: FilterPlan;
  readonly action?: ActionPlan;
}

export interface QueuePlan {
  readonly name: string;
  readonly properties: Partial<QueueProperties>;
}

export interface SubscriptionPlan {
  readonly name: string;
  readonly properties: Partial<SubscriptionProperties>;
  /** Empty means the rule that takes every message. */
  readonly rules: readonly RulePlan[];
}

export interface TopicPlan {
  readonly name: string;
  readonly properties: Partial<TopicProperties>;
  readonly subscriptions: readonly SubscriptionPlan[];
}

/** All entities of a namespace. */
export interface EntityPlan {
  readonly queues: readonly QueuePlan[];
  readonly topics: readonly TopicPlan[];
}

const SECOND = 1_000;

/** The plan of a topology. */
export function planOfTopology({ topics, queues }: Topology): EntityPlan {
  return {
    queues: queues.map(({ name, timeToLiveSeconds, lockSeconds, maxDeliveryCount }) => ({
      name,
      properties: {
        defaultMessageTimeToLiveMs: timeToLiveSeconds * SECOND,
        lockDurationMs: lockSeconds * SECOND,
        maxDeliveryCount,
      },
    })),
    topics: topics.map(({ name, timeToLiveSeconds, duplicateDetectionSeconds, subscriptions }) => ({
      name,
      properties: {
        defaultMessageTimeToLiveMs: timeToLiveSeconds * SECOND,
        requiresDuplicateDetection: true,
        duplicateDetectionHistoryTimeWindowMs: duplicateDetectionSeconds * SECOND,
      },
      subscriptions: subscriptions.map(({ name, rule, lockSeconds, maxDeliveryCount, ...forwards }) => ({
        name,
        properties: {
          lockDurationMs: lockSeconds * SECOND,
          maxDeliveryCount,
          forwardTo: forwards.forwardTo,
          forwardDeadLetteredMessagesTo: forwards.forwardDeadLetteredMessagesTo,
        },
        rules: [{ name: rule.name, filter: { kind: 'sql', expression: rule.sqlFilter } }],
      })),
    })),
  };
}
