/** Plans: the entities that a configuration asks for, as plain values. */
import { SECOND_MS } from '../../../duration.ts';
import type { Topology } from '../../../topology.ts';
import type { AuthorizationRule, Identity } from '../core/authorization-rule.ts';
import type { QueueProperties, SubscriptionProperties, TopicProperties } from '../core/entity-properties.ts';
import type { RuleDefinition } from '../filters/rule-definition.ts';

export interface QueuePlan {
  readonly name: string;
  readonly properties: Partial<QueueProperties>;
}

export interface SubscriptionPlan {
  readonly name: string;
  readonly properties: Partial<SubscriptionProperties>;
  /** Empty for the default rule, which takes every message. */
  readonly rules: readonly RuleDefinition[];
}

export interface TopicPlan {
  readonly name: string;
  readonly properties: Partial<TopicProperties>;
  readonly subscriptions: readonly SubscriptionPlan[];
}

/** All entities of a namespace, and who may use them. */
export interface EntityPlan {
  readonly queues: readonly QueuePlan[];
  readonly topics: readonly TopicPlan[];
  /** The namespace's own rules, beside the one that may do everything. */
  readonly authorizationRules?: readonly AuthorizationRule[];
  /** Undefined for any, each an owner. */
  readonly identities?: readonly Identity[] | undefined;
}

/** The plan of a topology. */
export function planOfTopology({ topics, queues }: Topology): EntityPlan {
  return {
    queues: queues.map(({ name, timeToLiveSeconds, lockSeconds, ...receiving }) => ({
      name,
      properties: {
        defaultMessageTimeToLiveMs: timeToLiveSeconds * SECOND_MS,
        lockDurationMs: lockSeconds * SECOND_MS,
        ...receiving,
      },
    })),
    topics: topics.map(({ name, timeToLiveSeconds, duplicateDetectionSeconds, subscriptions }) => ({
      name,
      properties: {
        defaultMessageTimeToLiveMs: timeToLiveSeconds * SECOND_MS,
        requiresDuplicateDetection: true,
        duplicateDetectionHistoryTimeWindowMs: duplicateDetectionSeconds * SECOND_MS,
      },
      subscriptions: subscriptions.map(({ name, rule, lockSeconds, ...receiving }) => ({
        name,
        properties: { lockDurationMs: lockSeconds * SECOND_MS, ...receiving },
        rules: [{ name: rule.name, filter: { kind: 'sql', expression: rule.sqlFilter } }],
      })),
    })),
  };
}
