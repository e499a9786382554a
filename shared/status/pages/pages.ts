/** The pages under `/api/dashboard`, by their addresses. Loaded by the first request for one: no cold start waits for them. */
import { automationPause } from '../../automation.ts';
import { TransientError } from '../../errors.ts';
import type { Caller } from '../../ports/access.ts';
import type { Ports } from '../../ports/handler.ts';
import { auditPage } from './audit-page.ts';
import { automationPage } from './automation-page.ts';
import { chainPage } from './chain-page.ts';
import { deploymentPage } from './deployment-page.ts';
import { deploymentsPage } from './deployments-page.ts';
import { errorPage } from './error-page.ts';
import { errorsPage } from './errors-page.ts';
import { eventListPage } from './events-page.ts';
import { overviewPage } from './overview-page.ts';
import { doneNotice } from './parts/forms.ts';
import { html } from './parts/html.ts';
import { documentOf, PAGE_HEADERS, type ShownPage } from './parts/layout.ts';
import { hrefOf, pageLink, type View } from './parts/view.ts';
import { servicePage } from './service-page.ts';
import { servicesPage } from './services-page.ts';

/** What is asked for, and by whom. */
export interface PageRequest {
  readonly url: string;
  readonly query: URLSearchParams;
  readonly caller: Caller;
}

export interface PageResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/**
 * The page of an address, as HTML: 200; 404 for what there is not; 503 while the state store is unavailable.
 *
 * @param path below the dashboard
 * @param token what forms carry
 */
export async function answerPage(
  request: PageRequest,
  path: string,
  token: string,
  ports: Ports,
): Promise<PageResponse> {
  const view: View = { ...viewOf(request, path, token, ports), pause: await pauseOf(ports) };
  const page = await pageAt(view, ports).catch((error) => {
    if (error instanceof TransientError) return unavailablePage(error);
    throw error;
  });
  const { main } = page;
  const shown = { ...page, main: html`${doneNotice(view)}${main}` };
  return { status: page.status ?? 200, headers: PAGE_HEADERS, body: documentOf(view, shown) };
}

/** A page that says what went wrong with a form, at the address of that form. It has no forms itself. */
export function answerProblem(
  request: PageRequest,
  path: string,
  { status, title }: { readonly status: number; readonly title: string },
  ports: Ports,
): PageResponse {
  const view: View = { ...viewOf(request, path, '', ports), pause: undefined };
  const main = html`<h1>Not done</h1><div class="notice bad" role="alert"><p>${title}</p></div>
<p>${pageLink(view, path === '' ? [] : path.split('/'), 'Back to the page')}</p>`;
  const body = documentOf(view, { title: 'Not done', tone: 'bad', main });
  return { status, headers: PAGE_HEADERS, body };
}

/** The address of a page below the dashboard, with the function key of the request. */
export function pageAddress(
  { url, query }: Pick<PageRequest, 'url' | 'query'>,
  path: string,
  asked: Readonly<Record<string, string>>,
): string {
  return hrefOf({ base: baseOf(url), query }, path === '' ? [] : path.split('/'), asked);
}

/** Where the pages are, such as `/api/dashboard`. */
function baseOf(url: string): string {
  const { pathname } = new URL(url);
  const at = pathname.indexOf('/dashboard');
  return at < 0 ? '/api/dashboard' : pathname.slice(0, at + '/dashboard'.length);
}

function viewOf(
  { url, query, caller }: PageRequest,
  path: string,
  token: string,
  { clock }: Ports,
): Omit<View, 'pause'> {
  return { now: clock.now(), caller, base: baseOf(url), origin: new URL(url).origin, page: path, query, token };
}

/** A store that is away is told by the page itself. */
function pauseOf({ state }: Ports): ReturnType<typeof automationPause> {
  return automationPause(state).catch(() => undefined);
}

async function pageAt(view: View, ports: Ports): Promise<ShownPage> {
  const [place = '', ...rest] = view.page.split('/');
  const [name = ''] = rest;
  const found = await pageOf(place, rest, name, view, ports);
  return found ?? missingPage(view);
}

async function pageOf(
  place: string,
  rest: readonly string[],
  name: string,
  view: View,
  ports: Ports,
): Promise<ShownPage | undefined> {
  switch (`${place}/${rest.length}`) {
    case '/0':
      return overviewPage(view, ports);
    case 'services/0':
      return servicesPage(view, ports);
    case 'services/1':
      return servicePage(view, ports, name);
    case 'deployments/0':
      return deploymentsPage(view, ports);
    case 'deployments/3':
      return deploymentPage(view, ports, rest.join('/'));
    case 'chain/0':
      return chainPage(view, ports);
    case 'errors/0':
      return errorsPage(view, ports);
    case 'errors/1':
      return errorPage(view, ports, name);
    case 'events/0':
      return eventListPage(view, ports);
    case 'audit/0':
      return auditPage(view, ports);
    case 'automation/0':
      return automationPage(view);
    default:
      return undefined;
  }
}

function missingPage(view: View): ShownPage {
  const main = html`<h1>Not found</h1>
<p>There is nothing here: it may be over and forgotten, handled by somebody else, or never have been. ${pageLink(view, [], 'To the overview')}</p>`;
  return { status: 404, title: 'Not found', main };
}

function unavailablePage({ message }: TransientError): ShownPage {
  const main = html`<div class="headline bad"><h1>The state store does not answer</h1>
<p>What these pages show is kept there. Events wait in Service Bus meanwhile, and nothing is lost.</p><p class="soft">${message}</p></div>`;
  return { status: 503, title: 'State store down', tone: 'bad', main };
}
