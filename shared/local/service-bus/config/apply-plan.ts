/** Makes a broker's entities from a plan, such as a Config.json. */

import type { Broker } from '../core/broker.ts';
import type { EntityPlan } from './entity-plan.ts';

/** Forwards may name entities that come later. @throws BrokerError naming the entity that cannot be made, and why */
export function applyPlan(broker: Broker, { queues, topics }: EntityPlan): void {
  for (const { name, properties } of queues) broker.createQueue(name, properties);
  for (const { name, properties, subscriptions } of topics) {
    broker.createTopic(name, properties);
    for (const subscription of subscriptions) {
      broker.createSubscription(name, subscription.name, subscription.properties, subscription.rules);
    }
  }
}
