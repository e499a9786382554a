/** The health of services against their objectives. */
import * as z from 'zod/mini';
import { defineEvent } from './cloud-event.ts';
import { described } from './described.ts';
import { dnsLabel, dnsSubdomain, open, shortText } from './fields.ts';

const service = () =>
  described(z.clone(dnsSubdomain), { description: 'The service, as the objectives name it', examples: ['checkout'] });

const objective = () => ({
  service: service(),
  slo: described(z.clone(shortText), { description: 'The objective of the service', examples: ['availability'] }),
  currentValue: described(z.number().check(z.gte(0), z.lte(1)), {
    description: 'The measured share of good events, 0 to 1',
    examples: [0.9856],
  }),
  targetValue: described(z.number().check(z.gte(0), z.lte(1)), {
    description: 'The promised share of good events, 0 to 1',
    examples: [0.999],
  }),
  errorBudgetRemaining: described(z.number().check(z.lte(1)), {
    description: 'The share of the error budget that is left; 0 is spent, below 0 overspent',
    examples: [0.7],
  }),
});

/** How much the judgement rests on. */
const evidence = (window: string) => ({
  bad: described(z.optional(z.number().check(z.gte(0))), `Bad events in ${window}`),
  total: described(z.optional(z.number().check(z.gte(0))), `All events in ${window}`),
});

const WINDOW = 'a window such as 5m, 1h or 30d, at most 999999m, 9999h or 999d';

const windowLike = (description: string, example: string): z.ZodMiniString =>
  described(z.string().check(z.regex(/^([1-9][0-9]{0,5}m|[1-9][0-9]{0,3}h|[1-9][0-9]{0,2}d)$/, WINDOW)), {
    description: `${description}, such as ${example}`,
    examples: [example],
  });

export const HealthCheck = defineEvent(
  'HealthCheck',
  () =>
    described(
      open({
        service: service(),
        good: described(z.int().check(z.gte(0)), {
          description: 'Good events since the last check; at most total',
          examples: [998],
        }),
        total: described(z.int().check(z.gte(0), z.lte(1_000_000_000_000)), {
          description: 'All events since the last check; 0 says that it is alive, without traffic',
          examples: [1_000],
        }),
        slo: described(z.optional(shortText), {
          description: 'The objective that it counts for; every objective of the service when absent',
          examples: ['availability'],
        }),
        cluster: described(
          z.optional(dnsLabel),
          "The cluster it was measured in: it counts for objectives of that cluster; 'default' when absent",
        ),
        namespace: described(
          z.optional(dnsLabel),
          'The namespace it was measured in; without it, it counts only where every namespace does',
        ),
        status: described(z.optional(shortText), 'What the checker calls it, for people'),
        latencyMs: described(z.optional(z.number().check(z.gte(0))), 'Milliseconds, for people'),
      }).check(z.refine((data) => data.good <= data.total, { path: ['good'], error: 'at most data.total' })),
      'What a service did well and badly since the last check',
    ),
  { subject: (data) => data.service },
);

export const SLOViolation = defineEvent(
  'SLOViolation',
  () =>
    described(
      open({
        ...objective(),
        severity: described(z.enum(['page', 'ticket']), 'Whether people must act now, or on the next working day'),
        burnRate: described(z.number().check(z.gte(0)), {
          description: 'How many times faster than allowed the budget is being spent',
          examples: [14.4],
        }),
        longWindow: windowLike('The longer window of the rule', '1h'),
        shortWindow: windowLike('The shorter window of the rule', '5m'),
        ...evidence('the long window'),
      }),
      'A service burns its error budget too fast',
    ),
  { subject: (data) => data.service, sender: 'app' },
);

export const ErrorBudgetDepleted = defineEvent(
  'ErrorBudgetDepleted',
  () =>
    described(
      open({
        ...objective(),
        errorBudgetRemaining: described(z.number().check(z.lte(0)), {
          description: 'The share of the error budget that is left: 0, or below when overspent',
          examples: [-0.1],
        }),
        window: windowLike('The window of the objective', '30d'),
        ...evidence('the window'),
      }),
      "The window's error budget is spent",
    ),
  { subject: (data) => data.service, sender: 'app' },
);
