/**
 * An API server for tests, over HTTP, as far as this app goes: it keeps objects with versions and owners, knows
 * server-side apply and JSON patch, runs a deployment controller on a virtual clock, and fails when it is told to. The
 * Cluster contract runs on it and on real ones alike, so what it claims can be checked.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KINDS, NAMESPACE, part } from './api-kinds.ts';
import { ApiError, type ApiObject, ApiObjects, type Key, type Kind } from './api-objects.ts';
import { DeploymentController } from './deployment-controller.ts';
import type { Json, JsonObject } from './field-sets.ts';
import { FixedClock } from './ports.ts';

/** `drop` does what was asked and cuts the connection instead of answering. */
export type Fault =
  | { readonly status: number; readonly headers?: Readonly<Record<string, string>>; readonly body?: unknown }
  | 'hang'
  | 'reset'
  | 'drop';

export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly token: string | undefined;
  readonly userAgent: string | undefined;
  /** The local end of the connection it came on. */
  readonly connection: Socket;
}

export interface ApiServer {
  readonly url: string;
  /** Path of a kubeconfig that leads here. */
  readonly kubeconfig: string;
  readonly clock: FixedClock;
  readonly objects: ApiObjects;
  readonly controller: DeploymentController;
  readonly seen: SeenRequest[];
  /** The tokens that are accepted. */
  readonly tokens: Set<string>;
  /** The next requests of this method fail so, one each; undefined stands for one that is served. */
  fail(method: string, ...faults: (Fault | undefined)[]): void;
  /** Every request of these methods fails so, until it is called again. */
  outage(fault: Fault | undefined, ...methods: string[]): void;
  /** Runs before the next request of this method is served: what somebody else does in between. */
  before(method: string, run: () => void): void;
  close(): Promise<void>;
}

export async function startApiServer(): Promise<ApiServer> {
  const clock = new FixedClock();
  const objects = new ApiObjects(clock);
  const faults = new Map<string, (Fault | undefined)[]>();
  let outage: { readonly fault: Fault | undefined; readonly methods: readonly string[] } | undefined;
  const interludes = new Map<string, () => void>();
  const seen: SeenRequest[] = [];
  const tokens = new Set(['token-1']);

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { method = '', headers, socket } = request;
    const url = new URL(request.url ?? '', 'http://api');
    const token = headers.authorization?.replace('Bearer ', '');
    seen.push({ method, path: url.pathname, token, userAgent: headers['user-agent'], connection: socket });
    const body = await readBody(request);
    interludes.get(method)?.();
    interludes.delete(method);
    const fault = outage?.methods.includes(method) ? outage.fault : faults.get(method)?.shift();
    if (fault === 'hang') return;
    if (fault === 'reset') return void socket.resetAndDestroy();
    if (fault && fault !== 'drop') {
      const said = typeof fault.body === 'string' ? fault.body : JSON.stringify(fault.body ?? {});
      return void response.writeHead(fault.status, fault.headers).end(said);
    }
    const [status, answer] = answerTo(() => {
      if (!tokens.has(token ?? '')) throw new ApiError(401, 'Unauthorized', 'Unauthorized');
      return serve(objects, { method, url, contentType: headers['content-type'], body });
    });
    if (fault === 'drop') return void socket.resetAndDestroy();
    response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(answer));
  };
  const server = createServer((request, response) => void handle(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  // A server that listens on TCP has such an address.
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const directory = await mkdtemp(join(tmpdir(), 'api-server-'));
  const kubeconfig = join(directory, 'kubeconfig');
  await writeFile(kubeconfig, kubeconfigFor(url));
  return {
    url,
    kubeconfig,
    clock,
    objects,
    controller: new DeploymentController(objects, clock),
    seen,
    tokens,
    fail: (method, ...planned) => void faults.set(method, planned),
    outage: (fault, ...methods) => {
      outage = { fault, methods };
    },
    before: (method, run) => void interludes.set(method, run),
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await rm(directory, { recursive: true });
    },
  };
}

function kubeconfigFor(url: string): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    // The client takes plain HTTP only where TLS is not to be verified.
    clusters: [{ name: 'test', cluster: { server: url, 'insecure-skip-tls-verify': true } }],
    users: [{ name: 'app', user: { token: 'token-1' } }],
    contexts: [
      { name: 'test', context: { cluster: 'test', user: 'app' } },
      { name: 'other', context: { cluster: 'test', user: 'app' } },
    ],
    'current-context': 'test',
  });
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

function answerTo(run: () => Json): [number, Json] {
  try {
    return [200, run()];
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    const { code, reason, message, details } = error;
    return [
      code,
      { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, reason, details, code },
    ];
  }
}

interface Call {
  readonly method: string;
  readonly url: URL;
  readonly contentType: string | undefined;
  readonly body: string;
}

function serve(objects: ApiObjects, { method, url, contentType, body }: Call): Json {
  if (url.pathname === '/version') return { major: '1', minor: '34', gitVersion: 'v1.34.0' };
  const { kind, namespace, name } = targetOf(url.pathname);
  if (name === undefined) {
    if (method === 'GET') return page(objects.list(kind, namespace), url.searchParams);
    throw new ApiError(405, 'MethodNotAllowed', 'the server does not allow this method on the requested resource');
  }
  const key: Key = { kind, namespace, name };
  const manager = url.searchParams.get('fieldManager') ?? 'unknown';
  switch (`${method} ${method === 'PATCH' ? contentType : ''}`.trim()) {
    case 'GET':
      return objects.get(key);
    case 'PATCH application/apply-patch+yaml':
      requireNamespace(objects, key);
      return objects.apply(key, JSON.parse(body), { manager, force: url.searchParams.get('force') === 'true' });
    case 'PATCH application/json-patch+json':
      return objects.update(key, { manager }, (object) => applyJsonPatch(object, JSON.parse(body)));
    case 'DELETE':
      objects.delete(key, part(JSON.parse(body), 'preconditions')['uid']);
      return { kind: 'Status', apiVersion: 'v1', status: 'Success' };
    default:
      throw new ApiError(
        415,
        'UnsupportedMediaType',
        `the body of the request was in an unknown format: ${contentType}`,
      );
  }
}

function targetOf(path: string): { kind: Kind; namespace: string; name: string | undefined } {
  const parts = path.split('/').filter(Boolean).map(decodeURIComponent);
  const apiVersion = parts[0] === 'api' ? parts[1] : `${parts[1]}/${parts[2]}`;
  const rest = parts.slice(parts[0] === 'api' ? 2 : 3);
  const [namespace, plural, name] = rest.length > 2 ? rest.slice(1) : ['', ...rest];
  const kind = KINDS.find((one) => one.plural === plural && one.apiVersion === apiVersion);
  if (!kind) throw new ApiError(404, 'NotFound', 'the server could not find the requested resource');
  return { kind, namespace: namespace ?? '', name };
}

function requireNamespace(objects: ApiObjects, { kind, namespace }: Key): void {
  if (kind.isNamespaced) objects.get({ kind: NAMESPACE, namespace: '', name: namespace });
}

function page(all: readonly ApiObject[], query: URLSearchParams): Json {
  const labels = (query.get('labelSelector') ?? '').split(',').filter(Boolean);
  const found = all.filter(({ metadata }) =>
    labels.every((label) => {
      const [, key = '', value] = /^([^=\s]+)=([^=]*)$/.exec(label) ?? [];
      if (value === undefined) throw new ApiError(400, 'BadRequest', `unable to parse requirement: ${label}`);
      return part(metadata, 'labels')[key] === value;
    }),
  );
  const start = Number(query.get('continue') ?? 0);
  const end = start + Number(query.get('limit') ?? found.length);
  const metadata = end < found.length ? { continue: String(end) } : {};
  return { kind: 'List', metadata, items: found.slice(start, end) };
}

/** `add` and `replace`, on maps. */
function applyJsonPatch(object: JsonObject, operations: readonly { op: string; path: string; value: Json }[]): void {
  for (const { op, path, value } of operations) {
    const keys = path
      .split('/')
      .slice(1)
      .map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'));
    const last = keys.pop() ?? '';
    const holder = keys.reduce<Json | undefined>((at, key) => (at as JsonObject | undefined)?.[key], object);
    if (typeof holder !== 'object' || holder === null || (op === 'replace' && !(last in holder))) {
      throw new ApiError(422, 'Invalid', 'the server rejected our request due to an error in our request');
    }
    (holder as JsonObject)[last] = value;
  }
}
