/** Builds the ports from the settings; the only composition root of the deployed app. SDKs are loaded when chosen. */
import type { DeliveryOptions } from '../delivery/deliver.ts';
import type { Callers } from '../ports/access.ts';
import type { EventBus, Publisher } from '../ports/bus.ts';
import type { Clock } from '../ports/clock.ts';
import type { Clusters } from '../ports/cluster.ts';
import type { Ports } from '../ports/handler.ts';
import type { Log } from '../ports/log.ts';
import type { Measurements } from '../ports/measurements.ts';
import type { Notifier } from '../ports/notifier.ts';
import type { StateStore } from '../ports/state.ts';
import type { HistoryLimits } from '../settings.ts';
import { type AppSettings, type Environment, readSettings } from '../settings.ts';
import { systemTimer, within } from '../timeout.ts';
import { CorrectedClock } from './clock-correction.ts';
import { MemoryStateStore } from './memory-store.ts';

/** How long the first answer of the store is waited for. */
const FIRST_ANSWER_MS = 1_000;

const systemClock: Clock = { now: () => Date.now() };

interface LivePorts {
  /** As in `AppPorts`. */
  readonly portsFor: (log: Log) => Ports;
  readonly publisher: Publisher;
  readonly state: StateStore;
  readonly config: AppSettings['config'];
  readonly options: DeliveryOptions;
  readonly historyLimits: HistoryLimits;
  /** Waits for what is being sent. */
  close(): Promise<void>;
}

/** @throws ConfigError naming every setting that is wrong */
export async function createLivePorts(environment: Environment): Promise<LivePorts> {
  const settings = readSettings(environment);
  const { config, handlerTimeoutMs, historyLimits } = settings;
  const clock = new CorrectedClock(systemClock);
  const [bus, state] = await Promise.all([createBus(settings), createState(settings, clock)]);
  const needs = { state, clock, environment };
  const clusters = await createClusters(settings, needs);
  const measurements = await createMeasurements(settings, needs);
  const webhooks = await createNotifier(settings, needs);
  const callers = await createTokenCallers(settings, needs);
  const portsFor = (log: Log): Ports => ({
    publisher: bus,
    deadLetterQueue: bus,
    state,
    clusters,
    measurements,
    notifier: webhooks ?? logNotifier(log),
    clock,
    config,
    log,
    callers,
  });
  return {
    portsFor,
    publisher: bus,
    state,
    config,
    options: { handlerTimeoutMs },
    historyLimits,
    close: () => bus.close(),
  };
}

async function createBus({ serviceBus }: AppSettings): Promise<EventBus> {
  const { createServiceBus } = await import('./service-bus/event-bus.ts');
  return createServiceBus(serviceBus);
}

async function createState({ stateStore, stateTable }: AppSettings, clock: CorrectedClock): Promise<StateStore> {
  if (stateStore === 'memory') return new MemoryStateStore();
  const { createTableStorage } = await import('./table-storage.ts');
  const state = await createTableStorage(stateStore, stateTable, clock);
  // The first message, too, is handled by a corrected clock. A store that is away is found out by those who need it.
  await within(FIRST_ANSWER_MS, systemTimer, state.ping()).catch(() => undefined);
  return state;
}

interface Needs {
  readonly state: StateStore;
  readonly clock: Clock;
  readonly environment: Environment;
}

async function createClusters(settings: AppSettings, { state, clock, environment }: Needs): Promise<Clusters> {
  const { cluster, config, simulatedRolloutMs: rolloutMs, simulatedDeadlineMs: deadlineMs } = settings;
  if (cluster === 'kubernetes') {
    const { createKubernetesClusters } = await import('./kubernetes/clusters.ts');
    return createKubernetesClusters({ config, clock, environment });
  }
  const { createSimulatedClusters } = await import('./simulated-cluster.ts');
  return createSimulatedClusters({ state, clock, config, rolloutMs, deadlineMs });
}

async function createMeasurements(
  { measurements, config }: AppSettings,
  { clock, environment }: Omit<Needs, 'state'>,
): Promise<Measurements> {
  const { measurements: sources } = config;
  if (measurements === 'simulated') {
    const { createSimulatedMeasurements } = await import('./simulated-measurements.ts');
    return createSimulatedMeasurements({ sources, clock });
  }
  const { createPrometheusMeasurements } = await import('./prometheus/measurements.ts');
  return createPrometheusMeasurements({ sources, clock, environment });
}

/** Undefined where no channel is configured. */
async function createNotifier({ config }: AppSettings, needs: Needs): Promise<Notifier | undefined> {
  if (config.notifications.channels.length === 0) return undefined;
  const { createWebhookNotifier } = await import('./webhook/notifier.ts');
  return createWebhookNotifier({ config, ...needs });
}

/** Undefined where function keys are asked for. */
async function createTokenCallers({ httpAuth, config }: AppSettings, needs: Needs): Promise<Callers | undefined> {
  if (httpAuth === 'keys') return undefined;
  const [{ createCallers }, { AUTH_ENABLED }, { fetchIssuerDocument }] = await Promise.all([
    import('../access/callers.ts'),
    import('../access/app-service.ts'),
    import('./issuer-documents.ts'),
  ]);
  const isAppServiceAuthOn = needs.environment[AUTH_ENABLED]?.toLowerCase() === 'true';
  const { access } = config;
  return createCallers({ access, clock: needs.clock, fetch: fetchIssuerDocument, isAppServiceAuthOn });
}

/** So many notifications are known by key, so that a repeated run logs none of them again. */
const MAX_LOGGED = 100;

/** Where no channel is configured, a notification is a line in the log. */
function logNotifier(log: Log): Notifier {
  const logged: string[] = [];
  return {
    notify: async ({ key, severity, title, text, team, facts, event }) => {
      if (logged.includes(key)) return;
      logged.unshift(key);
      logged.length = Math.min(logged.length, MAX_LOGGED);
      log.info(`notification: ${title}`, {
        ...facts,
        severity,
        text,
        team,
        ...(event && { eventId: event.id, correlationId: event.correlationid }),
      });
    },
  };
}
