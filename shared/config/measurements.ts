/** `measurements`: where events are counted, and what an objective asks there. */
import * as z from 'zod/mini';
import { described } from '../events/described.ts';
import { dnsLabel } from '../events/fields.ts';
import { address, SECRET } from './fields.ts';
import { selectorsIn } from './selectors.ts';

const SETTING = 'the name of a setting (letters, digits, _)';
const QUERY =
  'a query that selects counters, such as http_requests_total{job="checkout"}, without rate, sum and arithmetic';

/** Longer is no selector, and every question repeats it. */
const query = z.string({ error: QUERY }).check(
  z.trim(),
  z.minLength(1, { error: QUERY, abort: true }),
  z.maxLength(2_000, { error: QUERY, abort: true }),
  z.refine((text) => selectorsIn(text).length > 0, QUERY),
);

export const measuredSection = z.strictObject({
  source: described(z.clone(dnsLabel), 'One of `measurements`.'),
  good: described(
    z.clone(query),
    'Selects the counters of good events, without `rate` and `sum`; in PromQL. `a or b` takes both.',
  ),
  total: described(z.clone(query), 'The same for all events.'),
});

export const measurementSourceSection = z.strictObject({
  kind: described(z.literal('prometheus'), 'What answers there.'),
  url: described(address.check(z.refine((text) => /^https?:/i.test(text), 'an http or https address')), {
    ...SECRET,
    description:
      'Where the API is, without `/api/v1`: Prometheus, Thanos, Mimir, VictoriaMetrics, or the query endpoint of an Azure Monitor workspace.',
  }),
  auth: described(
    z._default(z.enum(['none', 'azure']), 'none'),
    '`azure`: the identity of this app signs in, with the role Monitoring Data Reader.',
  ),
  tokenSetting: described(
    z.optional(z.string({ error: SETTING }).check(z.regex(/^[A-Za-z_][A-Za-z0-9_]*$/, SETTING))),
    { ...SECRET, description: 'The name of the setting that holds a bearer token; never the token. Not with `azure`.' },
  ),
});
