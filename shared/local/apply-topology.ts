/** Makes a broker's entities from the topology of this build, or from a configuration. */
import type { Topology } from '../topology.ts';
import type { Broker } from './broker.ts';
import { type EntityPlan, planOfTopology } from './entity-plan.ts';

/** @throws BrokerError when an entity is there already */
export function applyTopology(broker: Broker, topology: Topology): void {
  applyPlan(broker, planOfTopology(topology));
}

/**
 * Queues come first, so that what forwards to them finds them.
 *
 * @throws BrokerError when an entity is there already, or the broker does not take one
 */
export function applyPlan(broker: Broker, { queues, topics }: EntityPlan): void {
  for (const { name, properties } of queues) broker.createQueue(name, properties);
  for (const { name, properties, subscriptions } of topics) {
    broker.createTopic(name, properties);
    for (const { name: subscription, properties: own, rules } of subscriptions) {
      broker.createSubscription(name, subscription, own, rules);
    }
  }
}
