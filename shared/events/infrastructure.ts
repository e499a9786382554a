/** Clusters and namespaces coming into being, and quotas running out. */
import * as z from 'zod';
import { defineEvent } from './cloud-event.ts';
import { count, dnsLabel, open, quantity, shortText } from './fields.ts';

const CLUSTER = "A cluster of the configuration; 'default' when absent";

const cluster = {
  clusterName: dnsLabel.meta({ description: 'The cluster, as the configuration names it', examples: ['north'] }),
  region: shortText.meta({ description: 'Where it runs', examples: ['northeurope'] }),
  version: shortText.optional().describe('The Kubernetes version'),
  nodeCount: count.optional().describe('How many nodes it has'),
};

export const ClusterCreated = defineEvent(
  'ClusterCreated',
  open({ ...cluster, provider: shortText.optional().describe('Who runs it, such as aks') }).describe(
    'A cluster came into being',
  ),
  {
    subject: (data) => data.clusterName,
  },
);

export const ClusterUpdated = defineEvent(
  'ClusterUpdated',
  open({
    ...cluster,
    previousVersion: shortText.optional().describe('The Kubernetes version before; what was remembered when absent'),
  }).describe('A cluster changed: its version or its size'),
  { subject: (data) => data.clusterName },
);

export const NamespaceCreated = defineEvent(
  'NamespaceCreated',
  open({
    namespace: dnsLabel.describe('The namespace'),
    team: dnsLabel.describe('The team that it belongs to'),
    environment: z
      .enum(['production', 'staging', 'development'])
      .describe('What it is for; decides the profile when none is named'),
    cluster: dnsLabel.optional().describe(CLUSTER),
    profile: shortText.optional().describe("A profile of platform.config.json; the environment's own when absent"),
  }).describe('A namespace is to have its guardrails'),
  { subject: (data) => `${data.cluster ?? 'default'}/${data.namespace}` },
);

export const ResourceQuotaExceeded = defineEvent(
  'ResourceQuotaExceeded',
  open({
    namespace: dnsLabel.describe('The namespace'),
    resource: shortText.meta({
      description: 'The exhausted resource, such as requests.cpu',
      examples: ['requests.cpu'],
    }),
    used: quantity.meta({ description: 'What is used', examples: ['3900m'] }),
    hard: quantity.describe('What the quota allows'),
    cluster: dnsLabel.optional().describe(CLUSTER),
    quotaName: shortText.optional().describe('The ResourceQuota; found by its resource when absent'),
  }).describe('A quota refused something'),
  { subject: (data) => `${data.cluster ?? 'default'}/${data.namespace}` },
);
