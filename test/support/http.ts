/** Requests as the HTTP functions get them. */
import { KEY_HOLDER } from '../../shared/access/rights.ts';
import type { HttpRequest } from '../../shared/http/on-http.ts';
import type { Caller } from '../../shared/ports/access.ts';
import { newTraceparent, traceparentIn } from '../../shared/telemetry/traceparent.ts';

export interface RequestParts {
  readonly method?: string;
  readonly path?: string;
  readonly params?: Readonly<Record<string, string>>;
  /** Text and bytes are sent as they are, anything else as JSON. */
  readonly body?: unknown;
  /** Beside them is the content type of JSON, unless they have one or it is a GET. */
  readonly headers?: Record<string, string>;
  readonly isAnonymous?: boolean;
  /** The holder of a function key unless said. */
  readonly caller?: Caller;
}

export function httpRequest({
  method = 'GET',
  path = '/api/events',
  params = {},
  body,
  headers = {},
  isAnonymous = false,
  caller = KEY_HOLDER,
}: RequestParts): HttpRequest {
  const url = `http://127.0.0.1${path}`;
  const bytes =
    body === undefined || typeof body === 'string' || body instanceof Uint8Array
      ? Buffer.from(body ?? '')
      : Buffer.from(JSON.stringify(body));
  return {
    method,
    url,
    headers: new Headers({ ...(method !== 'GET' && { 'content-type': 'application/json' }), ...headers }),
    query: new URL(url).searchParams,
    params,
    caller,
    isAnonymous,
    arrayBuffer: async () => new Uint8Array(bytes).buffer,
    traceparent: () => traceparentIn(headers['traceparent']) ?? newTraceparent(),
  };
}
