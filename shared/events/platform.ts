/** The health of services against their objectives. */
import * as z from 'zod';
import { defineEvent } from './cloud-event.ts';
import { dnsLabel, dnsSubdomain, open, shortText } from './fields.ts';

const objective = {
  service: dnsSubdomain,
  slo: shortText,
  currentValue: z.number().min(0).max(1).describe('The measured share of good events, 0 to 1'),
  targetValue: z.number().min(0).max(1).describe('The promised share of good events, 0 to 1'),
  errorBudgetRemaining: z
    .number()
    .max(1)
    .describe('The share of the error budget that is left; 0 is spent, below 0 overspent'),
};

/** How much the judgement rests on. */
const evidence = (window: string) => ({
  bad: z.number().min(0).optional().describe(`Bad events in ${window}`),
  total: z.number().min(0).optional().describe(`All events in ${window}`),
});

const window = z
  .string()
  .regex(
    /^([1-9][0-9]{0,5}m|[1-9][0-9]{0,3}h|[1-9][0-9]{0,2}d)$/,
    'a window such as 5m, 1h or 30d, at most 999999m, 9999h or 999d',
  );

const budgetExample = { service: 'web', slo: 'availability', currentValue: 0.99, targetValue: 0.999 };

export const HealthCheck = defineEvent(
  'HealthCheck',
  open({
    service: dnsSubdomain,
    good: z.int().min(0).describe('Good events since the last check; at most total'),
    total: z.int().min(1).max(1_000_000_000_000).describe('All events since the last check'),
    cluster: dnsLabel.optional(),
    namespace: dnsLabel.optional(),
    status: shortText.optional(),
    latencyMs: z.number().min(0).optional(),
  })
    .refine((data) => data.good <= data.total, { path: ['good'], error: 'at most data.total' })
    .describe('What a service did well and badly since the last check'),
  { subject: (data) => data.service, example: { service: 'web', good: 99, total: 100 } },
);

export const SLOViolation = defineEvent(
  'SLOViolation',
  open({
    ...objective,
    severity: z.enum(['page', 'ticket']),
    burnRate: z.number().min(0).describe('How many times faster than allowed the budget is being spent'),
    longWindow: window,
    shortWindow: window,
    ...evidence('the long window'),
  }).describe('A service burns its error budget too fast'),
  {
    subject: (data) => data.service,
    example: {
      ...budgetExample,
      severity: 'page',
      burnRate: 14.5,
      longWindow: '1h',
      shortWindow: '5m',
      errorBudgetRemaining: 0.7,
    },
  },
);

export const ErrorBudgetDepleted = defineEvent(
  'ErrorBudgetDepleted',
  open({ ...objective, errorBudgetRemaining: z.number().max(0), window, ...evidence('the window') }).describe(
    "The window's error budget is spent",
  ),
  { subject: (data) => data.service, example: { ...budgetExample, window: '30d', errorBudgetRemaining: -0.1 } },
);
