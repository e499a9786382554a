/** What no value of `services` shows by itself: names said twice, a workload of two services, patterns that match nothing. */
import { matches, pathsOverlap } from './patterns.ts';
import type { PlatformConfig } from './sections.ts';
import { type Service, workloadsOf } from './service-lookup.ts';

/** A value that others contradict. */
export interface Contradiction {
  readonly path: readonly (string | number)[];
  readonly expected: string;
}

export function* serviceContradictions({
  services,
  clusters,
}: Pick<PlatformConfig, 'services' | 'clusters'>): Iterable<Contradiction> {
  const names = new Set<string>();
  for (const [index, service] of services.entries()) {
    const path = ['services', index];
    if (names.has(service.name)) {
      yield { path: [...path, 'name'], expected: 'each service once' };
      continue;
    }
    names.add(service.name);
    yield* sharedWorkloads(service, services.slice(0, index), path);
    yield* repeatedObjectives(service, path);
    yield* unknownClusters(service, Object.keys(clusters), path);
  }
}

function* sharedWorkloads(
  service: Service,
  earlier: readonly Service[],
  path: Contradiction['path'],
): Iterable<Contradiction> {
  for (const [index, pattern] of workloadsOf(service).entries()) {
    const other = earlier.find((it) => workloadsOf(it).some((theirs) => pathsOverlap(pattern, theirs)));
    if (!other) continue;
    const theirs = workloadsOf(other).find((it) => pathsOverlap(pattern, it));
    yield {
      // The value is the default's where no list is.
      path: service.workloads ? [...path, 'workloads', index] : [...path, 'name'],
      expected: `workloads of no other service (${pattern} and ${theirs} of '${other.name}' have some in common)`,
    };
  }
}

function* repeatedObjectives({ name, objectives }: Service, path: Contradiction['path']): Iterable<Contradiction> {
  const promised = new Set<string>();
  for (const [index, { slo }] of objectives.entries()) {
    if (promised.has(slo))
      yield { path: [...path, 'objectives', index, 'slo'], expected: `one objective '${slo}' for ${name}` };
    promised.add(slo);
  }
}

/** Only of the clusters of the configuration is anything released, and a typing error there would never be seen. */
function* unknownClusters(
  { workloads = [], objectives }: Service,
  known: readonly string[],
  path: Contradiction['path'],
): Iterable<Contradiction> {
  const expected = `a pattern that a cluster of the configuration fits (${known.join(', ')})`;
  const isUnknown = (pattern: string): boolean => !known.some((cluster) => matches(pattern, cluster));
  for (const [index, pattern] of workloads.entries()) {
    if (isUnknown(pattern.split('/')[0] ?? '')) yield { path: [...path, 'workloads', index], expected };
  }
  for (const [index, { clusters }] of objectives.entries()) {
    for (const [at, pattern] of clusters.entries()) {
      if (isUnknown(pattern)) yield { path: [...path, 'objectives', index, 'clusters', at], expected };
    }
  }
}
