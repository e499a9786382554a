/** What the platform knows of its clusters and namespaces. */
import type { PlatformConfig } from '../config.ts';
import type { DataOf, EventOf } from '../events/cloud-event.ts';
import { eventKey } from '../events/identity.ts';
import type { ClusterCreated, ClusterUpdated, NamespaceCreated } from '../events/infrastructure.ts';
import type { StateStore } from '../ports/state.ts';
import { updateDocument } from '../update-document.ts';

const INVENTORY = 'inventory';

/** A cluster, as the newest event about it says. */
interface ClusterRecord {
  readonly clusterName: string;
  readonly region: string;
  readonly provider?: string | undefined;
  readonly version?: string | undefined;
  /** The version before the newest event. */
  readonly previousVersion?: string | undefined;
  readonly nodeCount?: number | undefined;
  /** When the newest event was sent, milliseconds, and which it was, by its key. */
  readonly at: number;
  readonly by: string;
}

/** A namespace, as the newest event about it says, and what was changed since. */
export interface NamespaceRecord {
  readonly cluster: string;
  readonly namespace: string;
  readonly team: string;
  readonly environment: DataOf<typeof NamespaceCreated>['environment'];
  readonly profile: string;
  readonly at: number;
  readonly by: string;
  /** Quotas that were raised above the profile's, by resource, and the event that each was last raised for. */
  readonly raised: Readonly<Record<string, { readonly hard: string; readonly by: string }>>;
}

/** Records what an event says of a cluster, unless something newer is known. What it does not say stays. */
export async function recordCluster(
  state: StateStore,
  event: EventOf<typeof ClusterCreated> | EventOf<typeof ClusterUpdated>,
): Promise<ClusterRecord> {
  const { time, data } = event;
  const by = eventKey(event);
  const at = Date.parse(time);
  const { clusterName, region, version, nodeCount } = data;
  const provider = 'provider' in data ? data.provider : undefined;
  return updateDocument<ClusterRecord>(state, INVENTORY, `cluster/${clusterName}`, (found) => {
    if (found && (found.by === by || found.at > at)) return found;
    return {
      clusterName,
      region,
      provider: provider ?? found?.provider,
      version: version ?? found?.version,
      previousVersion: found?.version,
      nodeCount: nodeCount ?? found?.nodeCount,
      at,
      by,
    };
  });
}

/** When a cluster was last changed, as far as events tell: milliseconds since the Unix epoch. */
export async function clusterChangedAt(state: StateStore, cluster: string): Promise<number | undefined> {
  return (await state.get<ClusterRecord>(INVENTORY, `cluster/${cluster}`))?.value.at;
}

export async function namespaceOf(
  state: StateStore,
  cluster: string,
  namespace: string,
): Promise<NamespaceRecord | undefined> {
  return (await state.get<NamespaceRecord>(INVENTORY, namespaceKey(cluster, namespace)))?.value;
}

/** Changes a namespace's record, guarded by its ETag. `change` may run several times. */
export async function changeNamespace(
  state: StateStore,
  cluster: string,
  namespace: string,
  change: (found: NamespaceRecord | undefined) => NamespaceRecord,
): Promise<NamespaceRecord> {
  return updateDocument(state, INVENTORY, namespaceKey(cluster, namespace), change);
}

/**
 * What is known when it is newer than the event; otherwise what the event says, and what was raised since.
 *
 * @param profile the one that it has; see `profileNameOf`
 */
export function withNamespace(
  found: NamespaceRecord | undefined,
  event: EventOf<typeof NamespaceCreated>,
  profile: string,
): NamespaceRecord {
  const { time, data } = event;
  const by = eventKey(event);
  const at = Date.parse(time);
  const { cluster = 'default', namespace, team, environment } = data;
  const isKnown = found && (found.by === by || found.at > at);
  // The configuration may have given it to another team, or another profile, since a newer event.
  const stamp = isKnown ? { at: found.at, by: found.by } : { at, by };
  return { cluster, namespace, team, environment, profile, ...stamp, raised: found?.raised ?? {} };
}

function namespaceKey(cluster: string, namespace: string): string {
  return `namespace/${cluster}/${namespace}`;
}

/** The namespaces that the configuration gives to a cluster; nothing for a cluster that it does not name. */
export function baselineOf(config: PlatformConfig, cluster: string): readonly DataOf<typeof NamespaceCreated>[] {
  if (!Object.hasOwn(config.clusters, cluster)) return [];
  return (config.clusters[cluster]?.baseline.namespaces ?? []).map(({ profile, adopt: _, ...namespace }) => ({
    ...namespace,
    cluster,
    ...(profile !== undefined && { profile }),
  }));
}
