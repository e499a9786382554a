/** A world whose cluster is an API server: time passes for both. */
import type { PlatformEvent } from '../../shared/events/catalog.ts';
import type { ApiServer } from './api-server.ts';
import { World, type WorldOptions } from './deployments.ts';
import { open } from './kubernetes-cases.ts';

export function rollingWorld(server: ApiServer, options: Omit<WorldOptions, 'cluster'> = {}): World {
  return new World({ ...options, cluster: () => open(server) });
}

/** Carries events, and all that follow from them, to the end while the cluster works. */
export async function carryRolling(
  world: World,
  server: ApiServer,
  ...events: PlatformEvent[]
): Promise<PlatformEvent[]> {
  const done: PlatformEvent[] = [];
  const waiting = [...events];
  for (let event = waiting.shift(); event; event = waiting.shift()) {
    done.push(event);
    for (let run = await world.run(event); ; run = await world.run(event)) {
      if (run.requeueAfterMs === undefined) {
        waiting.push(...run.published);
        break;
      }
      world.clock.advance(run.requeueAfterMs);
      server.controller.advance(run.requeueAfterMs);
    }
  }
  return done;
}
