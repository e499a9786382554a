/** The local Service Bus: a broker with its entities, and its two faces, AMQP for messages and HTTP for administration. */
import { topology } from '../../topology.ts';
import { isLoopback, LOOPBACK } from '../local-http.ts';
import { startAdmin } from './admin/server.ts';
import { connectionString, EMULATOR_KEY, startAmqp } from './amqp/server.ts';
import type { SharedKey } from './auth/sasl.ts';
import { applyPlan } from './config/apply-plan.ts';
import { applyTopology } from './config/apply-topology.ts';
import type { EntityPlan } from './config/entity-plan.ts';
import type { Broker } from './core/broker.ts';
import { SystemClock } from './core/clock.ts';
import { createBroker } from './create-broker.ts';

export interface BusOptions {
  /** 0 takes any free one; so does the other. */
  readonly port: number;
  readonly adminPort: number;
  /** Loopback unless given; for any other address give a key too, since everybody knows the emulator's. */
  readonly host?: string;
  /** The emulator's unless given. */
  readonly key?: SharedKey;
  /** The entities to begin with; this build's topology unless given. */
  readonly plan?: EntityPlan | undefined;
}

export interface LocalBus {
  readonly broker: Broker;
  readonly url: string;
  readonly connectionString: string;
  readonly adminUrl: string;
  /** Cuts every connection, as a network fault does. */
  cut(): void;
  /** Closes every connection and forgets every message. */
  close(): Promise<void>;
}

/** Starts it. Rejects when a port is taken or the plan has an entity that cannot be; then nothing is left running. */
export async function startBus(options: BusOptions): Promise<LocalBus> {
  const { port, adminPort, host = LOOPBACK, key = EMULATOR_KEY, plan } = options;
  const clock = new SystemClock();
  const broker = createBroker({ clock });
  if (plan) applyPlan(broker, plan);
  else applyTopology(broker, topology);
  const amqp = await startAmqp({ broker, port, host, key });
  // After the other face, so that whoever finds it healthy can send at once.
  const admin = await startAdmin({ broker, clock, key, host, port: adminPort }).catch(async (error) => {
    await amqp.close();
    broker.close();
    throw error;
  });
  return {
    broker,
    url: `amqp://${host}:${amqp.port}`,
    connectionString: connectionString(amqp.port, key, nameOf(host)),
    adminUrl: `http://${host}:${admin.port}`,
    cut: () => amqp.cut(),
    close: async () => {
      await Promise.all([admin.close(), amqp.close()]);
      broker.close();
    },
  };
}

/** What clients on this machine call it. */
function nameOf(host: string): string {
  const isEverywhere = host === '0.0.0.0' || host === '::';
  return isEverywhere || isLoopback(host) ? 'localhost' : host;
}
