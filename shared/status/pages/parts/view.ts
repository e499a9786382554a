/** Who looks at a page, and from where: what every page needs to be drawn. */
import { KEY_HOLDER, may } from '../../../access/rights.ts';
import type { AutomationPause } from '../../../automation.ts';
import type { Caller, Right } from '../../../ports/access.ts';
import { type Html, html, type Part } from './html.ts';

/** What an act is about. */
type ActScope = Parameters<typeof may>[2];

export interface View {
  /** Milliseconds since the Unix epoch. */
  readonly now: number;
  readonly caller: Caller;
  /** Undefined while the platform acts by itself. */
  readonly pause: AutomationPause | undefined;
  /** Where the pages are, such as `/api/dashboard`. */
  readonly base: string;
  /** The address of the app, such as `https://platform.example`. */
  readonly origin: string;
  /** The page within `base`: empty, or `errors/17`. */
  readonly page: string;
  readonly query: URLSearchParams;
  /** Shows that a form comes from a page of ours. */
  readonly token: string;
}

type Query = Readonly<Record<string, string | number | undefined>>;

/** The address of a page. A function key in the address of this page goes along: the host asks for it each time. */
export function hrefOf(
  { base, query }: Pick<View, 'base' | 'query'>,
  path: readonly string[],
  asked: Query = {},
): string {
  const address = [base, ...path.map(encodeURIComponent)].join('/');
  const code = query.get('code');
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(asked)) if (value !== undefined) search.set(name, String(value));
  if (code !== null) search.set('code', code);
  return search.size > 0 ? `${address}?${search}` : address;
}

export function pageLink(view: View, path: readonly string[], text: Part, asked?: Query): Html {
  return html`<a href="${hrefOf(view, path, asked)}">${text}</a>`;
}

/** A deployment by its target, `<cluster>/<namespace>/<deployment>`. Long names break where they have a slash. */
export function targetLink(view: View, target: string): Html {
  return pageLink(view, ['deployments', ...target.split('/')], breakable(target));
}

export function serviceLink(view: View, service: string): Html {
  return pageLink(view, ['services', service], breakable(service));
}

export function chainLink(view: View, correlationId: string, text?: Part): Html {
  return pageLink(view, ['chain'], text ?? html`<code class="whole">${shortId(correlationId)}</code>`, {
    id: correlationId,
  });
}

/** What an event is about, as a link where there is a page about it. */
export function subjectLink(view: View, type: string | undefined, subject: string): Html {
  if (type?.startsWith('Deployment') && subject.split('/').length === 3) return targetLink(view, subject);
  if (type === 'HealthCheck' || type === 'SLOViolation' || type === 'ErrorBudgetDepleted')
    return serviceLink(view, subject);
  return breakable(subject);
}

/** A long name or image may break after `/`, `:`, `@` and `.`, and nowhere else unless it must. */
export function breakable(text: string): Html {
  return html`<span class="name">${text.split(/(?<=[/:@.])/).map((part, n) => (n === 0 ? part : html`<wbr>${part}`))}</span>`;
}

/** Ids are told apart by their beginning; the whole one is on hover and in the link. */
function shortId(id: string): string {
  return id.length > 13 ? `${id.slice(0, 13)}…` : id;
}

export function mayDo({ caller }: View, right: Right, scope: ActScope = {}): boolean {
  return may(caller, right, scope);
}

/** Who looks, in a sentence. */
export function viewerText({ caller }: View): string {
  return caller === KEY_HOLDER ? 'Whoever has a function key may do everything here.' : `Signed in as ${caller.name}.`;
}
