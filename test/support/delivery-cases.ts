import { TransientError } from '../../shared/errors.ts';
import type { PlatformEvent } from '../../shared/events/catalog.ts';
import { newEvent } from '../../shared/events/cloud-event.ts';
import { DeploymentRequested } from '../../shared/events/deployment.ts';
import type { Handler, HandlerPorts } from '../../shared/ports/handler.ts';
import { DeliveryWorld } from './delivery-world.ts';
import { sampleData } from './events.ts';
import { type Gate, Process } from './process.ts';

export const HANDLER = 'deployment-requested';
export const definition = DeploymentRequested;
export const event = newEvent(definition, { id: 'request-1', source: '/ci', data: sampleData.DeploymentRequested });

export type Behaviour = (event: PlatformEvent, ports: HandlerPorts) => ReturnType<Handler>;

export function worldOf(handle: Behaviour): DeliveryWorld {
  return new DeliveryWorld([{ definition, handle }]);
}

/** Counts its runs and does what it is told in each, the last for ever. */
export function counting(...behaviours: Behaviour[]): Behaviour & { runs: number } {
  const handle: Behaviour & { runs: number } = Object.assign(
    async (...args: Parameters<Behaviour>) => behaviours[Math.min(++handle.runs, behaviours.length) - 1]?.(...args),
    { runs: 0 },
  );
  return handle;
}

export const fail =
  (error: unknown): Behaviour =>
  async () => {
    throw error;
  };
export const done: Behaviour = async () => {};

/** The world's next message, taken when it is due. */
export async function deliverNext(world: DeliveryWorld, gate?: Gate, skewMs = 0): Promise<void> {
  for (;;) {
    const taken = world.take(gate, {}, skewMs);
    if (taken) return taken.done;
    if (!world.clock.runNext(Number.POSITIVE_INFINITY)) throw new Error('nothing is to come');
  }
}

/** Lets calls through until one of that name; that one and all later ones never return, as in a death. */
export function deadFrom(name: string): Gate {
  return new Process((_, called) => (called === name ? 'before' : undefined)).gate;
}

/** Calls of these names fail, as long as it says so. */
export function away(names: readonly string[], isAway: () => boolean): Gate {
  return (call, name) =>
    isAway() && names.includes(name) ? Promise.reject(new TransientError(`${name} away`)) : call();
}
