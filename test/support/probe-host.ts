/** What a Functions host needs to run the probe app: the built app with its settings, and its queues. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { LocalBus } from '../../shared/local/service-bus/start.ts';
import { type BuiltApp, buildApp } from './built-app.ts';

/** Its queues give a message up after three deliveries. */
const QUEUES = ['text', 'binary', 'many', 'many-text', 'many-binary', 'many-failing', 'failing', 'retried'];
const SESSION_QUEUES = ['sessions', 'sessions-many'];
/** The shortest lock that Service Bus allows. */
const SHORT_LOCK_MS = 5_000;

const HOST_JSON = {
  version: '2.0',
  extensionBundle: { id: 'Microsoft.Azure.Functions.ExtensionBundle', version: '[4.*, 5.0.0)' },
  extensions: { serviceBus: { maxMessageBatchSize: 10, maxConcurrentSessions: 2, sessionIdleTimeout: '00:00:01' } },
};

/** The settings that the suite is about, beside the connection. */
export const PROBE_SETTINGS: Readonly<Record<string, string>> = {
  FUNCTIONS_WORKER_RUNTIME: 'node',
  'AzureWebJobs.off.Disabled': '1',
};

export function makeQueues({ broker }: LocalBus): void {
  for (const name of QUEUES) broker.createQueue(`probe-${name}`, { maxDeliveryCount: 3 });
  for (const name of SESSION_QUEUES)
    broker.createQueue(`probe-${name}`, { maxDeliveryCount: 3, requiresSession: true });
  broker.createQueue('probe-manual', { maxDeliveryCount: 3, lockDurationMs: SHORT_LOCK_MS });
}

/** Builds the app as it is deployed, with host.json and local.settings.json. */
export async function buildProbe(connectionString: string): Promise<BuiltApp> {
  const built = await buildApp('test/support/probe-app.ts');
  const settings = { IsEncrypted: false, Values: { ...PROBE_SETTINGS, ServiceBus: connectionString } };
  await writeFile(join(built.directory, 'host.json'), JSON.stringify(HOST_JSON));
  await writeFile(join(built.directory, 'local.settings.json'), JSON.stringify(settings));
  return built;
}
