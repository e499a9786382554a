/** Clusters and namespaces coming into being, and quotas running out. */
import * as z from 'zod';
import { defineEvent } from './cloud-event.ts';
import { count, dnsLabel, open, quantity, shortText } from './fields.ts';

const cluster = {
  clusterName: dnsLabel,
  region: shortText,
  version: shortText.optional().describe('The Kubernetes version'),
  nodeCount: count.optional(),
};

const example = { clusterName: 'north', region: 'northeurope' };

export const ClusterCreated = defineEvent(
  'ClusterCreated',
  open({ ...cluster, provider: shortText.optional() }).describe('A cluster came into being'),
  {
    subject: (data) => data.clusterName,
    example,
  },
);

export const ClusterUpdated = defineEvent(
  'ClusterUpdated',
  open({ ...cluster, previousVersion: shortText.optional() }).describe('A cluster changed: its version or its size'),
  { subject: (data) => data.clusterName, example },
);

export const NamespaceCreated = defineEvent(
  'NamespaceCreated',
  open({
    namespace: dnsLabel,
    team: dnsLabel,
    environment: z.enum(['production', 'staging', 'development']),
    cluster: dnsLabel.optional(),
    profile: shortText.optional().describe("A profile of platform.config.json; the environment's own when absent"),
  }).describe('A namespace is to have its guardrails'),
  {
    subject: (data) => `${data.cluster ?? 'default'}/${data.namespace}`,
    example: { namespace: 'shop', team: 'shop', environment: 'production' },
  },
);

export const ResourceQuotaExceeded = defineEvent(
  'ResourceQuotaExceeded',
  open({
    namespace: dnsLabel,
    resource: shortText.describe('The exhausted resource, such as requests.cpu'),
    used: quantity,
    hard: quantity,
    cluster: dnsLabel.optional(),
    quotaName: shortText.optional().describe('The ResourceQuota; found by its resource when absent'),
  }).describe('A quota refused something'),
  {
    subject: (data) => `${data.cluster ?? 'default'}/${data.namespace}`,
    example: { namespace: 'shop', resource: 'requests.cpu', used: '3900m', hard: '4' },
  },
);
