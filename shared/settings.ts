/**
 * The settings of the app, read from the environment (in Azure: the app settings). Loads no SDK, since it runs at every
 * cold start.
 */
import { existsSync, readFileSync } from 'node:fs';
import * as z from 'zod';
import { duration, type PlatformConfig, parseConfig } from './config.ts';
import { ConfigError, faultOf } from './errors.ts';
import { parseJson } from './json.ts';
import { HISTORY_LIMITS, type HistoryLimits, REDELIVERABLE_MS } from './retention.ts';

/** The environment, or what stands in for it. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Where a service is, and how to sign in: with a secret in the connection string, or as who this app is. */
export type Connection =
  | { readonly connectionString: string }
  | { readonly endpoint: string; readonly clientId: string | undefined };

export interface Settings {
  readonly serviceBus: Connection;
  readonly stateStore: 'memory' | Connection;
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

const schema = z.object({
  ServiceBus: busConnection.optional(),
  ServiceBus__fullyQualifiedNamespace: namespace.optional(),
  ServiceBus__clientId: z.string().optional(),
  StateStore: tableConnection.optional(),
  StateStore__tableServiceUri: z
    .url({ protocol: /^https?$/, error: TABLE_SERVICE })
    .refine((text) => !/[@?#]/.test(text), `${TABLE_SERVICE}, without a user, a password or a signature`)
    .optional(),
  StateStore__clientId: z.string().optional(),
  StateStore__table: z
    .string()
    .regex(/^[A-Za-z][A-Za-z0-9]{2,62}$/, 'a table name: 3 to 63 letters and digits, a letter first')
    .default('platformevents'),
  Cluster: z.enum(['simulated', 'kubernetes'], "'simulated' or 'kubernetes'"),
  SIMULATED_ROLLOUT: duration.prefault('1s'),
  SIMULATED_DEADLINE: duration.prefault('3s'),
  HANDLER_TIMEOUT: duration.refine((ms) => ms >= 1_000 && ms <= 240_000, 'a duration from 1s to 4m').prefault('20s'),
  HISTORY_AGE: duration
    .refine(
      (ms) => ms >= REDELIVERABLE_MS,
      `a duration from ${Math.ceil(REDELIVERABLE_MS / 86_400_000)}d: an event can come again until then`,
    )
    .prefault('90d'),
  HISTORY_EVENTS: z
    .string()
    .regex(/^[1-9][0-9]{0,8}$/, 'a whole number from 1')
    .prefault(String(HISTORY_LIMITS.events))
    .transform(Number),
  PLATFORM_CONFIG: z.string().optional(),
});

/** Every setting that the app reads, but those that `urlSetting` names. */
export const SETTINGS: readonly string[] = Object.keys(schema.shape);

/** What these hold is shown when it is wrong. All the others lead to a service, and may hold a key. */
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

/** @throws ConfigError naming every setting that is wrong, and every path of the configuration file */
export function readSettings(environment: Environment): Settings {
  // An empty setting is one that was not made.
  const present = Object.fromEntries(
    Object.entries(environment).filter(([, value]) => value !== undefined && value.trim() !== ''),
  );
  const parsed = schema.safeParse(present, {
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
): Connection {
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
    problems.push(error instanceof Error ? error.message : String(error));
    return undefined;
  }
}
