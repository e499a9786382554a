/** Lets a handler die at every point where it touches the world, and runs it again as a redelivery would. */
import { expect } from 'vitest';
import type { PlatformEvent } from '../../shared/events/catalog.ts';
import type { Cluster, Clusters } from '../../shared/ports/cluster.ts';
import type { Handler } from '../../shared/ports/handler.ts';
import type { StateStore } from '../../shared/ports/state.ts';
import type { FixedClock, RecordingPorts } from './ports.ts';
import { recordingPorts } from './ports.ts';

/** What outlives a process. */
export interface World {
  readonly state: StateStore;
  readonly clock: FixedClock;
  readonly clusters?: Clusters;
  readonly config?: unknown;
}

/** What the world shows in the end. Only the last run's events count: a run that died published nothing. */
interface Ending {
  readonly published: readonly PlatformEvent[];
  readonly notified: readonly string[];
  readonly state: unknown;
}

class Death extends Error {}

/**
 * Runs a handler once undisturbed, then in fresh worlds with a death before and after each of its calls, followed by a
 * redelivery; and once delivered twice. Every way has to end as the first did.
 *
 * @param look what of the world has to be equal
 * @returns how the undisturbed run ended
 */
export async function expectOneEffect<Event extends PlatformEvent>(
  handle: Handler<Event>,
  event: Event,
  createWorld: () => Promise<World>,
  look: (world: World) => Promise<unknown>,
): Promise<Ending> {
  const run = async (
    world: World,
    dieAt: number,
    when: 'before' | 'after',
    keys: Set<string>,
  ): Promise<RecordingPorts> => {
    let calls = 0;
    const mortal = <T extends object>(port: T): T =>
      new Proxy(port, {
        get: (target, name) => {
          const method: unknown = Reflect.get(target, name, target);
          if (typeof method !== 'function') return method;
          return async (...args: unknown[]) => {
            const isLast = ++calls === dieAt;
            if (isLast && when === 'before') throw new Death();
            const result: unknown = await Reflect.apply(method, target, args);
            if (isLast) throw new Death();
            return result;
          };
        },
      });
    const recording = recordingPorts({ handling: event, ...world });
    const { clusters } = recording;
    const ports: RecordingPorts = {
      ...recording,
      state: mortal(recording.state),
      clusters: { names: clusters.names, get: (name): Cluster => mortal(clusters.get(name)) },
      notifier: mortal({
        notify: async (notification) => {
          keys.add(notification.key);
          await recording.notifier.notify(notification);
        },
      }),
    };
    await handle(event, ports);
    return recording;
  };
  const endingOf = async (world: World, { published }: RecordingPorts, keys: Set<string>): Promise<Ending> => ({
    published,
    notified: [...keys].sort(),
    state: await look(world),
  });

  const world = await createWorld();
  const keys = new Set<string>();
  const undisturbed = await endingOf(world, await run(world, 0, 'before', keys), keys);
  const again = await endingOf(world, await run(world, 0, 'before', keys), keys);
  expect(again, 'delivered twice').toEqual(undisturbed);

  for (const when of ['before', 'after'] as const) {
    for (let dieAt = 1; ; dieAt++) {
      const mortalWorld = await createWorld();
      const heard = new Set<string>();
      try {
        await run(mortalWorld, dieAt, when, heard);
        break;
      } catch (error) {
        if (!(error instanceof Death)) throw error;
      }
      const ending = await endingOf(mortalWorld, await run(mortalWorld, 0, 'before', heard), heard);
      expect(ending, `after a death ${when} call ${dieAt}`).toEqual(undisturbed);
      expect(dieAt).toBeLessThan(100);
    }
  }
  return undisturbed;
}

/** Everything in some partitions. */
export async function contents(state: StateStore, ...partitions: string[]): Promise<Record<string, unknown>> {
  const found: Record<string, unknown> = {};
  for (const partition of partitions) {
    for await (const { key, value } of state.query(partition)) found[`${partition}/${key}`] = value;
  }
  return found;
}
