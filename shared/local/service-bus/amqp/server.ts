/**
 * The broker's AMQP 1.0 endpoint: Azure Service Bus as its SDKs know it, on plain TCP, for one machine.
 *
 * The protocol engine is our own (`engine/`); `nodes/attach.ts` decides what a link does.
 */
import { createServer, type Server } from 'node:net';
import { isLoopback, LOOPBACK } from '../../local-http.ts';
import type { SharedKey } from '../auth/sasl.ts';
import type { Broker } from '../core/broker.ts';
import { AmqpError } from './codec/types.ts';
import { AmqpConnection } from './engine/connection.ts';
import { attachHandler } from './nodes/attach.ts';

/** The key in the official emulator's connection string. */
export const EMULATOR_KEY: SharedKey = { name: 'RootManageSharedAccessKey', key: 'SAS_KEY_VALUE' };
const DEFAULT_PORT = 5672;

interface AmqpOptions {
  readonly broker: Broker;
  /** 5672 when absent; 0 takes any free port. */
  readonly port?: number;
  /** Loopback when absent. */
  readonly host?: string;
  readonly key?: SharedKey;
  /** The idle time-out that peers are asked to keep. A peer that is silent for twice as long loses its connection. */
  readonly idleMs?: number;
  /** How long a client may take to open its connection, in milliseconds. */
  readonly openMs?: number;
  /**
   * Refuses links that no token covers. When absent, true unless the host is loopback, where bare AMQP clients may
   * connect.
   */
  readonly requireToken?: boolean;
}

export interface AmqpServer {
  readonly host: string;
  readonly port: number;
  readonly connectionCount: number;
  /** Cuts every connection without a close frame, as a network fault does. */
  cut(): void;
  /** Refuses new connections, closes the open ones, and resolves when all have ended. */
  close(): Promise<void>;
}

/**
 * Starts the endpoint.
 *
 * @throws Error with code EADDRINUSE when the port is taken
 */
export async function startAmqp(options: AmqpOptions): Promise<AmqpServer> {
  const { broker, key = EMULATOR_KEY, host = LOOPBACK, port = DEFAULT_PORT } = options;
  const { idleMs = 60_000, openMs = 20_000 } = options;
  const requireToken = options.requireToken ?? !isLoopback(host);
  const connections = new Set<AmqpConnection>();
  const onAttach = attachHandler({ broker, key, requireToken });
  const { maxConnections } = broker.limits;
  const tooMany = new AmqpError(
    'amqp:resource-limit-exceeded',
    `the namespace allows at most ${maxConnections} concurrent connections`,
  );
  const server = createServer({ noDelay: true }, (socket) => {
    const refusal = connections.size >= maxConnections ? tooMany : undefined;
    connections.add(
      new AmqpConnection(socket, {
        key,
        idleMs,
        openMs,
        onAttach,
        refusal,
        onClosed: (connection) => connections.delete(connection),
      }),
    );
  });
  const bound = await listen(server, host, port);
  return {
    host,
    port: bound,
    get connectionCount() {
      return connections.size;
    },
    cut: () => {
      for (const connection of [...connections]) connection.cut();
    },
    close: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      const reason = new AmqpError('amqp:connection:forced', 'the bus is shutting down');
      for (const connection of [...connections]) connection.close(reason);
      await closed;
    },
  };
}

/** The connection string of an endpoint on this machine. For clients elsewhere, `host` is the name they know it by. */
export function connectionString(port: number, key: SharedKey = EMULATOR_KEY, host = 'localhost'): string {
  return `Endpoint=sb://${host}:${port};SharedAccessKeyName=${key.name};SharedAccessKey=${key.key};UseDevelopmentEmulator=true;`;
}

function listen(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port }, () => {
      server.off('error', reject);
      // An error while accepting concerns one client only.
      server.on('error', () => {});
      const address = server.address();
      resolve(typeof address === 'object' && address ? address.port : port);
    });
  });
}
