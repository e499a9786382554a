/** The services: who pages, who is frozen, how much budget is left. */

import type { Ports } from '../../ports/handler.ts';
import { budgetWords } from '../../slo/budget-text.ts';
import { scopeText } from '../../slo/freezes.ts';
import { type ObjectiveSummary, type ServiceSummary, services } from '../summaries.ts';
import { badge, type Html, html, htmlTable, note, type Part, pageSection, type Tone } from './parts/html.ts';
import type { ShownPage } from './parts/layout.ts';
import { ago, exactPercent, shortened } from './parts/text.ts';
import { pageLink, serviceLink, type View } from './parts/view.ts';

const PER_PAGE = 100;

/** All of them, the most urgent first, in pages. */
export async function servicesPage(view: View, ports: Ports): Promise<ShownPage> {
  const all = byUrgency(await services(ports));
  const from = Math.max(0, Number(view.query.get('from') ?? 0) || 0);
  const shown = all.slice(from, from + PER_PAGE);
  const next = from + PER_PAGE;
  const main = html`<h1>Services</h1>
${pageSection(
  'services',
  `${all.length === 1 ? '1 service' : `${all.length} services`}`,
  html`${serviceRows(view, shown)}
${next < all.length && html`<p class="pager">${pageLink(view, ['services'], 'Next page', { from: next })}</p>`}`,
)}`;
  return { title: 'Services', main };
}

export function byUrgency(all: readonly ServiceSummary[]): ServiceSummary[] {
  return all.toSorted((a, b) => urgencyOf(b) - urgencyOf(a));
}

/** A page is above a ticket, whatever else there is. */
function urgencyOf({ freeze, objectives }: ServiceSummary): number {
  const has = (severity: 'page' | 'ticket'): boolean => objectives.some(({ alerts }) => alerts.includes(severity));
  const isUnknown = objectives.some((one) => one.silentSince !== undefined || one.checkedAt === undefined);
  return (has('page') ? 8 : 0) + (freeze ? 4 : 0) + (has('ticket') ? 2 : 0) + (isUnknown ? 1 : 0);
}

export function serviceRows(view: View, all: readonly ServiceSummary[]): Html {
  if (all.length === 0) return note('No service has an objective in platform.config.json.');
  const rows = all.flatMap((service): Part[][] => {
    const { freeze, checkedAt } = service;
    const checked = checkedAt === undefined ? 'never' : ago(checkedAt, view.now);
    const why = freeze && html` <span class="why">${scopeText(freeze)} ${shortened(freeze.reason, 120)}</span>`;
    const state = html`${stateBadges(service)}${why}`;
    const name = html`${serviceLink(view, service.service)}${service.team !== undefined && html` <span class="soft">${service.team}</span>`}`;
    if (service.objectives.length === 0) return [[name, state, 'no objective', '–', checked]];
    return service.objectives.map((objective, n) => [
      name,
      n === 0 ? state : alertBadges(objective),
      html`${objective.slo} <span class="soft">${exactPercent(objective.target)} over ${objective.window}</span>`,
      budgetBar(objective),
      checked,
    ]);
  });
  return htmlTable(
    'Services, the most urgent first',
    [{ head: 'Service', kind: 'middle' }, { head: 'State', kind: 'wide' }, 'Objective', 'Error budget left', 'Checked'],
    rows,
  );
}

/** What is wrong with it; what was never checked is not known to be well. */
export function stateBadges({ freeze, objectives, checkedAt }: ServiceSummary): Html {
  const alerts = (['page', 'ticket'] as const).filter((severity) =>
    objectives.some((one) => one.alerts.includes(severity)),
  );
  const isUnknown = objectives.length > 0 && checkedAt === undefined;
  const isSilent = !isUnknown && objectives.some(({ silentSince }) => silentSince !== undefined);
  const badges: Html[] = [
    ...alerts.map((severity) => badge(severity, severity === 'page' ? 'bad' : 'busy')),
    ...(freeze ? [badge('frozen', 'bad')] : []),
    ...(isUnknown ? [badge('never checked', 'busy')] : []),
    ...(isSilent ? [badge('silent', 'busy')] : []),
  ];
  if (badges.length === 0)
    badges.push(objectives.length > 0 ? badge('keeps its promise', 'good') : badge('promises nothing', 'quiet'));
  return html`<span class="badges">${badges}</span>`;
}

export function alertBadges({ alerts }: Pick<ObjectiveSummary, 'alerts'>): Part {
  const ordered = (['page', 'ticket'] as const).filter((severity) => alerts.includes(severity));
  return ordered.map((severity) => html`${badge(severity, severity === 'page' ? 'bad' : 'busy')} `);
}

const WIDTH = 100;

/** How much of the budget is left, as a number and as a bar. */
export function budgetBar({ errorBudgetRemaining }: ObjectiveSummary): Part {
  if (errorBudgetRemaining === undefined) return 'unknown';
  const left = Math.max(0, Math.min(1, errorBudgetRemaining));
  const tone: Tone = left === 0 ? 'bad' : left < 0.25 ? 'busy' : 'good';
  return html`${budgetWords(errorBudgetRemaining)}<svg class="meter" viewBox="0 0 ${WIDTH} 6" preserveAspectRatio="none" aria-hidden="true"><rect class="all" width="${WIDTH}" height="6" rx="3"/><rect class="${tone}" width="${(left * WIDTH).toFixed(1)}" height="6" rx="3"/></svg>`;
}
