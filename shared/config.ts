/**
 * `platform.config.json`: policies, objectives, profiles, clusters, notifications. Everything has a default that is
 * safe, so an empty file is valid; an error names the path and the value.
 */

import * as z from 'zod';
import { DURATION_FORM, parseDuration } from './duration.ts';
import { ConfigError, formatIssue, type Issue } from './errors.ts';
import { dnsLabel, dnsSubdomain, quantity, shortText } from './events/fields.ts';
import { describeIssue, issuesOf } from './events/issues.ts';
import { type JsonSchema, jsonSchemaOf } from './events/schemas.ts';
import { compareQuantities, parseQuantity } from './quantity.ts';

/** `90s`, `15m`, `2h`, `30d` → milliseconds. */
export const duration = z
  .string({ error: DURATION_FORM })
  .regex(/^(0|[1-9][0-9]*)(ms|s|m|h|d)$/, DURATION_FORM)
  .transform((text) => parseDuration(text))
  .describe(DURATION_FORM);

const environment = z.enum(['production', 'staging', 'development']);

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
    rollback: z.boolean().default(true).describe('Whether a failed release is rolled back by itself.'),
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
  rollbackLookback: duration.prefault('1h').describe('How long after its start a release can be blamed.'),
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

/** Of a field that may hold a secret, were it by mistake: no message shows what it holds. */
const SECRET = { writeOnly: true } as const;

const FILE = 'the path of a file';
/** A file's content in the place of its path is refused here, and not shown. */
const path = z
  .string()
  .min(1)
  .max(500, FILE)
  .regex(/^[^\r\n{]+$/, FILE);

/** Such an address goes into notifications, and tokens go to it. */
function hasCredentials(address: string): boolean {
  if (!URL.canParse(address)) return false;
  const { username, password, search, hash } = new URL(address);
  return `${username}${password}${search}${hash}` !== '';
}

const address = z.url().refine((text) => !hasCredentials(text), 'an address without user, password and query');

const cluster = z.strictObject({
  kubeconfig: path
    .optional()
    .meta(SECRET)
    .describe(
      'Path of a kubeconfig file. One of `kubeconfig`, `inCluster` and `server` at most; with none, where kubectl looks.',
    ),
  context: z
    .string()
    .min(1)
    .optional()
    .describe('Context in the kubeconfig; its current one when absent. Not with `inCluster` or `server`.'),
  inCluster: z.boolean().optional().describe('Use the service account of the pod that this runs in.'),
  server: address.optional().meta(SECRET).describe('The API server, an https address, reached with an Entra token.'),
  certificateAuthority: path
    .optional()
    .meta(SECRET)
    .describe('Path of the CA certificate (PEM) of `server`; only with it.'),
  scope: z
    .string()
    .min(1)
    .default('6dae42f8-4368-4678-94ff-3960e28e3630/.default')
    .describe('Entra scope; AKS unless set.'),
  baseline: z
    .strictObject({
      namespaces: z
        .array(
          z.strictObject({
            namespace: dnsLabel.describe("The namespace; each once, and none of Kubernetes' own (`kube-…`)."),
            team: dnsLabel.describe('The team that it belongs to.'),
            environment: environment.describe('What it is for.'),
            profile: shortText
              .optional()
              .describe('One of `profiles`; the one with the name of the environment when absent.'),
          }),
        )
        .default([])
        .describe('The namespaces that it gets.'),
    })
    .prefault({})
    .describe('What every new cluster of this name gets.'),
});

const SETTING = 'the name of a setting (letters, digits, _)';

const channel = z.strictObject({
  format: z.enum(['slack', 'teams', 'cloudevents']).describe('What the receiver reads.'),
  urlSetting: z
    .string({ error: SETTING })
    .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, SETTING)
    .meta(SECRET)
    .describe('The name of the setting that holds the webhook address; never the address.'),
  severities: z
    .array(z.enum(['info', 'warning', 'critical']))
    .default(['info', 'warning', 'critical'])
    .describe('Only notifications of these severities.'),
  teams: z.array(dnsLabel).optional().describe('Only notifications of these teams; all when absent.'),
});

const sections = z.strictObject({
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
    .record(dnsLabel, cluster.prefault({}))
    .prefault({ default: {} })
    .describe("How each cluster is reached, by name; requests that name none mean 'default'."),
  notifications: z
    .strictObject({
      channels: z.array(channel).default([]).describe('Where notifications are sent; each goes to all that want it.'),
      baseUrl: address
        .refine((text) => /^https?:/i.test(text), 'an http or https address')
        .optional()
        .meta(SECRET)
        .describe('Address of this app; notifications link back to its history.'),
      suppressFor: duration
        .prefault('1h')
        .describe('How long a notification of the same thing is not sent again; for one event it never is.'),
    })
    .prefault({})
    .describe('Who is told, and how.'),
});

/** The configuration with every default filled in; durations in milliseconds. */
export type PlatformConfig = z.output<typeof sections>;

export const configSchema = sections.superRefine((config, context) => {
  // Values that do not fit by themselves cannot be compared.
  if (context.issues.length > 0) return;
  for (const { path, expected } of contradictions(config)) {
    context.addIssue({ code: 'custom', path: [...path], message: expected });
  }
});

interface Contradiction {
  readonly path: readonly (string | number)[];
  readonly expected: string;
}

/** What no section shows by itself: names that lead nowhere, things said twice, bounds the wrong way round. */
function* contradictions({ objectives, profiles, clusters, policies }: PlatformConfig): Iterable<Contradiction> {
  const promised = new Set<string>();
  for (const [index, { service, slo }] of objectives.entries()) {
    const name = `${service}\n${slo}`;
    if (promised.has(name))
      yield { path: ['objectives', index, 'slo'], expected: `one objective '${slo}' for ${service}` };
    promised.add(name);
  }
  for (const [name, { quota, quotaCap }] of Object.entries(profiles)) {
    for (const [resource, cap] of Object.entries(quotaCap)) {
      const hard = Object.hasOwn(quota, resource) ? quota[resource] : undefined;
      if (hard !== undefined && compareQuantities(parseQuantity(hard), parseQuantity(cap)) > 0) {
        yield { path: ['profiles', name, 'quotaCap', resource], expected: `at least the quota of ${hard}` };
      }
    }
  }
  for (const [name, { baseline }] of Object.entries(clusters)) {
    const namespaces = new Set<string>();
    for (const [index, { namespace, environment, profile }] of baseline.namespaces.entries()) {
      const path = ['clusters', name, 'baseline', 'namespaces', index];
      if (!Object.hasOwn(profiles, profile ?? environment)) {
        const known = Object.keys(profiles).join(', ');
        yield { path: [...path, profile ? 'profile' : 'environment'], expected: `one of the profiles (${known})` };
      }
      if (namespace.startsWith('kube-'))
        yield { path: [...path, 'namespace'], expected: "a namespace that is not Kubernetes' own" };
      if (namespaces.has(namespace)) yield { path: [...path, 'namespace'], expected: 'each namespace once' };
      namespaces.add(namespace);
    }
  }
  for (const [name, cluster] of Object.entries(clusters)) yield* unclearWays(name, cluster);
  const { min, max } = policies.deployment.replicas;
  if (min > max)
    yield { path: ['policies', 'deployment', 'replicas', 'max'], expected: `at least the minimum of ${min}` };
}

/** A cluster is reached in one way; without any, where kubectl would look (`KUBECONFIG`, the home directory, the pod). */
function* unclearWays(name: string, cluster: PlatformConfig['clusters'][string]): Iterable<Contradiction> {
  const path = ['clusters', name];
  const { kubeconfig, context, inCluster, server, certificateAuthority } = cluster;
  const ways = Object.entries({ kubeconfig, inCluster: inCluster || undefined, server }).filter(([, way]) => way);
  for (const [way] of ways.slice(1)) yield { path: [...path, way], expected: `nothing beside ${ways[0]?.[0]}` };
  if (context !== undefined && (inCluster || server)) {
    yield { path: [...path, 'context'], expected: `nothing beside ${server ? 'server' : 'inCluster'}` };
  }
  if (certificateAuthority !== undefined && !server) {
    yield { path: [...path, 'certificateAuthority'], expected: 'a server beside it' };
  }
  // The token goes there.
  if (server?.startsWith('https:') === false) yield { path: [...path, 'server'], expected: 'an https address' };
}

/**
 * Checks a configuration.
 *
 * @param origin where it came from, for the message
 * @throws ConfigError naming every path and value that does not fit, but no value that may hold a secret
 */
export function parseConfig(input: unknown, origin = 'platform.config.json'): PlatformConfig {
  const result = configSchema.safeParse(input, { error: describeIssue });
  if (result.success) return result.data;
  const schema = jsonSchemaOf(configSchema);
  const issues = issuesOf(result.error, input).map((issue) => ({ ...issue, isSecret: mayBeSecret(issue, schema) }));
  throw new ConfigError(`${origin}: ${issues.map(formatIssue).join('; ')}`);
}

/**
 * A field of ours that holds one value, and is not marked, can be shown. What else stands somewhere (a field that nobody
 * knows, an object for a text) may be anything: the address of a webhook, say.
 */
function mayBeSecret({ path: dotted, value }: Issue, schema: JsonSchema): boolean {
  if (typeof value === 'object' && value !== null) return true;
  let at: JsonSchema | undefined = schema;
  for (const key of dotted.split('.')) {
    // The name of a resource in a quota has dots of its own.
    if (at && !('properties' in at || 'additionalProperties' in at || 'items' in at)) break;
    const { properties, additionalProperties, items }: JsonSchema = at ?? {};
    at = [Object(properties)[key], additionalProperties, items].find((one) => typeof one === 'object');
  }
  return at === undefined || at['writeOnly'] === true || at['type'] === 'object' || at['type'] === 'array';
}
