/** A small world to run the deployment handlers in: a store, a clock, simulated clusters, and what was published. */
import { handle as completed } from '../../functions/deployment/completed.ts';
import { handle as failed } from '../../functions/deployment/failed.ts';
import { handle as requested } from '../../functions/deployment/requested.ts';
import { handle as rolledBack } from '../../functions/deployment/rolled-back.ts';
import { handle as started } from '../../functions/deployment/started.ts';
import { MemoryStateStore } from '../../shared/adapters/memory-store.ts';
import { createSimulatedClusters } from '../../shared/adapters/simulated-cluster.ts';
import { parseConfig } from '../../shared/config.ts';
import type { PlatformEvent } from '../../shared/events/catalog.ts';
import { type EventOf, newEvent } from '../../shared/events/cloud-event.ts';
import { DeploymentFailed, DeploymentRequested } from '../../shared/events/deployment.ts';
import type { Cluster } from '../../shared/ports/cluster.ts';
import type { Handler } from '../../shared/ports/handler.ts';
import type { Notification } from '../../shared/ports/notifier.ts';
import type { ReleaseData, ReleaseRecord, TargetRecord } from '../../shared/releases/release-record.ts';
import { clustersOf, FixedClock, recordingPorts } from './ports.ts';
import { type SingleRollout, singleRollout } from './rollouts.ts';

const handlers: Readonly<Record<string, Handler<never>>> = {
  DeploymentRequested: requested,
  DeploymentStarted: started,
  DeploymentCompleted: completed,
  DeploymentFailed: failed,
  DeploymentRolledBack: rolledBack,
};

/** The handler of a deployment event. */
export function handlerOf(event: PlatformEvent): Handler {
  const handler = handlers[event.type];
  if (!handler) throw new TypeError(`no deployment handler for ${event.type}`);
  // The map pairs each type with the handler of that very type.
  return handler as Handler;
}

/** What one run of a handler did. */
export interface Run {
  readonly published: readonly PlatformEvent[];
  readonly notifications: readonly Notification[];
  readonly requeueAfterMs: number | undefined;
}

export interface WorldOptions {
  /** As in `platform.config.json`. */
  readonly config?: unknown;
  /** Wraps the simulated cluster, to make it fail. */
  readonly cluster?: (simulated: Cluster) => Cluster;
}

export const IMAGE = 'ghcr.io/shop/web';
export const TARGET = 'default/shop/web';

export class World {
  readonly clock = new FixedClock();
  readonly state = new MemoryStateStore();
  readonly cluster: Cluster;
  /** Every notification so far. */
  readonly notified: Notification[] = [];
  /** Replace it to make the notifier fail. */
  notify: (notification: Notification) => Promise<void> = async (notification) => {
    this.notified.push(notification);
  };
  readonly #config: unknown;
  #requests = 0;

  constructor({ config = {}, cluster = (simulated) => simulated }: WorldOptions = {}) {
    const { state, clock } = this;
    this.#config = config;
    this.cluster = cluster(createSimulatedClusters({ state, clock, config: parseConfig(config) }).get('default'));
  }

  /** A request for `shop/web` made now, with the tag of its image. */
  request(tag: string, { id, time, ...data }: Partial<ReleaseData> & { id?: string; time?: string } = {}): Requested {
    return newEvent(DeploymentRequested, {
      id: id ?? `request-${++this.#requests}`,
      source: '/test',
      time: time ?? new Date(this.clock.now()).toISOString(),
      data: { namespace: 'shop', deployment: 'web', ...(!data.containers && { image: `${IMAGE}:${tag}` }), ...data },
    });
  }

  /** Runs the event's handler once. */
  async run(event: PlatformEvent): Promise<Run> {
    const { state, clock, cluster } = this;
    const clusters = clustersOf({ default: cluster });
    const ports = recordingPorts({ handling: event, state, clock, clusters, config: this.#config });
    const notifier = {
      notify: async (notification: Notification): Promise<void> => {
        await this.notify(notification);
        await ports.notifier.notify(notification);
      },
    };
    const outcome = await handlerOf(event)(event, { ...ports, notifier });
    return {
      published: ports.published,
      notifications: ports.notifications,
      requeueAfterMs: outcome ? outcome.requeueAfterMs : undefined,
    };
  }

  /** Runs a handler until it asks for no requeueAfter, on the clock. */
  async runToEnd(event: PlatformEvent): Promise<Run> {
    const notifications: Notification[] = [];
    for (let looks = 0; looks < 1_000; looks++) {
      const run = await this.run(event);
      notifications.push(...run.notifications);
      if (run.requeueAfterMs === undefined) return { ...run, notifications };
      this.clock.advance(run.requeueAfterMs);
    }
    throw new Error(`${event.type} ${event.id} is requeued for ever`);
  }

  /** Carries an event, and all that follow from it, to the end. Returns their types in order. */
  async carry(...events: PlatformEvent[]): Promise<PlatformEvent[]> {
    const done: PlatformEvent[] = [];
    const waiting = [...events];
    for (let event = waiting.shift(); event; event = waiting.shift()) {
      done.push(event);
      waiting.push(...(await this.runToEnd(event)).published);
    }
    return done;
  }

  /** A DeploymentFailed as slo-violation publishes it for a release. */
  violation(request: Requested): EventOf<typeof DeploymentFailed> {
    const { id: requestId, source: requestSource, correlationid, data } = request;
    return newEvent(DeploymentFailed, {
      id: `violation-of-${requestId}`,
      source: '/handlers/slo-violation',
      time: new Date(this.clock.now()).toISOString(),
      correlationid,
      data: {
        ...data,
        image: data.image ?? data.containers?.[0]?.image ?? '',
        ...{
          requestId,
          requestSource,
          reason: 'SLOViolation',
          message: 'burns 14.4 times too fast',
          durationSeconds: 1,
        },
      },
    });
  }

  async record(target = TARGET): Promise<TargetRecord> {
    const stored = await this.state.get<TargetRecord>('deployments', target);
    if (!stored) throw new Error(`no record of ${target}`);
    return stored.value;
  }

  async release(requestId: string): Promise<ReleaseRecord> {
    const found = (await this.record()).releases.find((release) => release.requestId === requestId);
    if (!found) throw new Error(`no record of request ${requestId}`);
    return found;
  }

  rollout(): Promise<SingleRollout> {
    return singleRollout(this.cluster, { namespace: 'shop', deployment: 'web' });
  }

  /** By container, the images that run. */
  async images(): Promise<Record<string, string>> {
    const { containers } = await this.cluster.rollout({ namespace: 'shop', deployment: 'web' });
    return Object.fromEntries(containers.map(({ name, image }) => [name, image]));
  }

  /** The images that are known to be good in a container. */
  async knownGood(container = 'web'): Promise<string[]> {
    return ((await this.record()).knownGoodImages[container] ?? []).map(({ image }) => image);
  }
}

export type Requested = EventOf<typeof DeploymentRequested>;

export function typesOf(events: readonly PlatformEvent[]): string[] {
  return events.map(({ type }) => type);
}

/** The one event that was published. */
export function only({ published }: Pick<Run, 'published'>): PlatformEvent {
  const [event, ...others] = published;
  if (!event || others.length > 0) throw new Error(`expected one event, got [${typesOf(published).join(', ')}]`);
  return event;
}

/** Sets the deployment's image past the platform, as `kubectl set image` does: its marks stay. */
export async function runByHand(world: World, tag: string): Promise<void> {
  const stored = await world.state.get<object>('simulated-cluster', TARGET);
  const revisions = [{ revision: 9, images: { web: `${IMAGE}:${tag}` }, at: 0 }];
  await world.state.put('simulated-cluster', TARGET, { replicas: 2, ...stored?.value, revisions }, '*');
}

type Fallible = 'apply' | 'rollout' | 'rollback';

/** A cluster that writes down what it is asked, and fails where it is told to. */
export function faulty(fail: Partial<Record<Fallible, () => Error | undefined>>): {
  readonly calls: string[];
  readonly cluster: (simulated: Cluster) => Cluster;
} {
  const calls: string[] = [];
  const failing =
    <Args extends unknown[], Result>(name: Fallible, call: (...args: Args) => Promise<Result>) =>
    async (...args: Args): Promise<Result> => {
      const error = fail[name]?.();
      if (error) throw error;
      calls.push(name);
      return call(...args);
    };
  return {
    calls,
    cluster: (simulated) => ({
      ...simulated,
      apply: failing('apply', simulated.apply),
      rollout: failing('rollout', simulated.rollout),
      rollback: failing('rollback', simulated.rollback),
    }),
  };
}
