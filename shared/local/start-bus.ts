/** The local Service Bus with this build's topology, as `npm start` runs it. */
import { topology } from '../topology.ts';
import { connectionString, startAmqp } from './amqp.ts';
import { applyTopology } from './apply-topology.ts';
import { Broker } from './broker.ts';
import { SystemClock } from './clock.ts';

export interface LocalBus {
  readonly broker: Broker;
  readonly url: string;
  readonly connectionString: string;
  readonly adminUrl: string | undefined;
  /** Cuts every connection, as a network fault does. */
  cut(): void;
  /** Closes every connection and forgets every message. */
  close(): Promise<void>;
}

/** Starts it on loopback; a port of 0 takes any free one. Rejects when a port is taken. */
export async function startBus({ port }: { port: number; adminPort: number }): Promise<LocalBus> {
  const broker = new Broker({ clock: new SystemClock() });
  applyTopology(broker, topology);
  const amqp = await startAmqp({ broker, port });
  return {
    broker,
    url: `amqp://127.0.0.1:${amqp.port}`,
    connectionString: connectionString(amqp.port),
    adminUrl: undefined,
    cut: () => amqp.cut(),
    close: async () => {
      await amqp.close();
      broker.close();
    },
  };
}
