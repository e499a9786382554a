/** How things stand: what hurts first, then services, deployments, errors and the latest events. */
import { waitsForPerson } from '../../delivery/automatic-replay.ts';
import type { EventRecord } from '../../delivery/event-record.ts';
import { readHistory } from '../../delivery/history.ts';
import { MINUTE_MS } from '../../duration.ts';
import type { Ports } from '../../ports/handler.ts';
import { systemTimer, within } from '../../timeout.ts';
import { type DeploymentTotals, deploymentTotals } from '../deployment-totals.ts';
import { checkHealth, type Dependency, type Health } from '../health.ts';
import { healthOfReading, lastReading, type QueueReading } from '../queue-reading.ts';
import { type DeploymentSummary, type ErrorSummary, oldestErrors, services } from '../summaries.ts';
import { doraTiles } from './deployment-page.ts';
import { deploymentRows, mostUrgent } from './deployments-page.ts';
import { groupsOf, groupsTable } from './errors-page.ts';
import { eventsTable } from './events-page.ts';
import { badge, type Html, html, note, type Part, pageSection } from './parts/html.ts';
import type { ShownPage } from './parts/layout.ts';
import { ago } from './parts/text.ts';
import { headlineOf, type Standing, troublesOf, type WaitingErrors } from './parts/trouble.ts';
import { pageLink, type View } from './parts/view.ts';
import { byUrgency, serviceRows } from './services-page.ts';

const MAX_EVENTS = 12;
const MAX_ERRORS = 25;
const MAX_SERVICES = 12;
const MAX_DEPLOYMENTS = 12;
/** What the broker does not say within this time is told as the timer read it: a cold app opens a link for each question. */
const SOON_MS = 100;
/** What is older was left by a timer that does not run. */
const MAX_READING_AGE_MS = 3 * MINUTE_MS;
/** So many that fail, and so many that were refused, are counted one by one. */
const MAX_URGENT = 20;

/** The broker may be away; what the store holds is shown all the same. */
export async function overviewPage(view: View, ports: Ports): Promise<ShownPage> {
  const { state } = ports;
  const reading = await recentReading(ports);
  const [health, all, failing, refused, latest, { records }, errors, totals] = await Promise.all([
    healthSoon(ports, reading),
    services(ports),
    mostUrgent(ports, MAX_URGENT, { urgency: 'failing' }),
    mostUrgent(ports, MAX_URGENT, { urgency: 'refused' }),
    mostUrgent(ports, MAX_DEPLOYMENTS),
    readHistory(state, { limit: MAX_EVENTS }),
    errorsSoon(ports, reading),
    deploymentTotals(ports),
  ]);
  const standing: Standing = { health, services: all, errors, deployments: [...failing.found, ...refused.found] };
  const groups = troublesOf(view, standing);
  const { text, tone } = headlineOf(groups, view.pause);
  const isEmpty = latest.found.length === 0 && records.length === 0;
  const main = html`<div class="headline ${tone}"><h1>${text}</h1>${troubleList(groups.flatMap(({ troubles }) => troubles))}</div>
${isEmpty && firstSteps(view)}
<div class="columns"><div class="column">
${pageSection('services', 'Services', serviceRows(view, byUrgency(all).slice(0, MAX_SERVICES)), all.length > MAX_SERVICES && pageLink(view, ['services'], `All ${all.length}`))}
${pageSection('errors', 'Errors', errorsPart(view, errors?.groups), pageLink(view, ['errors'], 'All entries'))}
</div><div class="column">
${pageSection('deployments', 'Deployments', deploymentsPart(view, latest), latest.next !== undefined && pageLink(view, ['deployments'], totals.count > 0 ? `All ${totals.count}` : 'All'))}
${pageSection('events', 'Latest events', eventsPart(view, records), pageLink(view, ['events'], 'All events'))}
</div></div>
${pageSection('dora', 'Deliveries', doraTiles(totals.doraTotals), countedText(view, totals))}
${pageSection('dependencies', 'What the platform depends on', dependencyList(health))}`;
  return { title: text, tone, main };
}

/** What the timer read lately. */
async function recentReading({ state, clock }: Ports): Promise<QueueReading | undefined> {
  const reading = await lastReading(state);
  return reading && clock.now() - reading.at < MAX_READING_AGE_MS ? reading : undefined;
}

/** As it is now when that is known soon, else as the timer read it. */
async function healthSoon(ports: Ports, reading: QueueReading | undefined): Promise<Health> {
  const asked = checkHealth(ports);
  if (!reading) return asked;
  return within(SOON_MS, systemTimer, asked).catch(() => healthOfReading(reading));
}

/** Likewise. */
async function errorsSoon(ports: Ports, reading: QueueReading | undefined): Promise<WaitingErrors | undefined> {
  const read = oldestErrors(ports, MAX_ERRORS + 1);
  const listed = reading ? await within(SOON_MS, systemTimer, read).catch(() => undefined) : await read;
  const counted = reading?.errors;
  if (listed && (listed.length <= MAX_ERRORS || !counted)) return waitingIn(listed, ports.clock.now());
  if (!counted) return undefined;
  const { waiting, oldestWaitingAt, byReason } = counted;
  return { waiting, oldestAt: oldestWaitingAt, groups: byReason };
}

function waitingIn(listed: readonly ErrorSummary[], now: number): WaitingErrors {
  const waiting = listed.filter((entry) => waitsForPerson(entry, now));
  return { waiting: waiting.length, oldestAt: waiting[0]?.deadLetteredAt, groups: groupsOf(listed) };
}

function troubleList(troubles: ReturnType<typeof troublesOf>[number]['troubles']): Part {
  if (troubles.length === 0)
    return html`<p class="soft">Every dependency answers, nobody pages, nothing is frozen or failing, and no event waits for a person.</p>`;
  return html`<ul class="troubles">${troubles.map(({ badge: name, tone, text }) => html`<li><span>${badge(name, tone)}</span><span>${text}</span></li>`)}</ul>`;
}

function deploymentsPart(view: View, { found }: { readonly found: readonly DeploymentSummary[] }): Html {
  return found.length > 0 ? deploymentRows(view, found) : note('No deployments yet.');
}

function eventsPart(view: View, records: readonly EventRecord[]): Html {
  return records.length > 0 ? eventsTable(view, records) : note('No events yet.');
}

function errorsPart(view: View, groups: Parameters<typeof groupsTable>[1] | undefined): Html {
  if (!groups) return note('The errors queue cannot be read: the broker does not answer.');
  return groups.length > 0 ? groupsTable(view, groups) : note('None: every event is handled or in progress.');
}

function countedText(view: View, { at }: DeploymentTotals): Part {
  return at === view.now ? undefined : html`<span class="soft">counted ${ago(at, view.now)}</span>`;
}

/** Twelve subscriptions that are there are nothing to look at. */
function dependencyList({ dependencies }: Health): Html {
  const shown = dependencies.filter(({ name, status }) => status === 'down' || !/^(subscription|trigger)\//.test(name));
  const hidden = dependencies.length - shown.length;
  const item = ({ name, status, latencyMs, error }: Dependency): Html =>
    html`<li>${badge(status, status === 'up' ? 'good' : 'bad')} ${name} <span class="soft">${error ?? (latencyMs > 0 && `${latencyMs} ms`)}</span></li>`;
  return html`<ul class="legend">${shown.map(item)}${hidden > 0 && html`<li>${badge('up', 'good')} ${hidden} subscriptions and triggers</li>`}</ul>`;
}

/** An empty page says how to fill it. */
function firstSteps({ origin, base }: View): Html {
  const data = '{"namespace":"demo","deployment":"hello","image":"ghcr.io/platform-events/hello:1.0.0"}';
  const event = `{"type":"DeploymentRequested","source":"/me","data":${data}}`;
  const address = `${origin}${base.replace(/\/dashboard$/, '')}/events`;
  return pageSection(
    'first',
    'Nothing was published yet',
    html`<p>Publish a first event, and watch what follows from it here:</p>
<pre tabindex="0" aria-label="By the command">npx platform-events publish DeploymentRequested --data '${data}' --wait</pre>
<p>or over HTTP, with a function key (<code>x-functions-key</code>) or a token where the app asks for one:</p>
<pre tabindex="0" aria-label="Over HTTP">curl -X POST ${address} -H 'content-type: application/json' -d '${event}'</pre>`,
  );
}
