/** The objectives of a service, found without searching the whole configuration for every check. */

import { matches } from '../config/patterns.ts';
import type { PlatformConfig } from '../config.ts';
import type { DataOf } from '../events/cloud-event.ts';
import type { HealthCheck } from '../events/platform.ts';

export type Objective = PlatformConfig['services'][number]['objectives'][number];

/** Where an objective holds. */
export type Scope = Pick<Objective, 'clusters' | 'namespaces'>;

/** By configuration, because a configuration never changes. */
const byConfig = new WeakMap<PlatformConfig, ReadonlyMap<string, readonly Objective[]>>();

/** What is promised of a service; nothing when the configuration does not name it. */
export function objectivesOf(config: PlatformConfig, service: string): readonly Objective[] {
  let byService = byConfig.get(config);
  if (!byService) {
    byService = new Map(config.services.map(({ name, objectives }) => [name, objectives]));
    byConfig.set(config, byService);
  }
  return byService.get(service) ?? [];
}

/** One objective of a service by its name. */
export function objectiveOf(config: PlatformConfig, service: string, slo: string): Objective | undefined {
  return objectivesOf(config, service).find((objective) => objective.slo === slo);
}

/** The objectives that a check counts for: those it names, or all when it names none, where it was measured. */
export function objectivesFor(
  config: PlatformConfig,
  check: Pick<DataOf<typeof HealthCheck>, 'service' | 'slo' | 'cluster' | 'namespace'>,
): readonly Objective[] {
  return objectivesOf(config, check.service).filter(
    (objective) => (check.slo ?? objective.slo) === objective.slo && isInScope(objective, check),
  );
}

/**
 * Whether a place is one that an objective holds in. What names no cluster is of the cluster `default`; what names no
 * namespace is only where every namespace is.
 */
export function isInScope(
  { clusters, namespaces }: Scope,
  {
    cluster = 'default',
    namespace = '',
  }: { readonly cluster?: string | undefined; readonly namespace?: string | undefined },
): boolean {
  return (
    clusters.some((pattern) => matches(pattern, cluster)) && namespaces.some((pattern) => matches(pattern, namespace))
  );
}
