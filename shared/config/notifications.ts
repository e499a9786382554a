/** `notifications`: who is notified, and how. */
import * as z from 'zod/mini';
import { described } from '../events/described.ts';
import { dnsLabel } from '../events/fields.ts';
import { address, duration, SECRET } from './fields.ts';

const SETTING = 'the name of a setting (letters, digits, _)';

const channel = z.strictObject({
  format: described(z.enum(['slack', 'teams', 'cloudevents']), 'What the receiver reads.'),
  urlSetting: described(z.string({ error: SETTING }).check(z.regex(/^[A-Za-z_][A-Za-z0-9_]*$/, SETTING)), {
    ...SECRET,
    description: 'The name of the setting that holds the webhook address; never the address.',
  }),
  severities: described(
    z._default(z.array(z.enum(['info', 'warning', 'critical'])), ['info', 'warning', 'critical']),
    'Only notifications of these severities.',
  ),
  teams: described(z.optional(z.array(dnsLabel)), 'Only notifications of these teams; all when absent.'),
});

export const notificationsSection = described(
  z.prefault(
    z.strictObject({
      channels: described(
        z._default(z.array(channel), []),
        'Where notifications are sent; each goes to all that want it.',
      ),
      baseUrl: described(
        z.optional(address.check(z.refine((text) => /^https?:/i.test(text), 'an http or https address'))),
        { ...SECRET, description: 'Address of this app; notifications link to its pages.' },
      ),
      suppressFor: described(
        z.prefault(duration, '1h'),
        'How long a notification of the same thing is not sent again; for one event it never is.',
      ),
    }),
    {},
  ),
  'Who is notified, and how.',
);
