/** `GET /api/audit`: who did what over HTTP, newest first. */
import { readAudit } from '../../shared/access/audit.ts';
import { type HttpRequest, type HttpResponse, onHttp } from '../../shared/http/on-http.ts';
import { limitIn, PAGE_PARAMETERS, refuseUnknown, timeIn, WRONG_PARAMETER, wrong } from '../../shared/http/query.ts';
import type { Ports } from '../../shared/ports/handler.ts';

const QUERY = {
  who: 'Only acts of this caller.',
  correlationId: 'Only acts that began or belong to this chain.',
  since: 'Only acts at this time or later; RFC 3339.',
  ...PAGE_PARAMETERS,
} as const;

/** 200 with `acts`, and `next` (a `cursor`) when there are more; 400 naming the parameter that is wrong. */
export async function handle({ query }: HttpRequest, { state }: Ports): Promise<HttpResponse> {
  refuseUnknown(query, QUERY);
  const cursor = query.get('cursor') ?? undefined;
  if (cursor !== undefined && !/^[0-9]{13}\|/.test(cursor))
    throw wrong('cursor', 'the next of an earlier page', cursor);
  const { entries, next } = await readAudit(state, {
    who: query.get('who') ?? undefined,
    correlationId: query.get('correlationId') ?? undefined,
    since: timeIn(query, 'since'),
    limit: limitIn(query),
    cursor,
  });
  const acts = entries.map(({ at, ...entry }) => ({ at: new Date(at).toISOString(), ...entry }));
  return { json: { acts, ...(next !== undefined && { next }) } };
}

onHttp(
  {
    name: 'audit',
    methods: ['GET'],
    route: 'audit',
    right: 'read',
    description: 'The audit log: who did what over HTTP, why and from where, newest first.',
    query: QUERY,
    schemas: async () => (await import('../../shared/api/operations.ts')).auditSchemas,
    answers: {
      200: '`{ acts, next? }`: each with `at`, `who`, `right`, `what`, `why`, `from`, `correlationId`, and `failed` when it was not done; `next` when there are more.',
      400: WRONG_PARAMETER,
    },
  },
  handle,
);
