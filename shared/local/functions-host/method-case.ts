/**
 * Requests whose method Node's parser refuses. The Functions host ignores the case of a method (`get`, `patch`), and knows
 * no function for one that it has never heard of.
 */
import { METHODS, type Server } from 'node:http';
import { connect, type Socket } from 'node:net';
import { LOOPBACK } from '../local-http.ts';

/** Sends such requests to the server once more in capitals, or answers 404. Everything else malformed is a 400. */
export function acceptAnyMethod(server: Server): void {
  const taken = new WeakSet<Socket>();
  server.on('clientError', (error: Error & { code?: string; rawPacket?: Buffer }, stream) => {
    // An HTTP server's connections are sockets.
    const socket = stream as Socket;
    // The parser that failed goes on listening, and complains of all that follows.
    if (taken.has(socket)) return;
    taken.add(socket);
    if (!socket.writable || error.code === 'ECONNRESET') return void socket.destroy();
    const method = error.code === 'HPE_INVALID_METHOD' ? methodIn(error.rawPacket) : undefined;
    if (method === undefined || !error.rawPacket) return void socket.end(empty(statusOf(error.code)));
    const known = method.toUpperCase();
    if (known === method || !METHODS.includes(known)) return void socket.end(empty('404 Not Found'));
    sendAgain(server, socket, Buffer.concat([Buffer.from(known), error.rawPacket.subarray(known.length)]));
  });
}

function sendAgain(server: Server, socket: Socket, packet: Buffer): void {
  const address = server.address();
  if (typeof address !== 'object' || !address) return void socket.destroy();
  const again = connect(address.port, LOOPBACK);
  again.on('error', () => socket.destroy());
  socket.on('error', () => again.destroy());
  socket.on('close', () => again.destroy());
  again.write(packet);
  socket.pipe(again).pipe(socket);
  socket.resume();
}

/** The method at the beginning of a request. */
function methodIn(packet: Buffer | undefined): string | undefined {
  return /^([A-Za-z]+) \S+ HTTP\/1\.[01]\r\n/.exec(packet?.toString('latin1') ?? '')?.[1];
}

function statusOf(code: string | undefined): string {
  if (code === 'HPE_HEADER_OVERFLOW') return '431 Request Header Fields Too Large';
  return code === 'ERR_HTTP_REQUEST_TIMEOUT' ? '408 Request Timeout' : '400 Bad Request';
}

const empty = (status: string): string => `HTTP/1.1 ${status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`;
