/** Makes a broker's entities from the topology of this build. */
import type { Topology } from '../topology.ts';
import { applyPlan } from './apply-plan.ts';
import { planOfTopology } from './entity-plan.ts';
import type { Broker } from './service-bus/core/broker.ts';

/** @throws BrokerError when an entity is there already */
export function applyTopology(broker: Broker, topology: Topology): void {
  applyPlan(broker, planOfTopology(topology));
}
