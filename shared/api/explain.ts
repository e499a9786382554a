/** The answer of `/api/explain`. */
import * as z from 'zod/mini';
import { described } from '../events/described.ts';
import { number, type RouteSchemas, time } from './route-schemas.ts';

const phase = z.enum(['requested', 'started', 'completed', 'failed', 'rolling-back', 'rolled-back']);
const namedImage = z.object({ name: described(z.string(), 'The container'), image: z.string() });
const containerImage = z.object({ name: described(z.optional(z.string()), 'The container'), image: z.string() });

const reference = z.object({
  ...{ id: z.string(), source: z.string(), images: z.array(containerImage), phase },
  at: described(z.clone(time), 'When it was asked for'),
});

const event = z.object({
  ...{ type: z.string(), id: z.string(), source: z.string(), time: z.string(), handler: z.string() },
  status: z.enum(['in-progress', 'waiting', 'completed', 'dead-lettered']),
  ...{ receivedAt: time, endedAt: z.optional(time), runs: number },
  failedAttempts: described(z.clone(number), 'Attempts in a row that failed last'),
  ...{ reason: z.optional(z.string()), error: z.optional(z.string()) },
  dueAt: described(z.optional(time), 'When it is looked at next, while it waits'),
});

const came = z.object({
  at: time,
  to: z.enum([...phase.options, 'closed']),
  ...{ previousImage: z.optional(z.string()), overrode: z.optional(z.string()) },
  override: described(
    z.optional(z.object({ by: z.string(), reason: z.string() })),
    'Whose word let it through a freeze',
  ),
  ...{ deadline: z.optional(time), images: z.optional(z.array(namedImage)), replicas: z.optional(number) },
  ...{ revision: z.optional(z.string()), leadSeconds: z.optional(z.number()) },
  ...{ reason: z.optional(z.string()), message: z.optional(z.string()) },
  ...{ note: z.optional(z.string()), needsAttention: z.optional(z.boolean()) },
});

const counts = z.object({
  ...{ from: time, to: time, total: number, bad: number },
  burnRate: described(z.number(), 'How many times faster than the budget lasts'),
});

const change = z.object({
  key: z.string(),
  kind: z.enum(['release', 'known-good', 'rollback', 'others']),
  target: z.string(),
  ...{ container: z.optional(z.string()), image: z.optional(z.string()), commit: z.optional(z.string()) },
  startedAt: time,
  endedAt: z.optional(time),
});

export const pagePart = described(
  z.enum(['blamed', 'undone', 'suspect', 'present']),
  'The part of the release: it is to blame, goes back with a later one, was weighed, or was the newest',
);

const page = z.object({
  ...{ slo: z.string(), openedAt: time, part: pagePart },
  weighed: z.array(
    z.object({
      at: time,
      onset: described(z.optional(z.object({ from: time, to: time })), 'When the burn began, when that was seen'),
      suspects: described(z.array(change), 'The likeliest first'),
      blamed: z.array(change),
      because: z.string(),
      decision: z.string(),
    }),
  ),
  helped: described(z.optional(z.boolean()), 'Whether it burns no more, once something went back'),
});

const explanation = described(
  z.object({
    target: described(z.string(), '`<cluster>/<namespace>/<deployment>`'),
    ...{ service: z.optional(z.string()), team: z.optional(z.string()), phase, isOver: z.boolean() },
    request: z.object({
      ...{ id: z.string(), source: z.string(), correlationId: z.string(), at: time, images: z.array(containerImage) },
      ...{ replicas: z.optional(number), requestedBy: z.optional(z.string()), commit: z.optional(z.string()) },
      override: z.optional(z.object({ reason: z.string(), approvedBy: z.string() })),
      previousImage: described(z.optional(z.string()), 'The image that was known to be good when it was asked for'),
    }),
    changesNothing: described(z.boolean(), 'It was asked for what ran already'),
    wasKnownGood: described(z.boolean(), 'Its images had completed here before'),
    freeze: z.object({
      overrode: described(z.optional(z.string()), 'The freeze that an override let it through'),
      refused: described(z.optional(z.string()), 'The freeze that it was refused for'),
      now: z.optional(
        z.object({
          ...{ service: z.string(), slo: z.string(), since: time, reason: z.string() },
          ...{ clusters: z.array(z.string()), namespaces: z.array(z.string()) },
        }),
      ),
    }),
    steps: described(
      z.array(z.object({ at: time, event: z.optional(event), cameTo: z.array(came) })),
      'Each event at its handler, and what the release came to by it; oldest first',
    ),
    burns: z.array(
      z.object({
        ...{ slo: z.string(), target: z.number(), window: z.string(), errorBudgetRemaining: z.number() },
        ...{ before: z.optional(counts), since: z.optional(counts), afterRollback: z.optional(counts) },
      }),
    ),
    pages: z.array(page),
    rollback: z.optional(
      z.object({ images: z.array(namedImage), startedAt: time, endedAt: z.optional(time), isDone: z.boolean() }),
    ),
    putBack: described(
      z.optional(z.object({ at: time, images: z.array(namedImage), by: z.optional(z.string()) })),
      'While it runs again, since somebody put it back',
    ),
    note: z.optional(z.string()),
    helped: z.optional(z.boolean()),
    next: z.optional(reference),
    others: z.array(reference),
  }),
  { id: 'Explanation', description: 'A release, and why it came to what it came to' },
);

/** A release, and why it came to what it came to. */
export type ReleaseExplanation = z.infer<typeof explanation>;

export const explainSchemas: RouteSchemas = { answers: { 200: explanation } };
