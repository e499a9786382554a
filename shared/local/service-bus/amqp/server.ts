/**
 * The broker's AMQP 1.0 endpoint: Azure Service Bus as its SDKs know it, for one machine.
 *
 * The protocol engine is our own (`engine/`); `nodes/attach.ts` decides what a link does.
 */
import type { Duplex } from 'node:stream';
import { isLoopback, LOOPBACK } from '../../local-http.ts';
import { Authority } from '../auth/authority.ts';
import type { SharedKey } from '../auth/sasl.ts';
import { PUBLIC_KEY } from '../core/authorization-rule.ts';
import type { Broker } from '../core/broker.ts';
import { listen } from '../transport/listener.ts';
import { AmqpError } from './codec/types.ts';
import { AmqpConnection } from './engine/connection.ts';
import { attachHandler } from './nodes/attach.ts';

/** The key in the official emulator's connection string. */
export const EMULATOR_KEY: SharedKey = { name: 'RootManageSharedAccessKey', key: PUBLIC_KEY };

interface AmqpOptions {
  readonly broker: Broker;
  /** The address that is listened on, loopback when absent. */
  readonly host?: string;
  readonly authority: Authority;
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

export interface AmqpEndpoint {
  readonly connectionCount: number;
  /** Takes a connection, of whatever transport. */
  accept(stream: Duplex): void;
  /** Cuts every connection without a close frame, as a network fault does. */
  cut(): void;
  /** Closes the open connections. Their transport may last for another second. */
  close(): void;
}

export function createAmqp(options: AmqpOptions): AmqpEndpoint {
  const { broker, authority, host = LOOPBACK } = options;
  const { idleMs = 60_000, openMs = 20_000 } = options;
  const requireToken = options.requireToken ?? !isLoopback(host);
  const connections = new Set<AmqpConnection>();
  const onAttach = attachHandler({ broker, authority, requireToken });
  const { maxConnections } = broker.limits;
  const tooMany = new AmqpError(
    'amqp:resource-limit-exceeded',
    `the namespace allows at most ${maxConnections} concurrent connections`,
  );
  return {
    get connectionCount() {
      return connections.size;
    },
    accept: (stream) => {
      const refusal = connections.size >= maxConnections ? tooMany : undefined;
      connections.add(
        new AmqpConnection(stream, {
          readPassword: (name, password) => authority.readPassword(name, password),
          idleMs,
          openMs,
          onAttach,
          refusal,
          onClosed: (connection) => connections.delete(connection),
        }),
      );
    },
    cut: () => {
      for (const connection of [...connections]) connection.cut();
    },
    close: () => {
      const reason = new AmqpError('amqp:connection:forced', 'the bus is shutting down');
      for (const connection of [...connections]) connection.close(reason);
    },
  };
}

export interface AmqpServer extends Omit<AmqpEndpoint, 'close'> {
  readonly port: number;
  /** Refuses new connections, closes the open ones, and resolves when all have ended. */
  close(): Promise<void>;
}

interface ServerOptions extends Omit<AmqpOptions, 'authority'> {
  readonly port: number;
  readonly key?: SharedKey;
}

/**
 * An endpoint with a port of its own, for AMQP alone.
 *
 * @param options port 0 takes any free one
 *
 * @throws Error with code EADDRINUSE when the port is taken
 */
export async function startAmqp({ port, key = EMULATOR_KEY, ...options }: ServerOptions): Promise<AmqpServer> {
  const authority = new Authority({ key, entityRules: (path) => options.broker.rulesOf(path) });
  const endpoint = createAmqp({ ...options, authority });
  const listener = await listen(options.host ?? LOOPBACK, port, endpoint.accept);
  return {
    port: listener.port,
    get connectionCount() {
      return endpoint.connectionCount;
    },
    accept: endpoint.accept,
    cut: endpoint.cut,
    close: async () => {
      const closed = listener.close();
      endpoint.close();
      await closed;
    },
  };
}

/**
 * The connection string of an endpoint on this machine. For clients elsewhere, `host` is the name they know it by. The
 * word for emulators is what has SDKs do without TLS.
 */
export function connectionString(
  port: number,
  key: SharedKey = EMULATOR_KEY,
  host = 'localhost',
  transport: 'tcp' | 'tls' = 'tcp',
): string {
  const string = `Endpoint=sb://${host}:${port};SharedAccessKeyName=${key.name};SharedAccessKey=${key.key};`;
  return transport === 'tls' ? string : `${string}UseDevelopmentEmulator=true;`;
}
