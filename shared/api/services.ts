/** Requests and answers of `/api/services`. */
import * as z from 'zod/mini';
import { described } from '../events/described.ts';
import { type RouteSchemas, time } from './route-schemas.ts';

const serviceEntry = described(
  z.object({
    service: z.string(),
    team: z.optional(z.string()),
    objectives: z.array(
      z.object({
        slo: z.string(),
        target: z.number(),
        window: z.string(),
        currentValue: described(z.optional(z.number()), 'The share of good events in the window'),
        errorBudgetRemaining: described(z.optional(z.number()), '1 is untouched, 0 is spent, less is overspent'),
        alerts: described(z.array(z.enum(['page', 'ticket'])), 'The alerts that are open'),
        checkedAt: described(z.optional(time), 'The last check that counted for it; absent when none ever did'),
        silentSince: described(z.optional(time), 'While checks have been missing for longer than it allows'),
      }),
    ),
    freeze: described(
      z.optional(
        z.object({
          slo: z.string(),
          since: time,
          reason: z.string(),
          clusters: z.array(z.string()),
          namespaces: z.array(z.string()),
        }),
      ),
      'There while releases are refused, and where',
    ),
    overrides: described(
      z.optional(
        z.array(
          z.object({
            ...{ id: z.string(), target: z.optional(z.string()), by: z.string(), reason: z.string() },
            ...{ since: time, until: time, isForOne: described(z.boolean(), 'Whether one release uses it up') },
          }),
        ),
      ),
      'What lets releases through a freeze',
    ),
    checkedAt: described(z.optional(time), 'When its health was last heard of'),
  }),
  { id: 'Service', description: 'A service against its objectives' },
);

/** A service with its objectives. */
export type ServiceEntry = z.infer<typeof serviceEntry>;

export const servicesSchemas: RouteSchemas = {
  answers: { 200: z.object({ services: z.array(serviceEntry) }) },
};

/** Longer than a line is no reason. */
export const unfreezeSchemas: RouteSchemas = {
  body: z.strictObject({
    reason: described(z.string().check(z.minLength(1), z.maxLength(500)), 'Why, for the audit log'),
  }),
};

export const overrideSchemas: RouteSchemas = {
  body: z.strictObject({
    reason: described(z.string().check(z.minLength(1), z.maxLength(500)), 'Why, for the audit log'),
    target: described(
      z.optional(z.string()),
      '`<cluster>/<namespace>/<deployment>`; every one of the service when absent',
    ),
    for: described(z.optional(z.string()), 'How long, such as 2h, at most 7d; one release within a day when absent'),
  }),
  answers: {
    201: z.object({
      ...{ id: z.string(), target: z.optional(z.string()), by: z.string(), reason: z.string() },
      ...{ until: time, isForOne: z.boolean() },
    }),
  },
};
