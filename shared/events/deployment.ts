/** The life of one deployment: asked for, begun, and ended in one of three ways. */
import * as z from 'zod/mini';
import { defineEvent } from './cloud-event.ts';
import { targetOf } from './deployment-target.ts';
import { described } from './described.ts';
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

const target = () => ({
  namespace: described(z.clone(dnsLabel), 'The namespace of the Deployment'),
  deployment: described(z.clone(dnsSubdomain), 'The Kubernetes Deployment'),
  cluster: described(z.optional(dnsLabel), "A cluster of the configuration; 'default' when absent"),
});

const MAX_CONTAINERS = 20;

/** One Deployment may be changed in several containers at once. */
const containers = () =>
  z.array(open({ name: described(z.clone(dnsLabel), 'A container or init container'), image: imageReference })).check(
    z.minLength(1),
    z.maxLength(MAX_CONTAINERS),
    z.refine((all) => new Set(all.map(({ name }) => name)).size === all.length, 'each container once'),
  );

const release = () => ({
  ...target(),
  image: described(z.clone(imageReference), 'The image to run; of several containers, that of the first'),
  containers: described(
    z.optional(containers()),
    'The images of several containers or init containers, changed at once; instead of `image` and `container`',
  ),
  replicas: described(z.optional(count.check(z.lte(10_000))), 'How many replicas; left as they are when absent'),
  deadline: described(
    z.optional(timeLimit),
    'How long this rollout may take; at most what the policy allows, which holds when absent',
  ),
  container: described(z.optional(dnsLabel), 'The container to change; the only one when absent'),
  service: described(
    z.optional(dnsSubdomain),
    'The service it is of, to be confirmed: refused when the configuration says another',
  ),
  commit: described(
    z.optional(
      open({
        sha: described(
          z.string().check(z.regex(/^[0-9a-f]{7,64}$/, 'a Git commit id in hex')),
          'A Git commit id in hex',
        ),
        timestamp,
      }),
    ),
    'The commit that is deployed, and when it was made: lead time counts from there',
  ),
  requestedBy: described(z.optional(shortText), 'Who asked for it, for people'),
  override: described(
    z.optional(
      open({
        reason: described(z.clone(longText), 'Why it cannot wait'),
        approvedBy: described(z.clone(shortText), 'Who decided it'),
      }),
    ),
    'Lets a release through a freeze; kept in the history',
  ),
});

/** The images of a release, as the history shows them. */
function imagesOf({ image = '', containers: several }: ReleasedImages): string {
  return several?.map((one) => `${one.name}=${one.image}`).join(', ') ?? image;
}

interface ReleasedImages {
  readonly image?: string | undefined;
  readonly containers?: readonly { readonly name: string; readonly image: string }[] | undefined;
}

const ofRequest = () => ({
  requestId: described(z.clone(eventId), 'The id of the DeploymentRequested event'),
  // Not every reader needs it, but without it two requests of one id are one.
  requestSource: described(
    z.optional(eventSource),
    'The source of that event: with its id, what the request is known by',
  ),
});

export const DeploymentRequested = defineEvent(
  'DeploymentRequested',
  () =>
    described(
      open({ ...release(), image: z.optional(release().image) }).check(
        z.refine(({ image, containers: several }) => (image === undefined) !== (several === undefined), {
          path: ['image'],
          error: 'either image or containers',
        }),
        z.refine(({ container, containers: several }) => container === undefined || several === undefined, {
          path: ['container'],
          error: 'nothing beside containers, which has names of its own',
        }),
      ),
      {
        description: 'A release is asked for',
        examples: [{ namespace: 'shop', deployment: 'web', image: 'ghcr.io/shop/web:1.2.3' }],
        oneOf: [{ required: ['image'] }, { required: ['containers'] }],
      },
    ),
  { subject: targetOf, summary: imagesOf },
);

export const DeploymentStarted = defineEvent(
  'DeploymentStarted',
  () =>
    described(
      open({
        ...release(),
        ...ofRequest(),
        previousImage: described(z.optional(imageReference), 'What ran before; absent when nothing did'),
      }),
      'The request passed the policies; its rollout begins',
    ),
  { subject: targetOf, sender: 'app', summary: imagesOf },
);

export const DeploymentCompleted = defineEvent(
  'DeploymentCompleted',
  () =>
    described(
      open({
        ...release(),
        ...ofRequest(),
        durationSeconds: described(z.clone(seconds), 'From its start to the rollout being complete'),
        replicas: described(z.clone(count), 'How many run'),
        revision: described(z.optional(shortText), 'The revision of the Deployment, as the cluster counts them'),
      }),
      'The rollout succeeded',
    ),
  { subject: targetOf, sender: 'app', summary: imagesOf },
);

export const DeploymentFailed = defineEvent(
  'DeploymentFailed',
  () =>
    described(
      open({
        ...release(),
        ...ofRequest(),
        reason: described(
          z.enum([
            ...[
              'PolicyViolation',
              'Frozen',
              'Superseded',
              'NotFound',
              'DeadlineExceeded',
              'ClusterError',
              'SLOViolation',
            ],
            'RollbackRequested',
          ] as const),
          'Why, for programs',
        ),
        message: described(z.clone(longText), { description: 'Why, for people', examples: ['not ready within 10m'] }),
        durationSeconds: described(z.clone(seconds), 'From its start, or from the request when it never started'),
      }),
      'The request was refused, or its rollout failed',
    ),
  { subject: targetOf, sender: 'app', summary: ({ reason, message }) => `${reason}: ${message}` },
);

export const DeploymentRolledBack = defineEvent(
  'DeploymentRolledBack',
  () =>
    described(
      open({
        ...release(),
        ...ofRequest(),
        image: described(z.clone(imageReference), 'The image that runs now; of several containers, that of the first'),
        restored: described(z.optional(containers()), 'What runs now, when the release was for several containers'),
        failedImage: described(z.clone(imageReference), {
          description: 'The image that failed',
          examples: ['ghcr.io/shop/web:1.2.4'],
        }),
        reason: described(z.clone(longText), {
          description: 'Why it was rolled back',
          examples: ['DeadlineExceeded: not ready within 10m'],
        }),
        durationSeconds: described(z.clone(seconds), 'From the failure to the earlier image being back'),
      }),
      'The image before runs again',
    ),
  { subject: targetOf, sender: 'app', summary: ({ image, reason }) => `back on ${image}: ${reason}` },
);
