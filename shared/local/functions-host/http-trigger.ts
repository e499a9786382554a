/**
 * Serves the HTTP triggers on one port, as the Functions host does. Function keys are not checked, as with `func
 * start`.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createLocalServer, LOOPBACK } from '../local-http.ts';
import type { Binding, InvocationRequest, InvocationResponse, RpcHttpCookie, RpcHttpData } from './core-module.ts';
import { decodedPath, toRpcHttp } from './http-request.ts';
import { traceContextOf } from './invoke.ts';
import { acceptAnyMethod } from './method-case.ts';
import { parseRoute, type Route } from './routes.ts';

/** The limits of the Functions host: of a body, of the first line of a request, and of that and the headers. */
const MAX_BODY_BYTES = 100 * 1024 * 1024;
const MAX_LINE_BYTES = 8 * 1024;
const MAX_HEAD_BYTES = 40 * 1024;

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
      maxHeaderSize: MAX_HEAD_BYTES,
      onRequest: (request, response, url) => void this.#answer(request, response, url),
    });
    acceptAnyMethod(this.#server);
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
    const refuse = (status: number): void => void response.writeHead(status, { connection: 'close' }).end();
    if (lineBytes(request) > MAX_LINE_BYTES) return refuse(414);
    const path = decodedPath(url.pathname);
    if (path.includes('\0')) return refuse(400);
    const found = this.#find(request.method ?? 'GET', path);
    if (!found) return this.#answerUnknown(request, response, path);
    if (Number(request.headers['content-length'] ?? 0) > MAX_BODY_BYTES) return refuse(500);
    try {
      const body = await readBody(request);
      const http = toRpcHttp(request, url, found.params, body);
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

  /** `GET /` is the host's own page. */
  #answerUnknown(request: IncomingMessage, response: ServerResponse, path: string): void {
    request.resume();
    if (path !== '/' || request.method !== 'GET') return void response.writeHead(404).end();
    response.writeHead(200, { 'content-type': 'text/html' });
    response.end('<!doctype html><title>Functions</title><p>The function app is up and running.</p>\n');
  }

  #find(method: string, path: string): { endpoint: Endpoint; params: Record<string, string> } | undefined {
    for (const endpoint of this.#endpoints) {
      const params = endpoint.methods.includes(method) ? endpoint.route.match(path) : undefined;
      if (params) return { endpoint, params };
    }
    return undefined;
  }
}

function lineBytes({ method = '', url = '' }: IncomingMessage): number {
  return Buffer.byteLength(`${method} ${url} HTTP/1.1\r\n`);
}

/** Like the real host, which reads a body only with a content-length: a chunked body arrives empty. */
async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  const isRead = request.headers['content-length'] !== undefined;
  for await (const chunk of request) if (isRead) chunks.push(chunk);
  return Buffer.concat(chunks);
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
  // Written apart from the end, an answer has no length and is sent in chunks, as the real host sends it.
  if (http.body?.bytes?.length) response.write(http.body.bytes);
  response.end();
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
