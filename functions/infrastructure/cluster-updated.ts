/** Updates the inventory, publishes the baseline namespaces again, and notifies people of an upgrade that Kubernetes does not support. */

import { baselineOf, recordCluster } from '../../shared/clusters/inventory.ts';
import { upgradeProblem } from '../../shared/clusters/kubernetes-version.ts';
import type { EventOf } from '../../shared/events/cloud-event.ts';
import { eventKey } from '../../shared/events/identity.ts';
import { ClusterUpdated, NamespaceCreated } from '../../shared/events/infrastructure.ts';
import { onEvent } from '../../shared/on-event.ts';
import type { Handler } from '../../shared/ports/handler.ts';

export const handle: Handler<EventOf<typeof ClusterUpdated>> = async (event, ports) => {
  const { clusterName, version, previousVersion } = event.data;
  const record = await recordCluster(ports.state, event);
  for (const namespace of baselineOf(ports.config, clusterName)) {
    ports.publish(NamespaceCreated, namespace, { key: namespace.namespace });
  }
  const previous = previousVersion ?? (record.by === eventKey(event) ? record.previousVersion : undefined);
  const problem = version && previous && upgradeProblem(previous, version);
  if (problem) {
    await ports.notifier.notify({
      key: `${eventKey(event)}/version`,
      severity: 'warning',
      title: `cluster ${clusterName} ${problem}`,
      text: `the version of cluster '${clusterName}' ${problem}: from ${previous} to ${version}`,
      event,
    });
  }
};

onEvent(ClusterUpdated, handle);
