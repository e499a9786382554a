/**
 * The forms of the pages: `POST /api/dashboard/…` does what a form asks for, to what the address names, and leads back to a
 * page. Each needs the right for it, a reason, and the token of a page that the same caller was shown; each is in the audit
 * log.
 */
import { type Act, audited } from '../../shared/access/audit.ts';
import { formToken, isFormToken } from '../../shared/access/form-tokens.ts';
import { KEY_HOLDER, may } from '../../shared/access/rights.ts';
import { pauseAutomation, resumeAutomation } from '../../shared/automation.ts';
import { NotReplayableError, replay } from '../../shared/delivery/replay.ts';
import { isAttributeText } from '../../shared/events/text.ts';
import { type HttpRequest, type HttpResponse, onHttp } from '../../shared/http/on-http.ts';
import { ProblemError } from '../../shared/http/problem.ts';
import { formatEntryNumber, parseEntryNumber } from '../../shared/ports/dead-letter-list.ts';
import type { Ports } from '../../shared/ports/handler.ts';
import { endFreeze, freezeOf } from '../../shared/slo/freezes.ts';

const MAX_FORM_BYTES = 16 * 1024;
const MAX_REASON = 500;

/** 303 to the page that shows what came of it; 400, 403, 404, 409 or 413 with a page that says what is wrong. */
export async function handle(request: HttpRequest, ports: Ports): Promise<HttpResponse> {
  const { caller, params, query } = request;
  const path = params['page'] ?? '';
  const now = ports.clock.now();
  const pages = import('../../shared/status/pages/pages.ts');
  try {
    const form = await formIn(request);
    if (!(await isFormToken(ports.state, form.get('token') ?? '', caller.name, now))) {
      throw new ProblemError(
        400,
        'the page is too old, or was shown to somebody else: open it again, and send it from there',
      );
    }
    const act = form.get('act') ?? '';
    const next = await actOn(path, act, reasonIn(form), request, ports);
    const { pageAddress } = await pages;
    return { status: 303, headers: { location: pageAddress(request, next, { done: act }) } };
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error;
    const { answerProblem } = await pages;
    const token = await formToken(ports.state, caller.name, now);
    return answerProblem({ ...request, query }, path, { status: error.status, title: error.message, token }, ports);
  }
}

/** @returns the page to show then @throws ProblemError saying why it is not done */
async function actOn(path: string, act: string, why: string, request: HttpRequest, ports: Ports): Promise<string> {
  const [place = '', name = ''] = path.split('/');
  switch (`${place} ${act}`) {
    case 'errors replay':
      await replayEntry(name, why, request, ports);
      return 'errors';
    case 'errors discard':
      await discardEntry(name, why, request, ports);
      return 'errors';
    case 'services unfreeze':
      await unfreeze(name, why, request, ports);
      return path;
    case 'automation pause':
    case 'automation resume':
      await switchAutomation(act === 'pause', why, request, ports);
      return path;
    default:
      throw new ProblemError(404, 'there is nothing of that kind to do here');
  }
}

async function replayEntry(name: string, why: string, request: HttpRequest, ports: Ports): Promise<void> {
  const number = numberIn(name);
  const act: Act = { right: 'replay', what: `errors/${number}`, why };
  allowed(request, act);
  try {
    await audited([act], request, ports, async () => {
      if (!(await replay(number, ports))) throw gone(number);
    });
  } catch (error) {
    if (error instanceof NotReplayableError) throw new ProblemError(409, `not replayed: ${error.message}`);
    throw error;
  }
}

async function discardEntry(name: string, why: string, request: HttpRequest, ports: Ports): Promise<void> {
  const number = numberIn(name);
  const act: Act = { right: 'discard', what: `errors/${number}`, why };
  allowed(request, act);
  await audited([act], request, ports, async () => {
    if (!(await ports.deadLetterQueue.takeDeadLetter(number))) throw gone(number);
    ports.log.warn('dead letter discarded', { sequenceNumber: number, who: request.caller.name });
  });
}

async function unfreeze(service: string, why: string, request: HttpRequest, ports: Ports): Promise<void> {
  const { state, clock, log } = ports;
  const act: Act = { right: 'unfreeze', what: `services/${service}`, why };
  allowed(request, act, { service });
  if (!(await freezeOf(state, service, clock.now()))) throw new ProblemError(404, 'the service is not frozen');
  await audited([act], request, ports, () => endFreeze(state, service));
  log.warn('freeze ended', { service, who: request.caller.name });
}

async function switchAutomation(isPause: boolean, why: string, request: HttpRequest, ports: Ports): Promise<void> {
  const { state, clock, log } = ports;
  const { caller } = request;
  const act: Act = { right: 'pause', what: `automation/${isPause ? 'pause' : 'resume'}`, why };
  allowed(request, act);
  const by = caller === KEY_HOLDER ? 'somebody with a function key' : caller.name;
  const since = new Date(clock.now()).toISOString();
  await audited([act], request, ports, async () => {
    if (isPause) await pauseAutomation(state, { by, reason: why, since });
    else await resumeAutomation(state);
  });
  log.warn(isPause ? 'automation paused' : 'automation resumed', { by, reason: why });
}

function allowed({ caller }: HttpRequest, { right }: Act, scope: Parameters<typeof may>[2] = {}): void {
  if (!may(caller, right, scope)) throw new ProblemError(403, `${caller.name} has no right to ${right} here`);
}

function numberIn(text: string): string {
  const number = parseEntryNumber(text);
  if (!number) throw new ProblemError(404, 'there is no such entry');
  return formatEntryNumber(number);
}

function gone(number: string): ProblemError {
  return new ProblemError(404, `entry ${number} does not exist in the errors queue: somebody was faster`);
}

async function formIn(request: HttpRequest): Promise<URLSearchParams> {
  const body = Buffer.from(await request.arrayBuffer());
  if (body.length > MAX_FORM_BYTES) throw new ProblemError(413, `at most ${MAX_FORM_BYTES} bytes`);
  return new URLSearchParams(body.toString());
}

function reasonIn(form: URLSearchParams): string {
  const reason = (form.get('reason') ?? '').trim();
  if (reason !== '' && reason.length <= MAX_REASON && isAttributeText(reason)) return reason;
  throw new ProblemError(400, `reason: expected 1 to ${MAX_REASON} characters of text, without control characters`);
}

onHttp(
  {
    name: 'dashboard-acts',
    methods: ['POST'],
    route: 'dashboard/{*page}',
    right: 'read',
    takesForms: true,
    description:
      'The forms of the pages; each also needs the right for what it does. Programs use the routes of JSON instead.',
    params: { page: 'The page that the form is on.' },
    contentType: 'text/html',
    body: `A form of a page of this app (\`application/x-www-form-urlencoded\`): \`act\`, \`reason\` and \`token\`.`,
    answers: {
      303: 'It is done; the page at `location` shows it.',
      400: 'There is no reason, or the page of the form was not shown to the caller within twelve hours.',
      403: 'The form does not come from a page of this app, or the caller may not do that.',
      404: 'There is nothing of that kind.',
      409: 'It cannot be done; the page says why.',
      413: 'The form is too large.',
    },
  },
  handle,
);
