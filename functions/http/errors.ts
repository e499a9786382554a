/**
 * The errors queue: `GET /api/errors` and `/api/errors/{sequenceNumber}`, `POST …/replay` sends an entry to its handler
 * again, `DELETE` discards it.
 */

import { discardEntry, noEntry, replayEntry } from '../../shared/acts/errors.ts';
import { unjudgedIn } from '../../shared/delivery/automatic-replay.ts';
import { GZIP_CONTENT_TYPE, jsonOrText } from '../../shared/delivery/body-bytes.ts';
import { bodyOf, MAX_UNPACKED_BYTES } from '../../shared/delivery/dead-letter-body.ts';
import { type HttpRequest, type HttpResponse, onHttp } from '../../shared/http/on-http.ts';
import { limitIn, PAGE_PARAMETERS, refuseUnknown, timeIn, WRONG_PARAMETER, wrong } from '../../shared/http/query.ts';
import type { DeadLetterEntry } from '../../shared/ports/bus.ts';
import { cursorAfter, formatEntryNumber, parseCursor, parseEntryNumber } from '../../shared/ports/dead-letter-list.ts';
import type { Ports } from '../../shared/ports/handler.ts';

const QUERY = {
  reason: 'Only entries with this reason; upper and lower case are the same.',
  type: 'Only entries of this event type.',
  since: 'Only entries that came into the queue at this time or later; RFC 3339.',
  before: 'Only entries that came into the queue before this time; RFC 3339.',
  ...PAGE_PARAMETERS,
} as const;
const PARAMS = { sequenceNumber: 'The number of the entry, such as 17 or d17, as the list shows it.' } as const;
const NO_ENTRY = 'The entry does not exist; one whose time to live ended has a new number.';
const WRONG_NUMBER = 'The sequence number is not valid.';
/** How many entries are read from the queue at a time. */
const READ_COUNT = 250;
/** How many entries one request reads at most; the rest is behind its cursor. */
const MAX_READ = 2_500;

/** 200 with `errors`, oldest first, and `next` (a `cursor`) when there may be more; 400 naming the parameter that is wrong. */
export async function listErrors({ query }: HttpRequest, { deadLetterQueue }: Ports): Promise<HttpResponse> {
  refuseUnknown(query, QUERY);
  const fits = filterIn(query);
  const limit = limitIn(query);
  const found: Record<string, unknown>[] = [];
  let next: string | undefined = cursorIn(query);
  let read = 0;
  while (next !== undefined && read < MAX_READ && found.length < limit) {
    const page: DeadLetterEntry[] = await deadLetterQueue.deadLetters(next, READ_COUNT);
    read += page.length;
    for (const entry of page) {
      next = cursorAfter(next, entry);
      if (fits(entry) && found.push(summaryOf(entry)) === limit) break;
    }
    if (page.length === 0) next = undefined;
  }
  return { json: { errors: found, ...(next !== undefined && { next }) } };
}

/**
 * 200 with the entry and its body, unpacked; one that unpacks to too much comes as it was sent, as a data URL, with
 * `bodyNote` saying so. 404 when it does not exist.
 */
export async function showError({ params }: HttpRequest, { deadLetterQueue }: Ports): Promise<HttpResponse> {
  const number = numberIn(params);
  const entry = await deadLetterQueue.findDeadLetter(number);
  if (!entry) throw noEntry(number);
  const text = bodyOf(entry);
  if (text !== undefined) return { json: { ...summaryOf({ ...entry, body: text }), body: jsonOrText(text) } };
  const body = `data:${GZIP_CONTENT_TYPE};base64,${Buffer.from(entry.gzipped ?? []).toString('base64')}`;
  const bodyNote = `it unpacks to more than ${MAX_UNPACKED_BYTES} bytes, and is shown as it was sent`;
  return { json: { ...summaryOf(entry), bodyNote, body } };
}

/** 202 with what was sent where; 404; 409 saying why it cannot be replayed, and then it stays. */
export async function replayError(request: HttpRequest, ports: Ports): Promise<HttpResponse> {
  return { status: 202, json: await replayEntry(numberIn(request.params), request, ports) };
}

/** 204; 404 when it does not exist. */
export async function discardError(request: HttpRequest, ports: Ports): Promise<HttpResponse> {
  await discardEntry(numberIn(request.params), request, ports);
  return { status: 204 };
}

onHttp(
  {
    name: 'errors',
    methods: ['GET'],
    route: 'errors',
    right: 'read',
    description: 'The dead letters: the entries of the errors queue, oldest first.',
    query: QUERY,
    schemas: async () => (await import('../../shared/api/errors.ts')).errorsSchemas,
    answers: {
      200: `\`{ errors, next? }\`; \`next\` when there may be more. One request reads ${MAX_READ} entries at most. An entry with \`returnsAt\` is replayed by itself then; the others wait for a person.`,
      400: WRONG_PARAMETER,
    },
  },
  listErrors,
);
onHttp(
  {
    name: 'error',
    methods: ['GET'],
    route: 'errors/{sequenceNumber}',
    right: 'read',
    description: 'One entry of the errors queue, with the body of its message.',
    params: PARAMS,
    schemas: async () => (await import('../../shared/api/errors.ts')).errorSchemas,
    answers: { 200: 'The entry, with `body`.', 400: WRONG_NUMBER, 404: NO_ENTRY },
  },
  showError,
);
onHttp(
  {
    name: 'discard',
    methods: ['DELETE'],
    route: 'errors/{sequenceNumber}',
    right: 'discard',
    description: 'Discards an entry of the errors queue.',
    params: PARAMS,
    answers: { 204: 'The entry is discarded.', 400: WRONG_NUMBER, 404: NO_ENTRY },
  },
  discardError,
);
onHttp(
  {
    name: 'replay',
    methods: ['POST'],
    route: 'errors/{sequenceNumber}/replay',
    right: 'replay',
    description:
      'Sends an entry of the errors queue to the one handler that it failed in, with all its attempts; an event that came on the topic of another type is not sent anywhere.',
    params: PARAMS,
    schemas: async () => (await import('../../shared/api/errors.ts')).replaySchemas,
    answers: {
      202: '`{ eventId, type, subscription }`: what was sent, and where.',
      400: WRONG_NUMBER,
      404: NO_ENTRY,
      409: 'It cannot be replayed, and stays; the title says why.',
    },
  },
  replayError,
);

function filterIn(query: URLSearchParams): (entry: DeadLetterEntry) => boolean {
  const reason = query.get('reason')?.toLowerCase();
  const type = query.get('type');
  const since = timeIn(query, 'since') ?? Number.NEGATIVE_INFINITY;
  const before = timeIn(query, 'before') ?? Number.POSITIVE_INFINITY;
  return (entry) =>
    (reason === undefined || entry.reason.toLowerCase() === reason) &&
    (type === null || entry.type === type) &&
    entry.deadLetteredAt >= since &&
    entry.deadLetteredAt < before;
}

/** In the one way that the list writes it. */
function numberIn({ sequenceNumber = '' }: HttpRequest['params']): string {
  const number = parseEntryNumber(sequenceNumber);
  if (!number) throw wrong('sequenceNumber', 'the number of an entry, such as 17 or d17', sequenceNumber);
  return formatEntryNumber(number);
}

function cursorIn(query: URLSearchParams): string {
  const cursor = query.get('cursor') ?? '0';
  if (!parseCursor(cursor)) throw wrong('cursor', 'what a list gave as `next`, such as 17 or 17d4', cursor);
  return cursor;
}

/** All but the body: of a list, none is kept. */
function summaryOf(entry: DeadLetterEntry): Record<string, unknown> {
  const {
    sequenceNumber,
    deadLetteredAt,
    reason,
    description,
    type,
    subscription,
    attempts,
    correlationId,
    messageId,
  } = entry;
  const event = Object(jsonOrText(entry.body)) as Record<string, unknown>;
  const { automaticReplays, returnsAt } = unjudgedIn(entry) ?? {};
  // The body may be anything.
  const textIn = (name: string): string | undefined => (typeof event[name] === 'string' ? event[name] : undefined);
  return {
    sequenceNumber,
    deadLetteredAt: new Date(deadLetteredAt).toISOString(),
    reason,
    description,
    type,
    eventId: textIn('id'),
    eventSource: textIn('source'),
    subject: textIn('subject'),
    subscription,
    attempts,
    correlationId,
    messageId,
    automaticReplays,
    returnsAt: returnsAt === undefined ? undefined : new Date(returnsAt).toISOString(),
  };
}
