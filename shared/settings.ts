/**
 * The settings of the app, read from the environment (in Azure: the app settings). Loads no SDK, since it runs at every
 * cold start.
 */

import { existsSync, readFileSync } from 'node:fs';
import * as z from 'zod/mini';
import { forRealClusters, type PlatformConfig, parseConfig } from './config.ts';
import { faultOf } from './describe-error.ts';
import { DAY_MS, MINUTE_MS, parseTimeSpan } from './duration.ts';
import { ConfigError } from './errors.ts';
import { parseJson } from './json.ts';
import { CONFIG_FILE, HISTORY_EVENTS, settingsSchema } from './settings-schema.ts';
import { MAX_BESIDE_HANDLER_MS } from './timeout.ts';

/** How much history is kept. Both are upper limits; what may still be redelivered is kept beyond them. */
export interface HistoryLimits {
  readonly ageMs: number;
  readonly events: number;
}

export const HISTORY_LIMITS: HistoryLimits = { ageMs: 90 * DAY_MS, events: HISTORY_EVENTS };

/** The environment, or what a test gives instead. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Where a service is, and how to sign in: with a secret in the connection string, or as who this app is. */
export type ServiceConnection = { readonly connectionString: string } | IdentityConnection;

export interface IdentityConnection {
  readonly endpoint: string;
  /** Of the user-assigned identity. */
  readonly clientId: string | undefined;
  readonly credential: 'managedidentity' | undefined;
}

export interface AppSettings {
  readonly serviceBus: ServiceConnection;
  readonly stateStore: 'memory' | ServiceConnection;
  /** The table that holds the state. */
  readonly stateTable: string;
  readonly cluster: 'simulated' | 'kubernetes';
  readonly measurements: 'simulated' | 'prometheus';
  readonly simulatedRolloutMs: number;
  readonly simulatedDeadlineMs: number;
  readonly handlerTimeoutMs: number;
  readonly historyLimits: HistoryLimits;
  readonly httpAuth: 'keys' | 'tokens';
  readonly config: PlatformConfig;
}

/** Every setting that the app reads, but those that `urlSetting` and `tokenSetting` name. */
export const SETTINGS: readonly string[] = Object.keys(settingsSchema.shape);

/** Values that are shown when they are wrong. All the others lead to a service, and may hold a key. */
const SHOWN: ReadonlySet<string> = new Set([
  'Cluster',
  'Measurements',
  'SIMULATED_ROLLOUT',
  'SIMULATED_DEADLINE',
  'HANDLER_TIMEOUT',
  'HISTORY_AGE',
  'HISTORY_EVENTS',
  'HttpAuth',
  'HEALTH_WITHOUT_KEY',
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
  const parsed = z
    .pick(settingsSchema, {
      ServiceBus: true,
      ServiceBus__fullyQualifiedNamespace: true,
      ServiceBus__credential: true,
      ServiceBus__clientId: true,
    })
    .safeParse(present);
  if (!parsed.success) {
    const problems = parsed.error.issues.map((issue) => problemOf(issue, present));
    throw new ConfigError(`${problems.join('; ')}; set it in the environment`);
  }
  return serviceBusOf(parsed.data);
}

/** @throws ConfigError naming every setting that is wrong, and every path of the configuration file */
export function readSettings(environment: Environment): AppSettings {
  const present = presentIn(environment);
  const parsed = settingsSchema.safeParse(present, {
    error: (issue) => (issue.input === undefined ? 'a value' : undefined),
    // It is read once.
    jitless: true,
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
  problems.push(...azureProblems(present));
  if (parsed.success) problems.push(...timeoutProblems(parsed.data.HANDLER_TIMEOUT, present));
  const config = attempt(() => {
    const read = readConfig(present['PLATFORM_CONFIG']);
    return present['Cluster'] === 'kubernetes'
      ? forRealClusters(read, present['PLATFORM_CONFIG'] ?? CONFIG_FILE)
      : read;
  }, problems);
  if (config) problems.push(...webhookProblems(config, present), ...accessProblems(config, present));
  if (config && parsed.data?.Measurements !== 'simulated') problems.push(...tokenProblems(config, present));
  if (!parsed.success || !config || problems.length > 0) throw new ConfigError(`${problems.join('; ')}; ${HOW}`);

  const { data } = parsed;
  return {
    serviceBus: serviceBusOf(data),
    stateStore:
      data.StateStore === 'memory'
        ? 'memory'
        : connectionOf(data.StateStore, {
            endpoint: data.StateStore__tableServiceUri,
            clientId: data.StateStore__clientId,
            credential: data.StateStore__credential,
          }),
    stateTable: data.StateStore__table,
    cluster: data.Cluster,
    measurements: data.Measurements,
    simulatedRolloutMs: data.SIMULATED_ROLLOUT,
    simulatedDeadlineMs: data.SIMULATED_DEADLINE,
    handlerTimeoutMs: data.HANDLER_TIMEOUT,
    historyLimits: { ageMs: data.HISTORY_AGE, events: data.HISTORY_EVENTS },
    httpAuth: data.HttpAuth,
    config,
  };
}

/** What is for laptops alone: in Azure it would look as if everything worked. The platform sets the name of the site. */
function azureProblems(present: Environment): string[] {
  if (!present['WEBSITE_SITE_NAME'] || present['AZURE_FUNCTIONS_ENVIRONMENT'] === 'Development') return [];
  const problems: string[] = [];
  if (present['StateStore'] === 'memory') {
    problems.push(
      "StateStore: expected Table Storage in Azure (StateStore__tableServiceUri), got 'memory', which every instance has for itself and loses when it ends",
    );
  }
  if (present['Cluster'] === 'simulated') {
    problems.push("Cluster: expected 'kubernetes' in Azure, got 'simulated', which deploys nothing");
  }
  if (present['Measurements'] === 'simulated') {
    problems.push("Measurements: expected 'prometheus' in Azure, got 'simulated', which counts what never happened");
  }
  return problems;
}

/** On Flex Consumption, when nothing says otherwise. */
const DEFAULT_FUNCTION_TIMEOUT_MS = 30 * MINUTE_MS;

/**
 * After what time the Functions host ends a function: what host.json in the working directory says, or the setting that
 * overrides it. `Infinity` for never. What cannot be read is the host's to refuse.
 */
export function functionTimeoutMs(environment: Environment): number {
  const name = Object.keys(environment).find((one) => /^AzureFunctionsJobHost(__|:)functionTimeout$/i.test(one));
  const value = name === undefined ? functionTimeoutInHostJson() : environment[name];
  if (value === '-1') return Number.POSITIVE_INFINITY;
  return (value === undefined ? undefined : parseTimeSpan(value)) ?? DEFAULT_FUNCTION_TIMEOUT_MS;
}

function functionTimeoutInHostJson(): string | undefined {
  try {
    const { functionTimeout } = Object(parseJson(readFileSync('host.json', 'utf8')));
    return typeof functionTimeout === 'string' ? functionTimeout : undefined;
  } catch {
    return undefined;
  }
}

/** The host ends a function that takes longer, and the worker process with all its other runs. */
function timeoutProblems(handlerTimeoutMs: number, present: Environment): string[] {
  const timeoutMs = functionTimeoutMs(present);
  const longestMs = timeoutMs - MAX_BESIDE_HANDLER_MS;
  if (handlerTimeoutMs <= longestMs) return [];
  const beside = `${MAX_BESIDE_HANDLER_MS / 1_000}s for all else that a function may wait for`;
  return [
    `HANDLER_TIMEOUT: expected a time that, with ${beside}, ends within functionTimeout of host.json (${timeoutMs / 1_000}s): at most ${Math.max(0, longestMs / 1_000)}s, got ${handlerTimeoutMs / 1_000}s`,
  ];
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

/** The settings that hold no token though a source of measurements names them, a line each. */
function tokenProblems({ measurements }: PlatformConfig, environment: Environment): string[] {
  return Object.entries(measurements).flatMap(([name, { tokenSetting }]) => {
    if (tokenSetting === undefined || /^[!-~]+$/.test(environment[tokenSetting]?.trim() ?? '')) return [];
    const got = environment[tokenSetting]?.trim() ? 'something else (not shown: it is a secret)' : 'nothing';
    return [`measurements.${name}.tokenSetting: expected the setting '${tokenSetting}' to hold a token, got ${got}`];
  });
}

/** With tokens and nobody who has one, nothing could be asked, and the reason would be hard to find. */
function accessProblems({ access }: PlatformConfig, present: Environment): string[] {
  if (present['HttpAuth'] !== 'tokens' || access.rules.length > 0) return [];
  return [
    "HttpAuth: expected 'keys' while the configuration has no access.rules, got 'tokens', with which nobody may ask",
  ];
}

/** A secret is not sent in the clear, but to this machine itself. */
function isAddress(address: string): boolean {
  if (!URL.canParse(address)) return false;
  const { protocol, hostname, username } = new URL(address);
  if (username !== '') return false;
  return protocol === 'https:' || (protocol === 'http:' && /^(localhost|127\.[0-9.]+|\[::1\])$/.test(hostname));
}

type Settings = z.output<typeof settingsSchema>;

function serviceBusOf(
  data: Pick<Settings, 'ServiceBus' | `ServiceBus__${'fullyQualifiedNamespace' | 'clientId' | 'credential'}`>,
): ServiceConnection {
  return connectionOf(data.ServiceBus, {
    endpoint: data.ServiceBus__fullyQualifiedNamespace,
    clientId: data.ServiceBus__clientId,
    credential: data.ServiceBus__credential,
  });
}

function connectionOf(
  connectionString: string | undefined,
  { endpoint = '', ...identity }: Omit<IdentityConnection, 'endpoint'> & { readonly endpoint: string | undefined },
): ServiceConnection {
  // As the Functions host does: an exact setting wins.
  return connectionString === undefined ? { endpoint, ...identity } : { connectionString };
}

/** @throws ConfigError */
function readConfig(path: string | undefined): PlatformConfig {
  const file = path ?? CONFIG_FILE;
  if (path === undefined && !existsSync(file)) return parseConfig({});
  return readConfigFile(file);
}

/**
 * @param given what names the file: the setting, or a flag
 * @throws ConfigError; its message begins with `given` when there is no such file
 */
export function readConfigFile(file: string, given = 'PLATFORM_CONFIG'): PlatformConfig {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const got = shown('PLATFORM_CONFIG', file);
    throw new ConfigError(`${given}: expected a file that can be read, got ${got} (${faultOf(error)})`);
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
