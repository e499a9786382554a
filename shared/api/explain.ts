/** The answer of `/api/explain`. */
import * as z from 'zod';
import { number, type RouteSchemas, time } from './route-schemas.ts';

const phase = z.enum(['requested', 'started', 'completed', 'failed', 'rolling-back', 'rolled-back']);
const namedImage = z.object({ name: z.string().describe('The container'), image: z.string() });
const containerImage = z.object({ name: z.string().optional().describe('The container'), image: z.string() });

const reference = z.object({
  ...{ id: z.string(), source: z.string(), images: z.array(containerImage), phase },
  at: time.describe('When it was asked for'),
});

const event = z.object({
  ...{ type: z.string(), id: z.string(), source: z.string(), time: z.string(), handler: z.string() },
  status: z.enum(['in-progress', 'waiting', 'completed', 'dead-lettered']),
  ...{ receivedAt: time, endedAt: time.optional(), runs: number },
  failedAttempts: number.describe('Attempts in a row that failed last'),
  ...{ reason: z.string().optional(), error: z.string().optional() },
  dueAt: time.optional().describe('When it is looked at next, while it waits'),
});

const came = z.object({
  at: time,
  to: z.enum([...phase.options, 'closed']),
  ...{ previousImage: z.string().optional(), overrode: z.string().optional() },
  override: z.object({ by: z.string(), reason: z.string() }).optional().describe('Whose word let it through a freeze'),
  ...{ deadline: time.optional(), images: z.array(namedImage).optional(), replicas: number.optional() },
  ...{ revision: z.string().optional(), leadSeconds: z.number().optional() },
  ...{ reason: z.string().optional(), message: z.string().optional() },
  ...{ note: z.string().optional(), needsAttention: z.boolean().optional() },
});

const counts = z.object({
  ...{ from: time, to: time, total: number, bad: number },
  burnRate: z.number().describe('How many times faster than the budget lasts'),
});

const change = z.object({
  key: z.string(),
  kind: z.enum(['release', 'known-good', 'rollback', 'cluster', 'others']),
  target: z.string(),
  ...{ container: z.string().optional(), image: z.string().optional(), commit: z.string().optional() },
  startedAt: time,
  endedAt: time.optional(),
});

export const pagePart = z
  .enum(['blamed', 'undone', 'suspect', 'present'])
  .describe('The part of the release: it is to blame, goes back with a later one, was weighed, or was the newest');

const page = z.object({
  ...{ slo: z.string(), openedAt: time, part: pagePart },
  weighed: z.array(
    z.object({
      at: time,
      onset: z.object({ from: time, to: time }).optional().describe('When the burn began, when that was seen'),
      suspects: z.array(change).describe('The likeliest first'),
      blamed: z.array(change),
      because: z.string(),
      decision: z.string(),
    }),
  ),
  helped: z.boolean().optional().describe('Whether it burns no more, once something went back'),
});

const explanation = z
  .object({
    target: z.string().describe('`<cluster>/<namespace>/<deployment>`'),
    ...{ service: z.string().optional(), team: z.string().optional(), phase, isOver: z.boolean() },
    request: z.object({
      ...{ id: z.string(), source: z.string(), correlationId: z.string(), at: time, images: z.array(containerImage) },
      ...{ replicas: number.optional(), requestedBy: z.string().optional(), commit: z.string().optional() },
      override: z.object({ reason: z.string(), approvedBy: z.string() }).optional(),
      previousImage: z.string().optional().describe('The image that was known to be good when it was asked for'),
    }),
    changesNothing: z.boolean().describe('It was asked for what ran already'),
    wasKnownGood: z.boolean().describe('Its images had completed here before'),
    freeze: z.object({
      overrode: z.string().optional().describe('The freeze that an override let it through'),
      refused: z.string().optional().describe('The freeze that it was refused for'),
      now: z
        .object({
          ...{ service: z.string(), slo: z.string(), since: time, reason: z.string() },
          ...{ clusters: z.array(z.string()), namespaces: z.array(z.string()) },
        })
        .optional(),
    }),
    steps: z
      .array(z.object({ at: time, event: event.optional(), cameTo: z.array(came) }))
      .describe('Each event at its handler, and what the release came to by it; oldest first'),
    burns: z.array(
      z.object({
        ...{ slo: z.string(), target: z.number(), window: z.string(), errorBudgetRemaining: z.number() },
        ...{ before: counts.optional(), since: counts.optional(), afterRollback: counts.optional() },
      }),
    ),
    pages: z.array(page),
    rollback: z
      .object({ images: z.array(namedImage), startedAt: time, endedAt: time.optional(), isDone: z.boolean() })
      .optional(),
    putBack: z
      .object({ at: time, images: z.array(namedImage), by: z.string().optional() })
      .optional()
      .describe('While it runs again, since somebody put it back'),
    note: z.string().optional(),
    helped: z.boolean().optional(),
    next: reference.optional(),
    others: z.array(reference),
  })
  .meta({ id: 'Explanation', description: 'A release, and why it came to what it came to' });

/** A release, and why it came to what it came to. */
export type ReleaseExplanation = z.infer<typeof explanation>;

export const explainSchemas: RouteSchemas = { answers: { 200: explanation } };
