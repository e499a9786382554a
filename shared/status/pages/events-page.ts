/** The events as their handlers received them, newest first. */
import type { EventRecord } from '../../delivery/event-record.ts';
import { readHistory } from '../../delivery/history.ts';
import { catalog } from '../../events/catalog.ts';
import type { Ports } from '../../ports/handler.ts';
import { badge, type Html, html, htmlTable, note, type Part, pageSection, type Tone } from './parts/html.ts';
import type { ShownPage } from './parts/layout.ts';
import { clockTime, shortened } from './parts/text.ts';
import { chainLink, hrefOf, pageLink, subjectLink, type View } from './parts/view.ts';

const PER_PAGE = 30;

export async function eventListPage(view: View, { state }: Ports): Promise<ShownPage> {
  const asked = view.query.get('type');
  const type = asked !== null && catalog.has(asked) ? asked : undefined;
  const cursor = /^[0-9]{13}\|/.exec(view.query.get('after') ?? '')?.input;
  const { records, next } = await readHistory(state, { type, limit: PER_PAGE, cursor });
  const code = view.query.get('code');
  const filter = html`<form class="filters" method="get" action="${hrefOf({ base: view.base, query: new URLSearchParams() }, ['events'])}">
<div><label for="type">Type</label><select id="type" name="type"><option value="">all types</option>${[
    ...catalog.keys(),
  ].map((name) => html`<option ${name === type && html`selected`}>${name}</option>`)}</select></div>
${code !== null && html`<input type="hidden" name="code" value="${code}">`}<button>Show</button></form>`;
  const more =
    next !== undefined && html`<p class="pager">${pageLink(view, ['events'], 'Next page', { after: next, type })}</p>`;
  const nothing = type === undefined ? 'No events yet.' : `No ${type} yet.`;
  const main = html`<h1>Events</h1>
${pageSection('events', 'Newest first', html`${filter}${records.length > 0 ? eventsTable(view, records) : note(next === undefined ? nothing : 'None among so many; the next page looks further back.')}${more}`)}`;
  return { title: 'Events', main };
}

export function eventsTable(view: View, records: readonly EventRecord[]): Html {
  const rows = records.map((record): Part[] => {
    const { startedAt, type, subject, correlationId } = record;
    return [
      clockTime(startedAt, view.now),
      html`<strong class="whole">${type}</strong>`,
      subjectLink(view, type, subject),
      outcomeBadge(record),
      html`<span class="why">${shortened(outcomeText(record), 200)}</span>`,
      chainLink(view, correlationId),
    ];
  });
  return htmlTable(
    'Events, newest first',
    ['Received', 'Event', { head: 'Subject', kind: 'wide' }, 'Status', { head: 'Why', kind: 'wide' }, 'Chain'],
    rows,
  );
}

const STATUSES: Readonly<Record<EventRecord['status'], readonly [string, Tone]>> = {
  completed: ['handled', 'good'],
  'in-progress': ['in progress', 'busy'],
  waiting: ['waiting', 'busy'],
  'dead-lettered': ['in errors', 'bad'],
};

/** Bad news that was handled well is bad news all the same: a refused release is not green. */
const BAD_NEWS: Readonly<Record<string, Tone>> = {
  DeploymentFailed: 'bad',
  DeploymentRolledBack: 'busy',
  SLOViolation: 'bad',
  ErrorBudgetDepleted: 'bad',
  ResourceQuotaExceeded: 'busy',
};

export function outcomeBadge({ status, type, summary }: EventRecord): Html {
  const [text, tone] = STATUSES[status];
  if (status !== 'completed') return badge(text, tone);
  const news = Object.hasOwn(BAD_NEWS, type) ? BAD_NEWS[type] : undefined;
  const [, reason] = /^([A-Z][A-Za-z]+): /.exec(summary ?? '') ?? [];
  return badge(type === 'DeploymentFailed' && reason !== undefined ? reason : text, news ?? tone);
}

/** Why it came to this: what its data says, or why its last attempt failed. */
export function outcomeText({ status, reason, error, summary }: EventRecord): string {
  const failure = status === 'completed' || reason === undefined ? undefined : `${reason}: ${error ?? ''}`;
  return failure ?? summary ?? '';
}
