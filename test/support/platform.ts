/** The testing kit's platform without timers, which a test runs itself, and what the functions over HTTP are asked of it. */
import { newEvent } from '../../shared/events/cloud-event.ts';
import { DeploymentRequested } from '../../shared/events/deployment.ts';
import { HealthCheck } from '../../shared/events/platform.ts';
import type { HttpHandler, HttpResponse } from '../../shared/http/on-http.ts';
import type { SimulatedPlatform } from '../../shared/local/testing/platform.ts';
import { startPlatform as startSimulated } from '../../shared/local/testing/platform.ts';
import type { StateStore } from '../../shared/ports/state.ts';
import { respond } from './api-contract.ts';
import { httpRequest } from './http.ts';
import { RecordingLog } from './ports.ts';

export interface Platform extends SimulatedPlatform {
  /** Asks for a release in the namespace `shop`, and lets it come to its end. */
  deploy(deployment: string, tag: string, data?: object): Promise<void>;
  /** Reports a service's health, and lets follow what follows. */
  check(service: string, good: number, total: number): Promise<void>;
  get(handler: HttpHandler, query?: string): Promise<HttpResponse>;
}

/**
 * @param config as in `platform.config.json`
 * @param state the app's, when it is not to be the one that the simulated clusters remember in
 */
export async function startPlatform(config: unknown = {}, state?: StateStore): Promise<Platform> {
  const platform = await startSimulated({ config, state, log: new RecordingLog(), isMeasured: true, hasTimers: false });
  const { bus, ports } = platform;
  return {
    ...platform,
    deploy: async (deployment, tag, data = {}) => {
      const image = `ghcr.io/shop/${deployment}:${tag}`;
      const asked = { namespace: 'shop', deployment, image, ...data };
      await bus.publish(newEvent(DeploymentRequested, { source: '/ci', time: platform.now(), data: asked }));
      await bus.advance('10m');
    },
    check: async (service, good, total) => {
      const data = { service, good, total };
      await bus.publish(newEvent(HealthCheck, { source: '/probe', time: platform.now(), data }));
      await bus.advance('1m');
    },
    get: (handler, query = '') => respond('test', handler, httpRequest({ path: `/api/x${query}` }), ports),
  };
}
