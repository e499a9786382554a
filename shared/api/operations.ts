/** Requests and answers of `/api/automation`, `/api/audit` and `/api/health`. */
import * as z from 'zod';
import { number, PAGE_QUERY, pageOf, type RouteSchemas, time } from './route-schemas.ts';

const automationState = z
  .object({
    state: z.enum(['active', 'paused']),
    by: z.string().optional(),
    reason: z.string().optional(),
    since: time.optional(),
  })
  .meta({
    id: 'Automation',
    description: 'Whether the platform acts by itself; else who paused it, why, and since when',
  });

/** Whether the platform acts by itself; else who paused it, why, and since when. */
export type AutomationState = z.infer<typeof automationState>;

export const automationSchemas: RouteSchemas = { answers: { 200: automationState } };
export const switchAutomationSchemas: RouteSchemas = {
  body: z.strictObject({
    action: z.enum(['pause', 'resume']),
    by: z.string().min(1).max(100).optional().describe('Who does it; with a token the caller'),
    reason: z.string().min(1).max(500).describe('Why, for everybody to see'),
  }),
  answers: { 200: automationState },
};

const auditedAct = z
  .object({
    at: time,
    who: z.string(),
    right: z.string(),
    what: z.string(),
    why: z.string().optional(),
    from: z.string(),
    correlationId: z.string().optional(),
    failed: z.string().optional().describe('Why it was not done; absent when it was'),
  })
  .meta({ id: 'AuditedAct', description: 'What somebody did over HTTP' });

/** An act in the audit log. */
export type AuditedAct = z.infer<typeof auditedAct>;

export const auditSchemas: RouteSchemas = {
  query: { since: time, ...PAGE_QUERY },
  answers: { 200: pageOf('acts', auditedAct) },
};

const health = z
  .object({
    status: z.enum(['up', 'degraded', 'down']),
    dependencies: z
      .array(
        z.object({
          name: z.string(),
          status: z.enum(['up', 'down']),
          latencyMs: z.number(),
          error: z.string().optional(),
        }),
      )
      .optional()
      .describe('Absent for who asks without key and token'),
    errors: z
      .object({ waiting: number, returning: number, readAt: time })
      .optional()
      .describe('The entries of the errors queue'),
    paused: z.object({ by: z.string(), reason: z.string(), since: time }).optional(),
  })
  .meta({ id: 'Health', description: 'Whether the app and what it depends on work' });

export const healthSchemas: RouteSchemas = { answers: { 200: health, 503: health } };
