/** One service: how fast its budget burns and what is left of it, what was released, what was weighed, why it is frozen. */
import { type Page as OpenPage, pagesOf, type Weighed } from '../../blame/pages.ts';
import { describeChanges } from '../../blame/verdict-text.ts';
import { serviceNamed, workloadsOf } from '../../config/service-lookup.ts';
import { DAY_MS } from '../../duration.ts';
import type { Ports } from '../../ports/handler.ts';
import { changesOf, type RecordedChange } from '../../releases/changes.ts';
import { usableOverrides } from '../../releases/overrides.ts';
import { budgetWords } from '../../slo/budget-text.ts';
import { BURN_RULES, burnRate, factorOf } from '../../slo/burn-rate.ts';
import { type Freeze, freezeOf, type PastFreeze, pastFreezes, scopeText } from '../../slo/freezes.ts';
import { healthOf } from '../../slo/health-store.ts';
import type { ObjectiveHealth } from '../../slo/objective-health.ts';
import { type Objective, objectivesOf } from '../../slo/objectives.ts';
import { objectiveHealthOf } from '../../slo/service-health.ts';
import { serviceSummaryOf } from '../summaries.ts';
import { budgetChart, burnChart, type Mark } from './charts.ts';
import { badge, factList, type Html, html, htmlTable, joined, note, type Part, pageSection } from './parts/html.ts';
import type { ShownPage } from './parts/layout.ts';
import { ago, clockTime, durationText, exactPercent, percent, timeText } from './parts/text.ts';
import { breakable, pageLink, targetLink, type View } from './parts/view.ts';
import { suspectItem } from './release-story.ts';
import { freezeSection, pastFreezesTable } from './service-freezes.ts';
import { stateBadges } from './services-page.ts';

const MAX_CHANGES = 50;
const SHOWN_FOR_MS = 30 * DAY_MS;

/** Undefined when nobody knows the service. */
export async function servicePage(view: View, ports: Ports, service: string): Promise<ShownPage | undefined> {
  const { state, config } = ports;
  const [health, freeze, past, changes, pages, overrides] = await Promise.all([
    healthOf(state, service),
    freezeOf(state, service, view.now),
    pastFreezes(state, service),
    changesOf(state, service, view.now - SHOWN_FOR_MS, () => true),
    pagesOf(state, service),
    usableOverrides(state, view.now).then((all) => all.get(service) ?? []),
  ]);
  const configured = serviceNamed(config, service);
  if (!configured && !health && !freeze && changes.length === 0) return undefined;
  const summary = serviceSummaryOf(config, service, health, freeze);
  const newestFirst = changes.toSorted((a, b) => b.startedAt - a.startedAt);
  const objectives = objectivesOf(config, service).map((objective) => {
    const found = health && objectiveHealthOf(health, objective.slo);
    const silentSince = summary.objectives.find(({ slo }) => slo === objective.slo)?.silentSince;
    const own = pages.filter(({ slo }) => slo === objective.slo);
    return objectiveSection(view, objective, {
      ...{ found, silentSince, pages: own },
      marks: marksOf(newestFirst, { freeze, past }, own),
    });
  });
  const { team, checkedAt } = summary;
  const main = html`<p class="crumbs">${pageLink(view, ['services'], 'Services')}</p>
<div class="title"><h1>${breakable(service)}</h1>${stateBadges(summary)}</div>
${freeze && freezeSection(view, service, freeze, overrides)}
${pageSection(
  'about',
  'About',
  factList([
    ['Team', team],
    ['Checked', checkedAt === undefined ? 'never: nothing is known of it' : ago(checkedAt, view.now)],
    ['Workloads', configured && joined(workloadsOf(configured).map(breakable), ', ')],
  ]),
)}
${objectives.length > 0 ? objectives : pageSection('objectives', 'Objectives', note('platform.config.json promises nothing of this service.'))}
${pageSection('changes', 'Releases and rollbacks', changesTable(view, newestFirst))}
${past.length > 0 && pageSection('past', 'Freezes that are over', pastFreezesTable(view, past))}`;
  const isPaging = summary.objectives.some(({ alerts }) => alerts.includes('page'));
  const trouble = [...(isPaging ? ['page'] : []), ...(freeze ? ['frozen'] : [])];
  return { title: [...trouble, service].join(' · '), tone: trouble.length > 0 ? 'bad' : 'good', main };
}

interface Known {
  readonly found: ObjectiveHealth | undefined;
  readonly silentSince: number | undefined;
  /** The last one first. */
  readonly pages: readonly OpenPage[];
  readonly marks: readonly Mark[];
}

function objectiveSection(view: View, objective: Objective, { found, silentSince, pages, marks }: Known): Html {
  const { slo, target, window } = objective;
  const [last, ...earlier] = pages;
  const id = `slo-${slo.replace(/[^a-z0-9]+/gi, '-')}`;
  const promise = html`<span class="soft">${exactPercent(target)} over ${window}${scopeText(objective)}</span>`;
  if (!found) {
    return pageSection(
      id,
      slo,
      html`${badge('never checked', 'busy')} ${note('No health check has counted for it: nothing is known of its budget, and no alert can fire.')}`,
      promise,
    );
  }
  const limits = BURN_RULES.filter(({ severity }) => severity === 'page').map((rule) => ({
    rate: Number(factorOf(rule, window).toFixed(2)),
    text: `over ${rule.longWindow}`,
  }));
  const content = html`${factList([
    [
      'Alerts',
      found.open.length > 0
        ? html`<span class="badges">${found.open.map((severity) => badge(severity, severity === 'page' ? 'bad' : 'busy'))}</span>`
        : 'none',
    ],
    [
      'Silent',
      silentSince !== undefined &&
        html`${badge('silent', 'busy')} no check since ${clockTime(silentSince, view.now)}: budget and alerts stand still`,
    ],
    ['Good events', percent(found.currentValue)],
    ['Error budget', budgetWords(found.errorBudgetRemaining)],
    ['On a page', PAGE_MODES[objective.rollbackOnPage]],
  ])}
${budgetChart(`${id}-budget`, found, objective, marks)}
${burnChart(`${id}-burn`, found.buckets, target, limits, marks)}
${rulesTable(slo, objective, found)}
${last && weighedPart(view, last)}
${earlier.length > 0 && html`<details id="${id}-earlier"><summary>${earlier.length === 1 ? 'The page' : `The ${earlier.length} pages`} before that</summary>${earlier.map((page) => weighedPart(view, page))}</details>`}`;
  return pageSection(id, slo, content, promise);
}

const PAGE_MODES: Readonly<Record<Objective['rollbackOnPage'], string>> = {
  off: 'people are told',
  observe: 'people are told what would be rolled back',
  act: 'the release to blame is rolled back',
};

function rulesTable(slo: string, { target, window }: Objective, { buckets, open }: ObjectiveHealth): Html {
  const rows = BURN_RULES.map((rule): Part[] => {
    const [long, short] = [rule.longWindow, rule.shortWindow].map((name) => burnRate(buckets.sums[name], target));
    const factor = factorOf(rule, window);
    const burns = (long ?? 0) >= factor && (short ?? 0) >= factor && open.includes(rule.severity);
    return [
      `${rule.severity}, ${rule.longWindow} and ${rule.shortWindow}`,
      (long ?? 0).toFixed(2),
      (short ?? 0).toFixed(2),
      Number(factor.toFixed(2)),
      burns ? badge('fires', rule.severity === 'page' ? 'bad' : 'busy') : badge('quiet', 'quiet'),
    ];
  });
  return htmlTable(
    `Burn rates of ${slo} by alert`,
    [
      'Alert',
      { head: 'Long window', kind: 'number' },
      { head: 'Short window', kind: 'number' },
      { head: 'Fires from', kind: 'number' },
      'State',
    ],
    rows,
  );
}

/** The last page of the objective, and which changes were weighed. */
function weighedPart(view: View, { openedAt, weighed, helped }: OpenPage): Html {
  const ended = helped === undefined ? '' : helped ? 'It helped.' : 'It did not help: something else burns.';
  return html`<h3>What was weighed for the page of ${clockTime(openedAt, view.now)}</h3>
<ol class="steps">${weighed.map(
    (
      one,
    ) => html`<li class="${one.blamed.length > 0 ? 'bad' : 'busy'}">${clockTime(one.at, view.now)} <strong>${verdictText(one)}</strong>${one.blamed.length > 0 && ended !== '' && html`<p><strong>${ended}</strong></p>`}
${one.onset && html`<p class="why">It began between ${clockTime(one.onset.from, view.now)} and ${clockTime(one.onset.to, view.now)}.</p>`}
${one.suspects.length > 0 && html`<p class="why">Weighed, the likeliest first:</p><ol class="suspects">${one.suspects.map((suspect) => suspectItem(view, suspect))}</ol>`}</li>`,
  )}</ol>
${weighed.length === 0 && note('Nothing was weighed yet.')}`;
}

function verdictText({ blamed, because }: Weighed): string {
  return blamed.length > 0
    ? `To blame: ${describeChanges(blamed)}, because ${because}.`
    : `Nobody is blamed: ${because}.`;
}

interface Freezes {
  readonly freeze: Freeze | undefined;
  readonly past: readonly PastFreeze[];
}

function marksOf(changes: readonly RecordedChange[], { freeze, past }: Freezes, pages: readonly OpenPage[]): Mark[] {
  const onsets = pages.flatMap(({ weighed }) => weighed.find((one) => one.onset)?.onset ?? []);
  return [
    ...past.map(({ since, until, slo }): Mark => {
      const [from, to] = [Date.parse(since), Date.parse(until)];
      return { kind: 'frozen', from, to, text: `frozen for ${slo} from ${timeText(from)} to ${timeText(to)}` };
    }),
    ...(freeze ? [{ kind: 'frozen' as const, from: Date.parse(freeze.since), text: 'frozen' }] : []),
    ...onsets.map(({ from, to }): Mark => ({ kind: 'onset', from, to, text: `a burn began at ${timeText(from)}` })),
    ...changes.map((change): Mark => {
      const kind = change.kind === 'rollback' ? 'rollback' : 'release';
      return {
        kind,
        from: change.startedAt,
        text: `${kind} of ${change.image ?? 'an image'} at ${timeText(change.startedAt)}`,
      };
    }),
  ];
}

const KINDS: Readonly<Record<RecordedChange['kind'], string>> = {
  release: 'release',
  'known-good': 'back to a known good image',
  rollback: 'rollback',
  others: 'changed by others',
};

function changesTable(view: View, changes: readonly RecordedChange[]): Html {
  if (changes.length === 0) return note('Nothing was released for it yet.');
  const rows = changes
    .slice(0, MAX_CHANGES)
    .map(({ kind, target, image, startedAt, endedAt }): Part[] => [
      clockTime(startedAt, view.now),
      kind === 'rollback' ? badge('rollback', 'busy') : KINDS[kind],
      targetLink(view, target),
      image === undefined ? '–' : breakable(image),
      endedAt === undefined ? 'goes on' : durationText(endedAt - startedAt),
    ]);
  return htmlTable(
    'Releases and rollbacks, newest first',
    ['When', 'What', { head: 'Deployment', kind: 'wide' }, { head: 'Image', kind: 'wide' }, 'Took'],
    rows,
  );
}
