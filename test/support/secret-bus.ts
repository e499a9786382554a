/** A Service Bus whose key is a canary. */
import { connectionString, startAmqp } from '../../shared/local/service-bus/amqp/server.ts';
import { applyTopology } from '../../shared/local/service-bus/config/apply-topology.ts';
import { SystemClock } from '../../shared/local/service-bus/core/clock.ts';
import { createBroker } from '../../shared/local/service-bus/create-broker.ts';
import { topology } from '../../shared/topology.ts';
import { canary } from './canaries.ts';

export interface SecretBus {
  readonly key: string;
  readonly connection: string;
  close(): Promise<void>;
}

export async function startSecretBus(): Promise<SecretBus> {
  const broker = createBroker({ clock: new SystemClock() });
  applyTopology(broker, topology);
  const key = { name: 'RootManageSharedAccessKey', key: canary() };
  const amqp = await startAmqp({ broker, port: 0, key });
  return {
    key: key.key,
    connection: connectionString(amqp.port, key),
    close: async () => {
      await amqp.close();
      broker.close();
    },
  };
}
