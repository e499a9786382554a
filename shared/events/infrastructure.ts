/** Clusters and namespaces coming into being, and quotas running out. */
import * as z from 'zod/mini';
import { defineEvent } from './cloud-event.ts';
import { described } from './described.ts';
import { count, dnsLabel, open, quantity, shortText } from './fields.ts';

const CLUSTER = "A cluster of the configuration; 'default' when absent";

const cluster = () => ({
  clusterName: described(z.clone(dnsLabel), {
    description: 'The cluster, as the configuration names it',
    examples: ['north'],
  }),
  region: described(z.clone(shortText), { description: 'Where it runs', examples: ['northeurope'] }),
  version: described(z.optional(shortText), 'The Kubernetes version'),
  nodeCount: described(z.optional(count), 'How many nodes it has'),
});

export const ClusterCreated = defineEvent(
  'ClusterCreated',
  () =>
    described(
      open({ ...cluster(), provider: described(z.optional(shortText), 'Who runs it, such as aks') }),
      'A cluster came into being',
    ),
  {
    subject: (data) => data.clusterName,
  },
);

export const ClusterUpdated = defineEvent(
  'ClusterUpdated',
  () =>
    described(
      open({
        ...cluster(),
        previousVersion: described(
          z.optional(shortText),
          'The Kubernetes version before; what was remembered when absent',
        ),
      }),
      'A cluster changed: its version or its size',
    ),
  { subject: (data) => data.clusterName },
);

export const NamespaceCreated = defineEvent(
  'NamespaceCreated',
  () =>
    described(
      open({
        namespace: described(z.clone(dnsLabel), 'The namespace'),
        team: described(z.clone(dnsLabel), 'The team that it belongs to'),
        environment: described(
          z.enum(['production', 'staging', 'development']),
          'What it is for; decides the profile when none is named',
        ),
        cluster: described(z.optional(dnsLabel), CLUSTER),
        profile: described(
          z.optional(shortText),
          "A profile of platform.config.json; the environment's own when absent",
        ),
      }),
      'A namespace is to have its guardrails',
    ),
  { subject: (data) => `${data.cluster ?? 'default'}/${data.namespace}` },
);

export const ResourceQuotaExceeded = defineEvent(
  'ResourceQuotaExceeded',
  () =>
    described(
      open({
        namespace: described(z.clone(dnsLabel), 'The namespace'),
        resource: described(z.clone(shortText), {
          description: 'The exhausted resource, such as requests.cpu',
          examples: ['requests.cpu'],
        }),
        used: described(z.clone(quantity), { description: 'What is used', examples: ['3900m'] }),
        hard: described(z.clone(quantity), 'What the quota allows'),
        cluster: described(z.optional(dnsLabel), CLUSTER),
        quotaName: described(z.optional(shortText), 'The ResourceQuota; found by its resource when absent'),
      }),
      'A quota refused something',
    ),
  { subject: (data) => `${data.cluster ?? 'default'}/${data.namespace}` },
);
