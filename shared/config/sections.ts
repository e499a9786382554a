/** The sections of `platform.config.json`, each value by itself; `contradictions.ts` compares them. */
import * as z from 'zod/mini';
import { described } from '../events/described.ts';
import { dnsLabel, dnsSubdomain, quantity } from '../events/fields.ts';
import { accessSection } from './access.ts';
import { clusterSection } from './clusters.ts';
import { duration, namePattern } from './fields.ts';
import { measurementSourceSection } from './measurements.ts';
import { notificationsSection } from './notifications.ts';
import { serviceSection } from './services.ts';
import { SYSTEM_NAMESPACES } from './system-namespaces.ts';

const REGISTRY =
  "a registry, a registry and path (ghcr.io/acme), or '*': no scheme, no tag, and '*' in no part of a name";
const DOMAIN = String.raw`(?:[a-zA-Z0-9](?:[-.a-zA-Z0-9]*[a-zA-Z0-9])?|\[[a-fA-F0-9:]+\])(?::[0-9]+)?`;
const COMPONENT = String.raw`[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*`;
const PREFIX = new RegExp(String.raw`^(?:\*|(?:${DOMAIN}|${COMPONENT})(?:/${COMPONENT})*(?:/\*?)?)$`);

/** What no image can begin with would be an entry that never matches. */
const registry = z
  .string({ error: REGISTRY })
  .check(z.maxLength(255, { error: REGISTRY, abort: true }), z.regex(PREFIX, REGISTRY));

const deploymentPolicy = z.prefault(
  z.strictObject({
    registries: described(
      z.optional(z.array(registry)),
      'Image prefixes that may be deployed (registry, or registry and path); "*" is any. When absent: any where `unlisted` is `allow`.',
    ),
    namespaces: described(
      z._default(z.array(namePattern), ['*']),
      'Namespaces that may be deployed to, of those that may exist.',
    ),
    productionNamespaces: described(
      z._default(z.array(namePattern), ['production', 'prod', '*-production', '*-prod']),
      "Names of production namespaces, beside those whose environment is production: no ':latest' and no untagged image there, no raised quota, and no other environment.",
    ),
    replicas: described(
      z.prefault(
        z.strictObject({
          min: described(z._default(z.int().check(z.gte(0)), 0), 'The fewest.'),
          max: described(z._default(z.int().check(z.gte(0)), 100), 'The most; at least `min`.'),
        }),
        {},
      ),
      'Bounds for the replicas of a request.',
    ),
    deadline: described(z.prefault(duration, '10m'), 'How long a rollout may take before it counts as failed.'),
    requeueAfter: described(z.prefault(duration, '2s'), 'How often a rollout is looked at.'),
    rollback: described(z._default(z.boolean(), true), 'Whether a failed release is rolled back automatically.'),
  }),
  {},
);

const resources = described(
  z.record(z.string().check(z.minLength(1)), quantity),
  'Kubernetes quantities by resource name.',
);

const profile = z.strictObject({
  podSecurity: described(
    z._default(z.enum(['privileged', 'baseline', 'restricted']), 'restricted'),
    'The Pod Security Standard that the namespace enforces.',
  ),
  quota: described(
    z._default(resources, { 'requests.cpu': '4', 'requests.memory': '8Gi', pods: '50' }),
    'The ResourceQuota to begin with: Kubernetes quantities by resource name.',
  ),
  quotaStep: described(z._default(z.number().check(z.gt(1)), 1.5), 'By what factor an exhausted quota is raised.'),
  quotaCap: described(
    z._default(resources, { 'requests.cpu': '16', 'requests.memory': '32Gi', pods: '200' }),
    'How far an exhausted quota may be raised; at least the quota, and a resource without a cap is not raised.',
  ),
  limits: described(
    z.prefault(
      z.strictObject({
        default: described(
          z._default(resources, { cpu: '500m', memory: '512Mi' }),
          'What a container may use that sets no limit.',
        ),
        defaultRequest: described(
          z._default(resources, { cpu: '100m', memory: '128Mi' }),
          'What a container gets that requests nothing.',
        ),
      }),
      {},
    ),
    'The LimitRange of the namespace.',
  ),
  clusterRole: described(
    z._default(dnsSubdomain, 'edit'),
    "The ClusterRole that the team's group gets in the namespace.",
  ),
  group: described(
    z._default(z.string().check(z.minLength(1)), '{team}'),
    "The team's group in the cluster; {team} is replaced.",
  ),
});

export const configSections = z.strictObject({
  $schema: described(z.optional(z.string()), 'Where editors find the JSON Schema of this file; not read.'),
  unlisted: described(
    z._default(z.enum(['allow', 'refuse']), 'allow'),
    'What becomes of registries and namespaces that are not listed. With real clusters it is always `refuse`.',
  ),
  policies: described(
    z.prefault(
      z.strictObject({
        deployment: described(z.clone(deploymentPolicy), 'What may be deployed, and how a rollout is watched.'),
        systemNamespaces: described(
          z._default(z.array(namePattern), []),
          `Namespaces that are never touched, whatever else is listed, beside ${SYSTEM_NAMESPACES.map((name) => `\`${name}\``).join(', ')}.`,
        ),
      }),
      {},
    ),
    'The rules that requests are held to.',
  ),
  services: described(
    z._default(z.array(serviceSection), []),
    'What people use: whose it is, the workloads that serve it, and what it promises.',
  ),
  measurements: described(
    z._default(z.record(dnsLabel, measurementSourceSection), {}),
    'Where events are counted, by name; objectives ask there.',
  ),
  profiles: described(
    z.prefault(z.record(z.string(), profile), { production: {}, staging: {}, development: {} }),
    'Guardrails of namespaces by name; a namespace gets those of its environment unless it names others.',
  ),
  clusters: described(
    z.prefault(z.record(dnsLabel, z.prefault(clusterSection, {})), { default: {} }),
    "How each cluster is reached, by name; requests that name none mean 'default'.",
  ),
  notifications: notificationsSection,
  access: accessSection,
});

/** The configuration with every default filled in; durations in milliseconds. */
export type PlatformConfig = z.output<typeof configSections>;
