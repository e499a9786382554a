/** The local Service Bus: a broker with its entities, and the AMQP face that clients connect to. */
import { topology } from '../topology.ts';
import { connectionString, LOOPBACK, startAmqp } from './amqp.ts';
import { applyPlan } from './apply-plan.ts';
import { applyTopology } from './apply-topology.ts';
import { Broker } from './broker.ts';
import { SystemClock } from './clock.ts';
import type { EntityPlan } from './entity-plan.ts';

export interface BusOptions {
  /** 0 takes any free one; so does the other. */
  readonly port: number;
  readonly adminPort: number;
  /** Loopback unless given. */
  readonly host?: string;
  /** The entities to begin with; this build's topology unless given. */
  readonly plan?: EntityPlan | undefined;
}

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

/** Starts it. Rejects when a port is taken or the plan has an entity that cannot be. */
export async function startBus({ port, host = LOOPBACK, plan }: BusOptions): Promise<LocalBus> {
  const broker = new Broker({ clock: new SystemClock() });
  if (plan) applyPlan(broker, plan);
  else applyTopology(broker, topology);
  const amqp = await startAmqp({ broker, port, host });
  return {
    broker,
    url: `amqp://${host}:${amqp.port}`,
    connectionString: connectionString(amqp.port),
    adminUrl: undefined,
    cut: () => amqp.cut(),
    close: async () => {
      await amqp.close();
      broker.close();
    },
  };
}
