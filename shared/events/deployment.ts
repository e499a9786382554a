/** The life of one deployment: asked for, begun, and ended in one of three ways. */
import * as z from 'zod';
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
  deployment: dnsSubdomain.describe('The Kubernetes Deployment'),
  cluster: dnsLabel.optional().describe("A cluster of the configuration; 'default' when absent"),
};

const release = {
  ...target,
  image: imageReference,
  replicas: count.max(10_000).optional().describe('How many replicas; left as they are when absent'),
  container: dnsLabel.optional().describe('The container to change; the only one when absent'),
  service: dnsSubdomain
    .optional()
    .describe("The service whose objectives this release can burn; the deployment's name when absent"),
  commit: open({ sha: z.string().regex(/^[0-9a-f]{7,64}$/, 'a Git commit id in hex'), timestamp })
    .optional()
    .describe('The commit that is deployed, and when it was made: lead time counts from there'),
  requestedBy: shortText.optional().describe('Who asked for it, for people'),
  override: open({ reason: longText, approvedBy: shortText })
    .optional()
    .describe('Lets a release through a freeze; kept in the history'),
};

const ofRequest = { requestId: eventId.describe('The id of the DeploymentRequested event') };

/** `<cluster>/<namespace>/<deployment>`; a request that names no cluster means the default one. */
function targetOf(data: { cluster?: string | undefined; namespace: string; deployment: string }): string {
  return `${data.cluster ?? 'default'}/${data.namespace}/${data.deployment}`;
}

const requestExample = { namespace: 'shop', deployment: 'web', image: 'ghcr.io/shop/web:1.2.3' };
const example = { ...requestExample, requestId: 'request-1' };

export const DeploymentRequested = defineEvent(
  'DeploymentRequested',
  open(release).describe('A release is asked for'),
  { subject: targetOf, example: requestExample },
);

export const DeploymentStarted = defineEvent(
  'DeploymentStarted',
  open({
    ...release,
    ...ofRequest,
    previousImage: imageReference.optional().describe('What ran before; absent when nothing did'),
  }).describe('The request passed the policies; its rollout begins'),
  { subject: targetOf, example },
);

export const DeploymentCompleted = defineEvent(
  'DeploymentCompleted',
  open({
    ...release,
    ...ofRequest,
    durationSeconds: seconds,
    replicas: count,
    revision: shortText.optional(),
  }).describe('The rollout succeeded'),
  { subject: targetOf, example: { ...example, durationSeconds: 12.5, replicas: 3 } },
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
  }).describe('The request was refused, or its rollout failed'),
  {
    subject: targetOf,
    example: { ...example, reason: 'DeadlineExceeded', message: 'not ready in time', durationSeconds: 600 },
    summary: ({ reason, message }) => `${reason}: ${message}`,
  },
);

export const DeploymentRolledBack = defineEvent(
  'DeploymentRolledBack',
  open({
    ...release,
    ...ofRequest,
    image: imageReference.describe('The image that runs now'),
    failedImage: imageReference,
    reason: longText,
    durationSeconds: seconds,
  }).describe('The image before runs again'),
  {
    subject: targetOf,
    example: { ...example, failedImage: 'ghcr.io/shop/web:1.2.4', reason: 'DeadlineExceeded', durationSeconds: 30 },
    summary: ({ image, reason }) => `back on ${image}: ${reason}`,
  },
);
