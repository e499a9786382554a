/** The settings of the app, each by itself: what it holds, its default, and its text on the reference page. */

import * as z from 'zod';
import { duration, SECRET } from './config/fields.ts';
import { DAY_MS } from './duration.ts';
import { REDELIVERABLE_MS } from './topology.ts';

/** Where the configuration is unless a setting says otherwise. */
export const CONFIG_FILE = 'platform.config.json';

/** How many events that have ended are remembered unless a setting says otherwise. */
export const HISTORY_EVENTS = 1_000_000;

const busConnection = z
  .string()
  .regex(/(^|;)\s*Endpoint=sb:\/\/[^;]+/i, 'a Service Bus connection string beginning with Endpoint=sb://')
  .regex(/(^|;)\s*SharedAccess(Key|Signature)=/i, 'a Service Bus connection string with a SharedAccessKey');

const namespace = z
  .string()
  .regex(/^[a-z0-9][a-z0-9.-]*$/i, "a host name such as 'shop.servicebus.windows.net', without 'sb://'");

const tableConnection = z.union([
  z.literal('memory'),
  z
    .string()
    .regex(
      /(^|;)\s*(UseDevelopmentStorage=true|AccountName=|TableEndpoint=|SharedAccessSignature=)/i,
      "'memory', 'UseDevelopmentStorage=true' or a storage connection string",
    ),
]);

const TABLE_SERVICE = "a URL such as 'https://shop.table.core.windows.net'";
const HISTORY_AGES = `a duration from ${Math.ceil(REDELIVERABLE_MS / DAY_MS)}d: an event can come again until then`;
const HANDLER_TIMES = 'a duration from 1s to 4m';
const TABLE_NAME = 'a table name: 3 to 63 letters and digits, a letter first';

const OTLP_ENDPOINT = "a URL such as 'http://localhost:4318'";
const OTLP_PROTOCOL = "'http/protobuf', which is all that this app speaks";

/** Each setting with its `form` and its `description`, from which the reference page is made. */
export const settingsSchema = z.object({
  ServiceBus: busConnection.optional().meta({
    ...SECRET,
    form: 'a Service Bus connection string with a SharedAccessKey',
    description: 'The Service Bus namespace, with a key: on a laptop. This, or `ServiceBus__fullyQualifiedNamespace`.',
  }),
  ServiceBus__fullyQualifiedNamespace: namespace.optional().meta({
    form: 'a host name such as `shop.servicebus.windows.net`',
    description: 'The Service Bus namespace, signed in to with an identity: in Azure.',
  }),
  ServiceBus__clientId: z.string().optional().meta({
    form: 'a client id',
    description: 'The user-assigned identity for Service Bus; the system-assigned one when not set.',
  }),
  StateStore: tableConnection.optional().meta({
    ...SECRET,
    form: '`memory`, `UseDevelopmentStorage=true` or a storage connection string',
    description:
      'Where the state is kept: memory, Azurite, or Table Storage with a key. This, or `StateStore__tableServiceUri`.',
  }),
  StateStore__tableServiceUri: z
    .url({ protocol: /^https?$/, error: TABLE_SERVICE })
    .refine((text) => !/[@?#]/.test(text), `${TABLE_SERVICE}, without a user, a password or a signature`)
    .optional()
    .meta({
      form: 'a URL such as `https://shop.table.core.windows.net`',
      description: 'Table Storage, signed in to with an identity: in Azure.',
    }),
  StateStore__clientId: z.string().optional().meta({
    form: 'a client id',
    description: 'The user-assigned identity for Table Storage; the system-assigned one when not set.',
  }),
  StateStore__table: z
    .string()
    .regex(/^[A-Za-z][A-Za-z0-9]{2,62}$/, TABLE_NAME)
    .default('platformevents')
    .meta({ form: TABLE_NAME, description: 'The table that holds the state; made when it does not exist.' }),
  Cluster: z.enum(['simulated', 'kubernetes'], "'simulated' or 'kubernetes'").meta({
    form: '`simulated` or `kubernetes`',
    description: 'Whether the clusters of the configuration are real, or simulated with nothing behind them.',
  }),
  SIMULATED_ROLLOUT: duration.prefault('1s').meta({
    form: 'a duration',
    description: 'How long a rollout of the simulated cluster takes.',
  }),
  SIMULATED_DEADLINE: duration.prefault('3s').meta({
    form: 'a duration',
    description: 'When a rollout of the simulated cluster that does not become ready has failed.',
  }),
  HANDLER_TIMEOUT: duration
    .refine((ms) => ms >= 1_000 && ms <= 240_000, HANDLER_TIMES)
    .prefault('20s')
    .meta({ form: HANDLER_TIMES, description: 'How long one run of a handler may take.' }),
  HISTORY_AGE: duration
    .refine((ms) => ms >= REDELIVERABLE_MS, HISTORY_AGES)
    .prefault('90d')
    .meta({ form: HISTORY_AGES, description: 'How long an event that has ended is remembered.' }),
  HISTORY_EVENTS: z
    .string()
    .regex(/^[1-9][0-9]{0,8}$/, 'a whole number from 1')
    .prefault(String(HISTORY_EVENTS))
    .transform(Number)
    .meta({
      form: 'a whole number from 1',
      description: 'How many events that have ended are remembered; those that can come again are kept beyond it.',
    }),
  PLATFORM_CONFIG: z
    .string()
    .optional()
    .meta({
      form: 'the path of a file',
      description: `The configuration; \`${CONFIG_FILE}\` when not set, and its defaults when there is none.`,
    }),
  OTEL_EXPORTER_OTLP_ENDPOINT: z
    .url({ protocol: /^https?$/, error: OTLP_ENDPOINT })
    .refine((text) => !/[@?#]/.test(text), `${OTLP_ENDPOINT}, without a user, a password or a query`)
    .optional()
    .meta({
      form: 'a URL such as `http://localhost:4318`',
      description: 'Where [traces and metrics](telemetry.md) are sent by OTLP over HTTP; nowhere when not set.',
    }),
  OTEL_EXPORTER_OTLP_PROTOCOL: z.literal('http/protobuf', OTLP_PROTOCOL).optional().meta({
    form: '`http/protobuf`',
    description:
      'How: all that this app speaks. Set it beside the endpoint: the Functions host, which sends its own there, speaks gRPC unless told.',
  }),
  APPLICATIONINSIGHTS_CONNECTION_STRING: z
    .string()
    .regex(/(^|;)\s*InstrumentationKey=/i, 'a connection string with an InstrumentationKey')
    .optional()
    .meta({
      ...SECRET,
      form: 'a connection string with an InstrumentationKey',
      description: 'The Application Insights that [traces and metrics](telemetry.md) are sent to; none when not set.',
    }),
  APPLICATIONINSIGHTS_AUTHENTICATION_STRING: z
    .string()
    .regex(/^\s*Authorization=AAD\s*(;|$)/i, "'Authorization=AAD', with ';ClientId=…' for a user-assigned identity")
    .optional()
    .meta({
      form: '`Authorization=AAD`, or `Authorization=AAD;ClientId=…`',
      description: 'Signs in to Application Insights with an identity, where keys alone are refused.',
    }),
});
