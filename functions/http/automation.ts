/** `GET /api/automation`: whether the platform changes clusters by itself; `POST` pauses and resumes that. */
import { audited } from '../../shared/access/audit.ts';
import { KEY_HOLDER, may } from '../../shared/access/rights.ts';
import { automationPause, pauseAutomation, resumeAutomation } from '../../shared/automation.ts';
import { isAttributeText } from '../../shared/events/text.ts';
import { type HttpRequest, type HttpResponse, onHttp } from '../../shared/http/on-http.ts';
import { ProblemError } from '../../shared/http/problem.ts';
import { refuseUnknown, WRONG_PARAMETER } from '../../shared/http/query.ts';
import { parseJson } from '../../shared/json.ts';
import type { Ports } from '../../shared/ports/handler.ts';

const MAX_REQUEST_BYTES = 4 * 1024;
const MAX_NAME = 100;
const MAX_REASON = 500;

/** 200 with the state. */
export async function showAutomation({ query }: HttpRequest, { state }: Ports): Promise<HttpResponse> {
  refuseUnknown(query, {});
  return stateOf(await automationPause(state));
}

/** 200 with the state as it is now; 400 naming the field that is wrong. */
export async function switchAutomation(request: HttpRequest, ports: Ports): Promise<HttpResponse> {
  const { state, clock, log } = ports;
  const { caller } = request;
  const fields = await fieldsIn(request);
  const action = fields['action'];
  const [said, reason] = [textIn(fields, 'by', MAX_NAME), textIn(fields, 'reason', MAX_REASON)];
  // It stops everything, so a right for a part of it is not enough.
  if (!may(caller, 'pause', {}))
    throw new ProblemError(403, `${caller.name} has no right to pause or resume automation`);
  // A key says nothing of its holder; a token does, and what its holder says does not count.
  const by = caller === KEY_HOLDER ? said : caller.name;
  const act = { right: 'pause', what: `automation/${String(action)}`, why: reason } as const;
  if (action === 'pause') {
    const since = new Date(clock.now()).toISOString();
    const pause = await audited([act], request, ports, () => pauseAutomation(state, { by, reason, since }));
    log.warn('automation paused', { by, reason, since: pause.since });
    return stateOf(pause);
  }
  if (action === 'resume') {
    const ended = await audited([act], request, ports, () => resumeAutomation(state));
    log.warn('automation resumed', { by, reason, pausedSince: ended?.since });
    return stateOf(undefined);
  }
  throw new ProblemError(400, "action: expected 'pause' or 'resume'");
}

function stateOf(pause: Awaited<ReturnType<typeof automationPause>>): HttpResponse {
  return { json: pause ? { state: 'paused', ...pause } : { state: 'active' } };
}

async function fieldsIn(request: HttpRequest): Promise<Record<string, unknown>> {
  const body = Buffer.from(await request.arrayBuffer());
  if (body.length > MAX_REQUEST_BYTES) throw new ProblemError(413, `at most ${MAX_REQUEST_BYTES} bytes`);
  let value: unknown;
  try {
    value = parseJson(body.toString());
  } catch (error) {
    throw new ProblemError(400, error instanceof SyntaxError ? error.message : 'expected JSON');
  }
  const fields = Object(value) as Record<string, unknown>;
  const unknown = Object.keys(fields).find((name) => !['action', 'by', 'reason'].includes(name));
  if (unknown !== undefined) throw new ProblemError(400, 'expected action, by and reason, and nothing else');
  return fields;
}

function textIn(fields: Readonly<Record<string, unknown>>, name: string, maxLength: number): string {
  const text = typeof fields[name] === 'string' ? fields[name].trim() : '';
  if (text !== '' && text.length <= maxLength && isAttributeText(text)) return text;
  throw new ProblemError(400, `${name}: expected 1 to ${maxLength} characters of text, without control characters`);
}

const STATE = '`{ state }`, which is `active`, or `paused` with `by`, `reason` and `since`.';

onHttp(
  {
    name: 'automation',
    methods: ['GET'],
    route: 'automation',
    right: 'read',
    description: 'Whether the platform changes clusters by itself.',
    schemas: async () => (await import('../../shared/api/operations.ts')).automationSchemas,
    answers: { 200: STATE, 400: WRONG_PARAMETER },
  },
  showAutomation,
);
onHttp(
  {
    name: 'switch-automation',
    methods: ['POST'],
    route: 'automation',
    right: 'pause',
    description:
      'Pauses or resumes what the platform does in clusters by itself: rollbacks and raised quotas. What somebody asks for is still done; everything is recorded and told.',
    body: '`{ action, by, reason }`: `pause` or `resume`, who does it (as the caller says), and why.',
    schemas: async () => (await import('../../shared/api/operations.ts')).switchAutomationSchemas,
    answers: {
      200: `${STATE} Of two pauses the first one stays.`,
      400: 'A field does not fit; the title names it.',
      403: 'The caller may not pause.',
      413: 'The body is too large.',
    },
  },
  switchAutomation,
);
