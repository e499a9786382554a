/** `measurements`: where events are counted, and what an objective asks there. */
import * as z from 'zod';
import { dnsLabel } from '../events/fields.ts';
import { address, SECRET } from './fields.ts';

const SETTING = 'the name of a setting (letters, digits, _)';
const QUERY = 'a query that selects counters, such as http_requests_total{job="checkout"}';

/** Longer is no selector, and every question repeats it. */
const query = z.string({ error: QUERY }).trim().min(1, QUERY).max(2_000, QUERY);

export const measuredSection = z.strictObject({
  source: dnsLabel.describe('One of `measurements`.'),
  good: query.describe('Selects the counters of good events, without `rate` and `sum`; in PromQL.'),
  total: query.describe('The same for all events.'),
});

export const measurementSourceSection = z.strictObject({
  kind: z.literal('prometheus').describe('What answers there.'),
  url: address
    .refine((text) => /^https?:/i.test(text), 'an http or https address')
    .meta(SECRET)
    .describe(
      'Where the API is, without `/api/v1`: Prometheus, Thanos, Mimir, VictoriaMetrics, or the query endpoint of an Azure Monitor workspace.',
    ),
  auth: z
    .enum(['none', 'azure'])
    .default('none')
    .describe('`azure`: the identity of this app signs in, with the role Monitoring Data Reader.'),
  tokenSetting: z
    .string({ error: SETTING })
    .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, SETTING)
    .optional()
    .meta(SECRET)
    .describe('The name of the setting that holds a bearer token; never the token. Not with `azure`.'),
});
