/** The whole app in memory and in virtual time: what the functions that tell how things stand are asked about. */
import { MemoryStateStore } from '../../shared/adapters/memory-store.ts';
import { createSimulatedClusters } from '../../shared/adapters/simulated-cluster.ts';
import { createSimulatedMeasurements } from '../../shared/adapters/simulated-measurements.ts';
import { parseConfig } from '../../shared/config.ts';
import { newEvent } from '../../shared/events/cloud-event.ts';
import { DeploymentRequested } from '../../shared/events/deployment.ts';
import { HealthCheck } from '../../shared/events/platform.ts';
import type { HttpHandler, HttpResponse } from '../../shared/http/on-http.ts';
import { VirtualClock } from '../../shared/local/service-bus/core/clock.ts';
import { InMemoryEventBus } from '../../shared/local/testing/in-memory-event-bus.ts';
import type { Ports } from '../../shared/ports/handler.ts';
import type { StateStore } from '../../shared/ports/state.ts';
import type { Timer } from '../../shared/timeout.ts';
import { respond } from './api-contract.ts';
import { loadHandlers } from './handlers.ts';
import { httpRequest } from './http.ts';
import { RecordingLog } from './ports.ts';
import { serveHandlers } from './serve-handlers.ts';

export interface Platform {
  readonly bus: InMemoryEventBus;
  readonly ports: Ports;
  /** Asks for a release in the namespace `shop`, and lets it come to its end. */
  deploy(deployment: string, tag: string, data?: object): Promise<void>;
  /** Reports a service's health, and lets follow what follows. */
  check(service: string, good: number, total: number): Promise<void>;
  get(handler: HttpHandler, query?: string): Promise<HttpResponse>;
}

/** A memory, simulated clusters, and a notifier that tells nobody. @param config as in `platform.config.json` */
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
    log: new RecordingLog(),
  };
}

const NOON = '2026-03-01T12:00:00Z';

/** Nobody hangs here, and virtual time stands still while a handler runs. */
const never: Timer = () => () => {};

/**
 * @param config as in `platform.config.json`
 * @param store the app's, when it is not to be the one that the simulated clusters remember in
 */
export async function startPlatform(config: unknown = {}, store?: StateStore): Promise<Platform> {
  await loadHandlers();
  const bus = new InMemoryEventBus({ clock: new VirtualClock(NOON) });
  const ports = { ...simulatedPorts(bus, config), ...(store && { state: store }) };
  const { clock } = ports;
  serveHandlers(bus, ports, { timer: never });
  const time = (): string => new Date(clock.now()).toISOString();
  return {
    bus,
    ports,
    deploy: async (deployment, tag, data = {}) => {
      const image = `ghcr.io/shop/${deployment}:${tag}`;
      const asked = { namespace: 'shop', deployment, image, ...data };
      await bus.publish(newEvent(DeploymentRequested, { source: '/ci', time: time(), data: asked }));
      await bus.advance('10m');
    },
    check: async (service, good, total) => {
      await bus.publish(newEvent(HealthCheck, { source: '/probe', time: time(), data: { service, good, total } }));
      await bus.advance('1m');
    },
    get: (handler, query = '') => respond('test', handler, httpRequest({ path: `/api/x${query}` }), ports),
  };
}
