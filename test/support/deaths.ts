/** Lets a handler die at every point where it touches the world, and runs it again as a redelivery would. */
import { expect } from 'vitest';
import type { PlatformEvent } from '../../shared/events/catalog.ts';
import type { Cluster, Clusters } from '../../shared/ports/cluster.ts';
import type { Handler } from '../../shared/ports/handler.ts';
import type { Notifier } from '../../shared/ports/notifier.ts';
import type { StateStore } from '../../shared/ports/state.ts';
import type { FixedClock, RecordingPorts } from './ports.ts';
import { recordingPorts } from './ports.ts';
import { dyingAt, gated, Process } from './process.ts';

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
  const run = async (world: World, process: Process, keys: Set<string>): Promise<RecordingPorts | 'died'> => {
    const recording = recordingPorts({ handling: event, ...world });
    const { clusters } = recording;
    const notifier: Notifier = {
      notify: async (notification) => {
        keys.add(notification.key);
        await recording.notifier.notify(notification);
      },
    };
    const ports: RecordingPorts = {
      ...recording,
      state: gated(recording.state, process.gate),
      clusters: { names: clusters.names, get: (name): Cluster => gated(clusters.get(name), process.gate) },
      notifier: gated(notifier, process.gate),
    };
    return Promise.race([handle(event, ports).then(() => recording), process.died.then(() => 'died' as const)]);
  };
  const endingOf = async (world: World, keys: Set<string>): Promise<Ending> => {
    const ran = await run(world, new Process(), keys);
    if (ran === 'died') throw new Error('a process died that nobody killed');
    return { published: ran.published, notified: [...keys].sort(), state: await look(world) };
  };

  const world = await createWorld();
  const keys = new Set<string>();
  const undisturbed = await endingOf(world, keys);
  expect(await endingOf(world, keys), 'delivered twice').toEqual(undisturbed);

  for (const when of ['before', 'after'] as const) {
    for (let call = 1; ; call++) {
      const mortalWorld = await createWorld();
      const heard = new Set<string>();
      if ((await run(mortalWorld, dyingAt(call, when), heard)) !== 'died') break;
      expect(await endingOf(mortalWorld, heard), `after a death ${when} call ${call}`).toEqual(undisturbed);
      expect(call).toBeLessThan(100);
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
