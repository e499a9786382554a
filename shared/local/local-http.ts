/**
 * An HTTP server on a developer's machine. Any website that is open in a browser there can send requests to it, so the
 * server checks first for whom a request is (`Host`) and whose page sends it (`Origin`).
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';

/** The default address of every server here. */
export const LOOPBACK = '127.0.0.1';

export interface LocalServerOptions {
  /** Handles a request that passed the checks. */
  readonly onRequest: (request: IncomingMessage, response: ServerResponse, url: URL) => void;
  /**
   * Takes a request to upgrade the connection to another protocol, after the same checks; but a page that a loopback
   * address serves on another port may ask for it. Without it Node answers such requests like any others.
   */
  readonly onUpgrade?: ((request: IncomingMessage, socket: Duplex, head: Buffer, url: URL) => void) | undefined;
  /**
   * The address to listen on. Beyond loopback any `Host` is accepted, since the names of this machine are not known.
   */
  readonly host: string;
  /** How long the headers of a request may take to arrive, and the whole request. */
  readonly headMs?: number;
  readonly requestMs?: number;
  /** How long the first line and the headers of a request may be, in bytes; Node's 16 KiB unless set. */
  readonly maxHeaderSize?: number;
}

/** A server that refuses requests of foreign pages (421, 403), and requests that are too slow (408). */
export function createLocalServer({
  onRequest,
  onUpgrade,
  host,
  headMs = 10_000,
  requestMs = 60_000,
  maxHeaderSize,
}: LocalServerOptions): Server {
  const timeouts = { headersTimeout: headMs, requestTimeout: requestMs, connectionsCheckingInterval: headMs / 2 };
  const server = createServer({ ...timeouts, ...(maxHeaderSize && { maxHeaderSize }) }, (request, response) => {
    const url = urlOf(request);
    const refusal = refusalOf(request, url, host);
    if (url && !refusal) return onRequest(request, response, url);
    // The body is not read, so it is still in the connection.
    response.writeHead(refusal?.status ?? 400, { 'content-type': 'text/plain; charset=utf-8', connection: 'close' });
    response.end(`${refusal?.why}\n`);
  });
  if (onUpgrade) {
    server.on('upgrade', (request, socket, head) => {
      const url = urlOf(request);
      const refusal = refusalOf(request, url, host, 'loopback pages too');
      if (url && !refusal) return onUpgrade(request, socket, head, url);
      refuseUpgrade(socket, refusal?.status ?? 400, refusal?.why ?? '');
    });
  }
  return server;
}

/** Answers a request to upgrade with an error, and ends the connection. */
export function refuseUpgrade(socket: Duplex, status: number, why: string): void {
  const body = `${why}\n`;
  socket.on('error', () => socket.destroy());
  socket.end(
    [
      `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
      'content-type: text/plain; charset=utf-8',
      `content-length: ${Buffer.byteLength(body)}`,
      'connection: close',
      '',
      body,
    ].join('\r\n'),
  );
}

/** Whether an address or host name is reachable from this machine alone. */
export function isLoopback(host: string): boolean {
  return /^(localhost|127(\.\d{1,3}){3}|::1|\[::1\])$/i.test(host);
}

/**
 * The URL of a request. It is joined as text, since `//name/path` as a relative reference would mean another host. Some
 * clients send the whole of it, which then counts instead of the Host (RFC 9112, 3.2.2).
 */
function urlOf({ url = '', headers: { host = 'localhost' }, socket }: IncomingMessage): URL | undefined {
  const [, authority = host, path = url] = /^https?:\/\/([^/?#]*)(\/.*)$/i.exec(url) ?? [];
  const text = `${'encrypted' in socket ? 'https' : 'http'}://${authority}${path}`;
  return /^[\w.:[\]-]+$/.test(authority) && path.startsWith('/') && URL.canParse(text) ? new URL(text) : undefined;
}

/** Absent headers pass: browsers always send a Host, and send an Origin with every request other than a plain GET. */
function refusalOf(
  { headers: { origin } }: IncomingMessage,
  url: URL | undefined,
  host: string,
  pages: 'own pages' | 'loopback pages too' = 'own pages',
): { status: number; why: string } | undefined {
  if (!url) return { status: 400, why: 'the URL is malformed' };
  // A website can give its name the address 127.0.0.1, but not hide the name.
  if (isLoopback(host) && !isLoopback(url.hostname)) {
    return { status: 421, why: `Host: expected localhost or a loopback address, got '${url.hostname}'` };
  }
  if (origin === undefined || origin === url.origin) return undefined;
  if (pages === 'loopback pages too' && URL.canParse(origin) && isLoopback(new URL(origin).hostname)) return undefined;
  return { status: 403, why: `Origin: expected none or ${url.origin}, got '${origin.slice(0, 200)}'` };
}
