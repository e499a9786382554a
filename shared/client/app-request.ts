/** Requests to the app, and what may answer in its place: a proxy's sign-in page is not a success. */
import { wholeOf } from '../adapters/answer-text.ts';
import { faultOf } from '../describe-error.ts';
import { formatIssue, NotFoundError, PermanentError, TransientError } from '../errors.ts';
import { oneLine } from '../shown-text.ts';

/** The largest answer is a page of entries, each with its description: a few MB. */
const MAX_ANSWER_BYTES = 32 * 1024 * 1024;

/** An HTTP answer, of the app or of a proxy. */
export interface AppAnswer {
  readonly status: number;
  readonly text: string;
  /** Undefined when the text is not JSON. */
  readonly json: unknown;
  readonly contentType: string;
}

const TIMEOUT_MS = 30_000;

/** What lets its holder in. */
export interface Credentials {
  readonly key?: string | undefined;
  /** A token, or where to get one that is still good. */
  readonly token?: string | (() => Promise<string>) | undefined;
}

/** What to do about the commonest troubles. */
export interface Hints {
  readonly unreachable: string;
  readonly unauthenticated: string;
  /** When the address redirects elsewhere. */
  readonly address: string;
}

/** Sends requests to the app at an address. Redirects are not followed, since they would get the function key. */
export class AppConnection {
  readonly #url: string;
  readonly #credentials: Credentials;
  readonly #hints: Hints;

  /** @param url the app's address, with or without `/api` */
  constructor(url: string, credentials: Credentials, hints: Hints) {
    this.#url = `${url.replace(/\/+$/, '').replace(/\/api$/, '')}/api`;
    this.#credentials = credentials;
    this.#hints = hints;
  }

  /** @throws PermanentError with the app's reasons @throws TransientError when the app cannot be reached or is busy */
  async request(
    path: string,
    { method = 'GET', contentType = 'application/json', body = undefined as string | undefined } = {},
  ): Promise<AppAnswer> {
    const { key, token: given } = this.#credentials;
    const token = typeof given === 'function' ? await given() : given;
    const headers = {
      // The app requires it for every change, since a browser does not send it for a foreign page.
      ...(method !== 'GET' && { 'content-type': contentType }),
      ...(key !== undefined && { 'x-functions-key': key }),
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
    };
    let response: Response;
    try {
      const signal = AbortSignal.timeout(TIMEOUT_MS);
      response = await fetch(`${this.#url}/${path}`, {
        ...{ method, headers, signal, redirect: 'manual' },
        ...(body !== undefined && { body }),
      });
    } catch (error) {
      throw new TransientError(`cannot reach the app at ${this.#url}: ${faultOf(error)}; ${this.#hints.unreachable}`);
    }
    const { status } = response;
    if (status >= 300 && status < 400) throw this.#redirected(status, response.headers.get('location'));
    const text = await readText(response, this.#url);
    const contentTypeOfAnswer = response.headers.get('content-type') ?? '';
    const answer = { status, text, json: parsed(text), contentType: contentTypeOfAnswer };
    if (response.ok) return answer;
    const known = reasonOf(answer, [key, token]);
    const reason = `${status} ${known ?? `(${kindOf(answer)}, not an answer of the app)`}`;
    if (status === 401) throw new PermanentError(`the app refuses: ${reason}; ${this.#hints.unauthenticated}`);
    if (status >= 500 || status === 429) throw new TransientError(`the app answers ${reason}`);
    if (status === 404 && known !== undefined) throw new NotFoundError(known);
    throw new PermanentError(`the app refuses: ${reason}`);
  }

  /** The list of this name in an answer. */
  listIn(answer: AppAnswer, name: string): unknown[] {
    const list = fieldOf(answer, name);
    if (Array.isArray(list)) return list;
    throw this.notTheApp(answer, `JSON with a list of ${name}`);
  }

  #redirected(status: number, location: string | null): PermanentError {
    return new PermanentError(
      `${this.#url} redirects (${status}) to ${originOf(location, this.#url)}, which is not followed: it would get the key or token; ${this.#hints.address}`,
    );
  }

  /** The error for a success that is not an answer of the app. */
  notTheApp(answer: AppAnswer, expected: string): PermanentError {
    return new PermanentError(
      `${this.#url} does not answer as the app: expected ${expected}, got ${answer.status} ${kindOf(answer)}; is a proxy or a sign-in page in between?`,
    );
  }
}

/** The app's reason; undefined for a proxy's page, which may even repeat one of the secrets. */
function reasonOf({ contentType, json }: AppAnswer, secrets: readonly (string | undefined)[]): string | undefined {
  if (!/^application\/problem\+json\b/.test(contentType)) return undefined;
  const reason = reasonIn(json);
  return secrets.some((secret) => secret !== undefined && reason?.includes(secret)) ? undefined : reason;
}

/** A member of an answer's JSON. */
export function fieldOf({ json }: AppAnswer, name: string): unknown {
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
