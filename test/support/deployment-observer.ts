/** Somebody who listens to all that happens to deployments, in one queue. */
import { families } from '../../shared/events/catalog.ts';
import type { Broker } from '../../shared/local/service-bus/core/broker.ts';
import { topicOf } from '../../shared/topology.ts';

/** Gets every event once, and no redelivery. @returns the queue that they come to */
export function observeDeployments(broker: Broker): string {
  const queue = 'observed';
  broker.createQueue(queue);
  for (const { type } of Object.values(families.deployment)) {
    broker.createSubscription(topicOf(type), 'observer', { forwardTo: queue }, [
      { name: 'Events', filter: { kind: 'sql', expression: "sys.To IS NULL OR sys.To NOT LIKE 'only:%'" } },
    ]);
  }
  return queue;
}
