/** What the configuration says of a namespace: whether it may exist, whose it is, and whether it is production. */
import { matches } from './patterns.ts';
import type { PlatformConfig } from './sections.ts';
import { isSystemNamespace } from './system-namespaces.ts';

/** An entry of the configuration for a namespace, by name or by pattern. */
export type NamespaceEntry = PlatformConfig['clusters'][string]['namespaces'][number];

interface Place {
  readonly cluster?: string | undefined;
  readonly namespace: string;
}

/** Everything that may exist in a cluster, the names before the patterns; nothing for a cluster that is not configured. */
export function namespacesIn(config: PlatformConfig, cluster: string): readonly NamespaceEntry[] {
  const found = Object.hasOwn(config.clusters, cluster) ? config.clusters[cluster] : undefined;
  const all = found ? [...found.baseline.namespaces, ...found.namespaces] : [];
  const isPattern = ({ namespace }: NamespaceEntry): boolean => namespace.includes('*');
  return [...all.filter((entry) => !isPattern(entry)), ...all.filter(isPattern)];
}

/** The entry for a namespace; undefined when it is not listed. */
export function entryOf(config: PlatformConfig, { cluster = 'default', namespace }: Place): NamespaceEntry | undefined {
  return namespacesIn(config, cluster).find((entry) => matches(entry.namespace, namespace));
}

/** Why an event may have no effect on a namespace; undefined when it may. */
export function namespaceObjection(config: PlatformConfig, place: Place): string | undefined {
  const { cluster = 'default', namespace } = place;
  if (isSystemNamespace(config, namespace)) return `'${namespace}' is a system namespace, which is never touched`;
  if (config.unlisted === 'allow' || entryOf(config, place)) return undefined;
  const listed = namespacesIn(config, cluster).map((entry) => entry.namespace);
  return `namespace '${namespace}' is not listed for cluster '${cluster}' in platform.config.json; listed: ${listed.join(', ') || 'none'}`;
}

/** @param recorded what is known of a namespace that is not listed */
export function isProduction(config: PlatformConfig, place: Place, recorded?: { environment: string }): boolean {
  const environment = (entryOf(config, place) ?? recorded)?.environment;
  return environment === 'production' || isProductionName(config, place.namespace);
}

/** Whether the name alone says that it is production. */
export function isProductionName({ policies }: Pick<PlatformConfig, 'policies'>, namespace: string): boolean {
  return policies.deployment.productionNamespaces.some((pattern) => matches(pattern, namespace));
}
