/** The life of one deployment: asked for, begun, and ended in one of three ways. */
import { z } from 'zod';
import { defineEvent } from './cloud-event.ts';
import {
  count,
  dnsLabel,
  dnsSubdomain,
  eventId,
  imageReference,
  longText,
  open,
  seconds,
  shortText,
  timestamp,
} from './fields.ts';

const target = {
  namespace: dnsLabel,
  deployment: dnsSubdomain,
  cluster: dnsLabel.optional(),
};

const release = {
  ...target,
  image: imageReference,
  replicas: count.max(10_000).optional(),
  container: dnsLabel.optional(),
  /** The service whose objectives this release can burn; the deployment's name when absent. */
  service: dnsSubdomain.optional(),
  commit: open({ sha: z.string().regex(/^[0-9a-f]{7,64}$/, 'a Git commit id in hex'), timestamp }).optional(),
  requestedBy: shortText.optional(),
  /** Lets a release through a freeze; kept in the history. */
  override: open({ reason: longText, approvedBy: shortText }).optional(),
};

const ofRequest = { requestId: eventId };

/** `<cluster>/<namespace>/<deployment>`; a request that names no cluster means the default one. */
function targetOf(data: { cluster?: string | undefined; namespace: string; deployment: string }): string {
  return `${data.cluster ?? 'default'}/${data.namespace}/${data.deployment}`;
}

export const DeploymentRequested = defineEvent('DeploymentRequested', open(release), { subject: targetOf });

export const DeploymentStarted = defineEvent(
  'DeploymentStarted',
  open({ ...release, ...ofRequest, previousImage: imageReference.optional() }),
  { subject: targetOf },
);

export const DeploymentCompleted = defineEvent(
  'DeploymentCompleted',
  open({ ...release, ...ofRequest, durationSeconds: seconds, replicas: count, revision: shortText.optional() }),
  { subject: targetOf },
);

export const DeploymentFailed = defineEvent(
  'DeploymentFailed',
  open({
    ...release,
    ...ofRequest,
    reason: z.enum([
      'PolicyViolation',
      'Frozen',
      'Superseded',
      'NotFound',
      'DeadlineExceeded',
      'ClusterError',
      'SLOViolation',
    ]),
    message: longText,
    durationSeconds: seconds,
  }),
  { subject: targetOf },
);

export const DeploymentRolledBack = defineEvent(
  'DeploymentRolledBack',
  open({ ...release, ...ofRequest, failedImage: imageReference, reason: longText, durationSeconds: seconds }),
  { subject: targetOf },
);
