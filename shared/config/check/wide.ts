/** What a valid configuration allows that is more than most mean by it. Pure. */
import { namespacesIn } from '../namespace-lookup.ts';
import { overlap } from '../patterns.ts';
import type { PlatformConfig } from '../sections.ts';

/** Where anybody may push images of their own. */
const PUBLIC =
  /^(docker\.io|index\.docker\.io|ghcr\.io|quay\.io|gcr\.io|public\.ecr\.aws|registry\.gitlab\.com)(\/\*?)?$/i;

/** One warning a text, each with its path. */
export function* wideEntries(config: PlatformConfig): Iterable<string> {
  const { policies, profiles, clusters } = config;
  for (const [index, prefix] of (policies.deployment.registries ?? []).entries()) {
    const path = `policies.deployment.registries.${index}`;
    if (prefix === '*') yield `${path}: '*' lets any image of the world run`;
    if (PUBLIC.test(prefix))
      yield `${path}: anybody may push to '${prefix}'; name your account there, as '${prefix}/acme'`;
  }
  for (const [name, { podSecurity, clusterRole, group }] of Object.entries(profiles)) {
    const path = `profiles.${name}`;
    if (podSecurity === 'privileged') {
      yield `${path}.podSecurity: 'privileged' lets pods take over their node`;
    }
    if (clusterRole === 'cluster-admin' || clusterRole === 'admin') {
      yield `${path}.clusterRole: '${clusterRole}' lets a team give rights to others, and change its own quota`;
    }
    if (!group.includes('{team}')) yield `${path}.group: '${group}' gets the rights of every team with this profile`;
    if (group.startsWith('system:')) yield `${path}.group: '${group}' is a group of Kubernetes itself`;
  }
  for (const name of Object.keys(clusters)) yield* wideNamespaces(config, name);
  yield* wideAccess(config);
}

function* wideAccess({ access: { rules, topics = [] } }: PlatformConfig): Iterable<string> {
  for (const [index, { services, namespaces, type }] of topics.entries()) {
    if (!services.includes('*') || !namespaces.includes('*')) continue;
    yield `access.topics.${index}: whoever may send ${type} on its topic passes every freeze`;
  }
  for (const [index, { rights, types, namespaces, services, clusters }] of rules.entries()) {
    const isEverywhere = [namespaces, services, clusters].every((one) => one.includes('*'));
    const isWhole = rights.includes('publish') && types.includes('*') && isEverywhere;
    if (isWhole) yield `access.rules.${index}: publishes everything for everybody`;
  }
}

function* wideNamespaces(config: PlatformConfig, cluster: string): Iterable<string> {
  const entries = namespacesIn(config, cluster);
  const path = `clusters.${cluster}`;
  if (entries.length === 0 && config.unlisted === 'refuse') yield `${path}: no namespaces: nothing is allowed there`;
  for (const [index, entry] of entries.entries()) {
    const { namespace, team, environment, profile = environment, adopt } = entry;
    const isPattern = namespace.includes('*');
    if (/^\*+$/.test(namespace)) yield `${path}: '${namespace}' lists every namespace there is`;
    if (isPattern && adopt) yield `${path}: '${namespace}' with adopt takes over whatever fits it`;
    const { podSecurity } = config.profiles[profile] ?? {};
    if (environment === 'production' && podSecurity !== 'restricted') {
      yield `${path}: production namespace '${namespace}' has the Pod Security level '${podSecurity}'`;
    }
    const rival = entries
      .slice(0, index)
      .find(
        (other) =>
          isPattern && other.namespace.includes('*') && other.team !== team && overlap(other.namespace, namespace),
      );
    if (rival) {
      yield `${path}: a namespace that fits both '${rival.namespace}' and '${namespace}' is of team ${rival.team}, not ${team}`;
    }
  }
  const patterns = entries.filter(({ namespace }) => namespace.includes('*'));
  if (patterns.length > 0) {
    const names = patterns.map(({ namespace }) => namespace).join(', ');
    yield `${path}: RBAC knows no patterns, so ${names} take rights in the whole cluster; see 'platform-events rbac'`;
  }
}
