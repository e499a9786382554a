/** Answers of `/api/deployments`. */
import * as z from 'zod';
import { pagePart } from './explain.ts';
import { number, PAGE_QUERY, pageOf, type RouteSchemas, time } from './route-schemas.ts';

const release = z
  .object({
    requestId: z.string().describe('The id of its DeploymentRequested'),
    requestSource: z.string(),
    correlationId: z.string(),
    image: z.string(),
    containers: z
      .array(z.object({ name: z.string(), image: z.string() }))
      .optional()
      .describe('When it is for several'),
    phase: z.enum(['requested', 'started', 'completed', 'failed', 'rolling-back', 'rolled-back']),
    isOver: z.boolean(),
    wasRefused: z.literal(true).optional().describe('It was rejected, and nothing of it was tried'),
    since: time.describe('When it reached this phase'),
    reason: z.string().optional().describe('Why it failed, for programs'),
    message: z.string().optional().describe('The same, for people'),
    note: z.string().optional().describe('Why it was not rolled back, or how the rollback failed'),
    commit: z.string().optional(),
    requestedBy: z.string().optional().describe('By the word of whoever sent it'),
    sentBy: z.string().optional().describe('Who sent it, where that is known'),
    putBackAt: time.optional().describe('Since when it runs again, though it was rolled back'),
    weighed: z
      .array(
        z.object({
          ...{ slo: z.string(), openedAt: time, part: pagePart, helped: z.boolean().optional() },
          ...{ suspects: number, decision: z.string() },
        }),
      )
      .optional()
      .describe('What was weighed about pages that it had a part in'),
  })
  .meta({ id: 'Release', description: 'A release of a Deployment' });

const rate = z.number().min(0).optional();

const deploymentEntry = z
  .object({
    target: z.string().describe('`<cluster>/<namespace>/<deployment>`'),
    cluster: z.string(),
    namespace: z.string(),
    deployment: z.string(),
    service: z.string().optional(),
    knownGoodImages: z.record(z.string(), z.string()).describe('By container, the image that completed last'),
    newest: release.optional(),
    refused: release.optional().describe('The request that was rejected after it'),
    failingSince: time.optional(),
    deployed: number,
    completed: number,
    failed: number,
    rework: number,
    rolledBack: number,
    changeLeadTimeSeconds: rate,
    changeFailRate: rate,
    failedDeploymentRecoverySeconds: rate,
    deploymentReworkRate: rate,
  })
  .meta({ id: 'Deployment', description: 'A Deployment, its newest release, and its DORA measures' });

/** A deployment, and its newest release. */
export type DeploymentEntry = z.infer<typeof deploymentEntry>;

export const deploymentsSchemas: RouteSchemas = {
  query: PAGE_QUERY,
  answers: { 200: pageOf('deployments', deploymentEntry) },
};

export const rollbackSchemas: RouteSchemas = {
  body: z.object({ reason: z.string().min(1).max(500).describe('Why, for the audit log and whoever is notified') }),
  answers: {
    202: z.object({
      ...{ eventId: z.string(), correlationId: z.string() },
      failed: z.string().describe('The images that fail'),
      restored: z.string().describe('Those that are to run'),
    }),
  },
};
