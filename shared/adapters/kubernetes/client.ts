/** Requests to one Kubernetes API server: JSON as it comes, a time limit on each, errors as ours. */
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import * as z from 'zod/mini';
import { faultOf } from '../../describe-error.ts';
import { ConflictError, PermanentError, TransientError } from '../../errors.ts';
import { describeIssue } from '../../events/issues.ts';
import type { Clock } from '../../ports/clock.ts';
import { inChildSpan } from '../../telemetry/spans.ts';
import type { ClusterConnection, Connector } from './connection.ts';
import { errorOf, type KubernetesResponse } from './errors.ts';

/** The field manager of everything that this app changes in a cluster. */
export const FIELD_MANAGER = 'platform-events';

/** Nothing asked for takes long, and a run of a handler has to end in time; watching is done by asking again. */
const REQUEST_TIMEOUT_MS = 10_000;
const PAGE_SIZE = 100;
/** A page of what is asked for takes 2 MB; the API server may be anything in between, such as a proxy. */
const MAX_ANSWER_BYTES = 16 * 1024 * 1024;
/** Of one list. A Deployment has ten old ReplicaSets unless it says otherwise, a namespace a few quotas. */
const MAX_PAGES = 20;

export interface JsonPatchOperation {
  readonly op: 'add' | 'replace' | 'remove';
  /** RFC 6901. */
  readonly path: string;
  readonly value: unknown;
}

/** An object for server-side apply: only the fields that are meant to be ours. */
export interface Applied {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly [part: string]: unknown;
}

interface KubernetesRequest {
  readonly method: 'GET' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly contentType?: string;
  readonly body?: unknown;
}

const pageSchema = z.object({
  metadata: z.optional(z.object({ continue: z.optional(z.string()) })),
  items: z.nullish(z.array(z.unknown())),
});

export class KubernetesClient {
  readonly #name: string;
  readonly #connector: Connector;
  readonly #clock: Clock;
  readonly #timeoutMs: number;

  constructor(name: string, connector: Connector, { clock, timeoutMs }: { clock: Clock; timeoutMs?: number }) {
    this.#name = name;
    this.#connector = connector;
    this.#clock = clock;
    this.#timeoutMs = timeoutMs ?? REQUEST_TIMEOUT_MS;
  }

  /** By the clock of this app; milliseconds since the Unix epoch. */
  now(): number {
    return this.#clock.now();
  }

  /** @throws NotFoundError */
  async read<T>(path: string, schema: z.ZodMiniType<T>): Promise<T> {
    return this.#parse(path, schema, await this.#send({ method: 'GET', path }));
  }

  /** Pages are followed. The list of a namespace that does not exist is empty. */
  async list<T>(path: string, schema: z.ZodMiniType<T>, query: Readonly<Record<string, string>> = {}): Promise<T[]> {
    const found: T[] = [];
    let next = '';
    let pages = 0;
    do {
      const page = { ...query, limit: String(PAGE_SIZE), ...(next && { continue: next }) };
      const { items, metadata } = this.#parse(path, pageSchema, await this.#send({ method: 'GET', path, query: page }));
      found.push(...(items ?? []).map((item) => this.#parse(path, schema, item)));
      next = metadata?.continue ?? '';
      if (next && ++pages === MAX_PAGES) {
        throw new PermanentError(`cluster '${this.#name}': GET ${path}: more than ${MAX_PAGES} pages of ${PAGE_SIZE}`);
      }
    } while (next);
    return found;
  }

  /** The beginning of a list, as long as `limit` in the query says. */
  async firstPage<T>(path: string, schema: z.ZodMiniType<T>, query: Readonly<Record<string, string>>): Promise<T[]> {
    const { items } = this.#parse(path, pageSchema, await this.#send({ method: 'GET', path, query }));
    return (items ?? []).map((item) => this.#parse(path, schema, item));
  }

  /**
   * Server-side apply: the fields that it names become ours, by force; a field of ours that it does not name is
   * removed, unless another manager has it too. With `metadata.resourceVersion` and `uid`: only if the object still is there, as it was read.
   *
   * @param options.force false leaves fields alone that others set to something else
   * @throws ConflictError when it is not; without force also when others set a field to something else
   */
  async apply(path: string, object: Applied, { force = true }: { force?: boolean } = {}): Promise<void> {
    const query = { fieldManager: FIELD_MANAGER, force: String(force) };
    await this.#send({ method: 'PATCH', path, query, contentType: 'application/apply-patch+yaml', body: object });
  }

  /** @throws ConflictError when the operations replace `/metadata/resourceVersion` by one that is past */
  async patch(path: string, operations: readonly JsonPatchOperation[]): Promise<void> {
    const query = { fieldManager: FIELD_MANAGER };
    await this.#send({ method: 'PATCH', path, query, contentType: 'application/json-patch+json', body: operations });
  }

  /** @throws NotFoundError @throws ConflictError when another object has that name by now */
  async delete(path: string, uid: string): Promise<void> {
    const body = { apiVersion: 'v1', kind: 'DeleteOptions', preconditions: { uid } };
    await this.#send({ method: 'DELETE', path, contentType: 'application/json', body });
  }

  async #send(request: KubernetesRequest): Promise<unknown> {
    const what = `cluster '${this.#name}': ${request.method} ${request.path}`;
    let answer = await this.#exchange(what, request);
    if (answer.status === 401) {
      this.#connector.renew('credentials');
      answer = await this.#exchange(what, request);
    }
    if (answer.status < 200 || answer.status > 299) throw errorOf(what, answer, this.#clock.now());
    try {
      return JSON.parse(answer.body);
    } catch {
      // A proxy or a sign-in page in between answers so.
      throw new TransientError(`${what}: expected JSON, got something else`);
    }
  }

  /** Every request is safe to send again, so one on a connection that was just being closed is. */
  async #exchange(what: string, request: KubernetesRequest): Promise<KubernetesResponse> {
    const connection = await this.#connector.connect();
    const { method, path } = request;
    const attributes = { 'http.request.method': method, 'url.path': path, 'k8s.cluster.name': this.#name };
    const attempt = (): Promise<KubernetesResponse> =>
      inChildSpan(method, 'CLIENT', attributes, async (span) => {
        const answer = await exchange(connection, request, this.#timeoutMs);
        span?.set('http.response.status_code', answer.status);
        return answer;
      });
    try {
      return await attempt().catch((error) => {
        if (error instanceof StaleConnection) return attempt();
        throw error;
      });
    } catch (error) {
      this.#connector.renew('connection');
      throw lost(what, error);
    }
  }

  #parse<T>(path: string, schema: z.ZodMiniType<T>, value: unknown): T {
    const result = schema.safeParse(value, { error: describeIssue });
    if (result.success) return result.data;
    const issues = result.error.issues.map((issue) => `${issue.path.map(String).join('.')}: expected ${issue.message}`);
    // Whatever stands in between may answer so for a while, too.
    throw new TransientError(`cluster '${this.#name}': GET ${path}: unexpected answer: ${issues.join('; ')}`);
  }
}

/** What is read may change many times before it is written: the status of a Deployment in a rollout does. */
const ATTEMPTS = 10;

/**
 * Runs something that reads an object and writes it if it still is what was read, until no other write came in between.
 *
 * @throws ConflictError when another write always did
 */
export async function untilUndisturbed(readAndWrite: () => Promise<void>): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await readAndWrite();
    } catch (error) {
      if (!(error instanceof ConflictError) || attempt >= ATTEMPTS) throw error;
    }
  }
}

/** A kept connection that the server closed just as it was used again. */
class StaleConnection extends Error {}

function exchange(
  { server, agent, headers }: ClusterConnection,
  { method, path, query, contentType, body }: KubernetesRequest,
  timeoutMs: number,
): Promise<KubernetesResponse> {
  // The server's own path counts: an API server may stand behind a proxy that serves many.
  const url = new URL(server);
  url.pathname = `${url.pathname.replace(/\/$/, '')}${path}`;
  url.search = new URLSearchParams(query).toString();
  const payload = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
  return new Promise((resolve, reject) => {
    const request = (url.protocol === 'https:' ? httpsRequest : httpRequest)(url, {
      method,
      agent,
      // Bounds the whole exchange, not only its silences.
      signal: AbortSignal.timeout(timeoutMs),
      headers: {
        ...headers,
        Accept: 'application/json',
        'User-Agent': FIELD_MANAGER,
        ...(payload && { 'Content-Type': contentType, 'Content-Length': payload.length }),
      },
    });
    request.on('response', (response) => {
      const chunks: Buffer[] = [];
      let size = 0;
      response.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        size += chunk.length;
        if (size > MAX_ANSWER_BYTES)
          request.destroy(new TransientError(`an answer of more than ${MAX_ANSWER_BYTES} bytes`));
      });
      response.on('error', reject);
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          retryAfter: response.headers['retry-after'],
          credentials: credentialsIn(headers),
          body: Buffer.concat(chunks).toString('utf8'),
        }),
      );
    });
    request.on('error', (error: NodeJS.ErrnoException) => {
      const isStale = request.reusedSocket && (error.code === 'ECONNRESET' || error.code === 'EPIPE');
      reject(isStale ? new StaleConnection('', { cause: error }) : error);
    });
    request.end(payload);
  });
}

/** What a request signs in with, in every form in which an answer could repeat it. */
function credentialsIn({ Authorization = '' }: ClusterConnection['headers']): string[] {
  const [scheme, value] = Authorization.split(' ');
  if (!value) return [];
  const plain = scheme === 'Basic' ? Buffer.from(value, 'base64').toString() : value;
  return [value, plain, plain.slice(plain.indexOf(':') + 1)].filter((text) => text !== '');
}

function lost(what: string, error: unknown): TransientError {
  const fault = faultOf(error);
  return new TransientError(`${what}: ${/^[A-Z]/.test(fault) ? `no connection (${fault})` : fault}`);
}
