/** `GET /api/events`: the events, newest first, and the status of each at its handler. */

import type { EventRecord } from '../../shared/delivery/event-record.ts';
import { readHistory } from '../../shared/delivery/history.ts';
import { catalog } from '../../shared/events/catalog.ts';
import { type HttpRequest, type HttpResponse, onHttp } from '../../shared/http/on-http.ts';
import { limitIn, PAGE_PARAMETERS, refuseUnknown, timeIn, WRONG_PARAMETER, wrong } from '../../shared/http/query.ts';
import type { Ports } from '../../shared/ports/handler.ts';

const QUERY = {
  type: 'Only events of this type.',
  subject: 'Only events about this resource.',
  correlationId: 'Only the events of this chain.',
  since: 'Only events that their handlers received at this time or later; RFC 3339.',
  ...PAGE_PARAMETERS,
} as const;

/** 200 with `events`, and `next` (a `cursor`) when there are more; 400 naming the parameter that is wrong. */
export async function handle({ query }: HttpRequest, { state }: Ports): Promise<HttpResponse> {
  refuseUnknown(query, QUERY);
  const { records, next } = await readHistory(state, {
    type: typeIn(query),
    subject: query.get('subject') ?? undefined,
    correlationId: query.get('correlationId') ?? undefined,
    since: timeIn(query, 'since'),
    limit: limitIn(query),
    cursor: cursorIn(query),
  });
  return { json: { events: records.map(entryOf), ...(next !== undefined && { next }) } };
}

onHttp(
  {
    name: 'history',
    methods: ['GET'],
    route: 'events',
    right: 'read',
    description: 'The events, newest first, and the status of each at its handler.',
    query: QUERY,
    schemas: async () => (await import('../../shared/api/events.ts')).historySchemas,
    answers: {
      200: '`{ events, next? }`: the events with status, attempts, times and reason; `next` when there may be more. One request looks through 1000 events at most for a `subject`, and may find none of it.',
      400: WRONG_PARAMETER,
    },
  },
  handle,
);

function typeIn(query: URLSearchParams): string | undefined {
  const type = query.get('type') ?? undefined;
  if (type !== undefined && !catalog.has(type)) throw wrong('type', `one of ${[...catalog.keys()].join(', ')}`, type);
  return type;
}

function cursorIn(query: URLSearchParams): string | undefined {
  const cursor = query.get('cursor') ?? undefined;
  if (cursor !== undefined && !/^[0-9]{13}\|/.test(cursor))
    throw wrong('cursor', 'the next of an earlier page', cursor);
  return cursor;
}

function entryOf(record: EventRecord): Record<string, unknown> {
  const { id, type, source, subject, time, summary, correlationId, causationId, handler, status } = record;
  return {
    id,
    type,
    source,
    subject,
    time,
    summary,
    correlationId,
    causationId,
    handler,
    status,
    attempts: record.attempts,
    runs: record.runs,
    redeliveries: record.redelivery,
    caused: record.caused ?? 0,
    startedAt: isoOf(record.startedAt),
    updatedAt: isoOf(record.updatedAt),
    endedAt: isoOf(record.endedAt),
    dueAt: isoOf(record.dueAt),
    reason: record.reason,
    error: record.error,
  };
}

function isoOf(ms: number | undefined): string | undefined {
  return ms === undefined ? undefined : new Date(ms).toISOString();
}
