/** Whether what the app depends on answers: the broker, the store and each cluster; and whether its triggers receive. */

import { faultOf } from '../describe-error.ts';
import { TransientError } from '../errors.ts';
import type { Ports } from '../ports/handler.ts';
import { systemTimer, type Timer, within } from '../timeout.ts';

/** One dependency, as it answered just now. */
export interface Dependency {
  /** `service-bus`, `state-store`, `cluster/<name>`, or `trigger/<function>` where the host reports its triggers. */
  readonly name: string;
  readonly status: 'up' | 'down';
  readonly latencyMs: number;
  /** Why it is down. */
  readonly error?: string;
}

export interface Health {
  /**
   * `down` when broker or store are, or no trigger receives: nothing is handled until they are back, and events wait.
   * `degraded` when a cluster is: what is to happen there is tried again until its deadline; or when a trigger does not
   * receive: the events of its type wait.
   */
  readonly status: 'up' | 'degraded' | 'down';
  readonly dependencies: readonly Dependency[];
}

/** A dependency that takes longer is down. */
export const DEPENDENCY_TIMEOUT_MS = 5_000;

/** Asks all of them at once. Never rejects. */
export async function checkHealth(
  {
    publisher,
    state,
    clusters,
    clock,
    triggers = () => [],
  }: Pick<Ports, 'publisher' | 'state' | 'clusters' | 'clock' | 'triggers'>,
  timer: Timer = systemTimer,
): Promise<Health> {
  const ask = async (name: string, ping: () => Promise<void>): Promise<Dependency> => {
    const begun = clock.now();
    const error = await within(DEPENDENCY_TIMEOUT_MS, timer, ping()).then(() => undefined, faultOf);
    const latencyMs = clock.now() - begun;
    return { name, status: error === undefined ? 'up' : 'down', latencyMs, ...(error !== undefined && { error }) };
  };
  const [needed, reached, receiving] = await Promise.all([
    Promise.all([ask('service-bus', () => publisher.ping()), ask('state-store', () => state.ping())]),
    Promise.all(clusters.names.map((name) => ask(`cluster/${name}`, async () => clusters.get(name).ping()))),
    Promise.all(
      triggers().map(({ name, trouble }) =>
        ask(`trigger/${name}`, async () => {
          if (trouble !== undefined) throw new TransientError(trouble);
        }),
      ),
    ),
  ]);
  const isUnavailable = ({ status }: Dependency): boolean => status === 'down';
  const isDown = needed.some(isUnavailable) || (receiving.length > 0 && receiving.every(isUnavailable));
  const isDegraded = [...reached, ...receiving].some(isUnavailable);
  return {
    status: isDown ? 'down' : isDegraded ? 'degraded' : 'up',
    dependencies: [...needed, ...reached, ...receiving],
  };
}
