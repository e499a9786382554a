/** The settings that the Functions host itself reads: connections of triggers, and which functions are disabled. */
import { parseServiceBusConnectionString, ServiceBusClient } from '@azure/service-bus';
import { ConfigError } from '../../errors.ts';

export type HostSettings = Readonly<Record<string, string | undefined>>;

/** Replaces `%NAME%` by the setting. @throws ConfigError when it is missing */
export function resolveNames(text: string, settings: HostSettings): string {
  return text.replace(/%([^%]+)%/g, (_, name: string) => {
    const value = settings[name];
    if (value === undefined) throw new ConfigError(`'${text}' names the setting ${name}, which is not set`);
    return value;
  });
}

/**
 * Creates clients for a connection. The setting of that name is a connection string; `<name>__fullyQualifiedNamespace`
 * is a namespace that is reached with the identity of this process. The clients do not retry, so that errors show at
 * once: a failed link is replaced, and a settlement cannot be repeated.
 *
 * @param tryTimeoutMs how long the broker may take to answer
 * @throws ConfigError when neither is set, or the connection string is malformed
 */
export async function connector(
  name: string,
  settings: HostSettings,
  tryTimeoutMs: number,
): Promise<() => ServiceBusClient> {
  const options = { retryOptions: { maxRetries: 0, timeoutInMs: tryTimeoutMs } };
  const known = name || 'AzureWebJobsServiceBus';
  const connectionString = settings[known] ?? settings[`AzureWebJobs${known}`];
  if (connectionString !== undefined) {
    try {
      parseServiceBusConnectionString(connectionString);
    } catch {
      throw new ConfigError(
        `the setting ${known} is not a Service Bus connection string (not shown: it may hold a key)`,
      );
    }
    return () => new ServiceBusClient(connectionString, options);
  }
  const namespace = settings[`${known}__fullyQualifiedNamespace`];
  if (namespace === undefined) {
    throw new ConfigError(
      `the setting ${known} (a Service Bus connection string) or ${known}__fullyQualifiedNamespace is missing; set it in the environment or in local.settings.json (copy local.settings.sample.json)`,
    );
  }
  if (!/^[a-z0-9][a-z0-9.-]*$/i.test(namespace)) {
    throw new ConfigError(
      `the setting ${known}__fullyQualifiedNamespace is not a host name (not shown: it may hold a key)`,
    );
  }
  const { DefaultAzureCredential } = await import('@azure/identity');
  const clientId = settings[`${known}__clientId`];
  const credential = new DefaultAzureCredential(clientId === undefined ? {} : { managedIdentityClientId: clientId });
  return () => new ServiceBusClient(namespace, credential, options);
}

const DISABLED = /^AzureWebJobs\.(.+)\.Disabled$/i;

/**
 * The names of the functions that a setting `AzureWebJobs.<function>.Disabled` switches off, in lower case. The real host
 * takes any other value than `true` and `1` for no; here a value that is neither yes nor no is an error.
 *
 * @throws ConfigError that names the setting
 */
export function disabledFunctions(settings: HostSettings): ReadonlySet<string> {
  const names = new Set<string>();
  for (const [setting, value = ''] of Object.entries(settings)) {
    const name = DISABLED.exec(setting)?.[1];
    if (name === undefined) continue;
    if (!/^(true|1|false|0|)$/i.test(value)) {
      throw new ConfigError(`the setting ${setting}: expected true, 1, false or 0, got '${value}'`);
    }
    if (/^(true|1)$/i.test(value)) names.add(name.toLowerCase());
  }
  return names;
}
