/**
 * The dashboard: one page of plain HTML without scripts, drawn on the server, that reloads itself. What needs
 * attention comes first in every table.
 */

import type { AutomationPause } from '../../automation.ts';
import { waitsForPerson } from '../../delivery/automatic-replay.ts';
import type { EventRecord } from '../../delivery/event-record.ts';
import { askedImages, imagesText } from '../../releases/containers.ts';
import { scopeText } from '../../slo/freezes.ts';
import type { Dependency, Health } from '../health.ts';
import {
  type DeploymentSummary,
  type DeploymentsDigest,
  type ErrorSummary,
  type ObjectiveSummary,
  ratesOf,
  type ServiceSummary,
} from '../summaries.ts';
import {
  ago,
  badge,
  Html,
  html,
  htmlTable,
  note,
  type Part,
  pageSection,
  percent,
  shortened,
  spanText,
  type Tone,
  timeText,
} from './html.ts';
import { pauseNotice } from './pause-notice.ts';
import { STYLE } from './style.ts';

/** What the page shows. */
export interface DashboardData {
  /** Milliseconds since the Unix epoch. */
  readonly now: number;
  readonly health: Health;
  readonly pause: AutomationPause | undefined;
  readonly services: readonly ServiceSummary[];
  readonly deployments: DeploymentsDigest;
  /** Newest first. */
  readonly events: readonly EventRecord[];
  /** Oldest first; undefined when the broker does not answer. */
  readonly errors: readonly ErrorSummary[] | undefined;
  /** Whether there are more errors than these. */
  readonly hasMoreErrors: boolean;
  /** Who looks at it, in a sentence. */
  readonly viewer: string;
}

const REFRESH_SECONDS = 10;
export const MAX_ROWS = 100;

/** The whole page. */
export function dashboardPage(data: DashboardData): string {
  const { now, health, pause, services, deployments, events, errors, hasMoreErrors, viewer } = data;
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
<p>${badge(health.status, TONES[health.status])} <time>${timeText(now)} UTC</time>, every ${REFRESH_SECONDS} s</p>
</header>
${pauseNotice(pause, now)}
<ul class="dependencies">${health.dependencies.filter(isShown).map(dependencyItem)}</ul>
${tilesOf(deployments.doraTotals)}
${pageSection('Errors', deadLettersTable(errors, hasMoreErrors, now))}
${pageSection('Services', servicesTable(services, now))}
${pageSection('Deployments', deploymentsTable(deployments, now))}
${pageSection('Latest events', eventsTable(events, now))}
<footer>${note(viewer)}</footer>
</body>
</html>
`.text;
}

/** The tab shows what needs attention. */
function titleOf({ health, pause, errors = [], hasMoreErrors, deployments: { failing }, now }: DashboardData): string {
  const waiting = errors.filter((entry) => waitsForPerson(entry, now));
  const troubles = [
    ...(health.status === 'up' ? [] : [health.status]),
    ...(pause ? ['paused'] : []),
    ...(failing > 0 ? [`${failing} failing`] : []),
    ...(waiting.length > 0 ? [`${countText(waiting, hasMoreErrors)} errors`] : []),
  ];
  return [...troubles, 'platform-events'].join(' · ');
}

const TONES: Readonly<Record<Health['status'], Tone>> = { up: 'good', degraded: 'busy', down: 'bad' };

/** Twelve subscriptions that are there are nothing to look at. */
function isShown({ name, status }: Dependency): boolean {
  return status === 'down' || !name.startsWith('subscription/');
}

function dependencyItem({ name, status, latencyMs, error }: Dependency): Html {
  return html`<li>${badge(name, status === 'up' ? 'good' : 'bad')} ${error ?? `${latencyMs} ms`}</li>`;
}

/** DORA's five measures over all deployments. */
function tilesOf(totals: DeploymentsDigest['doraTotals']): Html {
  const { changeLeadTimeSeconds, changeFailRate, failedDeploymentRecoverySeconds, deploymentReworkRate } =
    ratesOf(totals);
  const rate = (value: number | undefined): string => (value === undefined ? '–' : percent(value));
  const span = (seconds: number | undefined): string => (seconds === undefined ? '–' : spanText(seconds * 1_000));
  const tiles: [string, string][] = [
    ['Deployments', String(totals.deployed)],
    ['Change lead time', span(changeLeadTimeSeconds)],
    ['Change fail rate', rate(changeFailRate)],
    ['Failed deployment recovery time', span(failedDeploymentRecoverySeconds)],
    ['Deployment rework rate', rate(deploymentReworkRate)],
  ];
  return html`<dl class="tiles">${tiles.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;
}

function deadLettersTable(errors: DashboardData['errors'], hasMore: boolean, now: number): Html {
  if (!errors) return note('The errors queue cannot be read: the broker does not answer.');
  if (errors.length === 0) return note('None: every event is handled or in progress.');
  const rows = errors.map((entry) => [
    entry.sequenceNumber,
    ago(entry.deadLetteredAt, now),
    badge(entry.reason || 'unknown', waitsForPerson(entry, now) ? 'bad' : 'busy'),
    entry.type ?? '–',
    entry.subscription ?? '–',
    html`<span class="why">${shortened(entry.description)}</span>`,
    returnText(entry, now),
  ]);
  const waiting = errors.find((entry) => waitsForPerson(entry, now));
  const hint = waiting
    ? html`When the cause is fixed: <code>npx platform-events errors replay ${waiting.sequenceNumber}</code>`
    : 'Nobody need do anything: no handler has judged them, and they are replayed by themselves.';
  return html`${htmlTable(['Number', 'Since', 'Reason', 'Type', 'Subscription', 'Why', 'Next'], rows)}
<p class="note">${hasMore ? `The oldest ${errors.length}. ` : ''}${hint}</p>`;
}

/** What becomes of an entry when nobody does anything. */
function returnText(entry: ErrorSummary, now: number): string {
  const { returnsAt, automaticReplays = 0 } = entry;
  if (!waitsForPerson(entry, now)) return `replayed by itself ${untilText(returnsAt ?? now, now)}`;
  if (returnsAt !== undefined) return 'waits for you: its replay is overdue';
  return automaticReplays > 0 ? `waits for you: replayed ${automaticReplays} times` : 'waits for you';
}

function untilText(at: number, now: number): string {
  return at > now ? `in ${spanText(at - now)}` : 'within a minute';
}

function servicesTable(services: readonly ServiceSummary[], now: number): Html {
  if (services.length === 0) return note('No service has an objective in platform.config.json.');
  const urgency = ({ freeze, objectives }: ServiceSummary): number =>
    (freeze ? 2 : 0) + (objectives.some(({ alerts }) => alerts.length > 0) ? 1 : 0);
  const rows = services
    .toSorted((a, b) => urgency(b) - urgency(a))
    .slice(0, MAX_ROWS)
    .flatMap((service): Part[][] => {
      const { freeze, checkedAt } = service;
      const state = freeze
        ? html`${badge('frozen', 'bad')}${scopeText(freeze)} <span class="why">${shortened(freeze.reason)}</span>`
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
  if (count === 0) return note('No deployments yet.');
  const rows = mostUrgent.map(({ target, knownGoodImages, newest, failingSince }): Part[] => {
    const [text, tone] = newest ? PHASES[newest.phase] : (['–', 'quiet'] as const);
    const failure = newest?.reason === undefined ? undefined : `${newest.reason}: ${newest.message ?? ''}`;
    const why = [failure, newest?.note].filter((text) => text !== undefined).join('; ');
    return [
      target,
      html`${badge(text, tone)}${failingSince === undefined ? '' : html` ${badge('failing', 'bad')} for ${spanText(now - failingSince)}`}`,
      html`<code>${newest ? imagesText(askedImages(newest)) : '–'}</code>`,
      newest ? ago(newest.since, now) : '–',
      html`<code>${imagesText(Object.entries(knownGoodImages).map(([name, image]) => ({ name, image }))) || '–'}</code>`,
      html`<span class="why">${shortened(why)}</span>`,
    ];
  });
  return html`${htmlTable(['Deployment', 'Newest release', 'Image', 'Since', 'Last known good image', 'Why'], rows)}
${count > mostUrgent.length ? note(`${mostUrgent.length} of ${count}; GET /api/deployments lists all.`) : ''}`;
}

const STATUSES: Readonly<Record<EventRecord['status'], Tone>> = {
  completed: 'good',
  'in-progress': 'busy',
  waiting: 'busy',
  'dead-lettered': 'bad',
};

function eventsTable(events: readonly EventRecord[], now: number): Html {
  if (events.length === 0) return note('No events yet.');
  const rows = events.map(({ startedAt, type, subject, status, reason, error, summary, correlationId }) => [
    ago(startedAt, now),
    type,
    subject,
    badge(status, STATUSES[status]),
    html`<span class="why">${shortened(reason === undefined ? (summary ?? '') : `${reason}: ${error ?? ''}`)}</span>`,
    html`<code class="whole">${correlationId.slice(0, 36)}</code>`,
  ]);
  return htmlTable(['Received', 'Event', 'Subject', 'Status', 'Why', 'Correlation id'], rows);
}

function countText(errors: readonly ErrorSummary[], hasMore: boolean): string {
  return `${errors.length}${hasMore ? '+' : ''}`;
}
