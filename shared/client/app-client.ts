/** The client of the app's HTTP functions for the command line. */
import { wholeOf } from '../adapters/answer-text.ts';
import { faultOf } from '../describe-error.ts';
import { formatIssue, NotFoundError, PermanentError, TransientError } from '../errors.ts';
import { oneLine } from '../shown-text.ts';

/** One event at one handler, as in the history. */
export interface HistoryEntry {
  readonly id: string;
  readonly source: string;
  readonly type: string;
  readonly subject: string;
  readonly time: string;
  /** The reason of events that have one. */
  readonly summary?: string;
  readonly correlationId: string;
  /** The source and id of the event that caused it; absent on the first of a chain. */
  readonly causationId?: string;
  readonly handler: string;
  readonly status: 'in-progress' | 'waiting' | 'completed' | 'dead-lettered';
  readonly attempts: number;
  readonly startedAt: string;
  readonly endedAt?: string;
  readonly reason?: string;
  readonly error?: string;
}

interface HistoryFilter {
  readonly type?: string | undefined;
  readonly correlationId?: string | undefined;
  /** RFC 3339. */
  readonly since?: string | undefined;
  readonly limit?: number | undefined;
}

/** An entry of the errors queue. */
export interface ErrorEntry {
  readonly sequenceNumber: string;
  readonly deadLetteredAt: string;
  readonly reason: string;
  readonly description: string;
  readonly type?: string;
  readonly eventId?: string;
  readonly eventSource?: string;
  readonly subject?: string;
  readonly subscription?: string;
  readonly attempts?: number;
  readonly correlationId?: string;
  readonly messageId: string;
  /** How often it was replayed by itself. */
  readonly automaticReplays?: number;
  /** When it is replayed by itself; without it, it waits for a person. */
  readonly returnsAt?: string;
}

/** Whether the platform acts by itself; else who paused it, why, and since when. */
export interface AutomationState {
  readonly state: 'active' | 'paused';
  readonly by?: string;
  readonly reason?: string;
  readonly since?: string;
}

/** An act in the audit log. */
interface AuditedAct {
  readonly at: string;
  readonly who: string;
  readonly right: string;
  readonly what: string;
  readonly why?: string;
  readonly from: string;
  readonly correlationId?: string;
  /** Why it was not done. */
  readonly failed?: string;
}

export interface ErrorFilter {
  readonly reason?: string | undefined;
  readonly type?: string | undefined;
  /** Dead-lettered at or after, and before: RFC 3339. */
  readonly since?: string | undefined;
  readonly before?: string | undefined;
}

/** The largest answer is a page of entries, each with its description: a few MB. */
const MAX_ANSWER_BYTES = 32 * 1024 * 1024;

/** An HTTP answer, of the app or of a proxy. */
interface AppAnswer {
  readonly status: number;
  readonly text: string;
  /** Undefined when the text is not JSON. */
  readonly json: unknown;
  readonly contentType: string;
}

const TIMEOUT_MS = 30_000;

/**
 * The app at an address. What answers there may be something else: a proxy's sign-in page is not a success, and
 * redirects are not followed, since they would get the function key.
 */
export class AppClient {
  readonly #url: string;
  readonly #key: string | undefined;
  readonly #token: string | undefined;

  /** @param url the app's address, with or without `/api` */
  constructor(url: string, key: string | undefined, token?: string) {
    this.#url = `${url.replace(/\/+$/, '').replace(/\/api$/, '')}/api`;
    this.#key = key;
    this.#token = token;
  }

  /** Publishes an event, or several. Resolves when the app has accepted all of them; they are handled later. */
  async publish(events: { readonly id: string } | readonly { readonly id: string }[]): Promise<void> {
    const answer = await this.#request('events', {
      method: 'POST',
      contentType: `application/cloudevents${Array.isArray(events) ? '-batch' : ''}+json`,
      body: JSON.stringify(events),
    });
    const ids = answer.status === 202 ? fieldOf(answer, 'ids') : undefined;
    const isThere = ({ id }: { id: string }): boolean => Array.isArray(ids) && ids.includes(id);
    if (![events].flat().every(isThere)) throw this.#notTheApp(answer, '202 with the id of the event');
  }

  /** The history, newest first. */
  async history(filter: HistoryFilter): Promise<HistoryEntry[]> {
    const answer = await this.#request(`events?${queryOf(filter)}`);
    // The app's own answer; the type of the entries is checked by the tests of `functions/http/history.ts`.
    return this.#listIn(answer, 'events') as HistoryEntry[];
  }

  /** All entries that match, oldest first, from all pages. */
  errors(filter: ErrorFilter): AsyncIterable<ErrorEntry> {
    // The app's own answer; the type of the entries is checked by the tests of `functions/http/errors.ts`.
    return this.#pages('errors', 'errors', filter) as AsyncIterable<ErrorEntry>;
  }

  /** The audit log, newest first, from all pages. */
  audit(filter: { readonly since: string; readonly who: string | undefined }): AsyncIterable<AuditedAct> {
    // The app's own answer; the type of the acts is checked by the tests of `functions/http/audit.ts`.
    return this.#pages('audit', 'acts', filter) as AsyncIterable<AuditedAct>;
  }

  async *#pages(path: string, list: string, filter: object): AsyncIterable<unknown> {
    let cursor: string | undefined;
    do {
      const answer = await this.#request(`${path}?${queryOf({ ...filter, limit: 250, cursor })}`);
      yield* this.#listIn(answer, list);
      const next = fieldOf(answer, 'next');
      cursor = typeof next === 'string' ? next : undefined;
    } while (cursor !== undefined);
  }

  /** One entry with its body. @throws NotFoundError */
  async error(sequenceNumber: string): Promise<ErrorEntry & { readonly body: unknown }> {
    const answer = await this.#request(`errors/${sequenceNumber}`);
    if (fieldOf(answer, 'sequenceNumber') === undefined) throw this.#notTheApp(answer, 'the entry');
    return answer.json as ErrorEntry & { body: unknown };
  }

  /** @throws NotFoundError @throws PermanentError that says why the entry cannot be replayed */
  async replay(sequenceNumber: string): Promise<void> {
    const answer = await this.#request(`errors/${sequenceNumber}/replay`, { method: 'POST', body: '{}' });
    if (answer.status !== 202) throw this.#notTheApp(answer, '202');
  }

  /** @throws NotFoundError */
  async discard(sequenceNumber: string): Promise<void> {
    const answer = await this.#request(`errors/${sequenceNumber}`, { method: 'DELETE' });
    if (answer.status !== 204) throw this.#notTheApp(answer, '204');
  }

  async automation(): Promise<AutomationState> {
    return this.#automationIn(await this.#request('automation'));
  }

  /** @returns the state as it is now */
  async switchAutomation(change: {
    readonly action: 'pause' | 'resume';
    readonly by: string;
    readonly reason: string;
  }): Promise<AutomationState> {
    const body = JSON.stringify(change);
    return this.#automationIn(await this.#request('automation', { method: 'POST', body }));
  }

  #automationIn(answer: AppAnswer): AutomationState {
    const state = fieldOf(answer, 'state');
    if (state !== 'active' && state !== 'paused') throw this.#notTheApp(answer, 'the state of automation');
    // The app's own answer; its fields are checked by the tests of `functions/http/automation.ts`.
    return answer.json as AutomationState;
  }

  /** Ends a service's freeze. @throws NotFoundError when it is not frozen */
  async unfreeze(service: string, reason: string): Promise<void> {
    const path = `services/${encodeURIComponent(service)}/unfreeze`;
    const answer = await this.#request(path, { method: 'POST', body: JSON.stringify({ reason }) });
    if (answer.status !== 204) throw this.#notTheApp(answer, '204');
  }

  /** @throws PermanentError with the app's reasons @throws TransientError when the app cannot be reached or is busy */
  async #request(
    path: string,
    { method = 'GET', contentType = 'application/json', body = undefined as string | undefined } = {},
  ): Promise<AppAnswer> {
    const headers = {
      // The app requires it for every change, since a browser does not send it for a foreign page.
      ...(method !== 'GET' && { 'content-type': contentType }),
      ...(this.#key !== undefined && { 'x-functions-key': this.#key }),
      ...(this.#token !== undefined && { authorization: `Bearer ${this.#token}` }),
    };
    let response: Response;
    try {
      const signal = AbortSignal.timeout(TIMEOUT_MS);
      response = await fetch(`${this.#url}/${path}`, {
        ...{ method, headers, signal, redirect: 'manual' },
        ...(body !== undefined && { body }),
      });
    } catch (error) {
      throw new TransientError(`cannot reach the app at ${this.#url}: ${faultOf(error)}; is it running (npm start)?`);
    }
    const { status } = response;
    if (status >= 300 && status < 400) throw this.#redirected(status, response.headers.get('location'));
    const text = await readText(response, this.#url);
    const contentTypeOfAnswer = response.headers.get('content-type') ?? '';
    const answer = { status, text, json: parsed(text), contentType: contentTypeOfAnswer };
    if (response.ok) return answer;
    const known = this.#reasonIn(answer);
    const reason = `${status} ${known ?? `(${kindOf(answer)}, not an answer of the app)`}`;
    if (status === 401) {
      const how = 'set PLATFORM_EVENTS_KEY to a function key, or PLATFORM_EVENTS_TOKEN to a token (HttpAuth=tokens)';
      throw new PermanentError(`the app refuses: ${reason}; ${how}`);
    }
    if (status >= 500 || status === 429) throw new TransientError(`the app answers ${reason}`);
    if (status === 404 && known !== undefined) throw new NotFoundError(known);
    throw new PermanentError(`the app refuses: ${reason}`);
  }

  /** The app's reason; undefined for a proxy's page, which may even repeat the key. */
  #reasonIn({ contentType, json }: AppAnswer): string | undefined {
    if (!/^application\/problem\+json\b/.test(contentType)) return undefined;
    const reason = reasonIn(json);
    const isSecret = [this.#key, this.#token].some((secret) => secret !== undefined && reason?.includes(secret));
    return isSecret ? undefined : reason;
  }

  #listIn(answer: AppAnswer, name: string): unknown[] {
    const list = fieldOf(answer, name);
    if (Array.isArray(list)) return list;
    throw this.#notTheApp(answer, `JSON with a list of ${name}`);
  }

  #redirected(status: number, location: string | null): PermanentError {
    return new PermanentError(
      `${this.#url} redirects (${status}) to ${originOf(location, this.#url)}, which is not followed: it would get the key or token; give the app's own address with --url or PLATFORM_EVENTS_URL`,
    );
  }

  /** The error for a success that is not an answer of the app. */
  #notTheApp(answer: AppAnswer, expected: string): PermanentError {
    return new PermanentError(
      `${this.#url} does not answer as the app: expected ${expected}, got ${answer.status} ${kindOf(answer)}; is a proxy or a sign-in page in between?`,
    );
  }
}

function fieldOf({ json }: AppAnswer, name: string): unknown {
  const value: unknown = Reflect.get(Object(json), name);
  return value;
}

const MAX_TEXT = 200;

/** The kind of an answer. Its text is not shown, since it may repeat the key. */
function kindOf({ contentType }: AppAnswer): string {
  return oneLine(contentType.split(';', 1)[0] ?? '').slice(0, MAX_TEXT) || 'without a content type';
}

/** The origin of an address. The rest of a sign-in address holds state and tokens. */
function originOf(location: string | null, base: string): string {
  if (location === null || !URL.canParse(location, base)) return 'nowhere';
  const { origin, protocol, host } = new URL(location, base);
  return oneLine(origin === 'null' ? `${protocol}//${host}` : origin).slice(0, MAX_TEXT);
}

async function readText(response: Response, url: string): Promise<string> {
  try {
    return await wholeOf(response, MAX_ANSWER_BYTES);
  } catch (cause) {
    if (cause instanceof RangeError) throw new PermanentError(`${url} does not answer as the app: ${cause.message}`);
    throw new TransientError(`the app at ${url} did not complete its answer: ${faultOf(cause)}`);
  }
}

function queryOf(values: object): URLSearchParams {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) if (value !== undefined) query.set(name, String(value));
  return query;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The title and the issues of a problem document, one line each. */
function reasonIn(answer: unknown): string | undefined {
  if (typeof answer !== 'object' || answer === null || !('title' in answer)) return undefined;
  const { title, issues } = answer as { title: unknown; issues?: unknown };
  const lines = Array.isArray(issues) ? issues.map((issue) => formatIssue({ path: '', expected: '', ...issue })) : [];
  return [oneLine(String(title)), ...lines.map((line) => `  ${oneLine(line)}`)].join('\n');
}
