/** The objectives of a service, found without searching the whole configuration for every check. */

import { matches } from '../config/patterns.ts';
import type { PlatformConfig } from '../config.ts';
import type { DataOf } from '../events/cloud-event.ts';
import type { HealthCheck } from '../events/platform.ts';

export type Objective = PlatformConfig['services'][number]['objectives'][number];

/** What runs, or was measured, somewhere. */
export interface Placement {
  readonly cluster?: string | undefined;
  readonly namespace?: string | undefined;
}

/** Where an objective holds. */
export interface Scope {
  readonly clusters: readonly string[];
  readonly namespaces: readonly string[];
}

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

type Check = Pick<DataOf<typeof HealthCheck>, 'service' | 'slo' | 'cluster' | 'namespace'>;

/** The objectives that a check counts for: those it names, or all when it names none, where it was measured. */
export function objectivesFor(config: PlatformConfig, check: Check): readonly Objective[] {
  return namedIn(config, check).filter((objective) => isInScope(objective, check));
}

function namedIn(config: PlatformConfig, { service, slo }: Check): readonly Objective[] {
  const all = objectivesOf(config, service);
  return slo === undefined ? all : all.filter((objective) => objective.slo === slo);
}

/** Why a check counts for no objective, for people; undefined when it only comes from elsewhere, as checks of staging do. */
export function reasonNotCounted(config: PlatformConfig, check: Check): string | undefined {
  const { service, slo, cluster, namespace } = check;
  const named = namedIn(config, check);
  if (named.length === 0) {
    return `platform.config.json names no objective ${slo === undefined ? '' : `'${slo}' `}for '${service}'`;
  }
  const wouldCount = named.some(({ clusters, namespaces }) =>
    isInScope(
      { clusters: cluster === undefined ? ['*'] : clusters, namespaces: namespace === undefined ? ['*'] : namespaces },
      check,
    ),
  );
  return wouldCount
    ? `the objectives of '${service}' hold in some clusters and namespaces alone, and it does not say where it was measured`
    : undefined;
}

/**
 * Whether a place is one that an objective holds in. What names no cluster is of the cluster `default`; what names no
 * namespace is only where every namespace is.
 */
export function isInScope(
  { clusters, namespaces }: Scope,
  { cluster = 'default', namespace = '' }: Placement,
): boolean {
  return (
    clusters.some((pattern) => matches(pattern, cluster)) && namespaces.some((pattern) => matches(pattern, namespace))
  );
}
