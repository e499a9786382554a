/** What an event may say of a namespace: the configuration's word, or what it was made with. Pure. */
import { entryOf, isProductionName, namespaceObjection } from '../config/namespace-lookup.ts';
import type { PlatformConfig } from '../config.ts';
import type { DataOf } from '../events/cloud-event.ts';
import type { NamespaceCreated } from '../events/infrastructure.ts';
import type { NamespaceRecord } from './inventory.ts';

type NamespaceData = DataOf<typeof NamespaceCreated>;

/** The profile of a namespace: the configuration's, or the one it was made with, or else what the event says. */
export function profileNameOf(config: PlatformConfig, data: NamespaceData, found: NamespaceRecord | undefined): string {
  const entry = entryOf(config, data);
  if (entry) return entry.profile ?? entry.environment;
  return found?.profile ?? data.profile ?? data.environment;
}

/** Why an event is refused; undefined when it is not. It confirms what a namespace is, and changes nothing of it. */
export function objectionToNamespace(
  config: PlatformConfig,
  data: NamespaceData,
  found: NamespaceRecord | undefined,
): string | undefined {
  const { namespace, cluster = 'default', environment } = data;
  const objection = namespaceObjection(config, data);
  if (objection) return objection;
  const isListed = entryOf(config, data) !== undefined;
  const known = entryOf(config, data) ?? found;
  const who = isListed ? 'platform.config.json says' : 'it was made with';
  const said = { team: data.team, environment, profile: data.profile };
  const is = known && { team: known.team, environment: known.environment, profile: profileNameOf(config, data, found) };
  for (const field of ['team', 'environment', 'profile'] as const) {
    if (!is || said[field] === undefined || said[field] === is[field]) continue;
    return `${field} '${said[field]}' is not that of '${namespace}' in cluster '${cluster}': ${who} '${is[field]}', and no event changes it`;
  }
  if (environment !== 'production' && isProductionName(config, namespace)) {
    return `environment '${environment}' is not that of '${namespace}': its name is that of a production namespace`;
  }
  return undefined;
}
