/** `services`: what people use, the workloads that serve it, and what it promises. */
import * as z from 'zod';
import { dnsLabel, dnsSubdomain, shortText } from '../events/fields.ts';
import { duration, namePattern } from './fields.ts';
import { measuredSection } from './measurements.ts';

const WORKLOAD = "cluster/namespace/deployment, each a name or a pattern with '*'";

const workloadPattern = z
  .string({ error: WORKLOAD })
  .max(381, { error: WORKLOAD, abort: true })
  .regex(
    /^[a-z0-9*]([-a-z0-9*]*[a-z0-9*])?\/[a-z0-9*]([-a-z0-9*]*[a-z0-9*])?\/[a-z0-9*]([-a-z0-9.*]*[a-z0-9*])?$/,
    WORKLOAD,
  );

const objective = z.strictObject({
  slo: shortText.default('availability').describe('The name of the objective; one of a name for each service.'),
  target: z.number().gt(0).lt(1).describe('The promised share of good events, such as 0.999; not 0 and not 1.'),
  window: z.enum(['28d', '30d']).default('30d').describe('Over which time the promise holds.'),
  minFailures: z
    .int()
    .min(1)
    .default(5)
    .describe('So many failures in the long window before an alert fires, and the smallest budget; for low traffic.'),
  clusters: z
    .array(namePattern)
    .min(1)
    .default(['*'])
    .describe(
      "The clusters whose health checks count, and whose releases a spent budget freezes; what names no cluster is of 'default'.",
    ),
  namespaces: z
    .array(namePattern)
    .min(1)
    .default(['*'])
    .describe("The same for namespaces; a health check that names none counts under '*' alone."),
  rollbackOnPage: z
    .enum(['off', 'observe', 'act'])
    .default('off')
    .describe('On a page: `act` rolls the release to blame back, `observe` only says which one it would be.'),
  silentAfter: duration
    .optional()
    .describe('After so long without a health check people are notified; never if absent.'),
  measurements: measuredSection
    .optional()
    .describe('What is asked, once a minute, in the place of health checks: no check from anybody else counts then.'),
  maxEventsPerMinute: z
    .int()
    .min(1)
    .optional()
    .describe(
      'So many events a minute can there be at most, saved up for an hour: a health check with more is refused; any number when absent.',
    ),
});

export const serviceSection = z.strictObject({
  name: dnsSubdomain.describe('The service, as health checks name it; each once.'),
  team: dnsLabel.optional().describe('Whom its notifications are for; channels can be chosen by it.'),
  workloads: z
    .array(workloadPattern)
    .optional()
    .describe(
      'The Deployments that serve it, as cluster/namespace/deployment, where `*` stands for any run of characters; `*/*/<name>` when absent. No Deployment is of two services.',
    ),
  objectives: z.array(objective).default([]).describe('What it promises.'),
});
