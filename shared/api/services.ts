/** Requests and answers of `/api/services`. */
import * as z from 'zod';
import { type RouteSchemas, time } from './route-schemas.ts';

const serviceEntry = z
  .object({
    service: z.string(),
    team: z.string().optional(),
    objectives: z.array(
      z.object({
        slo: z.string(),
        target: z.number(),
        window: z.string(),
        currentValue: z.number().optional().describe('The share of good events in the window'),
        errorBudgetRemaining: z.number().optional().describe('1 is untouched, 0 is spent, less is overspent'),
        alerts: z.array(z.enum(['page', 'ticket'])).describe('The alerts that are open'),
        checkedAt: time.optional().describe('The last check that counted for it; absent when none ever did'),
        silentSince: time.optional().describe('While checks have been missing for longer than it allows'),
      }),
    ),
    freeze: z
      .object({
        slo: z.string(),
        since: time,
        reason: z.string(),
        clusters: z.array(z.string()),
        namespaces: z.array(z.string()),
      })
      .optional()
      .describe('There while releases are refused, and where'),
    overrides: z
      .array(
        z.object({
          ...{ id: z.string(), target: z.string().optional(), by: z.string(), reason: z.string() },
          ...{ since: time, until: time, isForOne: z.boolean().describe('Whether one release uses it up') },
        }),
      )
      .optional()
      .describe('What lets releases through a freeze'),
    checkedAt: time.optional().describe('When its health was last heard of'),
  })
  .meta({ id: 'Service', description: 'A service against its objectives' });

/** A service with its objectives. */
export type ServiceEntry = z.infer<typeof serviceEntry>;

export const servicesSchemas: RouteSchemas = {
  answers: { 200: z.object({ services: z.array(serviceEntry) }) },
};

/** Longer than a line is no reason. */
export const unfreezeSchemas: RouteSchemas = {
  body: z.object({ reason: z.string().min(1).max(500).describe('Why, for the audit log') }),
};

export const overrideSchemas: RouteSchemas = {
  body: z.object({
    reason: z.string().min(1).max(500).describe('Why, for the audit log'),
    target: z
      .string()
      .optional()
      .describe('`<cluster>/<namespace>/<deployment>`; every one of the service when absent'),
    for: z.string().optional().describe('How long, such as 2h, at most 7d; one release within a day when absent'),
  }),
  answers: {
    201: z.object({
      ...{ id: z.string(), target: z.string().optional(), by: z.string(), reason: z.string() },
      ...{ until: time, isForOne: z.boolean() },
    }),
  },
};
