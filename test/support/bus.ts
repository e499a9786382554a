/** A bus of a test's own, on a free port, and clients of the real SDK for it. */
import { ServiceBusClient } from '@azure/service-bus';
import {
  type AmqpServer,
  connectionString,
  EMULATOR_KEY,
  startAmqp,
} from '../../shared/local/service-bus/amqp/server.ts';
import { Authority } from '../../shared/local/service-bus/auth/authority.ts';
import type { Broker } from '../../shared/local/service-bus/core/broker.ts';
import { SystemClock } from '../../shared/local/service-bus/core/clock.ts';
import type { QueueProperties } from '../../shared/local/service-bus/core/entity-properties.ts';
import type { Limits } from '../../shared/local/service-bus/core/limits/limits.ts';
import { createBroker } from '../../shared/local/service-bus/create-broker.ts';

export interface LocalBus {
  readonly broker: Broker;
  readonly port: number;
  /** Makes a queue with a name of its own. */
  queue(properties?: Partial<QueueProperties>): string;
  /** Messages in a queue that are not settled. */
  count(queue: string): number;
  connectionCount(): number;
  /** A client that gives up at once instead of trying for minutes. */
  connect(options?: { key?: string; port?: number }): ServiceBusClient;
  close(): Promise<void>;
}

/** What a bus with this broker lets in: its key, and the rules of its entities. */
export function authorityOf(broker: Broker): Authority {
  return new Authority({ key: EMULATOR_KEY, entityRules: (path) => broker.rulesOf(path) });
}

export async function startBus({
  limits = {},
  ...options
}: {
  idleMs?: number;
  openMs?: number;
  requireToken?: boolean;
  limits?: Partial<Limits>;
} = {}): Promise<LocalBus> {
  const broker = createBroker({ clock: new SystemClock(), limits });
  const server: AmqpServer = await startAmqp({ broker, port: 0, ...options });
  let queues = 0;
  return {
    broker,
    port: server.port,
    queue: (properties) => {
      const name = `queue-${++queues}`;
      broker.createQueue(name, properties);
      return name;
    },
    count: (queue) => broker.getQueue(queue).counts.activeMessageCount,
    connectionCount: () => server.connectionCount,
    connect: ({ key = EMULATOR_KEY.key, port = server.port } = {}) =>
      new ServiceBusClient(connectionString(port, { name: EMULATOR_KEY.name, key }), {
        retryOptions: { maxRetries: 0, timeoutInMs: 8_000 },
      }),
    close: async () => {
      await server.close();
      broker.close();
    },
  };
}
