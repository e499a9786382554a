/** The deployments: what is failing, what was refused, what is under way. */
import type { Ports } from '../../ports/handler.ts';
import { askedImages, imagesText } from '../../releases/containers.ts';
import type { Phase, Urgency } from '../../releases/release-record.ts';
import { listedTargets, readTarget, targetsBeginning } from '../../releases/target-store.ts';
import { type DeploymentSummary, deploymentOf } from '../summaries.ts';
import { badge, type Html, html, htmlTable, note, type Part, pageSection, type Tone } from './parts/html.ts';
import type { ShownPage } from './parts/layout.ts';
import { ago, shortened } from './parts/text.ts';
import { refusalOf } from './parts/trouble.ts';
import { breakable, hrefOf, pageLink, serviceLink, targetLink, type View } from './parts/view.ts';

const PER_PAGE = 50;

/** The most urgent first, in pages; or those whose target begins with a text, in the order of their names. */
export async function deploymentsPage(view: View, ports: Ports): Promise<ShownPage> {
  const prefix = view.query.get('q')?.trim() ?? '';
  const after = view.query.get('after') ?? undefined;
  const { found, next } = await (prefix === ''
    ? mostUrgent(ports, PER_PAGE, { after })
    : beginningWith(ports, prefix, after));
  const code = view.query.get('code');
  const filter = html`<form class="filters" method="get" action="${hrefOf({ base: view.base, query: new URLSearchParams() }, ['deployments'])}">
<div><label for="q">Cluster, or cluster/namespace/…</label><input type="search" id="q" name="q" value="${prefix}" maxlength="400"></div>
${code !== null && html`<input type="hidden" name="code" value="${code}">`}<button>Find</button></form>`;
  const more =
    next !== undefined &&
    html`<p class="pager">${pageLink(view, ['deployments'], 'Next page', { after: next, q: prefix || undefined })}</p>`;
  const nothing = prefix === '' ? 'Nothing has been released yet.' : 'No deployment begins so.';
  const table = found.length > 0 ? deploymentRows(view, found) : note(nothing);
  const order = prefix === '' ? 'The most urgent first' : 'By name';
  const main = html`<h1>Deployments</h1>
${pageSection('deployments', order, html`${filter}${table}${more}`)}`;
  return { title: 'Deployments', main };
}

interface Found {
  readonly found: readonly DeploymentSummary[];
  /** The cursor of the next page. */
  readonly next: string | undefined;
}

/** By the rows that list them: it costs as much among five deployments as among five thousand. */
export async function mostUrgent(
  { state, config }: Pick<Ports, 'state' | 'config'>,
  limit: number,
  { after, urgency }: { after?: string | undefined; urgency?: Urgency } = {},
): Promise<Found> {
  const rows: { target: string; key: string }[] = [];
  const asked = { after, limit: limit + 1, ...(urgency !== undefined && { urgency }) };
  for await (const row of listedTargets(state, asked)) rows.push(row);
  const shown = rows.slice(0, limit);
  const records = await Promise.all(
    shown.map(async ({ target }) => ({ target, record: await readTarget(state, target) })),
  );
  return {
    found: records.flatMap(({ target, record }) => (record ? [deploymentOf(target, record, config)] : [])),
    next: rows.length > limit ? shown.at(-1)?.key : undefined,
  };
}

async function beginningWith({ state, config }: Ports, prefix: string, after: string | undefined): Promise<Found> {
  const found: DeploymentSummary[] = [];
  for await (const { key, value } of targetsBeginning(state, prefix, { after, limit: PER_PAGE + 1 }))
    found.push(deploymentOf(key, value, config));
  const shown = found.slice(0, PER_PAGE);
  return { found: shown, next: found.length > PER_PAGE ? shown.at(-1)?.target : undefined };
}

export function deploymentRows(view: View, all: readonly DeploymentSummary[]): Html {
  const rows = all.map((one): Part[] => {
    const { target, service, newest, knownGoodImages } = one;
    const refusal = refusalOf(one);
    const good = imagesText(Object.entries(knownGoodImages).map(([name, image]) => ({ name, image })));
    const failure = newest?.reason === undefined ? undefined : `${newest.reason}: ${newest.message ?? ''}`;
    const why =
      refusal && refusal !== newest
        ? `${refusal.reason}: ${refusal.message ?? ''}`
        : [failure, newest?.note].filter(Boolean).join('; ');
    return [
      targetLink(view, target),
      deploymentBadges(one),
      html`${newest ? breakable(imagesText(askedImages(newest))) : '–'}${good !== '' && newest?.phase !== 'completed' && html`<br><span class="soft">good before: ${breakable(good)}</span>`}`,
      html`<span class="why">${shortened(why)}</span>`,
      newest ? ago((refusal ?? newest).since, view.now) : '–',
      service === undefined ? '–' : serviceLink(view, service),
    ];
  });
  return htmlTable(
    'Deployments and their newest releases',
    [
      { head: 'Deployment', kind: 'middle' },
      'State',
      { head: 'Image', kind: 'wide' },
      { head: 'Why', kind: 'wide' },
      'Since',
      'Service',
    ],
    rows,
  );
}

export const PHASES: Readonly<Record<Phase, readonly [string, Tone]>> = {
  requested: ['requested', 'busy'],
  started: ['rolling out', 'busy'],
  completed: ['completed', 'good'],
  failed: ['failed', 'bad'],
  'rolling-back': ['rolling back', 'busy'],
  'rolled-back': ['rolled back', 'busy'],
};

/** A refused request is told from one that failed in the cluster, and a failing deployment from one that is well again. */
export function deploymentBadges(one: DeploymentSummary): Html {
  const { newest, failingSince } = one;
  const refusal = refusalOf(one);
  const [text, tone] = newest ? PHASES[newest.phase] : (['–', 'quiet'] as const);
  // Failing says so already.
  const isFailed = failingSince !== undefined && newest?.phase === 'failed';
  return html`<span class="badges">${failingSince !== undefined && badge('failing', 'bad')}${newest?.putBackAt !== undefined && badge('put back', 'bad')}${refusal !== newest && !isFailed && badge(text, tone)}${refusal && badge(`refused: ${refusal.reason}`, 'bad')}</span>`;
}
