/** What no entry for a namespace shows by itself: unknown profiles, names said twice, entries that can never match. */
import { isProductionName } from './namespace-lookup.ts';
import { matches } from './patterns.ts';
import type { PlatformConfig } from './sections.ts';
import type { Contradiction } from './service-contradictions.ts';
import { isSystemNamespace } from './system-namespaces.ts';

const NO_SYSTEM = 'no system namespace, which is never touched';

export function* namespaceContradictions(config: PlatformConfig): Iterable<Contradiction> {
  const { policies, clusters } = config;
  for (const field of ['namespaces', 'productionNamespaces'] as const) {
    for (const [index, pattern] of policies.deployment[field].entries()) {
      if (isSystemPattern(config, pattern)) {
        yield { path: ['policies', 'deployment', field, index], expected: NO_SYSTEM };
      }
    }
  }
  for (const [name, { baseline, namespaces }] of Object.entries(clusters)) {
    const path = ['clusters', name];
    const seen: string[] = [];
    yield* inList(config, baseline.namespaces, [...path, 'baseline', 'namespaces'], seen);
    yield* inList(config, namespaces, [...path, 'namespaces'], seen);
  }
}

/** What is to be listed where nothing is allowed that is not listed. */
export function* unlistedContradictions({ policies, clusters }: PlatformConfig): Iterable<Contradiction> {
  if (policies.deployment.registries === undefined) {
    yield { path: ['policies', 'deployment', 'registries'], expected: 'the registries that images may come from' };
  }
  const named = Object.entries(clusters);
  if (named.some(([, { baseline, namespaces }]) => baseline.namespaces.length + namespaces.length > 0)) return;
  const expected = 'the namespaces that may be deployed to, each with its team and environment';
  for (const [name] of named) yield { path: ['clusters', name, 'namespaces'], expected };
}

function* inList(
  config: PlatformConfig,
  entries: PlatformConfig['clusters'][string]['namespaces'],
  list: Contradiction['path'],
  seen: string[],
): Iterable<Contradiction> {
  const { profiles } = config;
  for (const [index, { namespace, environment, profile }] of entries.entries()) {
    const path = [...list, index];
    if (!Object.hasOwn(profiles, profile ?? environment)) {
      const known = Object.keys(profiles).join(', ');
      yield { path: [...path, profile ? 'profile' : 'environment'], expected: `one of the profiles (${known})` };
    }
    if (isSystemPattern(config, namespace)) yield { path: [...path, 'namespace'], expected: NO_SYSTEM };
    if (isProductionName(config, namespace) && environment !== 'production') {
      const expected = `production: '${namespace}' fits policies.deployment.productionNamespaces`;
      yield { path: [...path, 'environment'], expected };
    }
    if (seen.includes(namespace)) yield { path: [...path, 'namespace'], expected: 'each namespace once' };
    const wider = namespace.includes('*') ? seen.find((other) => matches(other, anyName(namespace))) : undefined;
    if (wider !== undefined) {
      yield { path: [...path, 'namespace'], expected: `a pattern that '${wider}' before it does not cover` };
    }
    seen.push(namespace);
  }
}

/** Whether all that fits a pattern is never touched. */
function isSystemPattern(config: PlatformConfig, pattern: string): boolean {
  return isSystemNamespace(config, anyName(pattern));
}

/** A text that stands for all that fits a pattern: its `*` is a character that no name and no pattern has. */
function anyName(pattern: string): string {
  return pattern.replaceAll('*', '~');
}
