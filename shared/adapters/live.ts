/** Builds the ports from the settings; the only composition root of the deployed app. SDKs are loaded when chosen. */
import type { DeliveryOptions } from '../delivery.ts';
import { ConfigError } from '../errors.ts';
import type { Clock, Clusters, EventBus, Log, Notifier, Ports, StateStore } from '../ports.ts';
import { type Environment, readSettings, type Settings } from '../settings.ts';
import { MemoryStateStore } from './memory-store.ts';
import type { WebhookOptions } from './webhook.ts';

const systemClock: Clock = { now: () => Date.now() };

/** One JSON object a line, which Application Insights and people can both read. */
export const consoleLog: Log = {
  info: (message, fields) => console.info(JSON.stringify({ message, ...fields })),
  warn: (message, fields) => console.warn(JSON.stringify({ message, ...fields })),
  error: (message, fields) => console.error(JSON.stringify({ message, ...fields })),
};

/** @throws ConfigError naming every setting that is wrong */
export async function createLivePorts(
  environment: Environment,
  log: Log = consoleLog,
): Promise<{ ports: Ports; options: DeliveryOptions }> {
  const settings = readSettings(environment);
  const { config, handlerTimeoutMs } = settings;
  const clock = systemClock;
  const state = await createState(settings);
  const ports: Ports = {
    bus: await createBus(settings),
    state,
    clusters: await createClusters(settings, { state, clock, environment }),
    notifier: await createNotifier(log, { config, state, clock, environment }),
    clock,
    config,
    log,
  };
  return { ports, options: { handlerTimeoutMs } };
}
async function createBus(_: Settings): Promise<EventBus> {
  throw new ConfigError('ServiceBus: not yet');
}
async function createState({ stateStore }: Settings): Promise<StateStore> {
  if (stateStore === 'memory') return new MemoryStateStore();
  throw new ConfigError('StateStore: not yet');
}

async function createClusters(
  { cluster, config, simulatedRolloutMs: rolloutMs, simulatedDeadlineMs: deadlineMs }: Settings,
  { state, clock, environment }: { state: StateStore; clock: Clock; environment: Environment },
): Promise<Clusters> {
  if (cluster === 'kubernetes') {
    const { createKubernetesClusters } = await import('./kubernetes.ts');
    return createKubernetesClusters({ config, clock, environment });
  }
  const { createSimulatedClusters } = await import('./simulated-cluster.ts');
  return createSimulatedClusters({ state, clock, config, rolloutMs, deadlineMs });
}

async function createNotifier(log: Log, options: WebhookOptions): Promise<Notifier> {
  if (options.config.notifications.channels.length === 0) return logNotifier(log);
  const { createWebhookNotifier } = await import('./webhook.ts');
  return createWebhookNotifier(options);
}

/** Where no channel is configured, a notification is a line in the log. */
function logNotifier(log: Log): Notifier {
  return {
    notify: async ({ severity, title, text, team, event }) =>
      log.info(`notification: ${title}`, {
        severity,
        text,
        team,
        eventId: event.id,
        correlationId: event.correlationid,
      }),
  };
}
