/** An explanation for people, in lines of 80 columns. */
import { oneLine } from '../../shown-text.ts';
import { budgetWords } from '../../slo/budget-text.ts';
import type { ExplanationJson } from '../../status/explain/explanation-json.ts';
import { bold, columns, green, red, yellow } from '../../terminal/command.ts';
import { clockFrom, labelled } from './lines.ts';

type Clock = (time: string) => string;
type Step = ExplanationJson['steps'][number];
type Came = Step['cameTo'][number];
type Page = ExplanationJson['pages'][number];
type Burn = NonNullable<ExplanationJson['burns'][number]['before']>;

export function explanationText(told: ExplanationJson): string {
  const clock = clockFrom(told.request.at);
  const sections: [string, readonly string[]][] = [
    [headOf(told), requestLines(told)],
    ['freeze', freezeLines(told)],
    ['steps (UTC)', told.steps.flatMap((step) => stepLines(step, clock))],
    ['burn', burnLines(told, clock)],
    ['pages', told.pages.flatMap((page) => pageLines(page, clock))],
    ['outcome', outcomeLines(told, clock)],
    [`other releases of ${oneLine(told.target)}`, otherLines(told)],
  ];
  return sections
    .filter(([, lines]) => lines.length > 0)
    .map(([title, lines]) => [bold(title), ...lines].join('\n'))
    .join('\n\n');
}

function headOf({ target, phase, isOver }: ExplanationJson): string {
  return `${oneLine(target)}: ${PHASES[phase]}${isOver ? '' : ', under way'}`;
}

const PHASES: Readonly<Record<ExplanationJson['phase'], string>> = {
  requested: 'requested',
  started: 'started',
  completed: 'completed',
  failed: 'failed',
  'rolling-back': 'rolling back',
  'rolled-back': 'rolled back',
};

function imagesText(images: readonly { readonly name?: string | undefined; readonly image: string }[]): string {
  return images.map(({ name, image }) => (name === undefined ? image : `${name}=${image}`)).join(', ');
}

function requestLines({ request, service, team, changesNothing, wasKnownGood }: ExplanationJson): string[] {
  const { id, source, at, images, replicas, requestedBy, commit, override, previousImage, correlationId } = request;
  const notes = [
    ...(changesNothing ? ['it ran already, so that this release changed nothing'] : []),
    ...(wasKnownGood && !changesNothing ? ['it had completed here before: no page is blamed on it'] : []),
  ];
  return [
    labelled('  image     ', [imagesText(images), ...notes].join('; ')),
    ...(replicas === undefined ? [] : [`  replicas  ${replicas}`]),
    ...(previousImage === undefined ? [] : [labelled('  before    ', previousImage)]),
    labelled('  request   ', `${source} ${id}`),
    labelled('  asked     ', `${at}${requestedBy === undefined ? '' : ` by ${requestedBy}`}`),
    ...(commit === undefined ? [] : [labelled('  commit    ', commit)]),
    ...(service === undefined
      ? []
      : [labelled('  service   ', service + (team === undefined ? '' : `, team ${team}`))]),
    ...(override ? [labelled('  override  ', `${override.reason} (approved by ${override.approvedBy})`)] : []),
    labelled('  chain     ', correlationId),
  ];
}

function freezeLines({ freeze: { overrode, refused, now } }: ExplanationJson): string[] {
  return [
    ...(refused === undefined ? [] : [labelled('  refused   ', refused)]),
    ...(overrode === undefined ? [] : [labelled('  overrode  ', overrode)]),
    ...(now ? [labelled('  now       ', `frozen since ${now.since} (${now.slo}): ${now.reason}`)] : []),
  ];
}

function stepLines({ at, event, cameTo }: Step, clock: Clock): string[] {
  const came = cameTo.map((step) => labelled('            ', cameText(step, clock)));
  const time = `  ${clock(at)}  `;
  if (!event) return [labelled(time, 'by another event:'), ...came];
  const { type, handler, status, runs, failedAttempts, reason, error, dueAt } = event;
  const how = [
    `${status} at ${handler}`,
    `${runs} run${runs === 1 ? '' : 's'}`,
    ...(failedAttempts > 0 ? [`attempt ${failedAttempts} failed: ${reason ?? 'unknown'}: ${error ?? ''}`] : []),
    ...(dueAt === undefined ? [] : [`next at ${clock(dueAt)}`]),
  ];
  return [labelled(time, `${type}: ${how.join(', ')}`), ...came];
}

function cameText(step: Came, clock: Clock): string {
  const at = `${clock(step.at)}`;
  switch (step.to) {
    case 'requested':
      return `requested at ${at}`;
    case 'started':
      return `started at ${at}, to be ready by ${clock(step.deadline)}`;
    case 'completed':
      return `completed at ${at}: ${imagesText(step.images)}, ${step.replicas} ready${revisionText(step)}`;
    case 'failed':
      return `failed at ${at}: ${step.reason}: ${step.message}`;
    case 'rolling-back':
      return `rolling back from ${at} to ${imagesText(step.images)}${revisionText(step)}`;
    case 'rolled-back':
      return `rolled back at ${at}`;
    case 'closed':
      return `closed at ${at}${step.note === undefined ? '' : `: ${step.note}`}`;
  }
}

function revisionText({ revision }: { readonly revision?: string }): string {
  return revision === undefined ? '' : `, revision ${revision}`;
}

function burnLines({ burns }: ExplanationJson, clock: Clock): string[] {
  return burns.flatMap(({ slo, target, window, errorBudgetRemaining, before, since, afterRollback }) => {
    const rows: [string, Burn | undefined][] = [
      ['hour before', before],
      ['since', since],
      ['after rollback', afterRollback],
    ];
    const shown = rows.flatMap(([name, burn]) => (burn ? [burnRow(name, burn, clock)] : []));
    return [
      labelled('  ', `${slo}: ${target * 100} % over ${window}; error budget now ${budgetWords(errorBudgetRemaining)}`),
      ...(shown.length > 0 ? [columns(shown)] : ['    nothing is kept of what was counted then']),
    ];
  });
}

function burnRow(name: string, { bad, total, burnRate, from, to }: Burn, clock: Clock): string[] {
  const count = new Intl.NumberFormat('en').format;
  return [
    `    ${name}`,
    `${count(bad)} of ${count(total)} bad`,
    `burns ${burnRate.toFixed(1)} x`,
    `${clock(from)} to ${clock(to)}`,
  ];
}

const PARTS: Readonly<Record<Page['part'], string>> = {
  blamed: 'this release is to blame',
  undone: 'this release goes back with a later one',
  suspect: 'this release was weighed',
  present: 'this release was the newest',
};

function pageLines({ slo, openedAt, part, weighed }: Page, clock: Clock): string[] {
  return [
    labelled(`  ${clock(openedAt)}  `, `page of ${slo}: ${PARTS[part]}`),
    ...weighed.flatMap(({ at, onset, suspects, decision }) => [
      ...(onset ? [labelled('            ', `it began between ${clock(onset.from)} and ${clock(onset.to)}`)] : []),
      ...suspects.map(({ image = 'an image', target, startedAt }, n) =>
        labelled(`            ${n + 1}. `, `${image} on ${target}, released at ${clock(startedAt)}`),
      ),
      labelled('            ', `decided at ${clock(at)}: ${decision}`),
    ]),
  ];
}

function outcomeLines({ rollback, putBack, note, helped, next, pages }: ExplanationJson, clock: Clock): string[] {
  const lines: string[] = [];
  if (rollback) {
    const { images, startedAt, endedAt, isDone } = rollback;
    const end = endedAt === undefined ? 'under way' : `${isDone ? 'done' : 'ended'} at ${clock(endedAt)}`;
    lines.push(labelled('  rollback  ', `to ${imagesText(images)} from ${clock(startedAt)}, ${end}`));
  }
  if (putBack) {
    const { images, at, by = 'somebody else' } = putBack;
    lines.push(
      red(labelled('  put back  ', `${imagesText(images)} runs again: ${by} set it, as seen at ${clock(at)}`)),
    );
  }
  if (note !== undefined) lines.push(labelled('  note      ', note));
  if (helped !== undefined) {
    lines.push(
      `  helped    ${helped ? green('yes: it burns no more') : red('no: it still burns, so that was not the cause')}`,
    );
  } else if (rollback?.isDone && pages.some(({ part }) => part === 'blamed')) {
    lines.push(`  helped    ${yellow('not known yet')}`);
  }
  if (next) {
    const { id, source, images, at, phase } = next;
    lines.push(labelled('  next      ', `${imagesText(images)} at ${clock(at)}, ${PHASES[phase]}: ${source} ${id}`));
  }
  return lines;
}

function otherLines({ others }: ExplanationJson): string[] {
  return others.map(({ id, source, images, phase, at }) =>
    labelled(`  ${at.slice(0, 19).replace('T', ' ')}  `, `${imagesText(images)} ${PHASES[phase]}: ${source} ${id}`),
  );
}
