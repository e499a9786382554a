/**
 * The settings of the app, read from the environment (in Azure: the app settings). Loads no SDK, since it runs at every
 * cold start.
 */

import { existsSync, readFileSync } from 'node:fs';
import * as z from 'zod';
import { duration, SECRET } from './config/fields.ts';
import { type PlatformConfig, parseConfig } from './config.ts';
import { faultOf } from './describe-error.ts';
import { DAY_MS } from './duration.ts';
import { ConfigError } from './errors.ts';
import { parseJson } from './json.ts';
import { REDELIVERABLE_MS } from './topology.ts';

/** How much history is kept. Both are upper limits; what may still be redelivered is kept beyond them. */
export interface HistoryLimits {
  readonly ageMs: number;
  readonly events: number;
}

export const HISTORY_LIMITS: HistoryLimits = { ageMs: 90 * DAY_MS, events: 1_000_000 };

/** The environment, or what a test gives instead. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Where a service is, and how to sign in: with a secret in the connection string, or as who this app is. */
export type ServiceConnection =
  | { readonly connectionString: string }
  | { readonly endpoint: string; readonly clientId: string | undefined };

export interface AppSettings {
  readonly serviceBus: ServiceConnection;
  readonly stateStore: 'memory' | ServiceConnection;
  /** The table that holds the state. */
  readonly stateTable: string;
  readonly cluster: 'simulated' | 'kubernetes';
  readonly simulatedRolloutMs: number;
  readonly simulatedDeadlineMs: number;
  readonly handlerTimeoutMs: number;
  readonly historyLimits: HistoryLimits;
  readonly config: PlatformConfig;
}

const CONFIG_FILE = 'platform.config.json';

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
    .prefault(String(HISTORY_LIMITS.events))
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
});

/** Every setting that the app reads, but those that `urlSetting` names. */
export const SETTINGS: readonly string[] = Object.keys(settingsSchema.shape);

/** Values that are shown when they are wrong. All the others lead to a service, and may hold a key. */
const SHOWN: ReadonlySet<string> = new Set([
  'Cluster',
  'SIMULATED_ROLLOUT',
  'SIMULATED_DEADLINE',
  'HANDLER_TIMEOUT',
  'HISTORY_AGE',
  'HISTORY_EVENTS',
  'PLATFORM_CONFIG',
]);

const HOW = 'set it in local.settings.json, in the environment, or as an app setting in Azure';

/** The settings that are set; an empty one counts as not set. */
function presentIn(environment: Environment): Environment {
  return Object.fromEntries(
    Object.entries(environment).filter(([, value]) => value !== undefined && value.trim() !== ''),
  );
}

/** The Service Bus alone, for a command that needs nothing else. @throws ConfigError naming every setting that is wrong */
export function readServiceBus(environment: Environment): ServiceConnection {
  const present = presentIn(environment);
  const parsed = settingsSchema
    .pick({ ServiceBus: true, ServiceBus__fullyQualifiedNamespace: true, ServiceBus__clientId: true })
    .safeParse(present);
  if (!parsed.success) {
    const problems = parsed.error.issues.map((issue) => problemOf(issue, present));
    throw new ConfigError(`${problems.join('; ')}; set it in the environment`);
  }
  const { data } = parsed;
  return connectionOf(data.ServiceBus, data.ServiceBus__fullyQualifiedNamespace, data.ServiceBus__clientId);
}

/** @throws ConfigError naming every setting that is wrong, and every path of the configuration file */
export function readSettings(environment: Environment): AppSettings {
  const present = presentIn(environment);
  const parsed = settingsSchema.safeParse(present, {
    error: (issue) => (issue.input === undefined ? 'a value' : undefined),
  });
  const problems = parsed.success ? [] : parsed.error.issues.map((issue) => problemOf(issue, present));
  if (!present['ServiceBus'] && !present['ServiceBus__fullyQualifiedNamespace']) {
    problems.push(
      'ServiceBus: expected a connection string (or ServiceBus__fullyQualifiedNamespace, to sign in with an identity), got nothing',
    );
  }
  if (!present['StateStore'] && !present['StateStore__tableServiceUri']) {
    problems.push(
      "StateStore: expected 'memory' or a storage connection string (or StateStore__tableServiceUri, to sign in with an identity), got nothing",
    );
  }
  const config = attempt(() => readConfig(present['PLATFORM_CONFIG']), problems);
  if (config) problems.push(...webhookProblems(config, present));
  if (!parsed.success || !config || problems.length > 0) throw new ConfigError(`${problems.join('; ')}; ${HOW}`);

  const { data } = parsed;
  return {
    serviceBus: connectionOf(data.ServiceBus, data.ServiceBus__fullyQualifiedNamespace, data.ServiceBus__clientId),
    stateStore:
      data.StateStore === 'memory'
        ? 'memory'
        : connectionOf(data.StateStore, data.StateStore__tableServiceUri, data.StateStore__clientId),
    stateTable: data.StateStore__table,
    cluster: data.Cluster,
    simulatedRolloutMs: data.SIMULATED_ROLLOUT,
    simulatedDeadlineMs: data.SIMULATED_DEADLINE,
    handlerTimeoutMs: data.HANDLER_TIMEOUT,
    historyLimits: { ageMs: data.HISTORY_AGE, events: data.HISTORY_EVENTS },
    config,
  };
}

function problemOf({ path, message }: z.core.$ZodIssue, present: Environment): string {
  const name = path.map(String).join('.');
  return `${name}: expected ${message}, got ${shown(name, present[name])}`;
}

function shown(name: string, value: string | undefined): string {
  if (value === undefined) return 'nothing';
  // A connection string, an address or a file's content may have come into the wrong setting.
  const isPlain = value.length <= 200 && !/[=;?@{}\n]|:\/\//.test(value);
  return SHOWN.has(name) && isPlain ? `'${value}'` : 'something else (not shown: it may hold a key)';
}

/** What is wrong with the settings that hold the addresses, a line each; the addresses themselves are not shown. */
export function webhookProblems({ notifications }: PlatformConfig, environment: Environment): string[] {
  return notifications.channels.flatMap(({ urlSetting }, index) => {
    const address = environment[urlSetting]?.trim();
    const where = `notifications.channels.${index}.urlSetting: expected the setting '${urlSetting}' to hold`;
    if (!address) return `${where} a webhook address, got nothing`;
    return isAddress(address) ? [] : `${where} an https address, got something else (not shown: it is a secret)`;
  });
}

/** A secret is not sent in the clear, but to this machine itself. */
function isAddress(address: string): boolean {
  if (!URL.canParse(address)) return false;
  const { protocol, hostname, username } = new URL(address);
  if (username !== '') return false;
  return protocol === 'https:' || (protocol === 'http:' && /^(localhost|127\.[0-9.]+|\[::1\])$/.test(hostname));
}

function connectionOf(
  connectionString: string | undefined,
  endpoint: string | undefined,
  clientId: string | undefined,
): ServiceConnection {
  // As the Functions host does: an exact setting wins.
  return connectionString === undefined ? { endpoint: endpoint ?? '', clientId } : { connectionString };
}

/** @throws ConfigError */
function readConfig(path: string | undefined): PlatformConfig {
  const file = path ?? CONFIG_FILE;
  if (path === undefined && !existsSync(file)) return parseConfig({});
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const got = shown('PLATFORM_CONFIG', file);
    throw new ConfigError(`PLATFORM_CONFIG: expected a file that can be read, got ${got} (${faultOf(error)})`);
  }
  let input: unknown;
  try {
    input = parseJson(text);
  } catch (error) {
    throw new ConfigError(`${file}: expected JSON: ${error instanceof SyntaxError ? error.message : faultOf(error)}`);
  }
  return parseConfig(input, file);
}

function attempt<T>(read: () => T, problems: string[]): T | undefined {
  try {
    return read();
  } catch (error) {
    problems.push(faultOf(error));
    return undefined;
  }
}
