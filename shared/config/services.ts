/** `services`: what people use, the workloads that serve it, and what it promises. */
import * as z from 'zod/mini';
import { described } from '../events/described.ts';
import { dnsLabel, dnsSubdomain, shortText } from '../events/fields.ts';
import { duration, namePattern } from './fields.ts';
import { measuredSection } from './measurements.ts';

const WORKLOAD = "cluster/namespace/deployment, each a name or a pattern with '*'";

const workloadPattern = z
  .string({ error: WORKLOAD })
  .check(
    z.maxLength(381, { error: WORKLOAD, abort: true }),
    z.regex(
      /^[a-z0-9*]([-a-z0-9*]*[a-z0-9*])?\/[a-z0-9*]([-a-z0-9*]*[a-z0-9*])?\/[a-z0-9*]([-a-z0-9.*]*[a-z0-9*])?$/,
      WORKLOAD,
    ),
  );

const objective = z.strictObject({
  slo: described(z._default(shortText, 'availability'), 'The name of the objective; one of a name for each service.'),
  target: described(
    z.number().check(z.gt(0), z.lt(1)),
    'The promised share of good events, such as 0.999; not 0 and not 1.',
  ),
  window: described(z._default(z.enum(['28d', '30d']), '30d'), 'Over which time the promise holds.'),
  minFailures: described(
    z._default(z.int().check(z.gte(1)), 5),
    'So many failures in the long window before an alert fires, and the smallest budget; for low traffic.',
  ),
  clusters: described(
    z._default(z.array(namePattern).check(z.minLength(1)), ['*']),
    "The clusters whose health checks count, and whose releases a spent budget freezes; what names no cluster is of 'default'.",
  ),
  namespaces: described(
    z._default(z.array(namePattern).check(z.minLength(1)), ['*']),
    "The same for namespaces; a health check that names none counts under '*' alone.",
  ),
  rollbackOnPage: described(
    z._default(z.enum(['off', 'observe', 'act']), 'off'),
    'On a page: `act` rolls the release to blame back, `observe` only says which one it would be.',
  ),
  silentAfter: described(
    z.optional(duration),
    'After so long without a health check people are notified; never if absent.',
  ),
  measurements: described(
    z.optional(measuredSection),
    'What is asked, once a minute, in the place of health checks: no check from anybody else counts then.',
  ),
  maxEventsPerMinute: described(
    z.optional(z.int().check(z.gte(1))),
    'So many events a minute can there be at most, saved up for an hour: a health check with more is refused; any number when absent.',
  ),
});

export const serviceSection = z.strictObject({
  name: described(z.clone(dnsSubdomain), 'The service, as health checks name it; each once.'),
  team: described(z.optional(dnsLabel), 'Whom its notifications are for; channels can be chosen by it.'),
  workloads: described(
    z.optional(z.array(workloadPattern)),
    'The Deployments that serve it, as cluster/namespace/deployment, where `*` stands for any run of characters; `*/*/<name>` when absent. No Deployment is of two services.',
  ),
  objectives: described(z._default(z.array(objective), []), 'What it promises.'),
});
