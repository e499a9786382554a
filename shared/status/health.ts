/**
 * Whether what the app depends on answers: the broker, the store and each cluster; whether each handler has its subscription;
 * and whether its triggers receive.
 */

import { faultOf } from '../describe-error.ts';
import { TransientError } from '../errors.ts';
import type { Ports } from '../ports/handler.ts';
import { systemTimer, type Timer, within } from '../timeout.ts';
import { handlerSubscriptions } from '../topology.ts';

/** One dependency, as it answered just now. */
export interface Dependency {
  /**
   * `service-bus`, `state-store`, `cluster/<name>`, `subscription/<name>` while the broker answers, or `trigger/<function>`
   * where the host reports its triggers.
   */
  readonly name: string;
  readonly status: 'up' | 'down';
  readonly latencyMs: number;
  /** Why it is down. */
  readonly error?: string;
}

export interface Health {
  /**
   * `down` when broker or store are, or no trigger receives, or no subscription is there: nothing is handled until they are
   * back, and events wait. `degraded` when a cluster is: what is to happen there is tried again until its deadline; when a
   * trigger does not receive: the events of its type wait; or when a subscription is missing: the events of its type are
   * refused.
   */
  readonly status: 'up' | 'degraded' | 'down';
  readonly dependencies: readonly Dependency[];
}

/** Who asks without a key may ask as often as they like, and shares an answer that is no older than this. */
const SHARED_FOR_MS = 5_000;

const shared = new WeakMap<Ports['publisher'], { readonly at: number; readonly health: Promise<Health> }>();

/** As `checkHealth`, but everybody's questions of five seconds are one. */
export function recentHealth(ports: Parameters<typeof checkHealth>[0]): Promise<Health> {
  const now = ports.clock.now();
  const last = shared.get(ports.publisher);
  if (last && Math.abs(now - last.at) < SHARED_FOR_MS) return last.health;
  const health = checkHealth(ports);
  shared.set(ports.publisher, { at: now, health });
  return health;
}

const MISSING = 'the subscription does not exist, and events of its type are refused';

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
  const askForSubscription = async (subscription: string): Promise<Dependency | undefined> => {
    const asked = within(DEPENDENCY_TIMEOUT_MS, timer, publisher.hasSubscription(subscription));
    const exists = await asked.catch(() => undefined);
    // A broker that does not answer is down by its own name.
    if (exists === undefined) return undefined;
    return ask(`subscription/${subscription}`, async () => {
      if (!exists) throw new TransientError(`${MISSING}; make it, as the topology says`);
    });
  };
  const [needed, subscriptions, reached, receiving] = await Promise.all([
    Promise.all([ask('service-bus', () => publisher.ping()), ask('state-store', () => state.ping())]),
    Promise.all(handlerSubscriptions.map(askForSubscription)).then((all) => all.filter((one) => one !== undefined)),
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
  const isNone = (all: readonly Dependency[]): boolean => all.length > 0 && all.every(isUnavailable);
  const isDown = needed.some(isUnavailable) || isNone(subscriptions) || isNone(receiving);
  const isDegraded = [...subscriptions, ...reached, ...receiving].some(isUnavailable);
  return {
    status: isDown ? 'down' : isDegraded ? 'degraded' : 'up',
    dependencies: [...needed, ...subscriptions, ...reached, ...receiving],
  };
}
