/** What no value of the configuration shows by itself: unknown names, duplicates, bounds the wrong way round. */
import { isLargerQuantity } from '../quantity.ts';
import { accessContradictions } from './access.ts';
import { measurementContradictions } from './measurement-contradictions.ts';
import { namespaceContradictions, unlistedContradictions } from './namespace-contradictions.ts';
import type { PlatformConfig } from './sections.ts';
import { type Contradiction, serviceContradictions } from './service-contradictions.ts';

/** Every contradiction in a configuration whose values each fit by themselves. */
export function* contradictions(config: PlatformConfig): Iterable<Contradiction> {
  const { profiles, clusters, policies, access } = config;
  yield* accessContradictions(access);
  yield* serviceContradictions(config);
  yield* measurementContradictions(config);
  for (const [name, { quota, quotaCap }] of Object.entries(profiles)) {
    for (const [resource, cap] of Object.entries(quotaCap)) {
      const hard = Object.hasOwn(quota, resource) ? quota[resource] : undefined;
      if (hard !== undefined && isLargerQuantity(hard, cap)) {
        yield { path: ['profiles', name, 'quotaCap', resource], expected: `at least the quota of ${hard}` };
      }
    }
  }
  yield* namespaceContradictions(config);
  if (config.unlisted === 'refuse') yield* unlistedContradictions(config);
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
