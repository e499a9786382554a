/**
 * `GET /api/health`: whether broker, store and clusters answer and each handler has its subscription, and on the local host
 * whether each trigger receives.
 */

import { type HttpRequest, type HttpResponse, onHttp } from '../../shared/http/on-http.ts';
import type { Ports } from '../../shared/ports/handler.ts';
import { checkHealth, recentHealth } from '../../shared/status/health.ts';

/**
 * 200 when events are handled (`up`; `degraded` when not all are); 503 when none is (`down`). Who needs no key is told the
 * status alone: names of clusters and errors are nobody's business.
 */
export async function handle({ isAnonymous }: HttpRequest, ports: Ports): Promise<HttpResponse> {
  const health = await (isAnonymous ? recentHealth(ports) : checkHealth(ports));
  const { status } = health;
  return { status: status === 'down' ? 503 : 200, json: isAnonymous ? { status } : health };
}

onHttp(
  {
    name: 'health',
    methods: ['GET'],
    route: 'health',
    anonymousSetting: 'HEALTH_WITHOUT_KEY',
    description:
      'Whether broker, store and clusters answer, and each handler has its subscription. With `HEALTH_WITHOUT_KEY=true` anybody may ask, and is told the status alone.',
    answers: {
      200: '`{ status, dependencies }`: `up`, or `degraded` when a cluster is unavailable or a subscription is missing.',
      503: 'The same, with the status `down`: the broker or the state store is unavailable, and events wait; or no subscription exists.',
    },
  },
  handle,
);
