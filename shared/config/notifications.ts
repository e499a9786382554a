/** `notifications`: who is notified, and how. */
import * as z from 'zod';
import { dnsLabel } from '../events/fields.ts';
import { address, duration, SECRET } from './fields.ts';

const SETTING = 'the name of a setting (letters, digits, _)';

const channel = z.strictObject({
  format: z.enum(['slack', 'teams', 'cloudevents']).describe('What the receiver reads.'),
  urlSetting: z
    .string({ error: SETTING })
    .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, SETTING)
    .meta(SECRET)
    .describe('The name of the setting that holds the webhook address; never the address.'),
  severities: z
    .array(z.enum(['info', 'warning', 'critical']))
    .default(['info', 'warning', 'critical'])
    .describe('Only notifications of these severities.'),
  teams: z.array(dnsLabel).optional().describe('Only notifications of these teams; all when absent.'),
});

export const notificationsSection = z
  .strictObject({
    channels: z.array(channel).default([]).describe('Where notifications are sent; each goes to all that want it.'),
    baseUrl: address
      .refine((text) => /^https?:/i.test(text), 'an http or https address')
      .optional()
      .meta(SECRET)
      .describe('Address of this app; notifications link to its pages.'),
    suppressFor: duration
      .prefault('1h')
      .describe('How long a notification of the same thing is not sent again; for one event it never is.'),
  })
  .prefault({})
  .describe('Who is notified, and how.');
