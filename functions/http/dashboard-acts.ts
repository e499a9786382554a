/**
 * The forms of the pages: `POST /api/dashboard/…` does what a form asks for, to what the address names, and leads back to a
 * page. Each needs the right for it, a reason, and the token of a page that the same caller was shown; each is in the audit
 * log.
 */
import { isFormToken } from '../../shared/access/form-tokens.ts';
import { KEY_HOLDER } from '../../shared/access/rights.ts';
import { reasonIn } from '../../shared/acts/asked.ts';
import { changeAutomation } from '../../shared/acts/automation.ts';
import { actOnGroup } from '../../shared/acts/error-groups.ts';
import { discardEntry, noEntry, replayEntry } from '../../shared/acts/errors.ts';
import { override } from '../../shared/acts/override.ts';
import { rollBackRelease } from '../../shared/acts/rollback.ts';
import { unfreeze } from '../../shared/acts/unfreeze.ts';
import { type HttpRequest, type HttpResponse, onHttp } from '../../shared/http/on-http.ts';
import { ProblemError } from '../../shared/http/problem.ts';
import { formatEntryNumber, parseEntryNumber } from '../../shared/ports/dead-letter-list.ts';
import type { Ports } from '../../shared/ports/handler.ts';
import { isInGroup } from '../../shared/status/metric-labels.ts';

const MAX_FORM_BYTES = 16 * 1024;

/** 303 to the page that shows what came of it; 400, 403, 404, 409 or 413 with a page that says what is wrong. */
export async function handle(request: HttpRequest, ports: Ports): Promise<HttpResponse> {
  const { caller, params } = request;
  const path = params['page'] ?? '';
  const pages = import('../../shared/status/pages/pages.ts');
  try {
    const form = await formIn(request);
    if (!(await isFormToken(ports.state, form.get('token') ?? '', caller.name, ports.clock.now()))) {
      throw new ProblemError(
        400,
        'the page is too old, or was shown to somebody else: open it again, and send it from there',
      );
    }
    const next = await actOn(path, form, request, ports);
    const { pageAddress } = await pages;
    const { page, asked } = typeof next === 'string' ? { page: next, asked: {} } : next;
    return {
      status: 303,
      headers: { location: pageAddress(request, page, { done: form.get('act') ?? '', ...asked }) },
    };
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error;
    const { answerProblem } = await pages;
    return answerProblem(request, path, { status: error.status, title: error.message }, ports);
  }
}

/** A page, and what is asked of it. */
interface Next {
  readonly page: string;
  readonly asked: Readonly<Record<string, string>>;
}

/** @returns the page to show then @throws ProblemError saying why it is not done */
async function actOn(path: string, form: URLSearchParams, request: HttpRequest, ports: Ports): Promise<string | Next> {
  const [place = '', ...names] = path.split('/');
  const [name = '', namespace = '', deployment = ''] = names;
  const act = form.get('act') ?? '';
  const reason = reasonIn({ reason: form.get('reason') });
  switch (`${place} ${act}`) {
    case 'errors replay':
      if (names.length === 0) return groupDone('replay', form, { request, reason }, ports);
      await replayEntry(numberIn(name), request, ports, reason);
      return 'errors';
    case 'errors discard':
      if (names.length === 0) return groupDone('discard', form, { request, reason }, ports);
      await discardEntry(numberIn(name), request, ports, reason);
      return 'errors';
    case 'services unfreeze':
      await unfreeze(name, { reason }, request, ports);
      return path;
    case 'services override':
      await override(name, { reason }, request, ports);
      return path;
    case 'deployments override':
      await override(form.get('service') ?? '', { reason, target: names.join('/') }, request, ports);
      return path;
    case 'deployments rollback':
      await rollBackRelease({ cluster: name, namespace, deployment }, { reason }, request, ports);
      return path;
    case 'automation pause':
    case 'automation resume': {
      // A key says nothing of its holder.
      const by = request.caller === KEY_HOLDER ? { by: 'somebody with a function key' } : {};
      await changeAutomation({ action: act, reason, ...by }, request, ports);
      return path;
    }
    default:
      throw new ProblemError(404, 'there is nothing of that kind to do here');
  }
}

/** So many are named in an address. */
const MAX_NAMED = 20;

/** Whatever is of the reason and the subscription that the form names: one of them it must. */
async function groupDone(
  act: 'replay' | 'discard',
  form: URLSearchParams,
  { request: asked, reason: why }: { readonly request: HttpRequest; readonly reason: string },
  ports: Ports,
): Promise<Next> {
  const [reason, subscription] = ['group-reason', 'group-subscription'].map((name) => form.get(name) ?? undefined);
  if (reason === undefined && subscription === undefined) {
    throw new ProblemError(400, 'group-reason, group-subscription: expected one of them, got neither');
  }
  const labels = { reason, subscription };
  const { done, refused, isMore } = await actOnGroup(act, (entry) => isInGroup(entry, labels), { asked, why }, ports);
  return {
    page: 'errors',
    asked: {
      ...(reason !== undefined && { reason }),
      ...(subscription !== undefined && { subscription }),
      count: String(done),
      ...(refused.length > 0 && { refused: refused.slice(0, MAX_NAMED).join(',') }),
      ...(isMore && { more: 'yes' }),
    },
  };
}

function numberIn(text: string): string {
  const number = parseEntryNumber(text);
  if (!number) throw noEntry(text.slice(0, 30));
  return formatEntryNumber(number);
}

async function formIn(request: HttpRequest): Promise<URLSearchParams> {
  const body = Buffer.from(await request.arrayBuffer());
  if (body.length > MAX_FORM_BYTES) throw new ProblemError(413, `at most ${MAX_FORM_BYTES} bytes`);
  return new URLSearchParams(body.toString());
}

onHttp(
  {
    name: 'dashboard-acts',
    methods: ['POST'],
    route: 'dashboard/{*page}',
    right: 'read',
    takesForms: true,
    description: 'The forms of the pages; each also needs the right for what it does. Programs use the routes of JSON.',
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
