/** A TCP port, and the connections that came in through it. */
import { createServer, type Socket } from 'node:net';

export interface Listener {
  readonly port: number;
  /** Refuses new connections. Resolves when the open ones have ended, which is for others to bring about. */
  close(): Promise<void>;
  /** Destroys every connection. */
  destroy(): void;
}

/**
 * Listens on a port; 0 takes any free one.
 *
 * @throws Error with code EADDRINUSE when the port is taken, EACCES when this user may not have it
 */
export function listen(host: string, port: number, onConnection: (socket: Socket) => void): Promise<Listener> {
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    onConnection(socket);
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port }, () => {
      server.off('error', reject);
      // An error while accepting concerns one client only.
      server.on('error', () => {});
      const address = server.address();
      resolve({
        port: typeof address === 'object' && address ? address.port : port,
        close: () => new Promise((closed) => server.close(() => closed())),
        destroy: () => {
          for (const socket of sockets) socket.destroy();
        },
      });
    });
  });
}
