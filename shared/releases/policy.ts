/** What may be deployed where: the rules of `policies.deployment` in the configuration. */

import { entryOf, isProduction, namespaceObjection } from '../config/namespace-lookup.ts';
import { matches } from '../config/patterns.ts';
import type { PlatformConfig } from '../config.ts';
import { parseDuration } from '../duration.ts';
import { askedImages } from './containers.ts';
import type { ReleaseData } from './release-record.ts';

/**
 * The first rule that a request breaks, with the value and what is allowed; undefined when it breaks none.
 *
 * @param recorded what is known of the namespace, where the configuration does not list it
 */
export function violationOf(
  data: ReleaseData,
  config: PlatformConfig,
  recorded?: { environment: string },
): string | undefined {
  const { namespace, replicas } = data;
  const policy = config.policies.deployment;
  const objection = namespaceObjection(config, data);
  if (objection) return objection;
  if (!policy.namespaces.some((pattern) => matches(pattern, namespace))) {
    return `namespace '${namespace}' may not be deployed to; allowed: ${policy.namespaces.join(', ')}`;
  }
  for (const { image } of askedImages(data)) {
    const violation = imageViolation(image, data, config, recorded);
    if (violation !== undefined) return violation;
  }
  if (data.deadline !== undefined && parseDuration(data.deadline) > policy.deadline) {
    return `deadline ${data.deadline} is too long; allowed: ${policy.deadline / 1_000} s`;
  }
  const { min, max } = policy.replicas;
  if (replicas !== undefined && (replicas < min || replicas > max)) {
    return `replicas ${replicas} is out of bounds; allowed: ${min} to ${max}`;
  }
  return undefined;
}

/** How long a rollout may take, from its start. */
export function deadlineMsOf({ deadline }: ReleaseData, { policies }: PlatformConfig): number {
  return deadline === undefined ? policies.deployment.deadline : parseDuration(deadline);
}

function imageViolation(
  reference: string,
  data: ReleaseData,
  config: PlatformConfig,
  recorded: { environment: string } | undefined,
): string | undefined {
  const image = parseImage(reference);
  const registries = config.policies.deployment.registries ?? (config.unlisted === 'allow' ? ['*'] : []);
  if (!registries.some((prefix) => isFrom(image, prefix))) {
    return `image '${reference}' (${image.repository}) is from no allowed registry; allowed: ${registries.join(', ')}`;
  }
  if (isMovable(image) && isProduction(config, data, recorded)) {
    const found = image.tag === undefined ? 'has no tag' : "has the tag 'latest'";
    return `image '${reference}' ${found}, which production namespace '${data.namespace}' does not take; allowed: a version tag or a digest`;
  }
  return undefined;
}

/** Whether the rules ask what is known of the namespace: most requests need no look into the inventory. */
export function asksForRecord(data: ReleaseData, config: PlatformConfig): boolean {
  return askedImages(data).some(({ image }) => isMovable(parseImage(image))) && !entryOf(config, data);
}

interface Image {
  /** With its registry, and as Docker completes it: `nginx` is `docker.io/library/nginx`. */
  readonly repository: string;
  readonly tag: string | undefined;
  readonly digest: string | undefined;
}

/** Whether what it names is expected to change from one day to the next. */
function isMovable({ tag, digest }: Image): boolean {
  return digest === undefined && (tag ?? 'latest') === 'latest';
}

/** Takes a valid image reference apart; see https://pkg.go.dev/github.com/distribution/reference for its grammar. */
export function parseImage(reference: string): Image {
  const [, name = '', tag, digest] = /^(.+?)(?::([\w][\w.-]*))?(?:@(.+))?$/.exec(reference) ?? [];
  return { repository: normalize(name), tag, digest };
}

/** Docker's rule for what is a registry and what is the first part of a path on Docker Hub. */
function isDomain(component: string): boolean {
  return /[.:]/.test(component) || component === 'localhost' || component !== component.toLowerCase();
}

function normalize(name: string): string {
  const [first = '', ...rest] = name.split('/');
  if (rest.length === 0) return `docker.io/library/${name}`;
  if (!isDomain(first)) return `docker.io/${name}`;
  const domain = normalizeDomain(first);
  return [domain, ...(domain === 'docker.io' && rest.length === 1 ? ['library'] : []), ...rest].join('/');
}

function normalizeDomain(domain: string): string {
  const lower = domain.toLowerCase();
  return lower === 'index.docker.io' ? 'docker.io' : lower;
}

/** Whether the image's repository is the prefix, or lies under it: `ghcr.io/acme` holds no `ghcr.io/acme-evil/web`. */
function isFrom({ repository }: Image, prefix: string): boolean {
  if (prefix === '*') return true;
  const [first = '', ...rest] = prefix.replace(/\/\*?$/, '').split('/');
  const path = isDomain(first) ? [normalizeDomain(first), ...rest] : ['docker.io', first, ...rest];
  // On Docker Hub one name may be an account or an official image.
  const roots = [
    path,
    ...(path[0] === 'docker.io' && path.length === 2 ? [['docker.io', 'library', ...path.slice(1)]] : []),
  ];
  return roots.map((root) => root.join('/')).some((root) => repository === root || repository.startsWith(`${root}/`));
}
