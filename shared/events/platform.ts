/** The health of services against their objectives. */
import { z } from 'zod';
import { defineEvent } from './cloud-event.ts';
import { dnsLabel, dnsSubdomain, open, shortText } from './fields.ts';

const objective = {
  service: dnsSubdomain,
  slo: shortText,
  /** The measured and the promised share of good events, 0 to 1. */
  currentValue: z.number().min(0).max(1),
  targetValue: z.number().min(0).max(1),
  /** The share of the error budget that is left; 0 is spent, below 0 overspent. */
  errorBudgetRemaining: z.number().max(1),
};

const window = z.string().regex(/^[1-9][0-9]*[mhd]$/, 'a window such as 5m, 1h or 30d');

export const HealthCheck = defineEvent(
  'HealthCheck',
  open({
    service: dnsSubdomain,
    /** Good events since the last check, and all of them. */
    good: z.int().min(0),
    total: z.int().min(1),
    cluster: dnsLabel.optional(),
    namespace: dnsLabel.optional(),
    status: shortText.optional(),
    latencyMs: z.number().min(0).optional(),
  }).refine((data) => data.good <= data.total, { path: ['good'], error: 'at most total' }),
  { subject: (data) => data.service },
);

export const SLOViolation = defineEvent(
  'SLOViolation',
  open({
    ...objective,
    severity: z.enum(['page', 'ticket']),
    burnRate: z.number().min(0),
    longWindow: window,
    shortWindow: window,
  }),
  { subject: (data) => data.service },
);

export const ErrorBudgetDepleted = defineEvent(
  'ErrorBudgetDepleted',
  open({ ...objective, errorBudgetRemaining: z.number().max(0), window }),
  { subject: (data) => data.service },
);
