/**
 * The settings of the app, each by itself: what it holds, its default, and its text on the reference page; also of those
 * that the Functions host reads. `inAzure` says what the templates in `infra/` set it to.
 */

import * as z from 'zod/mini';
import { duration, SECRET } from './config/fields.ts';
import { DAY_MS } from './duration.ts';
import { described } from './events/described.ts';
import { REDELIVERABLE_MS } from './topology.ts';

/** Where the configuration is unless a setting says otherwise. */
export const CONFIG_FILE = 'platform.config.json';

/** How many events that have ended are remembered unless a setting says otherwise. */
export const HISTORY_EVENTS = 1_000_000;

const busConnection = z
  .string()
  .check(
    z.regex(/(^|;)\s*Endpoint=sb:\/\/[^;]+/i, 'a Service Bus connection string beginning with Endpoint=sb://'),
    z.regex(/(^|;)\s*SharedAccess(Key|Signature)=/i, 'a Service Bus connection string with a SharedAccessKey'),
  );

const namespace = z
  .string()
  .check(z.regex(/^[a-z0-9][a-z0-9.-]*$/i, "a host name such as 'shop.servicebus.windows.net', without 'sb://'"));

const credential = z.literal('managedidentity', "'managedidentity', or nothing");
const CREDENTIAL_FORM = '`managedidentity`';

const tableConnection = z.union([
  z.literal('memory'),
  z
    .string()
    .check(
      z.regex(
        /(^|;)\s*(UseDevelopmentStorage=true|AccountName=|TableEndpoint=|SharedAccessSignature=)/i,
        "'memory', 'UseDevelopmentStorage=true' or a storage connection string",
      ),
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
  ServiceBus: described(z.optional(busConnection), {
    ...SECRET,
    form: 'a Service Bus connection string with a SharedAccessKey',
    description: 'The Service Bus namespace, with a key: on a laptop. This, or `ServiceBus__fullyQualifiedNamespace`.',
  }),
  ServiceBus__fullyQualifiedNamespace: described(z.optional(namespace), {
    form: 'a host name such as `shop.servicebus.windows.net`',
    inAzure: 'the namespace',
    description: 'The Service Bus namespace, signed in to with an identity: in Azure.',
  }),
  ServiceBus__credential: described(z.optional(credential), {
    form: CREDENTIAL_FORM,
    inAzure: '`managedidentity`',
    description:
      'Signs in as the managed identity and nothing else; when not set, as whoever is found. A user-assigned identity needs it: without it the scale controller does not know who to ask as, and never wakes the app.',
  }),
  ServiceBus__clientId: described(z.optional(z.string()), {
    form: 'a client id',
    inAzure: 'the identity',
    description: 'The user-assigned identity for Service Bus; the system-assigned one when not set.',
  }),
  StateStore: described(z.optional(tableConnection), {
    ...SECRET,
    form: '`memory`, `UseDevelopmentStorage=true` or a storage connection string',
    description:
      'Where the state is kept: memory (refused in Azure), Azurite, or Table Storage with a key. This, or `StateStore__tableServiceUri`.',
  }),
  StateStore__tableServiceUri: described(
    z.optional(
      z
        .url({ protocol: /^https?$/, error: TABLE_SERVICE })
        .check(z.refine((text) => !/[@?#]/.test(text), `${TABLE_SERVICE}, without a user, a password or a signature`)),
    ),
    {
      form: 'a URL such as `https://shop.table.core.windows.net`',
      inAzure: 'the account for state',
      description: 'Table Storage, signed in to with an identity: in Azure.',
    },
  ),
  StateStore__credential: described(z.optional(credential), {
    form: CREDENTIAL_FORM,
    inAzure: '`managedidentity`',
    description: 'The same for Table Storage.',
  }),
  StateStore__clientId: described(z.optional(z.string()), {
    form: 'a client id',
    inAzure: 'the identity',
    description: 'The user-assigned identity for Table Storage; the system-assigned one when not set.',
  }),
  StateStore__table: described(
    z._default(z.string().check(z.regex(/^[A-Za-z][A-Za-z0-9]{2,62}$/, TABLE_NAME)), 'platformevents'),
    { form: TABLE_NAME, description: 'The table that holds the state; made when it does not exist.' },
  ),
  Cluster: described(z.enum(['simulated', 'kubernetes'], "'simulated' or 'kubernetes'"), {
    form: '`simulated` or `kubernetes`',
    inAzure: '`kubernetes`',
    description:
      'Whether the clusters of the configuration are real, or simulated with nothing behind them (refused in Azure).',
  }),
  Measurements: described(
    z._default(z.enum(['simulated', 'prometheus'], "'simulated' or 'prometheus'"), 'prometheus'),
    {
      form: '`simulated` or `prometheus`',
      description:
        'Whether the `measurements` of the configuration are asked, or simulated: steady traffic that never happened (refused in Azure).',
    },
  ),
  AZURE_CLIENT_ID: described(z.optional(z.string()), {
    form: 'a client id',
    inAzure: 'the identity',
    description:
      'The user-assigned identity for clusters and measurements that trust Entra; the system-assigned one when not set.',
  }),
  SIMULATED_ROLLOUT: described(z.prefault(duration, '1s'), {
    form: 'a duration',
    description: 'How long a rollout of the simulated cluster takes.',
  }),
  SIMULATED_DEADLINE: described(z.prefault(duration, '3s'), {
    form: 'a duration',
    description: 'When a rollout of the simulated cluster that does not become ready has failed.',
  }),
  HANDLER_TIMEOUT: described(
    z.prefault(duration.check(z.refine((ms) => ms >= 1_000 && ms <= 240_000, HANDLER_TIMES)), '20s'),
    {
      form: HANDLER_TIMES,
      description:
        'How long one run of a handler may take. With all else that a function may wait for, it must end within `functionTimeout` of host.json, or the app does not start.',
    },
  ),
  HISTORY_AGE: described(z.prefault(duration.check(z.refine((ms) => ms >= REDELIVERABLE_MS, HISTORY_AGES)), '90d'), {
    form: HISTORY_AGES,
    description: 'How long an event that has ended is remembered.',
  }),
  HISTORY_EVENTS: described(
    z.pipe(
      z.prefault(z.string().check(z.regex(/^[1-9][0-9]{0,8}$/, 'a whole number from 1')), String(HISTORY_EVENTS)),
      z.transform(Number),
    ),
    {
      form: 'a whole number from 1',
      description: 'How many events that have ended are remembered; those that can come again are kept beyond it.',
    },
  ),
  HttpAuth: described(z._default(z.enum(['keys', 'tokens'], "'keys' or 'tokens'"), 'keys'), {
    form: '`keys` or `tokens`',
    description:
      'Who may ask over HTTP: whoever has a function key, which is the right to everything; or who has a token of an issuer in the configuration, as far as its rules say ([access](security.md)).',
  }),
  HEALTH_WITHOUT_KEY: described(z._default(z.enum(['true', 'false'], "'true' or 'false'"), 'false'), {
    form: '`true` or `false`',
    description:
      'Whether anybody may ask `/api/health`, for probes that have neither key nor token; they are told the status alone.',
  }),
  PLATFORM_CONFIG: described(z.optional(z.string()), {
    form: 'the path of a file',
    description: `The configuration; \`${CONFIG_FILE}\` when not set, and its defaults when there is none.`,
  }),
  OTEL_EXPORTER_OTLP_ENDPOINT: described(
    z.optional(
      z
        .url({ protocol: /^https?$/, error: OTLP_ENDPOINT })
        .check(z.refine((text) => !/[@?#]/.test(text), `${OTLP_ENDPOINT}, without a user, a password or a query`)),
    ),
    {
      form: 'a URL such as `http://localhost:4318`',
      description: 'Where [traces and metrics](telemetry.md) are sent by OTLP over HTTP; nowhere when not set.',
    },
  ),
  OTEL_EXPORTER_OTLP_PROTOCOL: described(z.optional(z.literal('http/protobuf', OTLP_PROTOCOL)), {
    form: '`http/protobuf`',
    description:
      'How: all that this app speaks. Set it beside the endpoint: the Functions host, which sends its own there, speaks gRPC unless told.',
  }),
  APPLICATIONINSIGHTS_CONNECTION_STRING: described(
    z.optional(
      z.string().check(z.regex(/(^|;)\s*InstrumentationKey=/i, 'a connection string with an InstrumentationKey')),
    ),
    {
      ...SECRET,
      form: 'a connection string with an InstrumentationKey',
      inAzure: 'the component',
      description:
        'The Application Insights that [logs, traces and metrics](telemetry.md) are sent to, by the host too; none when not set.',
    },
  ),
  APPLICATIONINSIGHTS_AUTHENTICATION_STRING: described(
    z.optional(
      z
        .string()
        .check(
          z.regex(
            /^\s*Authorization=AAD\s*(;|$)/i,
            "'Authorization=AAD', with ';ClientId=…' for a user-assigned identity",
          ),
        ),
    ),
    {
      form: '`Authorization=AAD`, or `Authorization=AAD;ClientId=…`',
      inAzure: 'the identity',
      description: 'Signs in to it as the identity: keys alone are refused where they are switched off.',
    },
  ),
});

/** What the Functions host reads beside them; the same members. Nothing here is checked when the app starts. */
export const HOST_SETTINGS: Readonly<Record<string, { form: string; inAzure?: string; description: string }>> = {
  AzureWebJobsStorage__blobServiceUri: {
    form: 'a URL such as `https://shop.blob.core.windows.net`',
    inAzure: 'the account of the host',
    description: 'Where the host keeps its keys and locks. On a laptop: `AzureWebJobsStorage`.',
  },
  AzureWebJobsStorage__credential: {
    form: CREDENTIAL_FORM,
    inAzure: '`managedidentity`',
    description: 'Signs in there as the managed identity.',
  },
  AzureWebJobsStorage__clientId: {
    form: 'a client id',
    inAzure: 'the identity',
    description: 'The user-assigned identity for it.',
  },
  AzureFunctionsJobHost__functionTimeout: {
    form: 'a time span such as `00:10:00`',
    description: 'Overrides `functionTimeout` of host.json, within which `HANDLER_TIMEOUT` must fit.',
  },
};
