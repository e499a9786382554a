/** Makes a broker's entities from the topology of this build. */
import type { Topology } from '../../../topology.ts';
import type { Broker } from '../core/broker.ts';
import { applyPlan } from './apply-plan.ts';
import { planOfTopology } from './entity-plan.ts';

/** @throws BrokerError when an entity is there already */
export function applyTopology(broker: Broker, topology: Topology): void {
  applyPlan(broker, planOfTopology(topology));
}
