/** The guardrails of a namespace: those of its profile, with the quotas that were raised for it. */
import type { PlatformConfig } from '../config.ts';
import type { Guardrails } from '../ports/cluster.ts';
import { largerQuantity, smallerQuantity } from '../quantity.ts';
import type { NamespaceRecord } from './inventory.ts';

export type Profile = PlatformConfig['profiles'][string];

/** A profile by its name; undefined when the configuration has none such. */
export function profileOf(config: PlatformConfig, name: string): Profile | undefined {
  return Object.hasOwn(config.profiles, name) ? config.profiles[name] : undefined;
}

/**
 * The guardrails of a namespace. Running them again repairs drift, and keeps what was raised up to the profile's cap.
 *
 * @param adopt whether a namespace that somebody else made may be taken over
 */
export function guardrailsOf(record: NamespaceRecord, profile: Profile, adopt: boolean): Guardrails {
  const { namespace, team, environment, raised } = record;
  const quota = Object.entries(profile.quota).map(([resource, hard]) => {
    const cap = profile.quotaCap[resource];
    const higher = Object.hasOwn(raised, resource) ? raised[resource]?.hard : undefined;
    return [
      resource,
      higher === undefined || cap === undefined ? hard : largerQuantity(hard, smallerQuantity(higher, cap)),
    ];
  });
  return {
    namespace,
    adopt,
    labels: { team, environment },
    podSecurity: profile.podSecurity,
    quota: Object.fromEntries(quota),
    limits: profile.limits,
    access: { group: profile.group.replaceAll('{team}', team), clusterRole: profile.clusterRole },
  };
}
