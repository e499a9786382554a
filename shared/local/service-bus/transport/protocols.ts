/**
 * Every port of the bus takes every protocol, since SDKs differ in what they send where: some ask for the administration
 * at the port of AMQP, some open WebSockets at that of TLS. The first byte that a client sends says what it speaks.
 */
import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Server as TlsServer } from 'node:tls';

interface Protocols {
  readonly amqp: (stream: Duplex) => void;
  readonly http: Server;
  /** Whose clients then speak one of the other two. Without it they are disconnected. */
  readonly tls?: TlsServer | undefined;
  /** How long a client may take to say anything, in milliseconds. */
  readonly waitMs?: number;
}

/** The first byte of a protocol header of AMQP, and of SASL. */
const AMQP = 0x41;
/** The first byte of a TLS handshake. */
const TLS_HANDSHAKE = 0x16;

/** A function that hands a new connection to whoever takes its protocol. */
export function byProtocol({ amqp, http, tls, waitMs = 20_000 }: Protocols): (socket: Socket) => void {
  // Neither server listens by itself. Node looks for slow requests from this event on.
  http.emit('listening');
  const route = (stream: Duplex, secure: TlsServer | undefined): void => {
    const giveUp = (): void => void stream.destroy();
    const timer = setTimeout(giveUp, waitMs).unref();
    stream.on('error', giveUp);
    stream.once('close', () => clearTimeout(timer));
    stream.once('data', (chunk: Buffer) => {
      clearTimeout(timer);
      stream.pause();
      stream.unshift(chunk);
      const isSecure = chunk[0] === TLS_HANDSHAKE;
      if (isSecure && !secure) return giveUp();
      stream.off('error', giveUp);
      if (isSecure) {
        secure?.emit('connection', stream);
        return;
      }
      if (chunk[0] === AMQP) amqp(stream);
      else http.emit('connection', stream);
      stream.resume();
    });
  };
  tls?.on('secureConnection', (stream) => route(stream, undefined));
  return (socket) => route(socket, tls);
}
