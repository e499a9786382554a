/** The app's HTTP functions, as the command line uses them. */
import { faultOf, formatIssue, NotFoundError, PermanentError, TransientError } from '../errors.ts';

/** One event at one handler, as the history tells it. */
export interface HistoryEntry {
  readonly id: string;
  readonly type: string;
  readonly subject: string;
  readonly time: string;
  /** Why it came to this, of events that say so. */
  readonly summary?: string;
  readonly correlationId: string;
  readonly handler: string;
  readonly status: 'running' | 'waiting' | 'finished' | 'parked';
  readonly tries: number;
  readonly startedAt: string;
  readonly endedAt?: string;
  readonly reason?: string;
  readonly error?: string;
}

export interface HistoryFilter {
  readonly type?: string | undefined;
  readonly correlationId?: string | undefined;
  /** RFC 3339. */
  readonly since?: string | undefined;
  readonly limit?: number | undefined;
}

/** What lies in the errors queue, as the app tells it. */
export interface ErrorEntry {
  readonly sequenceNumber: string;
  readonly parkedAt: string;
  readonly reason: string;
  readonly description: string;
  readonly type?: string;
  readonly eventId?: string;
  readonly subject?: string;
  readonly subscription?: string;
  readonly tries?: number;
  readonly correlationId?: string;
  readonly messageId: string;
}

export interface ErrorFilter {
  readonly reason?: string | undefined;
  readonly type?: string | undefined;
  /** Parked at or after, and before: RFC 3339. */
  readonly since?: string | undefined;
  readonly before?: string | undefined;
}

/** The app at an address. */
export class AppClient {
  readonly #url: string;
  readonly #key: string | undefined;

  /** @param url of the app, with or without `/api` */
  constructor(url: string, key: string | undefined) {
    this.#url = `${url.replace(/\/+$/, '').replace(/\/api$/, '')}/api`;
    this.#key = key;
  }

  /** Hands an event over; it is accepted, not yet handled, when this resolves. */
  async publish(event: unknown): Promise<void> {
    await this.#request('events', {
      method: 'POST',
      headers: { 'content-type': 'application/cloudevents+json' },
      body: JSON.stringify(event),
    });
  }

  /** The history, newest first. */
  async history(filter: HistoryFilter): Promise<HistoryEntry[]> {
    const answer = await this.#request(`events?${queryOf(filter)}`, {});
    // The app's own answer; its shape is fixed by the tests of `functions/http/history.ts`.
    return (answer as { events: HistoryEntry[] }).events;
  }

  /** All that fit, oldest first; pages are followed. */
  async *errors(filter: ErrorFilter): AsyncIterable<ErrorEntry> {
    let cursor: string | undefined;
    do {
      const answer = await this.#request(`errors?${queryOf({ ...filter, limit: 250, cursor })}`, {});
      // The app's own answer; its shape is fixed by the tests of `functions/http/errors.ts`.
      const page = answer as { errors: ErrorEntry[]; next?: string };
      yield* page.errors;
      cursor = page.next;
    } while (cursor !== undefined);
  }

  /** One entry, with the body that was sent. @throws NotFoundError */
  async error(sequenceNumber: string): Promise<ErrorEntry & { readonly body: unknown }> {
    const answer = await this.#request(`errors/${sequenceNumber}`, {});
    return answer as ErrorEntry & { body: unknown };
  }

  /** @throws NotFoundError @throws PermanentError saying why it cannot be replayed */
  async replay(sequenceNumber: string): Promise<void> {
    await this.#request(`errors/${sequenceNumber}/replay`, { method: 'POST' });
  }

  /** @throws NotFoundError */
  async discard(sequenceNumber: string): Promise<void> {
    await this.#request(`errors/${sequenceNumber}`, { method: 'DELETE' });
  }

  /** @throws PermanentError with the app's reasons @throws TransientError when it cannot be reached or is busy */
  async #request(path: string, init: RequestInit): Promise<unknown> {
    const url = `${this.#url}/${path}`;
    let response: Response;
    try {
      const headers = { ...init.headers, ...(this.#key !== undefined && { 'x-functions-key': this.#key }) };
      response = await fetch(url, { ...init, headers, signal: AbortSignal.timeout(30_000) });
    } catch (error) {
      throw new TransientError(`cannot reach the app at ${this.#url}: ${faultOf(error)}; is it running (npm start)?`);
    }
    const text = await response.text();
    const answer = parsed(text);
    if (response.ok) return answer;
    const reason = `${response.status} ${this.#reasonIn(response, answer) ?? '(not in the words of the app)'}`;
    if (response.status === 401 || response.status === 403) {
      throw new PermanentError(`the app refuses: ${reason}; set PLATFORM_EVENTS_KEY to a function key`);
    }
    if (response.status >= 500 || response.status === 429) throw new TransientError(`the app says ${reason}`);
    const said = this.#reasonIn(response, answer);
    if (response.status === 404 && said !== undefined) throw new NotFoundError(said);
    throw new PermanentError(`the app refuses: ${reason}`);
  }

  /** What the app itself says. A proxy's page may be anything, and even repeat the key. */
  #reasonIn({ headers }: Response, answer: unknown): string | undefined {
    if (!/^application\/problem\+json\b/.test(headers.get('content-type') ?? '')) return undefined;
    const reason = reasonIn(answer);
    return this.#key !== undefined && reason?.includes(this.#key) ? undefined : reason;
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

/** A problem document's title and issues, a line each. */
function reasonIn(answer: unknown): string | undefined {
  if (typeof answer !== 'object' || answer === null || !('title' in answer)) return undefined;
  const { title, issues } = answer as { title: unknown; issues?: unknown };
  const lines = Array.isArray(issues) ? issues.map((issue) => formatIssue({ path: '', expected: '', ...issue })) : [];
  return [String(title), ...lines.map((line) => `  ${line}`)].join('\n');
}
