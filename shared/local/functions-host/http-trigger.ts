/**
 * Serves the HTTP triggers on one port, as the Functions host does. Function keys are not checked, as with `func
 * start`.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createLocalServer, LOOPBACK } from '../local-http.ts';
import type { Binding, InvocationRequest, InvocationResponse, RpcHttpCookie, RpcHttpData } from './core-module.ts';
import { traceContextOf } from './invoke.ts';
import { parseRoute, type Route } from './routes.ts';

/** The limit of the Functions host. */
const MAX_BODY_BYTES = 100 * 1024 * 1024;

/** An HTTP function of the app. */
interface HttpFunction {
  readonly name: string;
  readonly binding: Binding & { readonly name: string };
  readonly run: (request: InvocationRequest) => Promise<InvocationResponse>;
}

interface Endpoint extends HttpFunction {
  readonly route: Route;
  readonly methods: readonly string[];
}

/** The path of an HTTP function, such as `api/events`. */
export function httpPathOf({ name, binding }: Pick<HttpFunction, 'name' | 'binding'>, routePrefix: string): string {
  const route = typeof binding['route'] === 'string' ? binding['route'] : name;
  return [routePrefix, route].filter((part) => part !== '').join('/');
}

export function methodsOf(binding: Binding): string[] {
  const { methods } = binding;
  return Array.isArray(methods) ? methods.map((method) => String(method).toUpperCase()) : [];
}

/** The HTTP server of the functions; `stop` ends it. */
export class HttpTriggers {
  readonly #endpoints: readonly Endpoint[];
  readonly #server: Server;

  constructor(functions: readonly HttpFunction[], routePrefix: string) {
    this.#endpoints = functions
      .map((one) => ({ ...one, route: parseRoute(httpPathOf(one, routePrefix)), methods: methodsOf(one.binding) }))
      .sort((a, b) => (a.route.rank < b.route.rank ? -1 : 1));
    this.#server = createLocalServer({
      host: LOOPBACK,
      onRequest: (request, response, url) => void this.#answer(request, response, url),
    });
  }

  /** Resolves to the port. Rejects when the port is taken. */
  listen(port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      // A TCP server's address is never a pipe's.
      this.#server.listen(port, LOOPBACK, () => resolve((this.#server.address() as AddressInfo).port));
    });
  }

  /** Refuses new requests. Resolves when those in progress are answered. */
  async stop(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeIdleConnections();
    await closed;
  }

  async #answer(request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> {
    try {
      const body = await readBody(request);
      if (!body) {
        response.writeHead(413, { connection: 'close' }).end();
        return;
      }
      const found = this.#find(request.method ?? 'GET', decodePath(url.pathname));
      if (!found) {
        const text = url.pathname === '/' ? 'The function app is up and running.\n' : '';
        response.writeHead(url.pathname === '/' ? 200 : 404, { 'content-type': 'text/plain' }).end(text);
        return;
      }
      // Like the real host, which reads a body only with a content-length: a chunked body arrives empty.
      const isRead = request.headers['content-length'] !== undefined;
      const http = toRpcHttp(request, url, found.params, isRead ? body : Buffer.alloc(0));
      const { returnValue } = await found.endpoint.run({
        inputData: [{ name: found.endpoint.binding.name, data: { http } }],
        triggerMetadata: {},
        traceContext: traceContextOf(request.headers['traceparent']),
      });
      writeResponse(response, returnValue?.http);
    } catch {
      // The function's error is logged by `run`. Like the real host, the answer does not contain it.
      if (!response.headersSent) response.writeHead(500);
      response.end();
    }
  }

  #find(method: string, path: string): { endpoint: Endpoint; params: Record<string, string> } | undefined {
    for (const endpoint of this.#endpoints) {
      const params = endpoint.methods.includes(method) ? endpoint.route.match(path) : undefined;
      if (params) return { endpoint, params };
    }
    return undefined;
  }
}

function decodePath(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

async function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

type NullableMap = Record<string, { value: string }>;

const nullable = (entries: Iterable<readonly [string, string]>): NullableMap =>
  Object.fromEntries([...entries].map(([key, value]) => [key, { value }]));

function toRpcHttp(request: IncomingMessage, url: URL, params: Record<string, string>, body: Buffer): RpcHttpData {
  const headers = Object.entries(request.headers).map(([name, value]): [string, string] => [name, String(value)]);
  return {
    method: request.method ?? 'GET',
    url: url.href,
    nullableHeaders: nullable(headers),
    nullableQuery: nullable(url.searchParams),
    nullableParams: nullable(Object.entries(params)),
    body: body.length > 0 ? { bytes: body } : null,
  };
}

function writeResponse(response: ServerResponse, http: RpcHttpData | undefined): void {
  if (!http) {
    response.writeHead(204).end();
    return;
  }
  response.statusCode = Number(http.statusCode ?? 200);
  for (const [name, value] of Object.entries(http.headers ?? {})) response.setHeader(name, value);
  const cookies = (http.cookies ?? []).map(cookieText);
  if (cookies.length > 0) response.setHeader('set-cookie', cookies);
  response.end(http.body?.bytes);
}

/** In this protocol `none` means no SameSite attribute, and `explicitNone` means SameSite=None. */
function cookieText({ name, value, ...attributes }: RpcHttpCookie): string {
  const { domain, path, expires, secure, httpOnly, sameSite, maxAge } = attributes;
  const expiry = expires?.value.seconds;
  return [
    `${name}=${encodeURIComponent(value)}`,
    ...(maxAge ? [`Max-Age=${maxAge.value}`] : []),
    ...(domain ? [`Domain=${domain.value}`] : []),
    ...(path ? [`Path=${path.value}`] : []),
    ...(typeof expiry === 'number' ? [`Expires=${new Date(expiry * 1000).toUTCString()}`] : []),
    ...(secure?.value ? ['Secure'] : []),
    ...(httpOnly?.value ? ['HttpOnly'] : []),
    ...(sameSite && sameSite !== 'none' ? [`SameSite=${sameSite.replace(/^explicit/, '')}`] : []),
  ].join('; ');
}
