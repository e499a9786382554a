/**
 * The local Service Bus: a broker with its entities, and two endpoints: AMQP for messages, HTTP for the administration.
 */
import type { Server as TlsServer } from 'node:tls';
import { topology } from '../../topology.ts';
import { isLoopback, LOOPBACK } from '../local-http.ts';
import { IDENTITY_PATH } from './admin/identity.ts';
import { createAdmin } from './admin/server.ts';
import { connectionString, createAmqp, EMULATOR_KEY } from './amqp/server.ts';
import { Authority } from './auth/authority.ts';
import { LocalIdentities } from './auth/local-identity.ts';
import type { SharedKey } from './auth/sasl.ts';
import { applyPlan } from './config/apply-plan.ts';
import { applyTopology } from './config/apply-topology.ts';
import type { EntityPlan } from './config/entity-plan.ts';
import type { Broker } from './core/broker.ts';
import { SystemClock } from './core/clock.ts';
import type { Limits } from './core/limits/limits.ts';
import { createBroker } from './create-broker.ts';
import type { Certificate } from './transport/certificate.ts';
import { type Listener, listen } from './transport/listener.ts';
import { byProtocol } from './transport/protocols.ts';
import { webSockets } from './transport/websocket.ts';

export interface BusOptions {
  /** For every port 0 takes any free one. */
  readonly port: number;
  readonly adminPort: number;
  /** Takes TLS too, on every port, and on these. */
  readonly tls?: TlsOptions | undefined;
  /** Takes tokens of local identities, which it issues as App Service does. */
  readonly identity?: boolean;
  /** Loopback when absent. Any other address needs a key too, since the emulator's key is public. */
  readonly host?: string;
  /** The emulator's key when absent. */
  readonly key?: SharedKey;
  /** The entities; those of this build's topology when absent. */
  readonly plan?: EntityPlan | undefined;
  /** Those of a tier or of the official emulator; lenient ones when absent. */
  readonly limits?: Partial<Limits> | undefined;
}

export interface TlsOptions extends Certificate {
  readonly port: number;
  /** One more, such as 443, where some clients always look for the administration and for WebSockets. */
  readonly httpsPort?: number | undefined;
}

export interface LocalBus {
  readonly broker: Broker;
  readonly url: string;
  readonly connectionString: string;
  readonly adminUrl: string;
  /** With TLS: messages, the administration and WebSockets are all at one port. */
  readonly tls?: { readonly url: string; readonly connectionString: string; readonly adminUrl: string };
  /** The environment of a program whose `DefaultAzureCredential` is to sign in here. */
  readonly identity?: { readonly IDENTITY_ENDPOINT: string; readonly IDENTITY_HEADER: string };
  /** Cuts every connection, as a network fault does. */
  cut(): void;
  /** Closes every connection and forgets every message. */
  close(): Promise<void>;
}

/** Starts the bus. Rejects, leaving nothing running, when a port is taken or the plan has an invalid entity. */
export async function startBus(options: BusOptions): Promise<LocalBus> {
  const { host = LOOPBACK, key = EMULATOR_KEY, plan, limits = {}, tls } = options;
  const clock = new SystemClock();
  const broker = createBroker({ clock, limits });
  if (plan) applyPlan(broker, plan);
  else applyTopology(broker, topology);
  const authority = new Authority({
    key,
    rules: plan?.authorizationRules ?? [],
    entityRules: (path) => broker.rulesOf(path),
    identities: options.identity ? new LocalIdentities(key.key, plan?.identities) : undefined,
  });
  const amqp = createAmqp({ broker, host, authority });
  const admin = createAdmin({ broker, clock, authority, host, onUpgrade: webSockets(amqp.accept) });
  const onConnection = byProtocol({ amqp: amqp.accept, http: admin, tls: tls && (await createTls(tls)) });
  const listeners: Listener[] = [];
  const close = async (): Promise<void> => {
    const closed = Promise.all(listeners.map((listener) => listener.close()));
    amqp.close();
    admin.close();
    admin.closeAllConnections();
    // Who has not said what it speaks, or does not answer, is not waited for.
    const destroying = setTimeout(() => {
      for (const listener of listeners) listener.destroy();
    }, LINGER_MS);
    await closed;
    clearTimeout(destroying);
    broker.close();
  };
  const open = async (port: number): Promise<number> => {
    const listener = await listen(host, port, onConnection);
    listeners.push(listener);
    return listener.port;
  };
  try {
    const port = await open(options.port);
    const tlsPort = tls && (await open(tls.port));
    if (tls?.httpsPort !== undefined) await open(tls.httpsPort);
    // Last, so that a client that finds the administration healthy can use all the others.
    const adminPort = await open(options.adminPort);
    const name = nameOf(host);
    return {
      broker,
      url: `amqp://${host}:${port}`,
      connectionString: connectionString(port, key, name),
      adminUrl: `http://${host}:${adminPort}`,
      ...(tlsPort !== undefined && {
        tls: {
          url: `amqps://${host}:${tlsPort}`,
          connectionString: connectionString(tlsPort, key, name, 'tls'),
          adminUrl: `https://${host}:${tlsPort}`,
        },
      }),
      ...(options.identity && {
        identity: { IDENTITY_ENDPOINT: `http://${host}:${adminPort}${IDENTITY_PATH}`, IDENTITY_HEADER: key.key },
      }),
      cut: amqp.cut,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** How long the connections may take to end when the bus closes. */
const LINGER_MS = 1_000;

/** Node's TLS is loaded for those who ask for it. */
async function createTls({ key, cert }: Certificate): Promise<TlsServer> {
  const { createServer } = await import('node:tls');
  return createServer({ key, cert, handshakeTimeout: 20_000 });
}

/** The name of the host in connection strings. */
function nameOf(host: string): string {
  const isEverywhere = host === '0.0.0.0' || host === '::';
  return isEverywhere || isLoopback(host) ? 'localhost' : host;
}
