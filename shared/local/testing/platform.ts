/**
 * The whole platform in memory and in virtual time: every handler, a simulated cluster, a configuration. For tests of a
 * configuration, and of what other services publish.
 */
import { MemoryStateStore } from '../../adapters/memory-store.ts';
import { createSimulatedClusters, setSimulatedImages } from '../../adapters/simulated-cluster.ts';
import { createSimulatedMeasurements } from '../../adapters/simulated-measurements.ts';
import { type PlatformConfig, parseConfig } from '../../config.ts';
import { HANDLER_TIMEOUT_MS } from '../../delivery/deliver.ts';
import { NotFoundError } from '../../errors.ts';
import type { EventType, PlatformEvent } from '../../events/catalog.ts';
import { type DataIn, type EventDefinition, type EventOf, type NewEvent, newEvent } from '../../events/cloud-event.ts';
import type { DeadLetterEntry } from '../../ports/bus.ts';
import type { Ports } from '../../ports/handler.ts';
import type { Log } from '../../ports/log.ts';
import type { Notification, Notifier } from '../../ports/notifier.ts';
import type { StateStore } from '../../ports/state.ts';
import { type DeploymentSummary, deployments, type ServiceSummary, services } from '../../status/summaries.ts';
import type { Timer } from '../../timeout.ts';
import { VirtualClock } from '../service-bus/core/clock.ts';
import { InMemoryEventBus } from './in-memory-event-bus.ts';
import { loadHandlers } from './load-handlers.ts';
import { runTimers } from './run-timers.ts';
import { serveHandlers } from './serve-handlers.ts';

export interface PlatformOptions {
  /** The content of a `platform.config.json`; the defaults of every section when absent. */
  readonly config?: unknown;
  /**
   * Whether an objective with a source of measurements counts what that source says, which is simulated; unless set, it
   * takes the checks that the test publishes.
   */
  readonly isMeasured?: boolean | undefined;
  /** Whether the app's timers run while time passes: what they do in a day takes some 100 ms. They do unless this is false. */
  readonly hasTimers?: boolean | undefined;
  /** Where virtual time begins: RFC 3339. */
  readonly start?: string | undefined;
  /** Takes what the handlers log; nobody when absent. */
  readonly log?: Log | undefined;
  /** Of what the handlers remember; the one that the simulated clusters remember in when absent. */
  readonly state?: StateStore | undefined;
}

/** A platform of its own: any number of them may run side by side. */
export interface SimulatedPlatform {
  readonly bus: InMemoryEventBus;
  /** What the handlers are given. */
  readonly ports: Ports;
  /** Whom the platform told what, oldest first; each key once. */
  readonly notifications: readonly Notification[];
  /** The virtual time, RFC 3339. */
  now(): string;
  /**
   * Publishes a new event as of now, and resolves when all that is due at once has been handled: a rollout, a retry or a
   * notification that waits goes on in `advance`.
   *
   * @throws InvalidEventError when the data, or an attribute, does not fit
   */
  publish<Definition extends EventDefinition>(
    definition: Definition,
    data: DataIn<Definition>,
    attributes?: Partial<Omit<NewEvent<never>, 'data'>>,
  ): Promise<EventOf<Definition>>;
  /** Lets so much time pass, in milliseconds or such as `5m`, and has everything handled that falls due. */
  advance(by: number | string): Promise<void>;
  /** The published events, oldest first; those of a chain too, each once. */
  events(type?: EventType): PlatformEvent[];
  /** What could not be handled, oldest first. */
  errors(): DeadLetterEntry[];
  /** The images that a Deployment runs. @param target `[<cluster>/]<namespace>/<deployment>` */
  running(target: string): Promise<readonly string[]>;
  /**
   * Sets an image as somebody else does: a person with kubectl, a GitOps controller.
   *
   * @param target `[<cluster>/]<namespace>/<deployment>`
   * @param container needed when there are several
   */
  setImage(target: string, image: string, container?: string): Promise<void>;
  /** What was released where, as `GET /api/deployments` says it. */
  deployments(): Promise<DeploymentSummary[]>;
  /** Budgets, open alerts and freezes, as `GET /api/services` says it. */
  services(): Promise<ServiceSummary[]>;
}

/** Virtual time stands still while a handler runs: what it waits for is there at once, and none of ours hangs. */
const timer: Timer = (ms, callback) => {
  const immediate = ms < HANDLER_TIMEOUT_MS ? setImmediate(callback) : undefined;
  return () => clearImmediate(immediate);
};

/**
 * Starts the platform on a simulated cluster, where the tag of an image decides how its rollout goes: `fail-…` never
 * becomes ready, `slow-…` takes ten times as long, `error-…` meets a server error twice.
 *
 * @example
 * const platform = await startPlatform({ config });
 * await platform.publish(DeploymentRequested, { namespace: 'shop', deployment: 'web', image: 'ghcr.io/shop/web:fail-1' });
 * await platform.advance('10m');
 * platform.events('DeploymentFailed'); // [{ data: { reason: 'DeadlineExceeded', … } }]
 * @throws ConfigError that names every path and value of the configuration that does not fit
 */
export async function startPlatform({
  config = {},
  start = '2026-03-01T12:00:00Z',
  log = silent,
  state,
  isMeasured = false,
  hasTimers = true,
}: PlatformOptions = {}): Promise<SimulatedPlatform> {
  await loadHandlers();
  const bus = new InMemoryEventBus({ clock: new VirtualClock(start), capacity: 10_000 });
  const { clock } = bus;
  const notifications = new Map<string, Notification>();
  const notifier: Notifier = {
    notify: async (notification) => {
      if (!notifications.has(notification.key)) notifications.set(notification.key, notification);
    },
  };
  const simulated = simulatedPorts(bus, config);
  const ports = {
    ...simulated,
    ...{ notifier, log },
    ...(state && { state }),
    ...(!isMeasured && { config: withoutSources(simulated.config) }),
  };
  serveHandlers(bus, ports, { timer });
  if (hasTimers) runTimers(bus, ports);
  const now = (): string => new Date(clock.now()).toISOString();
  return {
    bus,
    ports,
    get notifications() {
      return [...notifications.values()];
    },
    now,
    publish: async (definition, data, attributes) => {
      const event = newEvent(definition, { source: '/test', time: now(), ...attributes, data });
      // The catalog's schema for this very type has accepted the data.
      await bus.publish(event as unknown as PlatformEvent);
      await bus.settled();
      return event as EventOf<typeof definition>;
    },
    advance: (by) => bus.advance(by),
    events: (type) => bus.events(type === undefined ? {} : { type }).reverse(),
    errors: () => bus.errors(),
    running: async (target) => {
      const { cluster, ...workload } = readTarget(target);
      const found = ports.clusters.get(cluster).rollout(workload);
      const { containers } = await found.catch((error: unknown) => {
        if (error instanceof NotFoundError) return { containers: [] };
        throw error;
      });
      return containers.map(({ image }) => image);
    },
    setImage: async (target, image, container) => {
      const { cluster, ...workload } = readTarget(target);
      ports.clusters.get(cluster);
      const containers = [{ image, ...(container !== undefined && { name: container }) }];
      await setSimulatedImages({ state: simulated.state, cluster, ...workload, containers, now: clock.now() });
      await bus.settled();
    },
    deployments: async () => {
      const found: DeploymentSummary[] = [];
      for await (const one of deployments(ports)) found.push(one);
      return found;
    },
    services: () => services(ports),
  };
}

/** @throws TypeError for what names no deployment */
function readTarget(target: string): { cluster: string; namespace: string; deployment: string } {
  const [deployment = '', namespace = '', cluster = 'default', ...others] = target.split('/').reverse();
  if (namespace === '' || deployment === '' || others.length > 0) {
    throw new TypeError(`expected [<cluster>/]<namespace>/<deployment>, got '${target}'`);
  }
  return { cluster, namespace, deployment };
}

function withoutSources(config: PlatformConfig): PlatformConfig {
  const services = config.services.map(({ objectives, ...service }) => ({
    ...service,
    objectives: objectives.map(({ measurements: _, ...objective }) => objective),
  }));
  return { ...config, services };
}

/**
 * A memory, simulated clusters that remember in it, and a notifier that tells nobody.
 *
 * @throws ConfigError that names every path and value of the configuration that does not fit
 */
export function simulatedPorts(bus: InMemoryEventBus, config: unknown): Ports {
  const { clock } = bus;
  const state = new MemoryStateStore();
  const parsed = parseConfig(config);
  return {
    publisher: bus,
    deadLetterQueue: bus,
    state,
    clusters: createSimulatedClusters({ state, clock, config: parsed }),
    measurements: createSimulatedMeasurements({ sources: parsed.measurements, clock }),
    notifier: { notify: async () => {} },
    clock,
    config: parsed,
    log: silent,
  };
}

const silent: Log = { info: () => {}, warn: () => {}, error: () => {} };
