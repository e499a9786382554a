/** Creates a broker's entities from the topology. */
import type { Topology } from '../../../topology.ts';
import type { Broker } from '../core/broker.ts';
import { applyPlan } from './apply-plan.ts';
import { planOfTopology } from './entity-plan.ts';

/** @throws BrokerError when an entity exists already */
export function applyTopology(broker: Broker, topology: Topology): void {
  applyPlan(broker, planOfTopology(topology));
}
