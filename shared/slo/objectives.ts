/** The objectives of a service, found without searching the whole configuration for every check. */
import type { PlatformConfig } from '../config.ts';

export type Objective = PlatformConfig['objectives'][number];

/** By configuration, because a configuration never changes. */
const byConfig = new WeakMap<PlatformConfig, ReadonlyMap<string, readonly Objective[]>>();

/** What is promised of a service; nothing when the configuration does not name it. */
export function objectivesOf(config: PlatformConfig, service: string): readonly Objective[] {
  const byService = byConfig.get(config) ?? grouped(config.objectives);
  byConfig.set(config, byService);
  return byService.get(service) ?? [];
}

/** One objective of a service by its name. */
export function objectiveOf(config: PlatformConfig, service: string, slo: string): Objective | undefined {
  return objectivesOf(config, service).find((objective) => objective.slo === slo);
}

function grouped(objectives: readonly Objective[]): ReadonlyMap<string, readonly Objective[]> {
  const byService = new Map<string, Objective[]>();
  for (const objective of objectives) {
    byService.set(objective.service, [...(byService.get(objective.service) ?? []), objective]);
  }
  return byService;
}
