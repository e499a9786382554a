/** `GET /api/health`: whether broker, store and clusters answer, and on the local host whether each trigger receives. */

import { type HttpRequest, type HttpResponse, onHttp } from '../../shared/http/on-http.ts';
import type { Ports } from '../../shared/ports/handler.ts';
import { checkHealth } from '../../shared/status/health.ts';

/** 200 when events are handled (`up`; `degraded` when not all are); 503 when none is (`down`). */
export async function handle(_: HttpRequest, ports: Ports): Promise<HttpResponse> {
  const health = await checkHealth(ports);
  return { status: health.status === 'down' ? 503 : 200, json: health };
}

onHttp(
  {
    name: 'health',
    methods: ['GET'],
    route: 'health',
    description: 'Whether broker, store and clusters answer.',
    answers: {
      200: '`{ status, dependencies }`: `up`, or `degraded` when a cluster is unavailable.',
      503: 'The same, with the status `down`: the broker or the state store is unavailable, and events wait.',
    },
  },
  handle,
);
