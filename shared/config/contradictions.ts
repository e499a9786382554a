/** What no value of the configuration shows by itself: unknown names, duplicates, bounds the wrong way round. */
import { isLargerQuantity } from '../quantity.ts';
import { accessContradictions } from './access.ts';
import type { PlatformConfig } from './sections.ts';

/** A value that others contradict. */
interface Contradiction {
  readonly path: readonly (string | number)[];
  readonly expected: string;
}

/** Every contradiction in a configuration whose values each fit by themselves. */
export function* contradictions(config: PlatformConfig): Iterable<Contradiction> {
  const { objectives, profiles, clusters, policies, access } = config;
  yield* accessContradictions(access);
  const promised = new Set<string>();
  for (const [index, { service, slo }] of objectives.entries()) {
    const name = `${service}\n${slo}`;
    if (promised.has(name))
      yield { path: ['objectives', index, 'slo'], expected: `one objective '${slo}' for ${service}` };
    promised.add(name);
  }
  for (const [name, { quota, quotaCap }] of Object.entries(profiles)) {
    for (const [resource, cap] of Object.entries(quotaCap)) {
      const hard = Object.hasOwn(quota, resource) ? quota[resource] : undefined;
      if (hard !== undefined && isLargerQuantity(hard, cap)) {
        yield { path: ['profiles', name, 'quotaCap', resource], expected: `at least the quota of ${hard}` };
      }
    }
  }
  for (const [name, { baseline }] of Object.entries(clusters)) {
    const namespaces = new Set<string>();
    for (const [index, { namespace, environment, profile }] of baseline.namespaces.entries()) {
      const path = ['clusters', name, 'baseline', 'namespaces', index];
      if (!Object.hasOwn(profiles, profile ?? environment)) {
        const known = Object.keys(profiles).join(', ');
        yield { path: [...path, profile ? 'profile' : 'environment'], expected: `one of the profiles (${known})` };
      }
      if (namespace.startsWith('kube-'))
        yield { path: [...path, 'namespace'], expected: "a namespace that is not Kubernetes' own" };
      if (namespaces.has(namespace)) yield { path: [...path, 'namespace'], expected: 'each namespace once' };
      namespaces.add(namespace);
    }
  }
  for (const [name, cluster] of Object.entries(clusters)) yield* conflictingWays(name, cluster);
  const { min, max } = policies.deployment.replicas;
  if (min > max)
    yield { path: ['policies', 'deployment', 'replicas', 'max'], expected: `at least the minimum of ${min}` };
}

/** A cluster is reached in one way; without any, where kubectl would look (`KUBECONFIG`, the home directory, the pod). */
function* conflictingWays(name: string, cluster: PlatformConfig['clusters'][string]): Iterable<Contradiction> {
  const path = ['clusters', name];
  const { kubeconfig, context, inCluster, server, certificateAuthority } = cluster;
  const ways = Object.entries({ kubeconfig, inCluster: inCluster || undefined, server }).filter(([, way]) => way);
  for (const [way] of ways.slice(1)) yield { path: [...path, way], expected: `nothing beside ${ways[0]?.[0]}` };
  if (context !== undefined && (inCluster || server)) {
    yield { path: [...path, 'context'], expected: `nothing beside ${server ? 'server' : 'inCluster'}` };
  }
  if (certificateAuthority !== undefined && !server) {
    yield { path: [...path, 'certificateAuthority'], expected: 'a server beside it' };
  }
  // The token goes there.
  if (server?.startsWith('https:') === false) yield { path: [...path, 'server'], expected: 'an https address' };
}
