/** Who did what over HTTP and on these pages, newest first. */
import { type AuditEntry, readAudit } from '../../access/audit.ts';
import type { Ports } from '../../ports/handler.ts';
import { badge, type Html, html, htmlTable, note, type Part, pageSection } from './parts/html.ts';
import type { ShownPage } from './parts/layout.ts';
import { clockTime } from './parts/text.ts';
import { breakable, chainLink, pageLink, type View } from './parts/view.ts';

const PER_PAGE = 50;

export async function auditPage(view: View, { state }: Ports): Promise<ShownPage> {
  const cursor = /^[0-9]{13}\|/.exec(view.query.get('after') ?? '')?.input;
  const who = view.query.get('who') ?? undefined;
  const { entries, next } = await readAudit(state, { who, limit: PER_PAGE, cursor });
  const chosen =
    who !== undefined && html`<p>Only what <strong>${who}</strong> did. ${pageLink(view, ['audit'], 'Show all')}</p>`;
  const more =
    next !== undefined && html`<p class="pager">${pageLink(view, ['audit'], 'Next page', { after: next, who })}</p>`;
  const table = entries.length > 0 ? auditTable(view, entries) : note('Nobody has done anything over HTTP yet.');
  const main = html`<h1>Audit</h1>
${pageSection('acts', 'Newest first', html`${chosen}${table}${more}`)}`;
  return { title: 'Audit', main };
}

function auditTable(view: View, entries: readonly AuditEntry[]): Html {
  const rows = entries.map(({ at, who, right, what, why, from, correlationId, failed }): Part[] => [
    clockTime(at, view.now),
    pageLink(view, ['audit'], breakable(who), { who }),
    html`<span class="badges">${badge(right, 'quiet')}${failed !== undefined && badge('not done', 'bad')}</span>`,
    html`${breakable(what)}${correlationId !== undefined && html`<br>chain ${chainLink(view, correlationId)}`}`,
    html`${why}${failed !== undefined && html` <span class="why">${failed}</span>`}`,
    html`<span class="why">${from}</span>`,
  ]);
  return htmlTable(
    'Acts, newest first',
    ['When', 'Who', 'Right', { head: 'What', kind: 'wide' }, { head: 'Why', kind: 'wide' }, 'From'],
    rows,
  );
}
