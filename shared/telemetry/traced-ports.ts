/** The ports with a span around each call to the store and to the clusters, whatever is behind them. */
import type { Attributes } from '@opentelemetry/api';
import type { Cluster } from '../ports/cluster.ts';
import type { Ports } from '../ports/handler.ts';
import type { StateStore } from '../ports/state.ts';
import { inChildSpan, startChildSpan } from './spans.ts';

/** The same store is the same traced store each time: who knows one again by its identity still does. */
const tracedStates = new WeakMap<StateStore, StateStore>();

/** A call outside of a recorded span is not traced. */
export function tracedPorts(ports: Ports): Ports {
  const { state, clusters } = ports;
  const known = tracedStates.get(state) ?? traced(state, 'store', storeAttributes);
  tracedStates.set(state, known);
  return {
    ...ports,
    state: known,
    clusters: {
      names: clusters.names,
      get: (name) => traced<Cluster>(clusters.get(name), 'cluster', (_, args) => clusterAttributes(name, args)),
    },
  };
}

type AttributesOf = (method: string, args: readonly unknown[]) => Attributes;

/** Every method of the target in a span of its own, named `<system> <method>`. */
function traced<T extends object>(target: T, system: string, attributesOf: AttributesOf): T {
  return new Proxy(target, {
    get(_, method) {
      // The target's own fields are private to it, so it is called as itself.
      const member: unknown = Reflect.get(target, method);
      if (typeof member !== 'function' || typeof method !== 'string') return member;
      return (...args: unknown[]) => {
        const attributes = attributesOf(method, args);
        if (method === 'query') return tracedList(`${system} ${method}`, attributes, () => member.apply(target, args));
        return inChildSpan(`${system} ${method}`, 'CLIENT', attributes, async () => member.apply(target, args));
      };
    },
  });
}

/** One span for the whole list, as long as it is read. */
async function* tracedList<T>(name: string, attributes: Attributes, list: () => AsyncIterable<T>): AsyncIterable<T> {
  const span = startChildSpan(name, 'CLIENT', attributes);
  let rows = 0;
  try {
    for await (const row of list()) {
      rows++;
      yield row;
    }
  } catch (error) {
    span?.fail(error);
    throw error;
  } finally {
    span?.set('db.response.returned_rows', rows);
    span?.end();
  }
}

function storeAttributes(method: string, [partition, key]: readonly unknown[]): Attributes {
  return {
    'db.operation.name': method,
    ...(typeof partition === 'string' && { 'platform.state.partition': partition }),
    ...(typeof key === 'string' && { 'platform.state.key': key }),
  };
}

function clusterAttributes(cluster: string | undefined, [first]: readonly unknown[]): Attributes {
  const { namespace, deployment } = (typeof first === 'object' ? first : { namespace: first }) as {
    namespace?: unknown;
    deployment?: unknown;
  };
  return {
    'k8s.cluster.name': cluster ?? 'default',
    ...(typeof namespace === 'string' && { 'k8s.namespace.name': namespace }),
    ...(typeof deployment === 'string' && { 'k8s.deployment.name': deployment }),
  };
}
