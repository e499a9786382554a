/** How things stand: what hurts first, then services, deployments, errors and the latest events. */
import { waitsForPerson } from '../../delivery/automatic-replay.ts';
import type { EventRecord } from '../../delivery/event-record.ts';
import { readHistory } from '../../delivery/history.ts';
import type { Ports } from '../../ports/handler.ts';
import { type DeploymentTotals, deploymentTotals } from '../deployment-totals.ts';
import { checkHealth, type Dependency, type Health } from '../health.ts';
import { lastReading } from '../queue-reading.ts';
import { type DeploymentSummary, oldestErrors, services } from '../summaries.ts';
import { doraTiles } from './deployment-page.ts';
import { deploymentRows, mostUrgent } from './deployments-page.ts';
import { groupsOf, groupsTable } from './errors-page.ts';
import { eventsTable } from './events-page.ts';
import { badge, type Html, html, note, type Part, pageSection } from './parts/html.ts';
import type { ShownPage } from './parts/layout.ts';
import { ago } from './parts/text.ts';
import { headlineOf, type Standing, troublesOf } from './parts/trouble.ts';
import { pageLink, type View } from './parts/view.ts';
import { byUrgency, serviceRows } from './services-page.ts';

const MAX_EVENTS = 12;
const MAX_ERRORS = 25;
const MAX_SERVICES = 12;
const MAX_DEPLOYMENTS = 12;
/** So many that fail, and so many that were refused, are counted one by one. */
const MAX_URGENT = 20;

/** The broker may be away; what the store holds is shown all the same. */
export async function overviewPage(view: View, ports: Ports): Promise<ShownPage> {
  const { state } = ports;
  const [health, all, failing, refused, latest, { records }, errors, reading, totals] = await Promise.all([
    checkHealth(ports),
    services(ports),
    mostUrgent(ports, MAX_URGENT, { urgency: 'failing' }),
    mostUrgent(ports, MAX_URGENT, { urgency: 'refused' }),
    mostUrgent(ports, MAX_DEPLOYMENTS),
    readHistory(state, { limit: MAX_EVENTS }),
    oldestErrors(ports, MAX_ERRORS + 1),
    lastReading(state),
    deploymentTotals(ports),
  ]);
  const seen = errors?.filter((entry) => waitsForPerson(entry, view.now)).length ?? 0;
  const isMore = (errors?.length ?? 0) > MAX_ERRORS;
  const standing: Standing = {
    ...{ health, services: all, errors },
    deployments: [...failing.found, ...refused.found],
    waitingErrors: isMore ? Math.max(seen, reading?.errors?.waiting ?? 0) : seen,
  };
  const groups = troublesOf(view, standing);
  const { text, tone } = headlineOf(groups, view.pause);
  const errorGroups = isMore ? (reading?.errors?.byReason ?? groupsOf(errors ?? [])) : groupsOf(errors ?? []);
  const isEmpty = latest.found.length === 0 && records.length === 0;
  const main = html`<div class="headline ${tone}"><h1>${text}</h1>${troubleList(groups.flatMap(({ troubles }) => troubles))}</div>
${isEmpty && firstSteps(view)}
<div class="columns"><div class="column">
${pageSection('services', 'Services', serviceRows(view, byUrgency(all).slice(0, MAX_SERVICES)), all.length > MAX_SERVICES && pageLink(view, ['services'], `All ${all.length}`))}
${pageSection('errors', 'Errors', errorsPart(view, errors && errorGroups), pageLink(view, ['errors'], 'All entries'))}
</div><div class="column">
${pageSection('deployments', 'Deployments', deploymentsPart(view, latest), latest.next !== undefined && pageLink(view, ['deployments'], totals.count > 0 ? `All ${totals.count}` : 'All'))}
${pageSection('events', 'Latest events', eventsPart(view, records), pageLink(view, ['events'], 'All events'))}
</div></div>
${pageSection('dora', 'Deliveries', doraTiles(totals.doraTotals), countedText(view, totals))}
${pageSection('dependencies', 'What the platform depends on', dependencyList(health))}`;
  return { title: text, tone, main };
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
    html`<li>${badge(status, status === 'up' ? 'good' : 'bad')} ${name} <span class="soft">${error ?? `${latencyMs} ms`}</span></li>`;
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
