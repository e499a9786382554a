/** `POST /api/events`: one CloudEvent or an array of them, onto the bus; all of them or none. */
import { type Act, audited } from '../../shared/access/audit.ts';
import { rightsFor } from '../../shared/access/rights.ts';
import { recordSenders } from '../../shared/access/senders.ts';
import {
  EventTooLargeError,
  InvalidEventError,
  type Issue,
  MissingSubscriptionError,
  TransientError,
  UnknownEventError,
} from '../../shared/errors.ts';
import { catalog, type PlatformEvent } from '../../shared/events/catalog.ts';
import { encodeEvent, MAX_MESSAGE_BYTES, newEventId } from '../../shared/events/cloud-event.ts';
import { type ExactNumber, exactNumbersAt, exactNumbersIn } from '../../shared/events/exact-numbers.ts';
import { refuseFact } from '../../shared/events/facts.ts';
import { parseEvent } from '../../shared/events/parse.ts';
import { type HttpRequest, type HttpResponse, onHttp } from '../../shared/http/on-http.ts';
import { ProblemError } from '../../shared/http/problem.ts';
import { parseJson } from '../../shared/json.ts';
import type { Caller } from '../../shared/ports/access.ts';
import type { Ports } from '../../shared/ports/handler.ts';

/** What one request may take; a single event takes at most 256 KiB of it. */
export const MAX_REQUEST_BYTES = 1024 * 1024;
const MAX_EVENTS_PER_REQUEST = 500;

/**
 * 202 with the ids; 400 naming each issue, its event and its path; 403 naming what the caller may not publish; 413 for too
 * much at once.
 */
export async function handle(request: HttpRequest, ports: Ports): Promise<HttpResponse> {
  const { publisher, clock } = ports;
  // Refused before it is read where that is possible: a body that is read is in memory twice.
  checkSize(Number(request.headers.get('content-length') ?? 0));
  const body = Buffer.from(await request.arrayBuffer());
  checkSize(body.length);
  const receivedAt = clock.now();
  const traceparent = request.traceparent();
  const known = { specversion: '1.0', time: new Date(receivedAt).toISOString(), traceparent };
  const { events: found, exact } = eventsIn(request, body);
  if (found.length === 0 || found.length > MAX_EVENTS_PER_REQUEST) {
    throw new ProblemError(400, `expected 1 to ${MAX_EVENTS_PER_REQUEST} events, got ${found.length}`);
  }
  const events: PlatformEvent[] = [];
  const issues: (Issue & { index: number })[] = [];
  for (const [index, one] of found.entries()) {
    try {
      const { event } = parseEvent({
        body: completed(one, known),
        exactNumbers: exactNumbersAt(exact, String(index)),
        receivedAt,
      });
      // Facts have no senders but our own handlers: whoever could post one would speak with our rights.
      refuseFact(event);
      encodeEvent(event);
      events.push(event);
    } catch (error) {
      issues.push(...requestIssues(error).map((issue) => ({ index, ...issue })));
    }
  }
  if (issues.length > 0) {
    const details = { issues: issues.map(({ value, ...issue }) => ({ ...issue, value: shown(value) })) };
    throw new ProblemError(400, 'not published: the request contains invalid events', { details });
  }
  refuseOthers(request.caller, events, ports.config);
  const accepted = { ids: events.map(({ id }) => id), correlationIds: events.map((event) => event.correlationid) };
  const claim = claimIdentities(events, request, ports);
  // Both are written at once, and nothing is sent before either is; whoever fails first says so.
  claim.catch(() => undefined);
  try {
    await audited(actsOf(events), request, ports, async () => {
      await claim;
      await publisher.publishAll(events);
    });
  } catch (error) {
    throw error instanceof TransientError ? unavailable(error, accepted) : error;
  }
  return { status: 202, json: accepted };
}

onHttp(
  {
    name: 'publish',
    methods: ['POST'],
    route: 'events',
    right: 'publish',
    description: 'Publishes one CloudEvent or an array of them: all of them or, when one is not valid, none.',
    body: [
      `JSON of at most ${MAX_REQUEST_BYTES / 1024 / 1024} MiB: an event, or an array of 1 to ${MAX_EVENTS_PER_REQUEST}, each at most`,
      `${MAX_MESSAGE_BYTES / 1024} KiB. \`type\`, \`source\` and \`data\` are needed; what else an event must have is filled in.`,
      'With `ce-` headers: the data alone (binary mode). The handlers continue the trace of a `traceparent` header, or begin one.',
    ].join(' '),
    schemas: async () => (await import('../../shared/api/events.ts')).publishSchemas,
    answers: {
      202: '`{ ids, correlationIds }`: the broker has accepted the events; the correlation ids name their chains.',
      400: 'Nothing was published; `issues` names each by its event (`index`), its `path`, its `value` and what was `expected`.',
      403: 'Nothing was published; `issues` names each event that the caller has no right to publish, or that says something of its caller that is not so.',
      409: 'Nothing was published; `issues` names each event with the id and source of another one. The same event may be sent again.',
      413: 'The body is too large.',
      503: 'The broker does not accept events now, or `subscription` names a handler that has none, and nothing was sent. Send them again with the `ids` of the answer: none arrives twice.',
    },
  },
  handle,
);

/** Checks are measurements: they come by the minute, and would leave no room for what people do. */
function actsOf(events: readonly PlatformEvent[]): Act[] {
  return events.flatMap((event): Act[] => {
    const { type, subject, correlationid: correlationId } = event;
    if (type === 'HealthCheck') return [];
    const what = `${type} ${subject}`;
    // Whether the override is used is known later, and has an entry of its own.
    const why = event.type === 'DeploymentRequested' ? event.data.override?.reason : undefined;
    return [{ right: 'publish', what, why, correlationId }];
  });
}

/** @throws ProblemError 403 naming each event that the caller may not publish, or not as it is */
function refuseOthers(caller: Caller, events: readonly PlatformEvent[], config: Ports['config']): void {
  const issues = events.flatMap((event, index) =>
    callerIssues(caller, event, config).map((issue) => ({ index, ...issue })),
  );
  if (issues.length === 0) return;
  const title = `not published: ${caller.name} has no right to ${issues.length === 1 ? 'this' : 'these'}`;
  throw new ProblemError(403, title, { details: { issues } });
}

/**
 * Stores who publishes them, for the handlers.
 *
 * @throws ProblemError 409 naming each event with the id of another one, which would be taken for that
 */
async function claimIdentities(events: readonly PlatformEvent[], request: HttpRequest, ports: Ports): Promise<void> {
  const taken = await recordSenders(events, request, ports);
  if (taken.length === 0) return;
  const issues = events.flatMap(({ id, source }, index): (Issue & { index: number })[] =>
    taken.includes(index)
      ? [{ index, path: 'id', value: id, expected: `an id that no other event of ${source} has` }]
      : [],
  );
  throw new ProblemError(409, 'not published: another event has this id and source', { details: { issues } });
}

function callerIssues(caller: Caller, event: PlatformEvent, config: Ports['config']): Issue[] {
  const rights = rightsFor(caller, ['publish', 'override'], event, config);
  if (!rights.includes('publish')) {
    return [{ path: 'type', value: event.type, expected: `an event that a rule lets ${caller.name} publish` }];
  }
  if (event.type !== 'DeploymentRequested') return [];
  const { requestedBy, override } = event.data;
  const issues: Issue[] = [];
  // A function key says nothing of its holder, who may be anybody.
  const isSomebody = caller.aliases.length > 0;
  const isCaller = (name: string | undefined): boolean => name === undefined || caller.aliases.includes(name);
  const expected = `${caller.name}, who sends it, or nothing`;
  if (isSomebody && !isCaller(requestedBy)) issues.push({ path: 'data.requestedBy', value: requestedBy, expected });
  if (!override) return issues;
  if (!rights.includes('override')) {
    issues.push({ path: 'data.override', value: undefined, expected: `none: ${caller.name} has no right to override` });
  } else if (isSomebody && !isCaller(override.approvedBy)) {
    issues.push({ path: 'data.override.approvedBy', value: override.approvedBy, expected });
  }
  return issues;
}

function checkSize(bytes: number): void {
  if (!(bytes > MAX_REQUEST_BYTES)) return;
  throw new ProblemError(413, `the body takes ${bytes} bytes; one request takes at most ${MAX_REQUEST_BYTES}`);
}

/** The broker may have accepted some: sent again under these ids, none arrives twice. */
function unavailable(cause: TransientError, details: { readonly ids: readonly string[] }): ProblemError {
  const seconds = Math.ceil((cause.retryAfterMs ?? 5_000) / 1_000);
  // Whoever sends cannot make the entity, and should name it to whoever can.
  const isMissing = cause instanceof MissingSubscriptionError;
  const why = isMissing ? `not published: ${cause.message}` : 'the broker does not accept events now';
  return new ProblemError(503, `${why}; send them again with these ids`, {
    details: { ...details, ...(isMissing && { subscription: cause.subscription }) },
    headers: { 'retry-after': String(seconds) },
    cause,
  });
}

/** The events of a request as they came: in binary mode, one; else one or an array of structured ones. */
function eventsIn({ headers }: HttpRequest, body: Buffer): { events: unknown[]; exact: ExactNumber[] } {
  const value = jsonOf(body);
  const exact = exactNumbersIn(body.toString());
  const below = (...prefix: string[]): ExactNumber[] =>
    exact.map(({ path, digits }) => ({ path: [...prefix, ...path], digits }));
  if (headers.get('ce-specversion') === null) {
    return Array.isArray(value) ? { events: value, exact } : { events: [value], exact: below('0') };
  }
  const attributes: Record<string, unknown> = {};
  for (const [name, text] of headers.entries()) {
    if (name.startsWith('ce-')) attributes[name.slice('ce-'.length)] = percentDecoded(text);
  }
  return { events: [{ ...attributes, data: value }], exact: below('0', 'data') };
}

const EMPTY_BODY =
  'expected a CloudEvent as JSON, got an empty body; a chunked request arrives without its body: send it with a Content-Length';

function jsonOf(body: Buffer): unknown {
  if (body.length === 0) throw new ProblemError(400, EMPTY_BODY);
  try {
    return parseJson(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch (error) {
    const why = error instanceof SyntaxError ? error.message : 'the body is no UTF-8';
    throw new ProblemError(400, `expected a CloudEvent as JSON: ${why}`);
  }
}

/** Header values are percent-encoded: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md#3132-http-header-values */
function percentDecoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** People write `{ type, source, data }`; the other required attributes are filled in. */
function completed(event: unknown, known: object): unknown {
  if (typeof event !== 'object' || event === null || Array.isArray(event)) return event;
  return { id: newEventId(), ...known, ...event };
}

function requestIssues(error: unknown): readonly Issue[] {
  if (error instanceof InvalidEventError) return error.issues;
  if (error instanceof UnknownEventError) {
    const expected = catalog.has(error.type) ? error.message : `one of ${[...catalog.keys()].join(', ')}`;
    return [{ path: catalog.has(error.type) ? 'dataversion' : 'type', value: error.type, expected }];
  }
  if (error instanceof EventTooLargeError) return [{ path: '', value: undefined, expected: error.message }];
  throw error;
}

/** Enough of a value to recognise it by. */
function shown(value: unknown): unknown {
  const text = JSON.stringify(value);
  return text !== undefined && text.length > 200 ? `${text.slice(0, 197)}...` : value;
}
