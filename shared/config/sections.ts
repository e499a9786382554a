/** The sections of `platform.config.json`, each value by itself; `contradictions.ts` compares them. */
import * as z from 'zod';
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
const registry = z.string({ error: REGISTRY }).max(255, { error: REGISTRY, abort: true }).regex(PREFIX, REGISTRY);

const deploymentPolicy = z
  .strictObject({
    registries: z
      .array(registry)
      .optional()
      .describe(
        'Image prefixes that may be deployed (registry, or registry and path); "*" is any. When absent: any where `unlisted` is `allow`.',
      ),
    namespaces: z
      .array(namePattern)
      .default(['*'])
      .describe('Namespaces that may be deployed to, of those that may exist.'),
    productionNamespaces: z
      .array(namePattern)
      .default(['production', 'prod', '*-production', '*-prod'])
      .describe(
        "Names of production namespaces, beside those whose environment is production: no ':latest' and no untagged image there, no raised quota, and no other environment.",
      ),
    replicas: z
      .strictObject({
        min: z.int().min(0).default(0).describe('The fewest.'),
        max: z.int().min(0).default(100).describe('The most; at least `min`.'),
      })
      .prefault({})
      .describe('Bounds for the replicas of a request.'),
    deadline: duration.prefault('10m').describe('How long a rollout may take before it counts as failed.'),
    requeueAfter: duration.prefault('2s').describe('How often a rollout is looked at.'),
    rollback: z.boolean().default(true).describe('Whether a failed release is rolled back automatically.'),
  })
  .prefault({});

const resources = z.record(z.string().min(1), quantity).describe('Kubernetes quantities by resource name.');

const profile = z.strictObject({
  podSecurity: z
    .enum(['privileged', 'baseline', 'restricted'])
    .default('restricted')
    .describe('The Pod Security Standard that the namespace enforces.'),
  quota: resources
    .default({ 'requests.cpu': '4', 'requests.memory': '8Gi', pods: '50' })
    .describe('The ResourceQuota to begin with: Kubernetes quantities by resource name.'),
  quotaStep: z.number().gt(1).default(1.5).describe('By what factor an exhausted quota is raised.'),
  quotaCap: resources
    .default({ 'requests.cpu': '16', 'requests.memory': '32Gi', pods: '200' })
    .describe(
      'How far an exhausted quota may be raised; at least the quota, and a resource without a cap is not raised.',
    ),
  limits: z
    .strictObject({
      default: resources
        .default({ cpu: '500m', memory: '512Mi' })
        .describe('What a container may use that sets no limit.'),
      defaultRequest: resources
        .default({ cpu: '100m', memory: '128Mi' })
        .describe('What a container gets that requests nothing.'),
    })
    .prefault({})
    .describe('The LimitRange of the namespace.'),
  clusterRole: dnsSubdomain.default('edit').describe("The ClusterRole that the team's group gets in the namespace."),
  group: z.string().min(1).default('{team}').describe("The team's group in the cluster; {team} is replaced."),
});

export const configSections = z.strictObject({
  $schema: z.string().optional().describe('Where editors find the JSON Schema of this file; not read.'),
  unlisted: z
    .enum(['allow', 'refuse'])
    .default('allow')
    .describe(
      'What becomes of registries and namespaces that are not listed. With real clusters it is always `refuse`.',
    ),
  policies: z
    .strictObject({
      deployment: deploymentPolicy.describe('What may be deployed, and how a rollout is watched.'),
      systemNamespaces: z
        .array(namePattern)
        .default([])
        .describe(
          `Namespaces that are never touched, whatever else is listed, beside ${SYSTEM_NAMESPACES.map((name) => `\`${name}\``).join(', ')}.`,
        ),
    })
    .prefault({})
    .describe('The rules that requests are held to.'),
  services: z
    .array(serviceSection)
    .default([])
    .describe('What people use: whose it is, the workloads that serve it, and what it promises.'),
  measurements: z
    .record(dnsLabel, measurementSourceSection)
    .default({})
    .describe('Where events are counted, by name; objectives ask there.'),
  profiles: z
    .record(z.string(), profile)
    .prefault({ production: {}, staging: {}, development: {} })
    .describe('Guardrails of namespaces by name; a namespace gets those of its environment unless it names others.'),
  clusters: z
    .record(dnsLabel, clusterSection.prefault({}))
    .prefault({ default: {} })
    .describe("How each cluster is reached, by name; requests that name none mean 'default'."),
  notifications: notificationsSection,
  access: accessSection,
});

/** The configuration with every default filled in; durations in milliseconds. */
export type PlatformConfig = z.output<typeof configSections>;
