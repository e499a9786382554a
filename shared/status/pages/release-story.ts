/** Why a release came to what it came to: request, freeze, outcome, budgets before and since, suspects, decision, rollback. */
import type { RecordedChange } from '../../releases/changes.ts';
import { imagesText } from '../../releases/containers.ts';
import { budgetWords } from '../../slo/budget-text.ts';
import type { Burn } from '../explain/burns-around.ts';
import type { Explanation } from '../explain/explanation.ts';
import type { PageExplanation, WeighedExplanation } from '../explain/pages-about.ts';
import { PHASES } from './deployments-page.ts';
import { badge, type Html, html, htmlTable, joined, type Part, type Tone } from './parts/html.ts';
import { clockTime, durationText, exactPercent } from './parts/text.ts';
import { breakable, serviceLink, targetLink, type View } from './parts/view.ts';

interface Chapter {
  readonly tone: Tone;
  readonly title: string;
  readonly text: Part;
}

/** In the order in which one led to the other. */
export function releaseStory(view: View, told: Explanation): Html {
  const chapters = [
    requestChapter(view, told),
    ...freezeChapters(view, told),
    outcomeChapter(view, told),
    ...burnChapters(view, told),
    ...told.pages.map((page) => pageChapter(view, page)),
    ...endChapters(view, told),
  ];
  return html`<ol class="steps story">${chapters.map(({ tone, title, text }) => html`<li class="${tone}"><h3>${title}</h3><div>${text}</div></li>`)}</ol>`;
}

function requestChapter(view: View, { request, changesNothing, wasKnownGood }: Explanation): Chapter {
  const { at, images, replicas, requestedBy, commit, override, previousImage } = request;
  const facts: Part[] = [
    html`<strong>${breakable(imagesText(images))}</strong> was asked for at ${clockTime(at, view.now)}${requestedBy !== undefined && ` by ${requestedBy}`}`,
    ...(previousImage === undefined ? [] : [html`in the place of ${breakable(previousImage)}`]),
    ...(replicas === undefined ? [] : [`${replicas} replicas`]),
    ...(commit === undefined ? [] : [html`commit <code>${commit.slice(0, 12)}</code>`]),
  ];
  return {
    ...{ tone: 'quiet', title: 'Request' },
    text: html`<p>${joined(facts, ', ')}.</p>
${changesNothing && html`<p>It ran already: this release changed nothing.</p>`}
${wasKnownGood && !changesNothing && html`<p>It had completed here before: no page is blamed on it.</p>`}
${override && html`<p>It was to pass a freeze: ${override.reason} (approved by ${override.approvedBy}).</p>`}`,
  };
}

function freezeChapters(view: View, { freeze, service }: Explanation): Chapter[] {
  const { overrode, refused, now } = freeze;
  const since = now && clockTime(Date.parse(now.since), view.now);
  const name = service === undefined ? 'The service' : serviceLink(view, service);
  return [
    ...(overrode === undefined
      ? []
      : [
          {
            tone: 'busy' as const,
            title: 'Freeze',
            text: html`<p>An override let it through a freeze: ${overrode}.</p>`,
          },
        ]),
    ...(refused === undefined
      ? []
      : [{ tone: 'bad' as const, title: 'Freeze', text: html`<p>It was refused: ${refused}.</p>` }]),
    ...(now && refused === undefined
      ? [
          {
            tone: 'busy' as const,
            title: 'Freeze',
            text: html`<p>${name} is frozen now, since ${since}: ${now.reason}.</p>`,
          },
        ]
      : []),
  ];
}

function outcomeChapter(view: View, { steps, phase, request }: Explanation): Chapter {
  const came = steps.flatMap(({ cameTo }) => cameTo);
  const failed = came.find(({ to }) => to === 'failed');
  const completed = came.find(({ to }) => to === 'completed');
  const attempts = Math.max(0, ...steps.map(({ event }) => event?.failedAttempts ?? 0));
  const tried = attempts > 0 && html` One of its events needed ${attempts + 1} attempts.`;
  const [text, tone] = PHASES[phase];
  if (completed) {
    const took = durationText(completed.at - request.at);
    const done = html`<p>Completed at ${clockTime(completed.at, view.now)}, ${took} after it was asked for.${tried}</p>`;
    const after =
      failed?.to === 'failed' &&
      html`<p>Failed at ${clockTime(failed.at, view.now)}: <strong>${failed.reason}</strong>: ${failed.message}</p>`;
    return { tone: failed ? 'bad' : 'good', title: 'Rollout', text: html`${done}${after}` };
  }
  if (failed?.to === 'failed') {
    const why = html`<strong>${failed.reason}</strong>: ${failed.message}`;
    return {
      tone: 'bad',
      title: 'Rollout',
      text: html`<p>Failed at ${clockTime(failed.at, view.now)}: ${why}.${tried}</p>`,
    };
  }
  return { tone, title: 'Rollout', text: html`<p>It is ${text}.${tried}</p>` };
}

function burnChapters(view: View, { burns }: Explanation): Chapter[] {
  if (burns.length === 0) return [];
  const rows = burns.flatMap(({ slo, before, since, afterRollback, errorBudgetRemaining }): Part[][] => {
    const kept: [string, Burn | undefined][] = [
      ['the hour before', before],
      ['since then', since],
      ['after the rollback', afterRollback],
    ];
    const left = budgetWords(errorBudgetRemaining);
    const shown = kept.flatMap(([when, burn]): Part[][] => (burn ? [burnRow(view, [slo, when, left], burn)] : []));
    return shown.length > 0 ? shown : [[slo, 'nothing is kept of then', '–', '–', left]];
  });
  const worst = Math.max(0, ...burns.map(({ since }) => since?.burnRate ?? 0));
  const promises = burns.map(({ slo, target, window }) => `${slo} ${exactPercent(target)} over ${window}`).join(', ');
  const table = htmlTable(
    'How fast the error budgets burnt before the release, and since',
    ['Objective', 'When', { head: 'Bad events', kind: 'middle' }, 'Burns', 'Budget now'],
    rows,
  );
  return [
    {
      ...{ tone: worst >= 1 ? 'bad' : 'good', title: 'Error budgets before and since' },
      text: html`<p class="soft">${promises}; at 1 × a budget lasts exactly its window.</p>${table}`,
    },
  ];
}

function burnRow(view: View, [slo, when, left]: readonly [string, string, string], burn: Burn): Part[] {
  const { bad, total, burnRate, from, to } = burn;
  return [
    slo,
    html`${when} <span class="soft">${clockTime(from, view.now)} to ${clockTime(to, view.now)}</span>`,
    `${bad} of ${total}`,
    badge(`${burnRate.toFixed(1)} ×`, burnRate >= 1 ? 'bad' : 'good'),
    left,
  ];
}

const PARTS: Readonly<Record<PageExplanation['part'], string>> = {
  blamed: 'this release is to blame',
  undone: 'this release goes back with a later one',
  suspect: 'this release was weighed',
  present: 'this release was the newest',
};

function pageChapter(view: View, { slo, openedAt, part, weighed }: PageExplanation): Chapter {
  return {
    ...{ tone: 'bad', title: `Page of ${slo}: ${PARTS[part]}` },
    text: html`<p>It paged at ${clockTime(openedAt, view.now)}.</p>
${weighed.length === 0 && html`<p>Nothing was weighed yet.</p>`}
${weighed.map((one) => decisionText(view, one))}`,
  };
}

function decisionText(view: View, { at, onset, suspects, decision }: WeighedExplanation): Part {
  return html`<p><strong>Decided at ${clockTime(at, view.now)}:</strong> ${decision}.</p>
${onset && html`<p>The burn began between ${clockTime(onset.from, view.now)} and ${clockTime(onset.to, view.now)}.</p>`}
${suspects.length > 0 && html`<p>Weighed, the likeliest first:</p><ol class="suspects">${suspects.map((one) => suspectItem(view, one))}</ol>`}`;
}

export function suspectItem(view: View, { image = 'an image', target, startedAt }: RecordedChange): Html {
  return html`<li>${breakable(image)} on ${targetLink(view, target)}, released ${clockTime(startedAt, view.now)}</li>`;
}

function endChapters(view: View, { rollback, putBack, note, helped, next, pages }: Explanation): Chapter[] {
  const chapters: Chapter[] = [];
  if (rollback) {
    const { images, startedAt, endedAt, isDone } = rollback;
    const end =
      endedAt === undefined ? 'under way' : html`${isDone ? 'done' : 'ended'} at ${clockTime(endedAt, view.now)}`;
    const text = html`<p>To ${breakable(imagesText(images))}, begun at ${clockTime(startedAt, view.now)}, ${end}.</p>`;
    chapters.push({ tone: isDone ? 'good' : 'busy', title: 'Rollback', text });
  }
  if (note !== undefined) chapters.push({ tone: 'quiet', title: 'Note', text: html`<p>${note}</p>` });
  if (helped !== undefined || (rollback?.isDone && pages.some(({ part }) => part === 'blamed'))) {
    const [tone, text] = HELPED[String(helped)] ?? (['busy', 'Not known yet.'] as const);
    chapters.push({ tone, title: 'Did it help?', text: html`<p>${text}</p>` });
  }
  if (putBack) {
    const { images, at, by = 'somebody else' } = putBack;
    const text = html`<p>${breakable(imagesText(images))} runs again: ${by} set it, as seen at ${clockTime(at, view.now)}.</p>`;
    chapters.push({ tone: 'bad', title: 'Put back', text });
  }
  if (next) {
    const text = html`<p>${breakable(imagesText(next.images))}, asked for at ${clockTime(next.at, view.now)}: ${PHASES[next.phase][0]}.</p>`;
    chapters.push({ tone: PHASES[next.phase][1], title: 'The next release', text });
  }
  return chapters;
}

const HELPED: Readonly<Record<string, readonly [Tone, string]>> = {
  true: ['good', 'Yes: it burns no more.'],
  false: ['bad', 'No: it still burns, so that was not the cause.'],
};
