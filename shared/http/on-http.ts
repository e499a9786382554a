/** Registers HTTP functions: a small request and response, ports, and errors as problem documents (RFC 9457). */
import { type HttpRequest as AzureRequest, app, type InvocationContext } from '@azure/functions';
import { ANYBODY, hasRight, KEY_HOLDER, UnauthenticatedError } from '../access/rights.ts';
import type { RouteSchemas } from '../api/route-schemas.ts';
import { appPorts, checkSettingsAtStart, triggersOfHost } from '../app-ports.ts';
import { describeError } from '../describe-error.ts';
import { PlatformError, TransientError } from '../errors.ts';
import { invocationLog } from '../invocation-log.ts';
import type { Caller, Callers, Right } from '../ports/access.ts';
import type { Ports } from '../ports/handler.ts';
import { stackOf } from '../stack.ts';
import { currentTraceparent, describeSpan, failSpan, inInvocationSpan, type TraceOrigin } from '../telemetry/spans.ts';
import { newTraceparent, traceparentIn } from '../telemetry/traceparent.ts';
import { FORM_TYPE, isFromOwnPage } from './own-page.ts';
import { ProblemError } from './problem.ts';

export interface HttpRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: { get(name: string): string | null; entries(): Iterable<[string, string]> };
  readonly query: URLSearchParams;
  /** The parts of the route. */
  readonly params: Readonly<Record<string, string>>;
  /** Who asks, and what they may do. The right of the route was checked; for what, the handler checks. */
  readonly caller: Caller;
  /** Whether anybody may ask: neither key nor token was checked. */
  readonly isAnonymous: boolean;
  arrayBuffer(): Promise<ArrayBuffer>;
  /** The span that follows from this request continue: this app's, or else the caller's; the beginning of a trace where there is none. */
  traceparent(): string;
}

/** Either `json`, or `body` with its content type among the headers. */
export interface HttpResponse {
  /** 200 when absent. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly json?: unknown;
  readonly body?: string;
}

/**
 * Answers a request. A `ProblemError` becomes its problem document, any other error a 500 or 503. A request that is not a
 * GET reaches it with a JSON content type only, or as a form of our own pages where the route takes forms; others are answered
 * with 415.
 */
export type HttpHandler = (request: HttpRequest, ports: Ports) => Promise<HttpResponse>;

export interface HttpRoute {
  /** The function's name. */
  readonly name: string;
  readonly methods: readonly ('GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE')[];
  /** Below `/api/`; `{name}` is a parameter. */
  readonly route: string;
  /** What the caller must be allowed to. With function keys, whoever has one may do everything. */
  readonly right: Right;
  /** Takes forms of this app's own pages, instead of JSON. */
  readonly takesForms?: true;
  /** A setting that lets anybody ask, without key or token, when it is `true`. */
  readonly anonymousSetting?: string;
  /** What it does, in a sentence; with the members below, for the reference page. */
  readonly description: string;
  /** What each `{name}` of the route means. */
  readonly params?: Readonly<Record<string, string>>;
  /** What each parameter of the query means. */
  readonly query?: Readonly<Record<string, string>>;
  /** What the request holds. */
  readonly body?: string;
  /** When it answers with which status, and with what; 500 and 503 may come from every route. */
  readonly answers: Readonly<Record<number, string>>;
  /** Loads the schemas of its requests and answers: for the description of the API and the tests, never in the app. */
  readonly schemas?: () => Promise<RouteSchemas>;
  /** What it answers with, where that has no schema: `text/html`. */
  readonly contentType?: string;
}

/** A route, and what answers its requests. */
export interface RegisteredRoute extends HttpRoute {
  readonly handler: HttpHandler;
}

const routes: RegisteredRoute[] = [];

/** Every route registered in this process. */
export function registeredRoutes(): readonly RegisteredRoute[] {
  return routes;
}

/** @example onHttp({ name: 'health', methods: ['GET'], route: 'health', description: '…', answers: { 200: '…' } }, handle); */
export function onHttp(registered: HttpRoute, handler: HttpHandler): void {
  const { name, methods, route, anonymousSetting } = registered;
  const isOpen = anonymousSetting !== undefined && process.env[anonymousSetting] === 'true';
  // The host knows function keys alone. With tokens every request comes through it, and is judged here.
  const byTokens = process.env['HttpAuth'] === 'tokens';
  routes.push({ ...registered, handler });
  checkSettingsAtStart();
  app.http(name, {
    methods: [...methods],
    route,
    authLevel: isOpen || byTokens ? 'anonymous' : 'function',
    handler: async (request, context) => {
      const origin = { host: context.traceContext?.traceParent, sender: request.headers.get('traceparent') };
      const how = isOpen ? 'nothing' : byTokens ? 'token' : 'key';
      const { status, headers, json, body } = await inRequestSpan(registered, request, context, origin, () =>
        answer(registered, handler, shapeOf(request, how, origin), { how, context }),
      );
      return {
        ...(status !== undefined && { status }),
        headers: {
          ...(json !== undefined && { 'content-type': 'application/json' }),
          'cache-control': 'no-store',
          'x-content-type-options': 'nosniff',
          ...headers,
        },
        ...(json !== undefined ? { body: JSON.stringify(json) } : body !== undefined && { body }),
      };
    },
  });
}

/** Does the work of a request in a span of its own. */
function inRequestSpan(
  { route }: HttpRoute,
  { method }: AzureRequest,
  { invocationId }: InvocationContext,
  origin: TraceOrigin,
  work: () => Promise<HttpResponse>,
): Promise<HttpResponse> {
  const attributes = {
    'http.request.method': method,
    'http.route': `/api/${route}`,
    'faas.invocation_id': invocationId,
  };
  return inInvocationSpan(`${method} /api/${route}`, 'SERVER', origin, attributes, async () => {
    const response = await work();
    describeSpan(() => ({ 'http.response.status_code': response.status ?? 200 }));
    return response;
  });
}

/** What was or is to be checked of a request. */
type Check = 'nothing' | 'key' | 'token';

function shapeOf(request: AzureRequest, how: Check, { host, sender }: TraceOrigin): HttpRequest {
  return {
    method: request.method,
    url: request.url,
    headers: request.headers,
    query: request.query,
    params: request.params,
    caller: how === 'key' ? KEY_HOLDER : ANYBODY,
    isAnonymous: how === 'nothing',
    arrayBuffer: async () => request.arrayBuffer(),
    traceparent: () => currentTraceparent() ?? traceparentIn(sender, host) ?? newTraceparent(),
  };
}

async function answer(
  { name, right, takesForms }: HttpRoute,
  handler: HttpHandler,
  request: HttpRequest,
  { how, context }: { readonly how: Check; readonly context: InvocationContext },
): Promise<HttpResponse> {
  try {
    const { ports } = await appPorts(context);
    const checked: HttpHandler =
      how === 'token'
        ? async (asked, given) => handler({ ...asked, caller: await allowed(asked, right, given.callers) }, given)
        : handler;
    return await respond(name, checked, request, { ...ports, triggers: triggersOfHost() }, takesForms);
  } catch (error) {
    failSpan(error);
    // The settings are wrong: the operator finds the reason in the log, and a caller must not see it.
    invocationLog(context).error('request failed', {
      function: name,
      error: describeError(error),
      stack: stackOf(error),
    });
    return problem(500, 'the app is not configured');
  }
}

/** @throws ProblemError 401 when nobody knows who asks, 403 when they may not */
async function allowed(request: HttpRequest, right: Right, callers: Callers | undefined): Promise<Caller> {
  if (!callers) throw new ProblemError(500, 'the app is not configured');
  const caller = await callers.identify(request.headers).catch((error) => {
    if (!(error instanceof UnauthenticatedError)) throw error;
    const headers = { 'www-authenticate': 'Bearer' };
    throw new ProblemError(401, error.message, { headers, cause: error });
  });
  if (hasRight(caller, right)) return caller;
  throw new ProblemError(403, `${caller.name} has no right to ${right}: no rule of the configuration gives it`);
}

/** Runs a handler and turns what it throws into an answer. Never rejects. */
export async function respond(
  name: string,
  handler: HttpHandler,
  request: HttpRequest,
  ports: Ports,
  takesForms = false,
): Promise<HttpResponse> {
  try {
    if (takesForms) refuseForeignForms(request);
    else refuseForms(request);
    return await handler(request, ports);
  } catch (error) {
    // What a caller did wrong is no failure of this app.
    if (!(error instanceof ProblemError) || error.status >= 500) failSpan(error);
    if (error instanceof ProblemError) return problem(error.status, error.message, error.details, error.headers);
    const message = describeError(error);
    ports.log.error('request failed', { function: name, error: message, stack: stackOf(error) });
    if (error instanceof TransientError) {
      const seconds = Math.ceil((error.retryAfterMs ?? 5_000) / 1_000);
      return problem(503, message, {}, { 'retry-after': String(seconds) });
    }
    return problem(500, error instanceof PlatformError ? message : 'internal error; see the log of the app');
  }
}

/** A page of any website may send a form or plain text to any address. For JSON the browser asks first, and the answer is no. */
function refuseForms({ method, headers }: HttpRequest): void {
  const sent = headers.get('content-type');
  if (method === 'GET' || (sent !== null && JSON_TYPE.test(sent))) return;
  throw new ProblemError(
    415,
    `content-type: expected application/json, got ${sent ? `'${sent.slice(0, 100)}'` : 'none'}`,
  );
}

/** @throws ProblemError 415 for what is no form, 403 for a form of another page */
function refuseForeignForms({ headers, url }: HttpRequest): void {
  const type = headers.get('content-type')?.split(';')[0]?.trim().toLowerCase();
  if (type !== FORM_TYPE) throw new ProblemError(415, `content-type: expected ${FORM_TYPE}`);
  if (!isFromOwnPage(headers, url)) throw new ProblemError(403, 'the form does not come from a page of this app');
}

const JSON_TYPE = /^application\/([\w.+-]+\+)?json\s*(;|$)/i;

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
