/**
 * The dashboard: one page of plain HTML without scripts, drawn on the server, that reloads itself. What needs
 * attention comes first in every table.
 */

import type { EventRecord } from '../delivery/event-record.ts';
import { withoutControls } from '../shown-text.ts';
import type { Dependency, Health } from './health.ts';
import type {
  DeploymentSummary,
  DeploymentsDigest,
  ErrorSummary,
  ObjectiveSummary,
  ServiceSummary,
} from './summaries.ts';

/** What the page shows. */
export interface DashboardData {
  /** Milliseconds since the Unix epoch. */
  readonly now: number;
  readonly health: Health;
  readonly services: readonly ServiceSummary[];
  readonly deployments: DeploymentsDigest;
  /** Newest first. */
  readonly events: readonly EventRecord[];
  /** Oldest first; undefined when the broker does not answer. */
  readonly errors: readonly ErrorSummary[] | undefined;
  /** Whether there are more errors than these. */
  readonly hasMoreErrors: boolean;
}

const REFRESH_SECONDS = 10;
export const MAX_ROWS = 100;

/** HTML that is escaped already. */
class Html {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

type Part = Html | string | number | undefined | readonly Part[];

/** Everything that is put in is escaped, unless it is HTML already. */
function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Html {
  return new Html(strings.reduce((text, string, index) => text + htmlText(parts[index - 1]) + string));
}

function htmlText(part: Part): string {
  if (part instanceof Html) return part.text;
  if (part === undefined) return '';
  if (typeof part === 'string' || typeof part === 'number') return escaped(String(part));
  return part.map(htmlText).join('');
}

function escaped(text: string): string {
  return withoutControls(text)
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}

/** The whole page. */
export function dashboardPage(data: DashboardData): string {
  const { now, health, services, deployments, events, errors, hasMoreErrors } = data;
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="refresh" content="${REFRESH_SECONDS}">
<meta name="referrer" content="no-referrer">
<title>${titleOf(data)}</title>
<style>${new Html(STYLE)}</style>
</head>
<body>
<header>
<h1>platform-events</h1>
<p>${badge(health.status, TONES[health.status])} <time>${timeOf(now)} UTC</time>, every ${REFRESH_SECONDS} s</p>
</header>
<ul class="dependencies">${health.dependencies.map(dependencyItem)}</ul>
${tilesOf(deployments.doraTotals)}
${section('Errors', deadLettersTable(errors, hasMoreErrors, now))}
${section('Services', servicesTable(services, now))}
${section('Deployments', deploymentsTable(deployments, now))}
${section('Latest events', eventsTable(events, now))}
</body>
</html>
`.text;
}

/** The tab shows what needs attention. */
function titleOf({ health, errors, hasMoreErrors, deployments: { failing } }: DashboardData): string {
  const troubles = [
    ...(health.status === 'up' ? [] : [health.status]),
    ...(failing > 0 ? [`${failing} failing`] : []),
    ...(errors && errors.length > 0 ? [`${countText(errors, hasMoreErrors)} errors`] : []),
  ];
  return [...troubles, 'platform-events'].join(' · ');
}

type Tone = 'good' | 'busy' | 'bad' | 'quiet';

const TONES: Readonly<Record<Health['status'], Tone>> = { up: 'good', degraded: 'busy', down: 'bad' };

function badge(text: string, tone: Tone): Html {
  return html`<span class="badge ${tone}">${text}</span>`;
}

function section(title: string, content: Html): Html {
  return html`<section><h2>${title}</h2>${content}</section>`;
}

function htmlTable(heads: readonly string[], rows: readonly (readonly Part[])[]): Html {
  return html`<div class="wide"><table>
<thead><tr>${heads.map((head) => html`<th scope="col">${head}</th>`)}</tr></thead>
<tbody>${rows.map((row) => html`<tr>${row.map((cell) => html`<td>${cell}</td>`)}</tr>\n`)}</tbody>
</table></div>`;
}

function quiet(text: string): Html {
  return html`<p class="note">${text}</p>`;
}

function dependencyItem({ name, status, latencyMs, error }: Dependency): Html {
  return html`<li>${badge(name, status === 'up' ? 'good' : 'bad')} ${error ?? `${latencyMs} ms`}</li>`;
}

/** The four DORA measures over all deployments. */
function tilesOf({ completed, failed, leadTime, restore }: DeploymentsDigest['doraTotals']): Html {
  const mean = ({ count, seconds }: { count: number; seconds: number }): string =>
    count > 0 ? spanOf((seconds / count) * 1_000) : '–';
  const tiles: [string, string][] = [
    ['Deployments completed', String(completed)],
    ['Change failure rate', completed + failed > 0 ? percent(failed / (completed + failed)) : '–'],
    ['Lead time for changes', mean(leadTime)],
    ['Time to restore', mean(restore)],
  ];
  return html`<dl class="tiles">${tiles.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;
}

function deadLettersTable(errors: DashboardData['errors'], hasMore: boolean, now: number): Html {
  if (!errors) return quiet('The errors queue cannot be read: the broker does not answer.');
  if (errors.length === 0) return quiet('None: every event is handled or in progress.');
  const rows = errors.map(({ sequenceNumber, deadLetteredAt, reason, type, subscription, description }) => [
    sequenceNumber,
    ago(deadLetteredAt, now),
    badge(reason || 'unknown', 'bad'),
    type ?? '–',
    subscription ?? '–',
    html`<span class="why">${cut(description)}</span>`,
  ]);
  return html`${htmlTable(['Number', 'Since', 'Reason', 'Type', 'Subscription', 'Why'], rows)}
<p class="note">${hasMore ? `The oldest ${errors.length}. ` : ''}When the cause is fixed: <code>npx platform-events errors replay ${errors[0]?.sequenceNumber}</code></p>`;
}

function servicesTable(services: readonly ServiceSummary[], now: number): Html {
  if (services.length === 0) return quiet('No service has an objective in platform.config.json.');
  const urgency = ({ freeze, objectives }: ServiceSummary): number =>
    (freeze ? 2 : 0) + (objectives.some(({ alerts }) => alerts.length > 0) ? 1 : 0);
  const rows = services
    .toSorted((a, b) => urgency(b) - urgency(a))
    .slice(0, MAX_ROWS)
    .flatMap((service): Part[][] => {
      const { freeze, checkedAt } = service;
      const state = freeze
        ? html`${badge('frozen', 'bad')} <span class="why">${cut(freeze.reason)}</span>`
        : badge('free', 'good');
      const checked = checkedAt === undefined ? 'never' : ago(checkedAt, now);
      if (service.objectives.length === 0) return [[service.service, 'no objective', '–', '–', '–', state, checked]];
      return service.objectives.map((objective) => [
        service.service,
        html`<span class="whole">${objective.slo}, ${objective.window}</span>`,
        html`<span class="whole">${objective.currentValue === undefined ? '–' : percent(objective.currentValue)} of ${percent(objective.target)}</span>`,
        budgetBar(objective),
        objective.alerts.map((severity) => html`${badge(severity, severity === 'page' ? 'bad' : 'busy')} `),
        state,
        checked,
      ]);
    });
  return htmlTable(['Service', 'Objective', 'Good events', 'Error budget left', 'Alerts', 'Releases', 'Checked'], rows);
}

function budgetBar({ errorBudgetRemaining }: ObjectiveSummary): Part {
  if (errorBudgetRemaining === undefined) return '–';
  const left = Math.max(0, Math.min(1, errorBudgetRemaining));
  const tone: Tone = left === 0 ? 'bad' : left < 0.25 ? 'busy' : 'good';
  return html`<meter class="${tone}" min="0" max="1" value="${left.toFixed(3)}"></meter> <span class="whole">${percent(errorBudgetRemaining)}</span>`;
}

const PHASES: Readonly<Record<NonNullable<DeploymentSummary['newest']>['phase'], readonly [string, Tone]>> = {
  requested: ['requested', 'busy'],
  started: ['rolling out', 'busy'],
  completed: ['completed', 'good'],
  failed: ['failed', 'bad'],
  'rolling-back': ['rolling back', 'busy'],
  'rolled-back': ['rolled back', 'quiet'],
};

function deploymentsTable({ mostUrgent, count }: DeploymentsDigest, now: number): Html {
  if (count === 0) return quiet('No deployments yet.');
  const rows = mostUrgent.map(({ target, knownGoodImage, newest, failingSince }): Part[] => {
    const [text, tone] = newest ? PHASES[newest.phase] : (['–', 'quiet'] as const);
    const why = newest?.reason === undefined ? undefined : `${newest.reason}: ${newest.message ?? ''}`;
    return [
      target,
      html`${badge(text, tone)}${failingSince === undefined ? '' : html` ${badge('failing', 'bad')} for ${spanOf(now - failingSince)}`}`,
      html`<code>${newest?.image ?? '–'}</code>`,
      newest ? ago(newest.since, now) : '–',
      html`<code>${knownGoodImage ?? '–'}</code>`,
      html`<span class="why">${cut(why ?? '')}</span>`,
    ];
  });
  return html`${htmlTable(['Deployment', 'Newest release', 'Image', 'Since', 'Last known good image', 'Why'], rows)}
${count > mostUrgent.length ? quiet(`${mostUrgent.length} of ${count}; GET /api/deployments lists all.`) : ''}`;
}

const STATUSES: Readonly<Record<EventRecord['status'], Tone>> = {
  completed: 'good',
  'in-progress': 'busy',
  waiting: 'busy',
  'dead-lettered': 'bad',
};

function eventsTable(events: readonly EventRecord[], now: number): Html {
  if (events.length === 0) return quiet('No events yet.');
  const rows = events.map(({ startedAt, type, subject, status, reason, error, summary, correlationId }) => [
    ago(startedAt, now),
    type,
    subject,
    badge(status, STATUSES[status]),
    html`<span class="why">${cut(reason === undefined ? (summary ?? '') : `${reason}: ${error ?? ''}`)}</span>`,
    html`<code class="whole">${correlationId.slice(0, 36)}</code>`,
  ]);
  return htmlTable(['Received', 'Event', 'Subject', 'Status', 'Why', 'Correlation id'], rows);
}

function countText(errors: readonly ErrorSummary[], hasMore: boolean): string {
  return `${errors.length}${hasMore ? '+' : ''}`;
}

const MAX_WHY = 300;

function cut(text: string): string {
  return text.length > MAX_WHY ? `${text.slice(0, MAX_WHY - 1)}…` : text;
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 19).replace('T', ' ');
}

function ago(ms: number, now: number): Html {
  return html`<time title="${timeOf(ms)} UTC">${spanOf(now - ms)} ago</time>`;
}

/** Down, so that 99.99 % is not shown as 100 %. */
function percent(share: number): string {
  return `${(Math.floor(share * 10_000 + 1e-6) / 100).toLocaleString('en', { maximumFractionDigits: 2 })} %`;
}

/** The largest unit, and the next when it says something: `3 h 20 min`. */
function spanOf(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1_000));
  if (seconds < 60) return `${seconds} s`;
  const units: [string, number][] = [
    ['d', 86_400],
    ['h', 3_600],
    ['min', 60],
  ];
  const at = units.findIndex(([, length]) => seconds >= length);
  const [[name, length], next] = [units[at] ?? ['min', 60], units[at + 1]];
  const rest = next ? Math.floor((seconds % length) / next[1]) : 0;
  return `${Math.floor(seconds / length)} ${name}${next && rest > 0 ? ` ${rest} ${next[0]}` : ''}`;
}

const STYLE = `
:root { color-scheme: light dark; --text: #1b1f24; --soft: #57606a; --line: #d0d7de; --page: #fff; --card: #f6f8fa;
  --good: #116329; --good-page: #dafbe1; --busy: #7a4e00; --busy-page: #fff3c4; --bad: #a40e26; --bad-page: #ffebe9; }
@media (prefers-color-scheme: dark) { :root { --text: #e6edf3; --soft: #9198a1; --line: #30363d; --page: #0d1117; --card: #161b22;
  --good: #7ee787; --good-page: #12361f; --busy: #f2cc60; --busy-page: #3a2d0b; --bad: #ffa198; --bad-page: #4b1113; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem 1.5rem 3rem; max-width: 100rem; color: var(--text); background: var(--page);
  font: 15px/1.45 system-ui, sans-serif; }
header { display: flex; flex-wrap: wrap; align-items: baseline; justify-content: space-between; gap: 0 2rem; }
h1 { font-size: 1.4rem; margin: 0; }
h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
header p, .note { color: var(--soft); margin: .3rem 0; }
.dependencies { list-style: none; display: flex; flex-wrap: wrap; gap: .3rem 1.5rem; padding: 0; margin: .5rem 0 1rem; color: var(--soft); }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(11rem, 1fr)); gap: .8rem; margin: 0; }
.tiles div { background: var(--card); border: 1px solid var(--line); border-radius: 6px; padding: .7rem 1rem; }
dt { color: var(--soft); font-size: .85rem; }
dd { margin: 0; font-size: 1.5rem; font-variant-numeric: tabular-nums; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; min-width: 62rem; }
th, td { text-align: left; vertical-align: top; padding: .35rem .8rem .35rem 0; border-bottom: 1px solid var(--line); }
th { color: var(--soft); font-weight: 600; font-size: .85rem; white-space: nowrap; }
td { font-variant-numeric: tabular-nums; }
time, .whole { white-space: nowrap; }
code { font: .85em ui-monospace, monospace; overflow-wrap: anywhere; }
td code { display: inline-block; min-width: 11rem; }
.why { color: var(--soft); overflow-wrap: anywhere; }
.badge { display: inline-block; padding: 0 .5em; border-radius: 1em; font-size: .85rem; white-space: nowrap; border: 1px solid transparent; }
.good { color: var(--good); background: var(--good-page); }
.busy { color: var(--busy); background: var(--busy-page); }
.bad { color: var(--bad); background: var(--bad-page); }
.quiet { color: var(--soft); background: var(--card); border-color: var(--line); }
meter { width: 6rem; background: none; }
`;
