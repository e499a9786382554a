/** Clusters and namespaces coming into being, and quotas running out. */
import { z } from 'zod';
import { defineEvent } from './cloud-event.ts';
import { count, dnsLabel, open, quantity, shortText } from './fields.ts';

const cluster = {
  clusterName: dnsLabel,
  region: shortText,
  version: shortText.optional(),
  nodeCount: count.optional(),
};

export const ClusterCreated = defineEvent('ClusterCreated', open({ ...cluster, provider: shortText.optional() }), {
  subject: (data) => data.clusterName,
});

export const ClusterUpdated = defineEvent(
  'ClusterUpdated',
  open({ ...cluster, previousVersion: shortText.optional() }),
  { subject: (data) => data.clusterName },
);

export const NamespaceCreated = defineEvent(
  'NamespaceCreated',
  open({
    namespace: dnsLabel,
    team: dnsLabel,
    environment: z.enum(['production', 'staging', 'development']),
    cluster: dnsLabel.optional(),
    /** A profile of `platform.config.json`; the environment's own when absent. */
    profile: shortText.optional(),
  }),
  { subject: (data) => `${data.cluster ?? 'default'}/${data.namespace}` },
);

export const ResourceQuotaExceeded = defineEvent(
  'ResourceQuotaExceeded',
  open({
    namespace: dnsLabel,
    resource: shortText,
    used: quantity,
    hard: quantity,
    cluster: dnsLabel.optional(),
    quotaName: shortText.optional(),
  }),
  { subject: (data) => `${data.cluster ?? 'default'}/${data.namespace}` },
);
