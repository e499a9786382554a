/** Whether what the app depends on answers: the broker, the store and each cluster. */
import { faultOf } from './errors.ts';
import type { Ports } from './ports.ts';
import { systemTimer, type Timer, within } from './run-handler.ts';

/** One dependency, as it answered just now. */
export interface Dependency {
  /** `service-bus`, `state-store`, or `cluster/<name>`. */
  readonly name: string;
  readonly status: 'up' | 'down';
  readonly latencyMs: number;
  /** Why it is down. */
  readonly error?: string;
}

export interface Health {
  /**
   * `down` when broker or store are: nothing is handled until they are back, and events wait. `degraded` when a cluster
   * is: what is to happen there is tried again until its deadline.
   */
  readonly status: 'up' | 'degraded' | 'down';
  readonly dependencies: readonly Dependency[];
}

/** A dependency that takes longer is down. */
export const PATIENCE_MS = 5_000;

/** Asks all of them at once. Never rejects. */
export async function checkHealth(
  { bus, state, clusters, clock }: Pick<Ports, 'bus' | 'state' | 'clusters' | 'clock'>,
  timer: Timer = systemTimer,
): Promise<Health> {
  const ask = async (name: string, ping: () => Promise<void>): Promise<Dependency> => {
    const begun = clock.now();
    const error = await within(PATIENCE_MS, timer, ping()).then(() => undefined, faultOf);
    const latencyMs = clock.now() - begun;
    return { name, status: error === undefined ? 'up' : 'down', latencyMs, ...(error !== undefined && { error }) };
  };
  const [broker, store, ...others] = await Promise.all([
    ask('service-bus', () => bus.ping()),
    ask('state-store', () => state.ping()),
    ...clusters.names.map((name) => ask(`cluster/${name}`, async () => clusters.get(name).ping())),
  ]);
  const isDown = [broker, store].some((it) => it?.status === 'down');
  const isDegraded = others.some(({ status }) => status === 'down');
  return {
    status: isDown ? 'down' : isDegraded ? 'degraded' : 'up',
    dependencies: [broker, store, ...others].filter((it) => it !== undefined),
  };
}
