/** Registers HTTP functions: a small request and response, ports, and errors as problem documents (RFC 9457). */
import { type HttpRequest as AzureRequest, app } from '@azure/functions';
import { appPorts, checkSettingsAtStart, triggersOfHost } from './app-ports.ts';
import { PlatformError, TransientError } from './errors.ts';
import type { Ports } from './ports.ts';
import { ProblemError } from './problem.ts';

export interface HttpRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: { get(name: string): string | null; entries(): Iterable<[string, string]> };
  readonly query: URLSearchParams;
  /** The parts of the route. */
  readonly params: Readonly<Record<string, string>>;
  arrayBuffer(): Promise<ArrayBuffer>;
}

/** Either `json`, or `body` with its content type among the headers. */
export interface HttpResponse {
  /** 200 when absent. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly json?: unknown;
  readonly body?: string;
}

/** Answers a request. A `ProblemError` becomes its problem document, any other error a 500 or 503. */
export type HttpHandler = (request: HttpRequest, ports: Ports) => Promise<HttpResponse>;

export interface HttpRoute {
  /** The function's name. */
  readonly name: string;
  readonly methods: readonly ('GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE')[];
  /** Below `/api/`; `{name}` is a parameter. */
  readonly route: string;
  /** `function` when absent: a key of the function or the app. */
  readonly authLevel?: 'anonymous' | 'function' | 'admin';
}

/** @example onHttp({ name: 'history', methods: ['GET'], route: 'events' }, handle); */
export function onHttp({ name, methods, route, authLevel = 'function' }: HttpRoute, handler: HttpHandler): void {
  checkSettingsAtStart();
  app.http(name, {
    methods: [...methods],
    route,
    authLevel,
    handler: async (request) => {
      const { status, headers, json, body } = await answer(name, handler, shapeOf(request));
      return {
        ...(status !== undefined && { status }),
        headers: {
          ...(json !== undefined && { 'content-type': 'application/json' }),
          'cache-control': 'no-store',
          ...headers,
        },
        ...(json !== undefined ? { body: JSON.stringify(json) } : body !== undefined && { body }),
      };
    },
  });
}

function shapeOf(request: AzureRequest): HttpRequest {
  return {
    method: request.method,
    url: request.url,
    headers: request.headers,
    query: request.query,
    params: request.params,
    arrayBuffer: async () => request.arrayBuffer(),
  };
}

async function answer(name: string, handler: HttpHandler, request: HttpRequest): Promise<HttpResponse> {
  try {
    const { ports } = await appPorts();
    return await respond(name, handler, request, { ...ports, triggers: triggersOfHost() });
  } catch (error) {
    // Settings are wrong: whoever runs the app finds them in its log, a caller must not.
    console.error(`${name}: ${error instanceof Error ? error.message : String(error)}`);
    return problem(500, 'the app is not configured');
  }
}

/** Runs a handler and turns what it throws into an answer. Never rejects. */
export async function respond(
  name: string,
  handler: HttpHandler,
  request: HttpRequest,
  ports: Ports,
): Promise<HttpResponse> {
  try {
    return await handler(request, ports);
  } catch (error) {
    if (error instanceof ProblemError) return problem(error.status, error.message, error.details, error.headers);
    const message = error instanceof Error ? error.message : String(error);
    ports.log.error('request failed', { function: name, error: message });
    if (error instanceof TransientError) {
      const seconds = Math.ceil((error.retryAfterMs ?? 5_000) / 1_000);
      return problem(503, message, {}, { 'retry-after': String(seconds) });
    }
    return problem(500, error instanceof PlatformError ? message : 'something went wrong; the log says what');
  }
}

function problem(
  status: number,
  title: string,
  details: Readonly<Record<string, unknown>> = {},
  headers: Readonly<Record<string, string>> = {},
): HttpResponse {
  return {
    status,
    headers: { 'content-type': 'application/problem+json', ...headers },
    body: JSON.stringify({ title, status, ...details }),
  };
}
