/**
 * `GET /api/health`: whether broker, store and clusters answer and each handler has its subscription, and on the local host
 * whether each trigger receives.
 */

import { automationPause } from '../../shared/automation.ts';
import { type HttpRequest, type HttpResponse, onHttp } from '../../shared/http/on-http.ts';
import type { Ports } from '../../shared/ports/handler.ts';
import { checkHealth, recentHealth } from '../../shared/status/health.ts';
import { type ErrorsReading, lastReading } from '../../shared/status/queue-reading.ts';

/**
 * 200 when events are handled (`up`; `degraded` when not all are); 503 when none is (`down`). Who needs no key is told the
 * status alone: names of clusters and errors are nobody's business.
 */
export async function handle({ isAnonymous }: HttpRequest, ports: Ports): Promise<HttpResponse> {
  if (isAnonymous) {
    const { status } = await recentHealth(ports);
    return { status: status === 'down' ? 503 : 200, json: { status } };
  }
  const [health, errors, paused] = await Promise.all([
    checkHealth(ports),
    errorsOf(ports),
    // A store that is away is told otherwise.
    automationPause(ports.state).catch(() => undefined),
  ]);
  const json = { ...health, ...(errors && { errors }), ...(paused && { paused }) };
  return { status: health.status === 'down' ? 503 : 200, json };
}

/** How many entries wait for a person and how many come back, when last read; a store that is away is told otherwise. */
async function errorsOf({ state }: Ports): Promise<Record<string, unknown> | undefined> {
  const reading = await lastReading(state).catch(() => undefined);
  if (!reading?.errors) return undefined;
  const { waiting, returning }: ErrorsReading = reading.errors;
  return { waiting, returning, readAt: new Date(reading.at).toISOString() };
}

onHttp(
  {
    name: 'health',
    methods: ['GET'],
    route: 'health',
    right: 'read',
    anonymousSetting: 'HEALTH_WITHOUT_KEY',
    description:
      'Whether broker, store and clusters answer, and each handler has its subscription. With `HEALTH_WITHOUT_KEY=true` anybody may ask, and is told the status alone.',
    schemas: async () => (await import('../../shared/api/operations.ts')).healthSchemas,
    answers: {
      200: '`{ status, dependencies, errors?, paused? }`: `up`, or `degraded` when a cluster is unavailable or a subscription is missing; `errors` has how many entries of the errors queue are `waiting` for a person and how many are `returning` by themselves, as of `readAt`; `paused` who has paused automation, why, and since when.',
      503: 'The same, with the status `down`: the broker or the state store is unavailable, and events wait; or no subscription exists.',
    },
  },
  handle,
);
