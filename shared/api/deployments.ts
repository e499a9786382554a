/** Answers of `/api/deployments`. */
import * as z from 'zod/mini';
import { described } from '../events/described.ts';
import { pagePart } from './explain.ts';
import { number, PAGE_QUERY, pageOf, type RouteSchemas, time } from './route-schemas.ts';

const release = described(
  z.object({
    requestId: described(z.string(), 'The id of its DeploymentRequested'),
    requestSource: z.string(),
    correlationId: z.string(),
    image: z.string(),
    containers: described(
      z.optional(z.array(z.object({ name: z.string(), image: z.string() }))),
      'When it is for several',
    ),
    phase: z.enum(['requested', 'started', 'completed', 'failed', 'rolling-back', 'rolled-back']),
    isOver: z.boolean(),
    wasRefused: described(z.optional(z.literal(true)), 'It was rejected, and nothing of it was tried'),
    since: described(z.clone(time), 'When it reached this phase'),
    reason: described(z.optional(z.string()), 'Why it failed, for programs'),
    message: described(z.optional(z.string()), 'The same, for people'),
    note: described(z.optional(z.string()), 'Why it was not rolled back, or how the rollback failed'),
    commit: z.optional(z.string()),
    requestedBy: described(z.optional(z.string()), 'By the word of whoever sent it'),
    sentBy: described(z.optional(z.string()), 'Who sent it, where that is known'),
    putBackAt: described(z.optional(time), 'Since when it runs again, though it was rolled back'),
    weighed: described(
      z.optional(
        z.array(
          z.object({
            ...{ slo: z.string(), openedAt: time, part: pagePart, helped: z.optional(z.boolean()) },
            ...{ suspects: number, decision: z.string() },
          }),
        ),
      ),
      'What was weighed about pages that it had a part in',
    ),
  }),
  { id: 'Release', description: 'A release of a Deployment' },
);

const rate = z.optional(z.number().check(z.gte(0)));

const deploymentEntry = described(
  z.object({
    target: described(z.string(), '`<cluster>/<namespace>/<deployment>`'),
    cluster: z.string(),
    namespace: z.string(),
    deployment: z.string(),
    service: z.optional(z.string()),
    knownGoodImages: described(z.record(z.string(), z.string()), 'By container, the image that completed last'),
    newest: z.optional(release),
    refused: described(z.optional(release), 'The request that was rejected after it'),
    failingSince: z.optional(time),
    deployed: number,
    completed: number,
    failed: number,
    rework: number,
    rolledBack: number,
    changeLeadTimeSeconds: rate,
    changeFailRate: rate,
    failedDeploymentRecoverySeconds: rate,
    deploymentReworkRate: rate,
  }),
  { id: 'Deployment', description: 'A Deployment, its newest release, and its DORA measures' },
);

/** A deployment, and its newest release. */
export type DeploymentEntry = z.infer<typeof deploymentEntry>;

export const deploymentsSchemas: RouteSchemas = {
  query: PAGE_QUERY,
  answers: { 200: pageOf('deployments', deploymentEntry) },
};

export const rollbackSchemas: RouteSchemas = {
  body: z.strictObject({
    reason: described(
      z.string().check(z.minLength(1), z.maxLength(500)),
      'Why, for the audit log and whoever is notified',
    ),
  }),
  answers: {
    202: z.object({
      ...{ eventId: z.string(), correlationId: z.string() },
      failed: described(z.string(), 'The images that fail'),
      restored: described(z.string(), 'Those that are to run'),
    }),
  },
};
