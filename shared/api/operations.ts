/** Requests and answers of `/api/automation`, `/api/audit` and `/api/health`. */
import * as z from 'zod/mini';
import { described } from '../events/described.ts';
import { number, PAGE_QUERY, pageOf, type RouteSchemas, time } from './route-schemas.ts';

const automationState = described(
  z.object({
    state: z.enum(['active', 'paused']),
    by: z.optional(z.string()),
    reason: z.optional(z.string()),
    since: z.optional(time),
  }),
  { id: 'Automation', description: 'Whether the platform acts by itself; else who paused it, why, and since when' },
);

/** Whether the platform acts by itself; else who paused it, why, and since when. */
export type AutomationState = z.infer<typeof automationState>;

export const automationSchemas: RouteSchemas = { answers: { 200: automationState } };
export const switchAutomationSchemas: RouteSchemas = {
  body: z.strictObject({
    action: z.enum(['pause', 'resume']),
    by: described(
      z.optional(z.string().check(z.minLength(1), z.maxLength(100))),
      'Who does it; with a token the caller',
    ),
    reason: described(z.string().check(z.minLength(1), z.maxLength(500)), 'Why, for everybody to see'),
  }),
  answers: { 200: automationState },
};

const auditedAct = described(
  z.object({
    at: time,
    who: z.string(),
    right: z.string(),
    what: z.string(),
    why: z.optional(z.string()),
    from: z.string(),
    correlationId: z.optional(z.string()),
    failed: described(z.optional(z.string()), 'Why it was not done; absent when it was'),
  }),
  { id: 'AuditedAct', description: 'What somebody did over HTTP' },
);

/** An act in the audit log. */
export type AuditedAct = z.infer<typeof auditedAct>;

export const auditSchemas: RouteSchemas = {
  query: { since: time, ...PAGE_QUERY },
  answers: { 200: pageOf('acts', auditedAct) },
};

const health = described(
  z.object({
    status: z.enum(['up', 'degraded', 'down']),
    dependencies: described(
      z.optional(
        z.array(
          z.object({
            name: z.string(),
            status: z.enum(['up', 'down']),
            latencyMs: z.number(),
            error: z.optional(z.string()),
          }),
        ),
      ),
      'Absent for who asks without key and token',
    ),
    errors: described(
      z.optional(z.object({ waiting: number, returning: number, readAt: time })),
      'The entries of the errors queue',
    ),
    paused: z.optional(z.object({ by: z.string(), reason: z.string(), since: time })),
  }),
  { id: 'Health', description: 'Whether the app and what it depends on work' },
);

export const healthSchemas: RouteSchemas = { answers: { 200: health, 503: health } };
