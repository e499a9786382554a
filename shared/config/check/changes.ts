/** What a change of the configuration means: what it newly allows, refuses, freezes and calls, and all else. Pure. */
import { namespacesIn } from '../namespace-lookup.ts';
import type { PlatformConfig } from '../sections.ts';
import { statementsOf } from './grants.ts';
import type { Statement } from './statement.ts';

export interface ConfigChanges {
  readonly allows: readonly string[];
  readonly refuses: readonly string[];
  readonly freezes: readonly string[];
  readonly calls: readonly string[];
  /** What is no longer frozen and no longer called. */
  readonly ends: readonly string[];
  /** The paths of values that differ, and that no statement above is about. */
  readonly other: readonly string[];
}

export function changesBetween(old: PlatformConfig, now: PlatformConfig): ConfigChanges {
  const come = [...statementsOf(now)].filter((one) => !one.holdsIn(old));
  const gone = [...statementsOf(old)].filter((one) => !one.holdsIn(now));
  const of = (list: readonly Statement[], kind: Statement['kind']): string[] =>
    list.filter((one) => one.kind === kind).map(({ text }) => text);
  const ends = gone.filter(({ kind }) => kind === 'freezes' || kind === 'calls');
  return {
    allows: [...of(come, 'allows'), ...of(gone, 'refuses')],
    refuses: [...of(come, 'refuses'), ...of(gone, 'allows')],
    freezes: of(come, 'freezes'),
    calls: of(come, 'calls'),
    ends: ends.map(({ kind, text }) => `${kind} ${text}`),
    other: [
      ...[...pathsThatDiffer(old, now)].filter((path) => !STATED.some((one) => one.test(path))),
      ...changedOrders(old, now),
    ],
  };
}

/** Whether somebody should look at it before it is deployed: a mistake in what is refused is noticed by itself. */
export function isWider({ allows, calls, ends }: ConfigChanges): boolean {
  return allows.length + calls.length > 0 || ends.some((text) => text.startsWith('freezes'));
}

/** What `statementsOf` speaks of. */
const STATED = [
  /^(\$schema|unlisted|policies\.systemNamespaces|notifications\.channels)$/,
  /^policies\.deployment\.(registries|namespaces|productionNamespaces|replicas)(\.|$)/,
  /^access\.(issuers(\..*)?|rules|topics)$/,
  /^profiles\.[^.]+(\.(podSecurity|quota|quotaCap|group|clusterRole)(\..*)?)?$/,
  /^clusters\.[^.]+(\.(kubeconfig|context|inCluster|server|certificateAuthority|scope|namespaces|baseline\.namespaces))?$/,
];

/** Of two patterns that fit a name the first counts. */
function* changedOrders(old: PlatformConfig, now: PlatformConfig): Iterable<string> {
  for (const cluster of Object.keys(now.clusters)) {
    const [before, after] = [old, now].map((it) => namespacesIn(it, cluster).map(({ namespace }) => namespace));
    const kept = (a: readonly string[] = [], b: readonly string[] = []): string =>
      a.filter((it) => b.includes(it)).join();
    if (kept(before, after) !== kept(after, before)) yield `the order of clusters.${cluster}.namespaces`;
  }
}

/** Lists are compared as wholes but for services, which have names: an order may matter. */
function* pathsThatDiffer(a: unknown, b: unknown, path = ''): Iterable<string> {
  if (JSON.stringify(a) === JSON.stringify(b)) return;
  const [one, other] = path === 'services' ? [byName(a), byName(b)] : [a, b];
  const isMap = (it: unknown): boolean => typeof it === 'object' && it !== null && !Array.isArray(it);
  if (!isMap(one) || !isMap(other)) {
    yield path;
    return;
  }
  for (const key of new Set([...Object.keys(Object(one)), ...Object.keys(Object(other))])) {
    yield* pathsThatDiffer(Object(one)[key], Object(other)[key], path === '' ? key : `${path}.${key}`);
  }
}

function byName(services: unknown): Record<string, unknown> {
  const list = Array.isArray(services) ? services : [];
  return Object.fromEntries(list.map((service) => [Object(service)['name'], service]));
}
