/** Which service a workload is of, and whose it is: what the configuration says. */
import { targetOf } from '../events/deployment-target.ts';
import { matchesPath } from './patterns.ts';
import type { PlatformConfig } from './sections.ts';

export type Service = PlatformConfig['services'][number];

/** A workload, as events name it, and the service that they take it to be of. */
interface Workload {
  readonly cluster?: string | undefined;
  readonly namespace: string;
  readonly deployment: string;
  readonly service?: string | undefined;
}

/** The patterns of a service's workloads. */
export function workloadsOf({ name, workloads }: Pick<Service, 'name' | 'workloads'>): readonly string[] {
  return workloads ?? [`*/*/${name}`];
}

/** A service of the configuration by its name. */
export function serviceNamed(config: PlatformConfig, name: string): Service | undefined {
  return config.services.find((service) => service.name === name);
}

/** Whom the notifications of a service are for. */
export function teamOf(config: PlatformConfig, service: string | undefined): string | undefined {
  return service === undefined ? undefined : serviceNamed(config, service)?.team;
}

function configuredServiceOf(config: PlatformConfig, workload: Workload): string | undefined {
  const target = targetOf(workload);
  return config.services.find((service) => workloadsOf(service).some((pattern) => matchesPath(pattern, target)))?.name;
}

/**
 * The service of a workload: the configuration's word. Where it has none, a name that it does not know either is taken
 * from the event: nothing is promised, frozen or blamed under it.
 */
export function serviceOf(config: PlatformConfig, workload: Workload): string | undefined {
  const { service: claimed } = workload;
  const isFree = claimed !== undefined && !serviceNamed(config, claimed);
  return configuredServiceOf(config, workload) ?? (isFree ? claimed : undefined);
}

/**
 * What is wrong with the service that a request names; undefined when nothing is. A request confirms what the
 * configuration says: otherwise it would pass the freeze of one service in the name of another.
 */
export function wrongServiceIn(config: PlatformConfig, workload: Workload): string | undefined {
  const { service: claimed } = workload;
  const configured = configuredServiceOf(config, workload);
  if (claimed === undefined || claimed === configured) return undefined;
  const target = targetOf(workload);
  if (configured !== undefined) {
    return `service '${claimed}' is not the service of ${target}: platform.config.json says '${configured}'`;
  }
  const service = serviceNamed(config, claimed);
  return (
    service &&
    `service '${claimed}' is not the service of ${target}: platform.config.json gives it ${workloadsOf(service).join(', ') || 'no workloads'}`
  );
}
