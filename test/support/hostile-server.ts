/**
 * Servers that fail in every way they know, and repeat all that they were sent in what they answer: a proxy that shows
 * the request, a service that quotes the token it refuses.
 */
import { createServer, type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import rhea from 'rhea';

/** Whatever is asked for below `/<way>/` fails that way; `<format>-<status>` is an answer. */
export const WAYS = [
  ...['html-401', 'html-403', 'html-407', 'html-500', 'text-400', 'text-503', 'json-400', 'json-403', 'json-500'],
  ...['status-401', 'status-403', 'status-422', 'status-500', 'odata-403', 'odata-404', 'odata-500', 'xml-403'],
  ...['problem-400', 'problem-401', 'problem-404', 'problem-500', 'phrase-500', 'moved-302'],
  ...['html-200', 'json-200', 'half-200', 'cut', 'garbage', 'reset'],
] as const;
/** Answers nothing. */
export const HANG = 'hang';

const FORMATS: Readonly<Record<string, [type: string, body: (echo: string) => string]>> = {
  html: ['text/html', (echo) => `<html><pre>${echo}</pre></html>`],
  text: ['text/plain', (echo) => echo],
  json: [
    'application/json',
    (echo) => JSON.stringify({ message: echo, error: echo, error_description: echo, code: echo, title: echo }),
  ],
  status: ['application/json', (echo) => JSON.stringify({ kind: 'Status', apiVersion: 'v1', message: echo })],
  odata: [
    'application/json',
    (echo) => JSON.stringify({ 'odata.error': { code: echo, message: { lang: 'en', value: echo } } }),
  ],
  xml: ['application/xml', (echo) => `<Error><Code>${echo}</Code><Message>${echo}</Message></Error>`],
  problem: ['application/problem+json', (echo) => JSON.stringify({ title: echo, issues: [{ path: echo }] })],
  half: ['application/json', (echo) => `{"message": ${JSON.stringify(echo)}, "odata.metadata": ${echo}`],
  moved: ['text/plain', (echo) => echo],
  phrase: ['text/plain', (echo) => echo],
};

export interface HostileServer {
  readonly port: number;
  /** What it was sent, request by request. */
  readonly received: string[];
  /** An address below which everything fails in one way. */
  at(way: string, path?: string): string;
  close(): Promise<void>;
}

export async function startHostileServer(): Promise<HostileServer> {
  const received: string[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const echo = echoOf(request, Buffer.concat(chunks));
      received.push(echo);
      fail(request, response, echo);
    });
  });
  // As a proxy for TLS it says no, too.
  server.on('connect', (request, socket) => {
    const echo = echoOf(request, Buffer.alloc(0));
    received.push(echo);
    socket.end(`HTTP/1.1 407 Proxy Authentication Required\r\nContent-Type: text/plain\r\n\r\n${echo}`);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo; // a TCP server's address is never a pipe's
  return {
    port,
    received,
    at: (way, path = '') => `http://127.0.0.1:${port}/${way}/${path}`,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function echoOf({ method, url, rawHeaders, headers }: IncomingMessage, body: Buffer): string {
  const basic = /Basic (\S+)/.exec(headers.authorization ?? headers['proxy-authorization'] ?? '')?.[1] ?? '';
  return `${method} ${url} ${rawHeaders.join(' ')} ${Buffer.from(basic, 'base64')} ${body}`;
}

function fail(request: IncomingMessage, response: ServerResponse, echo: string): void {
  // A proxy is asked for whole addresses.
  const way = new URL(request.url ?? '', 'http://hostile').pathname.split('/')[1] ?? '';
  const [format = '', status = '500'] = way.split('-');
  if (way === HANG) return;
  if (way === 'reset') return void request.socket.resetAndDestroy();
  if (way === 'garbage') return void request.socket.end(`${echo}\r\n\r\n`);
  if (way === 'cut') {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': 100_000 });
    response.write(JSON.stringify({ message: echo }), () => request.socket.destroy());
    return;
  }
  const [type, bodyOf] = FORMATS[format] ?? FORMATS['text'] ?? ['', String];
  const phrase = format === 'phrase' ? echo.replace(/[^\x20-\x7e]/g, ' ') : STATUS_CODES[status];
  response.writeHead(Number(status), phrase, {
    'content-type': type,
    'www-authenticate': `Bearer realm="${echo.replace(/[^\x20-\x7e]|"/g, ' ')}"`,
    ...(format === 'moved' && { location: `/text-500/${encodeURIComponent(echo.slice(0, 500))}` }),
  });
  response.end(bodyOf(echo));
}

/** `token` refuses the token, `link` every link; both repeat the token. `http` speaks another protocol. */
export type HostileBroker = 'token' | 'link' | 'http' | 'reset' | 'hang';

/** A broker that fails in one way. `received` are the tokens. */
export async function startHostileBroker(way: HostileBroker): Promise<Omit<HostileServer, 'at'>> {
  const received: string[] = [];
  const server =
    way === 'token' || way === 'link'
      ? amqpServer(way, received)
      : createTcpServer((socket) => {
          socket.on('error', () => {});
          if (way === 'reset') socket.resetAndDestroy();
          if (way === 'http') socket.end(`HTTP/1.1 400 Bad Request\r\n\r\n`);
        }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    received,
    close: async () => void server.close(),
  };
}

function amqpServer(way: 'token' | 'link', received: string[]) {
  const container = rhea.create_container();
  container.on('error', () => {});
  container.on('disconnected', () => {});
  container.on('connection_error', () => {});
  container.on('session_error', () => {});
  container.on('receiver_error', () => {});
  container.on('sender_error', () => {});
  const replies = new WeakMap<rhea.Connection, rhea.Sender>();
  const echo = (): string => `refused: ${received.join(' ')}`;
  const onOpen = ({ connection, sender, receiver }: rhea.EventContext): void => {
    const link = sender ?? receiver;
    if (!link) return;
    const address = (sender ? link.source : link.target)?.address;
    link.set_source(link.source);
    link.set_target(link.target);
    if (address !== '$cbs') {
      link.close({ condition: 'amqp:unauthorized-access', description: echo() });
      return;
    }
    if (sender) replies.set(connection, sender);
  };
  container.on('sender_open', onOpen);
  container.on('receiver_open', onOpen);
  container.on('message', ({ connection, message }: rhea.EventContext) => {
    if (!message) return;
    received.push(String(message.body));
    const isRefused = way === 'token';
    replies.get(connection)?.send({
      to: message.reply_to ?? '',
      correlation_id: message.message_id ?? '',
      body: '',
      application_properties: {
        'status-code': isRefused ? 401 : 200,
        'status-description': isRefused ? echo() : 'OK',
      },
    });
  });
  return container.listen({ port: 0, host: '127.0.0.1' });
}
