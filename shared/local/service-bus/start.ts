/**
 * The local Service Bus: a broker with its entities, and two endpoints: AMQP for messages, HTTP for the administration.
 */
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
import type { Limits } from './core/limits/limits.ts';
import { createBroker } from './create-broker.ts';

export interface BusOptions {
  /** For both ports 0 takes any free one. */
  readonly port: number;
  readonly adminPort: number;
  /** Loopback when absent. Any other address needs a key too, since the emulator's key is public. */
  readonly host?: string;
  /** The emulator's key when absent. */
  readonly key?: SharedKey;
  /** The entities; those of this build's topology when absent. */
  readonly plan?: EntityPlan | undefined;
  /** Those of a tier or of the official emulator; lenient ones when absent. */
  readonly limits?: Partial<Limits> | undefined;
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

/** Starts the bus. Rejects, leaving nothing running, when a port is taken or the plan has an invalid entity. */
export async function startBus(options: BusOptions): Promise<LocalBus> {
  const { port, adminPort, host = LOOPBACK, key = EMULATOR_KEY, plan, limits = {} } = options;
  const clock = new SystemClock();
  const broker = createBroker({ clock, limits });
  if (plan) applyPlan(broker, plan);
  else applyTopology(broker, topology);
  const amqp = await startAmqp({ broker, port, host, key });
  // Started after the AMQP endpoint, so that a client that finds it healthy can send at once.
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

/** The name of the host in connection strings. */
function nameOf(host: string): string {
  const isEverywhere = host === '0.0.0.0' || host === '::';
  return isEverywhere || isLoopback(host) ? 'localhost' : host;
}
