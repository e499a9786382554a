/** Makes a broker's entities from the topology of this build. */
import type { Topology } from '../topology.ts';
import type { Broker } from './broker.ts';

/** Queues come first, so that what forwards to them finds them. @throws BrokerError when an entity is there already */
export function applyTopology(broker: Broker, { queues, topics }: Topology): void {
  for (const { name, timeToLiveSeconds, lockSeconds, maxDeliveryCount } of queues) {
    broker.createQueue(name, {
      defaultMessageTimeToLiveMs: timeToLiveSeconds * 1_000,
      lockDurationMs: lockSeconds * 1_000,
      maxDeliveryCount,
    });
  }
  for (const { name, timeToLiveSeconds, duplicateDetectionSeconds, subscriptions } of topics) {
    broker.createTopic(name, {
      defaultMessageTimeToLiveMs: timeToLiveSeconds * 1_000,
      requiresDuplicateDetection: true,
      duplicateDetectionHistoryTimeWindowMs: duplicateDetectionSeconds * 1_000,
    });
    for (const subscription of subscriptions) {
      const { forwardTo, forwardDeadLetteredMessagesTo, lockSeconds, maxDeliveryCount, rule } = subscription;
      broker.createSubscription(
        name,
        subscription.name,
        {
          lockDurationMs: lockSeconds * 1_000,
          maxDeliveryCount,
          forwardDeadLetteredMessagesTo,
          ...(forwardTo !== undefined && { forwardTo }),
        },
        [{ name: rule.name, filter: { kind: 'sql', expression: rule.sqlFilter } }],
      );
    }
  }
}
