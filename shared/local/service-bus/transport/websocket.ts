/**
 * AMQP over WebSockets, as the service has it at `/$servicebus/websocket`: one byte stream, cut into messages anywhere.
 *
 * @see https://docs.oasis-open.org/amqp-bindmap/amqp-wsb/v1.0/amqp-wsb-v1.0.html
 */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { refuseUpgrade } from '../../local-http.ts';

const PATH = '/$servicebus/websocket';
/** The standard's name, which SDKs ask for, and the registered one. */
const SUBPROTOCOLS = ['AMQPWSB10', 'amqp'];
/** Many frames in one message are allowed; without a limit a client could fill the memory. */
const MAX_MESSAGE_BYTES = 16 * 1024 * 1024;

type Upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer, url: URL) => void;

/** A function that upgrades requests, and hands over each byte stream. */
export function webSockets(accept: (stream: Duplex) => void): Upgrade {
  let loading: Promise<Upgrade> | undefined;
  return (request, socket, head, url) => {
    if (url.pathname !== PATH)
      return refuseUpgrade(socket, 404, `expected ${PATH}, got '${url.pathname.slice(0, 200)}'`);
    const asked = request.headers['sec-websocket-protocol']?.split(',').map((name) => name.trim());
    if (asked && !asked.some((name) => SUBPROTOCOLS.includes(name))) {
      return refuseUpgrade(socket, 400, `Sec-WebSocket-Protocol: expected ${SUBPROTOCOLS.join(' or ')}`);
    }
    // Until then an error concerns nobody.
    socket.on('error', ignore);
    // Loaded at the first use, since most clients never do.
    loading ??= load(accept);
    loading.then(
      (upgrade) => {
        socket.off('error', ignore);
        upgrade(request, socket, head, url);
      },
      () => socket.destroy(),
    );
  };
}

function ignore(): void {}

async function load(accept: (stream: Duplex) => void): Promise<Upgrade> {
  const { createWebSocketStream, WebSocketServer } = await import('ws');
  const server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: MAX_MESSAGE_BYTES,
    handleProtocols: (names) => SUBPROTOCOLS.find((name) => names.has(name)) ?? false,
  });
  return (request, socket, head) => {
    server.handleUpgrade(request, socket, head, (client) => accept(createWebSocketStream(client)));
  };
}
