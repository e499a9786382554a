/** The sections of `platform.config.json`, each value by itself; `contradictions.ts` compares them. */
import * as z from 'zod';
import { dnsLabel, dnsSubdomain, quantity, shortText } from '../events/fields.ts';
import { accessSection } from './access.ts';
import { clusterSection } from './clusters.ts';
import { duration } from './fields.ts';
import { notificationsSection } from './notifications.ts';

/** `shop-*`, `*-production` or `*`. */
const pattern = z.string().min(1).max(253).describe("A name; '*' stands for any run of characters.");

const deploymentPolicy = z
  .strictObject({
    registries: z
      .array(z.string().min(1))
      .default(['*'])
      .describe('Image prefixes that may be deployed (registry, or registry and path); "*" is any.'),
    namespaces: z.array(pattern).default(['*']).describe('Namespaces that may be deployed to.'),
    productionNamespaces: z
      .array(pattern)
      .default(['production', 'prod', '*-production', '*-prod'])
      .describe("Namespaces that hold production: no ':latest' and no untagged image there."),
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

const objective = z.strictObject({
  service: dnsSubdomain.describe('The service, as health checks and deployment requests name it.'),
  slo: shortText.default('availability').describe('The name of the objective; one of a name for each service.'),
  target: z.number().gt(0).lt(1).describe('The promised share of good events, such as 0.999; not 0 and not 1.'),
  window: z.enum(['28d', '30d']).default('30d').describe('Over which time the promise holds.'),
  // With five, a service that just keeps its promise reaches 14.4 times its budget by bad luck in about 3 of 100,000
  // hours, however little traffic it has; with one, in 7 of 100.
  minFailures: z
    .int()
    .min(1)
    .default(5)
    .describe('So many failures in the long window before an alert fires, and the smallest budget; for low traffic.'),
  team: dnsLabel.optional().describe('Whom its notifications are for; channels can be chosen by it.'),
  rollbackOnPage: z.boolean().default(false).describe('Whether a page rolls the newest release back.'),
  rollbackLookback: duration
    .prefault('1h')
    .describe('How long after its start a release can be rolled back for a page.'),
});

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
  policies: z
    .strictObject({ deployment: deploymentPolicy.describe('What may be deployed, and how a rollout is watched.') })
    .prefault({})
    .describe('The rules that requests are held to.'),
  objectives: z.array(objective).default([]).describe('What the services promise.'),
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
