/** What a configuration allows, refuses, freezes and calls, one statement each, so that two can be compared. Pure. */
import { isLargerQuantity } from '../../quantity.ts';
import { entryOf, type NamespaceEntry, namespacesIn } from '../namespace-lookup.ts';
import { matches } from '../patterns.ts';
import type { PlatformConfig } from '../sections.ts';
import { serviceNamed, workloadsOf } from '../service-lookup.ts';
import { ofAccess } from './access-grants.ts';
import type { Statement } from './statement.ts';

const LEVELS = ['privileged', 'baseline', 'restricted'];

/** Everything that a configuration says of what may be done. */
export function* statementsOf(config: PlatformConfig): Iterable<Statement> {
  yield* ofDeployments(config);
  for (const cluster of Object.keys(config.clusters)) yield* ofNamespaces(config, cluster);
  for (const name of Object.keys(config.profiles)) yield* ofProfile(config, name);
  yield* ofServices(config);
  yield* ofCalls(config);
  yield* ofAccess(config);
}

const registriesOf = ({ policies, unlisted }: PlatformConfig): readonly string[] =>
  policies.deployment.registries ?? (unlisted === 'allow' ? ['*'] : []);

/** A text that stands for all that fits a pattern: `~` is in no name and in no pattern. */
const anyName = (pattern: string): string => pattern.replaceAll('*', '~');

const isCovered = (patterns: readonly string[], pattern: string): boolean =>
  patterns.some((one) => matches(one, anyName(pattern)));

function isWithin(registries: readonly string[], prefix: string): boolean {
  const plain = (text: string): string => text.replace(/\/\*?$/, '').toLowerCase();
  return registries.some(
    (one) => one === '*' || plain(one) === plain(prefix) || plain(prefix).startsWith(`${plain(one)}/`),
  );
}

function* ofDeployments(config: PlatformConfig): Iterable<Statement> {
  const { namespaces, productionNamespaces, replicas } = config.policies.deployment;
  for (const prefix of registriesOf(config)) {
    yield { kind: 'allows', text: `images from ${prefix}`, holdsIn: (it) => isWithin(registriesOf(it), prefix) };
  }
  for (const pattern of namespaces) {
    const holdsIn: Statement['holdsIn'] = (it) => isCovered(it.policies.deployment.namespaces, pattern);
    yield { kind: 'allows', text: `deployments to namespaces ${pattern}`, holdsIn };
  }
  for (const pattern of productionNamespaces) {
    const holdsIn: Statement['holdsIn'] = (it) => isCovered(it.policies.deployment.productionNamespaces, pattern);
    yield { kind: 'refuses', text: `untagged and ':latest' images in namespaces ${pattern}`, holdsIn };
  }
  for (const pattern of config.policies.systemNamespaces) {
    const holdsIn: Statement['holdsIn'] = (it) => isCovered(it.policies.systemNamespaces, pattern);
    yield { kind: 'refuses', text: `any change in namespaces ${pattern}`, holdsIn };
  }
  const { min, max } = replicas;
  const bounds = (it: PlatformConfig): typeof replicas => it.policies.deployment.replicas;
  yield { kind: 'refuses', text: `more than ${max} replicas`, holdsIn: (it) => bounds(it).max <= max };
  yield { kind: 'refuses', text: `fewer than ${min} replicas`, holdsIn: (it) => bounds(it).min >= min };
  if (config.unlisted === 'allow') {
    yield { kind: 'allows', text: 'namespaces that are not listed', holdsIn: (it) => it.unlisted === 'allow' };
  }
}

function* ofNamespaces(config: PlatformConfig, cluster: string): Iterable<Statement> {
  const says = ({ team, environment, profile = environment }: NamespaceEntry): string =>
    `team ${team}, ${environment}, profile ${profile}`;
  for (const entry of namespacesIn(config, cluster)) {
    const place = { cluster, namespace: anyName(entry.namespace) };
    const text = `${cluster}/${entry.namespace}: ${says(entry)}`;
    const entryIn = (it: PlatformConfig): NamespaceEntry | undefined => entryOf(it, place);
    const isSame = (found?: NamespaceEntry): boolean => found !== undefined && says(found) === says(entry);
    yield { kind: 'allows', text, holdsIn: (it) => isSame(entryIn(it)) };
    if (!entry.adopt) continue;
    const taking = `taking over ${cluster}/${entry.namespace} where somebody else made it`;
    yield { kind: 'allows', text: taking, holdsIn: (it) => entryIn(it)?.adopt === true };
  }
  const made = config.clusters[cluster]?.baseline.namespaces ?? [];
  for (const { namespace } of made) {
    const isMade = (it: PlatformConfig): boolean =>
      it.clusters[cluster]?.baseline.namespaces.some((one) => one.namespace === namespace) ?? false;
    yield { kind: 'allows', text: `making ${cluster}/${namespace} with its cluster`, holdsIn: isMade };
  }
}

function* ofProfile(config: PlatformConfig, name: string): Iterable<Statement> {
  type Profile = PlatformConfig['profiles'][string];
  const of = (it: PlatformConfig): Profile | undefined =>
    Object.hasOwn(it.profiles, name) ? it.profiles[name] : undefined;
  const profile = of(config);
  if (!profile) return;
  const { podSecurity, quota, quotaCap, group, clusterRole } = profile;
  const levelIn = (it: PlatformConfig): number => LEVELS.indexOf(of(it)?.podSecurity ?? '');
  const says = (text: string): string => `profile ${name}: ${text}`;
  yield {
    kind: 'allows',
    text: says(`pods that the level '${podSecurity}' of Pod Security admits`),
    holdsIn: (it) => levelIn(it) >= 0 && levelIn(it) <= LEVELS.indexOf(podSecurity),
  };
  const grant = `the group '${group}' gets the ClusterRole '${clusterRole}'`;
  const isSame = (it?: Profile): boolean => it?.group === group && it.clusterRole === clusterRole;
  yield { kind: 'allows', text: says(grant), holdsIn: (it) => isSame(of(it)) };
  for (const [resource, hard] of Object.entries(quota)) {
    const holdsIn: Statement['holdsIn'] = (it) => {
      const found = of(it)?.quota[resource];
      return found !== undefined && !isLargerQuantity(found, hard);
    };
    yield { kind: 'refuses', text: says(`more than ${hard} ${resource}`), holdsIn };
  }
  for (const [resource, cap] of Object.entries(quotaCap)) {
    const holdsIn: Statement['holdsIn'] = (it) => {
      const found = of(it)?.quotaCap[resource];
      return found !== undefined && !isLargerQuantity(cap, found);
    };
    yield { kind: 'allows', text: says(`raising ${resource} up to ${cap}`), holdsIn };
  }
}

function* ofServices(config: PlatformConfig): Iterable<Statement> {
  for (const service of config.services) {
    const { name, objectives } = service;
    const workloads = workloadsOf(service).join(', ');
    for (const objective of objectives) {
      const { slo, target, window, rollbackOnPage } = objective;
      const inOther = (it: PlatformConfig): typeof objective | undefined => {
        const found = serviceNamed(it, name);
        if (!found || workloadsOf(found).join(', ') !== workloads) return undefined;
        return found.objectives.find((one) => one.slo === slo);
      };
      const measure = (one: typeof objective | undefined): string =>
        JSON.stringify([one?.target, one?.window, one?.minFailures, one?.clusters, one?.namespaces]);
      yield {
        kind: 'freezes',
        text: `releases of ${name} (${workloads}) when its ${slo} of ${target} in ${window} is spent`,
        holdsIn: (it) => measure(inOther(it)) === measure(objective),
      };
      if (rollbackOnPage !== 'act') continue;
      const text = `rolling back releases of ${name} (${workloads}) when its ${slo} pages`;
      yield { kind: 'allows', text, holdsIn: (it) => inOther(it)?.rollbackOnPage === 'act' };
    }
  }
}

/** Addresses and paths are compared and not shown: by mistake they may hold a secret. */
function* ofCalls(config: PlatformConfig): Iterable<Statement> {
  for (const channel of config.notifications.channels) {
    const { format, urlSetting, severities, teams } = channel;
    const text = `the address in ${urlSetting} (${format}) with ${severities.join(', ')} of ${teams?.join(', ') ?? 'all teams'}`;
    const same = JSON.stringify(channel);
    const holdsIn: Statement['holdsIn'] = (it) => it.notifications.channels.some((one) => JSON.stringify(one) === same);
    yield { kind: 'calls', text, holdsIn };
  }
  for (const name of Object.keys(config.clusters)) {
    const wayIn = (it: PlatformConfig): string | undefined => {
      const cluster = Object.hasOwn(it.clusters, name) ? it.clusters[name] : undefined;
      return cluster && JSON.stringify({ ...cluster, baseline: undefined, namespaces: undefined });
    };
    const { server, kubeconfig, inCluster } = config.clusters[name] ?? {};
    const way = server ? 'server' : kubeconfig ? 'kubeconfig' : inCluster ? 'inCluster' : 'where kubectl looks';
    yield { kind: 'calls', text: `cluster ${name} (${way})`, holdsIn: (it) => wayIn(it) === wayIn(config) };
  }
}
