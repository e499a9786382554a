/**
 * An HTTP server on a developer's machine. Any website that is open there can send requests to it, so whom a request is
 * for (`Host`) and whose page sends it (`Origin`) are checked before anything else.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';

/** The only address that a server here listens on unless asked. */
export const LOOPBACK = '127.0.0.1';

export interface LocalServerOptions {
  /** Gets the requests that are let in, and what they ask for. */
  readonly onRequest: (request: IncomingMessage, response: ServerResponse, url: URL) => void;
  /** What the server will listen on. Beyond loopback any name in `Host` is good: what we are called there is not known. */
  readonly host: string;
  /** How long the head of a request may take to come, and all of it. */
  readonly headMs?: number;
  readonly requestMs?: number;
}

/** A server that refuses what a foreign page sends (421, 403), and requests that do not come to an end (408). */
export function createLocalServer({
  onRequest,
  host,
  headMs = 10_000,
  requestMs = 60_000,
}: LocalServerOptions): Server {
  const timeouts = { headersTimeout: headMs, requestTimeout: requestMs, connectionsCheckingInterval: headMs / 2 };
  return createServer(timeouts, (request, response) => {
    const url = urlOf(request);
    const refusal = url
      ? refuseForeign(request, url, isLoopback(host))
      : { status: 400, why: 'not an address of ours' };
    if (url && !refusal) return onRequest(request, response, url);
    // The body was not read, and is still in the connection.
    response.writeHead(refusal?.status ?? 400, { 'content-type': 'text/plain; charset=utf-8', connection: 'close' });
    response.end(`${refusal?.why}\n`);
  });
}

/** Whether this machine alone can reach an address, or what a name in a URL stands for. */
export function isLoopback(host: string): boolean {
  return /^(localhost|127(\.\d{1,3}){3}|::1|\[::1\])$/i.test(host);
}

/** Joined as text: as a relative reference `//name/path` would be for another host. */
function urlOf({ url = '', headers: { host = 'localhost' } }: IncomingMessage): URL | undefined {
  const text = `http://${host}${url}`;
  return /^[\w.:[\]-]+$/.test(host) && url.startsWith('/') && URL.canParse(text) ? new URL(text) : undefined;
}

/** Absent headers are good: browsers send a Host always, and an Origin with whatever is not a plain GET. */
function refuseForeign(
  { headers: { origin } }: IncomingMessage,
  { hostname, origin: own }: URL,
  isLocal: boolean,
): { status: number; why: string } | undefined {
  // A website can give its name the address 127.0.0.1, but not hide the name.
  if (isLocal && !isLoopback(hostname)) {
    return { status: 421, why: `Host: expected localhost or a loopback address, got '${hostname}'` };
  }
  if (origin !== undefined && origin !== own) {
    return { status: 403, why: `Origin: expected none or ${own}, got '${origin.slice(0, 200)}'` };
  }
  return undefined;
}
