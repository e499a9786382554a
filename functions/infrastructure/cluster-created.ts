/** Records a new cluster in the inventory and publishes its baseline namespaces. */

import { baselineOf, recordCluster } from '../../shared/clusters/inventory.ts';
import type { EventOf } from '../../shared/events/cloud-event.ts';
import { eventKey } from '../../shared/events/identity.ts';
import { ClusterCreated, NamespaceCreated } from '../../shared/events/infrastructure.ts';
import { onEvent } from '../../shared/on-event.ts';
import type { Handler } from '../../shared/ports/handler.ts';

export const handle: Handler<EventOf<typeof ClusterCreated>> = async (event, ports) => {
  const { clusterName, region } = event.data;
  await recordCluster(ports.state, event);
  if (!ports.clusters.names.includes(clusterName)) {
    await ports.notifier.notify({
      key: `${eventKey(event)}/unknown-cluster`,
      severity: 'warning',
      title: `cluster ${clusterName} cannot be managed yet`,
      text: `cluster '${clusterName}' (${region}) is in the inventory, but platform.config.json has no 'clusters.${clusterName}': add it and publish ClusterUpdated`,
      event,
    });
    return;
  }
  for (const namespace of baselineOf(ports.config, clusterName)) {
    ports.publish(NamespaceCreated, namespace, { key: namespace.namespace });
  }
};

onEvent(ClusterCreated, handle);
