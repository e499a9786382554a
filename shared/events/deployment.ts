/** The life of one deployment: asked for, begun, and ended in one of three ways. */
import * as z from 'zod';
import { defineEvent } from './cloud-event.ts';
import { targetOf } from './deployment-target.ts';
import {
  count,
  dnsLabel,
  dnsSubdomain,
  eventId,
  eventSource,
  imageReference,
  longText,
  open,
  seconds,
  shortText,
  timeLimit,
  timestamp,
} from './fields.ts';

const target = {
  namespace: dnsLabel.describe('The namespace of the Deployment'),
  deployment: dnsSubdomain.describe('The Kubernetes Deployment'),
  cluster: dnsLabel.optional().describe("A cluster of the configuration; 'default' when absent"),
};

const MAX_CONTAINERS = 20;

/** One Deployment may be changed in several containers at once. */
const containers = z
  .array(open({ name: dnsLabel.describe('A container or init container'), image: imageReference }))
  .min(1)
  .max(MAX_CONTAINERS)
  .refine((all) => new Set(all.map(({ name }) => name)).size === all.length, 'each container once');

const release = {
  ...target,
  image: imageReference.describe('The image to run; of several containers, that of the first'),
  containers: containers
    .optional()
    .describe(
      'The images of several containers or init containers, changed at once; instead of `image` and `container`',
    ),
  replicas: count.max(10_000).optional().describe('How many replicas; left as they are when absent'),
  deadline: timeLimit
    .optional()
    .describe('How long this rollout may take; at most what the policy allows, which holds when absent'),
  container: dnsLabel.optional().describe('The container to change; the only one when absent'),
  service: dnsSubdomain
    .optional()
    .describe('The service it is of, to be confirmed: refused when the configuration says another'),
  commit: open({
    sha: z
      .string()
      .regex(/^[0-9a-f]{7,64}$/, 'a Git commit id in hex')
      .describe('A Git commit id in hex'),
    timestamp,
  })
    .optional()
    .describe('The commit that is deployed, and when it was made: lead time counts from there'),
  requestedBy: shortText.optional().describe('Who asked for it, for people'),
  override: open({ reason: longText.describe('Why it cannot wait'), approvedBy: shortText.describe('Who decided it') })
    .optional()
    .describe('Lets a release through a freeze; kept in the history'),
};

/** The images of a release, as the history shows them. */
function imagesOf({ image = '', containers: several }: ReleasedImages): string {
  return several?.map((one) => `${one.name}=${one.image}`).join(', ') ?? image;
}

interface ReleasedImages {
  readonly image?: string | undefined;
  readonly containers?: readonly { readonly name: string; readonly image: string }[] | undefined;
}

const ofRequest = {
  requestId: eventId.describe('The id of the DeploymentRequested event'),
  // Not every reader needs it, but without it two requests of one id are one.
  requestSource: eventSource.optional().describe('The source of that event: with its id, what the request is known by'),
};

export const DeploymentRequested = defineEvent(
  'DeploymentRequested',
  open({ ...release, image: release.image.optional() })
    .refine(({ image, containers: several }) => (image === undefined) !== (several === undefined), {
      path: ['image'],
      error: 'either image or containers',
    })
    .refine(({ container, containers: several }) => container === undefined || several === undefined, {
      path: ['container'],
      error: 'nothing beside containers, which has names of its own',
    })
    .meta({
      description: 'A release is asked for',
      examples: [{ namespace: 'shop', deployment: 'web', image: 'ghcr.io/shop/web:1.2.3' }],
      oneOf: [{ required: ['image'] }, { required: ['containers'] }],
    }),
  { subject: targetOf, summary: imagesOf },
);

export const DeploymentStarted = defineEvent(
  'DeploymentStarted',
  open({
    ...release,
    ...ofRequest,
    previousImage: imageReference.optional().describe('What ran before; absent when nothing did'),
  }).describe('The request passed the policies; its rollout begins'),
  { subject: targetOf, sender: 'app', summary: imagesOf },
);

export const DeploymentCompleted = defineEvent(
  'DeploymentCompleted',
  open({
    ...release,
    ...ofRequest,
    durationSeconds: seconds.describe('From its start to the rollout being complete'),
    replicas: count.describe('How many run'),
    revision: shortText.optional().describe('The revision of the Deployment, as the cluster counts them'),
  }).describe('The rollout succeeded'),
  { subject: targetOf, sender: 'app', summary: imagesOf },
);

export const DeploymentFailed = defineEvent(
  'DeploymentFailed',
  open({
    ...release,
    ...ofRequest,
    reason: z
      .enum([
        ...['PolicyViolation', 'Frozen', 'Superseded', 'NotFound', 'DeadlineExceeded', 'ClusterError', 'SLOViolation'],
        'RollbackRequested',
      ] as const)
      .describe('Why, for programs'),
    message: longText.meta({ description: 'Why, for people', examples: ['not ready within 10m'] }),
    durationSeconds: seconds.describe('From its start, or from the request when it never started'),
  }).describe('The request was refused, or its rollout failed'),
  { subject: targetOf, sender: 'app', summary: ({ reason, message }) => `${reason}: ${message}` },
);

export const DeploymentRolledBack = defineEvent(
  'DeploymentRolledBack',
  open({
    ...release,
    ...ofRequest,
    image: imageReference.describe('The image that runs now; of several containers, that of the first'),
    restored: containers.optional().describe('What runs now, when the release was for several containers'),
    failedImage: imageReference.meta({ description: 'The image that failed', examples: ['ghcr.io/shop/web:1.2.4'] }),
    reason: longText.meta({
      description: 'Why it was rolled back',
      examples: ['DeadlineExceeded: not ready within 10m'],
    }),
    durationSeconds: seconds.describe('From the failure to the earlier image being back'),
  }).describe('The image before runs again'),
  { subject: targetOf, sender: 'app', summary: ({ image, reason }) => `back on ${image}: ${reason}` },
);
