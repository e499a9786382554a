/** Creates a broker's entities from a plan. */

import type { Broker } from '../core/broker.ts';
import type { EntityPlan } from './entity-plan.ts';

/** Forwarding may name entities that come later. @throws BrokerError that names the entity that cannot be created */
export function applyPlan(broker: Broker, { queues, topics }: EntityPlan): void {
  for (const { name, properties } of queues) broker.createQueue(name, properties);
  for (const { name, properties, subscriptions } of topics) {
    broker.createTopic(name, properties);
    for (const subscription of subscriptions) {
      broker.createSubscription(name, subscription.name, subscription.properties, subscription.rules);
    }
  }
}
