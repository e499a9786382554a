/** Updates the inventory, has the baseline namespaces repaired, and tells of an upgrade that Kubernetes does not support. */
import type { EventOf } from '../../shared/events/cloud-event.ts';
import { ClusterUpdated, NamespaceCreated } from '../../shared/events/infrastructure.ts';
import { baselineOf, clusterOf, recordCluster } from '../../shared/inventory.ts';
import { upgradeProblem } from '../../shared/kubernetes-version.ts';
import { onEvent } from '../../shared/on-event.ts';
import type { Handler, StateStore } from '../../shared/ports.ts';

type Updated = EventOf<typeof ClusterUpdated>;

export const handle: Handler<Updated> = async (event, ports) => {
  const { clusterName, version } = event.data;
  // Told before it is recorded: once it is, a second run could no longer see where the version came from.
  const previous = await previousVersion(ports.state, event);
  const problem = version && previous && upgradeProblem(previous, version);
  if (problem) {
    await ports.notifier.notify({
      key: `${event.id}/version`,
      severity: 'warning',
      title: `cluster ${clusterName} ${problem}`,
      text: `the version of cluster '${clusterName}' ${problem}: from ${previous} to ${version}`,
      event,
    });
  }
  await recordCluster(ports.state, event);
  for (const namespace of baselineOf(ports.config, clusterName)) {
    ports.publish(NamespaceCreated, namespace, { key: namespace.namespace });
  }
};

/** What the event says, or else what was known before it. */
async function previousVersion(state: StateStore, { id, time, data }: Updated): Promise<string | undefined> {
  if (data.previousVersion !== undefined) return data.previousVersion;
  const known = await clusterOf(state, data.clusterName);
  return known && known.by !== id && known.at <= Date.parse(time) ? known.version : undefined;
}

onEvent(ClusterUpdated, handle);
