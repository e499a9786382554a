/** The health of services against their objectives. */
import * as z from 'zod';
import { defineEvent } from './cloud-event.ts';
import { dnsLabel, dnsSubdomain, open, shortText } from './fields.ts';

const service = dnsSubdomain.meta({ description: 'The service, as the objectives name it', examples: ['checkout'] });

const objective = {
  service,
  slo: shortText.meta({ description: 'The objective of the service', examples: ['availability'] }),
  currentValue: z
    .number()
    .min(0)
    .max(1)
    .meta({ description: 'The measured share of good events, 0 to 1', examples: [0.9856] }),
  targetValue: z
    .number()
    .min(0)
    .max(1)
    .meta({ description: 'The promised share of good events, 0 to 1', examples: [0.999] }),
  errorBudgetRemaining: z
    .number()
    .max(1)
    .meta({
      description: 'The share of the error budget that is left; 0 is spent, below 0 overspent',
      examples: [0.7],
    }),
};

/** How much the judgement rests on. */
const evidence = (window: string) => ({
  bad: z.number().min(0).optional().describe(`Bad events in ${window}`),
  total: z.number().min(0).optional().describe(`All events in ${window}`),
});

const WINDOW = 'a window such as 5m, 1h or 30d, at most 999999m, 9999h or 999d';

const windowLike = (description: string, example: string): z.ZodString =>
  z
    .string()
    .regex(/^([1-9][0-9]{0,5}m|[1-9][0-9]{0,3}h|[1-9][0-9]{0,2}d)$/, WINDOW)
    .meta({ description: `${description}, such as ${example}`, examples: [example] });

export const HealthCheck = defineEvent(
  'HealthCheck',
  open({
    service,
    good: z
      .int()
      .min(0)
      .meta({ description: 'Good events since the last check; at most total', examples: [998] }),
    total: z
      .int()
      .min(0)
      .max(1_000_000_000_000)
      .meta({
        description: 'All events since the last check; 0 says that it is alive, without traffic',
        examples: [1_000],
      }),
    slo: shortText
      .optional()
      .describe('The objective that it counts for; every objective of the service when absent')
      .meta({ examples: ['availability'] }),
    cluster: dnsLabel
      .optional()
      .describe("The cluster it was measured in: it counts for objectives of that cluster; 'default' when absent"),
    namespace: dnsLabel
      .optional()
      .describe('The namespace it was measured in; without it, it counts only where every namespace does'),
    status: shortText.optional().describe('What the checker calls it, for people'),
    latencyMs: z.number().min(0).optional().describe('Milliseconds, for people'),
  })
    .refine((data) => data.good <= data.total, { path: ['good'], error: 'at most data.total' })
    .describe('What a service did well and badly since the last check'),
  { subject: (data) => data.service },
);

export const SLOViolation = defineEvent(
  'SLOViolation',
  open({
    ...objective,
    severity: z.enum(['page', 'ticket']).describe('Whether people must act now, or on the next working day'),
    burnRate: z
      .number()
      .min(0)
      .meta({ description: 'How many times faster than allowed the budget is being spent', examples: [14.4] }),
    longWindow: windowLike('The longer window of the rule', '1h'),
    shortWindow: windowLike('The shorter window of the rule', '5m'),
    ...evidence('the long window'),
  }).describe('A service burns its error budget too fast'),
  { subject: (data) => data.service, sender: 'app' },
);

export const ErrorBudgetDepleted = defineEvent(
  'ErrorBudgetDepleted',
  open({
    ...objective,
    errorBudgetRemaining: z
      .number()
      .max(0)
      .meta({
        description: 'The share of the error budget that is left: 0, or below when overspent',
        examples: [-0.1],
      }),
    window: windowLike('The window of the objective', '30d'),
    ...evidence('the window'),
  }).describe("The window's error budget is spent"),
  { subject: (data) => data.service, sender: 'app' },
);
