/** One deployment: what runs against what should run, and its releases as a timeline. */
import { deploymentScope } from '../../access/rights.ts';
import { describeError } from '../../describe-error.ts';
import { NotFoundError } from '../../errors.ts';
import { isImage } from '../../image.ts';
import type { Rollout, RunningContainer } from '../../ports/cluster.ts';
import type { Ports } from '../../ports/handler.ts';
import { askedImages, imagesText } from '../../releases/containers.ts';
import { isInFlight, knownGoodIn, newestOf, type TargetRecord } from '../../releases/release-record.ts';
import { NotRollbackableError, rollbackableRelease } from '../../releases/rollback-requests.ts';
import { readTarget } from '../../releases/target-store.ts';
import { freezeOf } from '../../slo/freezes.ts';
import { systemTimer, within } from '../../timeout.ts';
import { evidenceOf } from '../explain/evidence.ts';
import { explainRelease } from '../explain/explanation.ts';
import { type DeploymentSummary, deploymentOf, ratesOf } from '../summaries.ts';
import { deploymentBadges } from './deployments-page.ts';
import { actForm } from './parts/forms.ts';
import { badge, factList, type Html, html, htmlTable, note, type Part, pageSection, tileList } from './parts/html.ts';
import type { ShownPage } from './parts/layout.ts';
import { ago, counted, percent, spanText } from './parts/text.ts';
import { breakable, pageLink, serviceLink, type View } from './parts/view.ts';
import { releaseStory } from './release-story.ts';
import { releaseItem, tracedRelease } from './release-timeline.ts';

const PLACE = ['deployments'] as const;
/** So many releases are shown; the record keeps more. */
const MAX_RELEASES = 10;
/** A cluster that takes longer is told as one that does not answer: the page is there all the same. */
const CLUSTER_MS = 1_500;

/** Undefined when nothing was ever asked for there. */
export async function deploymentPage(view: View, ports: Ports, target: string): Promise<ShownPage | undefined> {
  const { state, config } = ports;
  const record = await readTarget(state, target);
  if (!record) return undefined;
  const summary = deploymentOf(target, record, config);
  const told = record.releases.find(({ key }) => key === view.query.get('release')) ?? record.releases[0];
  const [rollout, releases, evidence] = await Promise.all([
    rolloutOf(summary, ports),
    Promise.all(record.releases.slice(0, MAX_RELEASES).map((release) => tracedRelease(state, release))),
    evidenceOf(ports, target, told?.key),
  ]);
  const toStory = (key: string): Part =>
    key !== told?.key && pageLink(view, [...PLACE, ...target.split('/')], 'Why it came to this', { release: key });
  const { service, failingSince, newest } = summary;
  const older = record.releases.length - releases.length;
  const main = html`<p class="crumbs">${pageLink(view, PLACE, 'Deployments')}</p>
<div class="title"><h1>${breakable(target)}</h1>${deploymentBadges(summary)}</div>
${pageSection(
  'runs',
  'What runs, and what should',
  html`${factList([
    ['Service', service !== undefined && serviceLink(view, service)],
    ['Failing', failingSince !== undefined && html`for ${spanText(view.now - failingSince)}`],
    ['Newest release', newest && ago(newest.since, view.now)],
  ])}${runsTable(record, rollout)}`,
)}
${evidence && pageSection('why', told === record.releases[0] ? 'Why the newest release came to this' : 'Why this release came to this', releaseStory(view, explainRelease(evidence)), told !== record.releases[0] && pageLink(view, [...PLACE, ...target.split('/')], 'The newest release'))}
${pageSection('act', 'What can be done', await actsOf(view, ports, summary))}
${pageSection(
  'releases',
  'Releases, the newest first',
  html`<ol class="timeline">${releases.map((traced) => releaseItem(view, traced, toStory(traced.release.key)))}</ol>
${older > 0 && note(`${older} older ones are kept; GET /api/deployments has the newest.`)}`,
)}
${pageSection('dora', 'Since it was first released', doraTiles(summary.doraTotals))}`;
  const trouble = failingSince !== undefined ? 'failing · ' : '';
  return { title: `${trouble}${target}`, tone: failingSince === undefined ? 'good' : 'bad', main };
}

async function actsOf(view: View, { state, config }: Ports, summary: DeploymentSummary): Promise<Html> {
  const { cluster, namespace, deployment, target, service } = summary;
  const scope = deploymentScope(config, summary);
  const freeze = service === undefined ? undefined : await freezeOf(state, service, view.now, { cluster, namespace });
  const override =
    freeze &&
    service !== undefined &&
    actForm(view, {
      act: 'override',
      right: 'override',
      scope,
      label: 'Let one release through',
      isDangerous: true,
      explanation: html`${serviceLink(view, service)} is frozen. Lets the next release of this deployment through, within a day; ask for the release again then.`,
      hidden: { service },
    });
  return html`${await rollbackForm(view, state, { cluster, namespace, deployment }, { scope, target })}${override}`;
}

async function rollbackForm(
  view: View,
  state: Ports['state'],
  place: Parameters<typeof rollbackableRelease>[1],
  { scope, target }: { readonly scope: ReturnType<typeof deploymentScope>; readonly target: string },
): Promise<Html> {
  try {
    const { release, images } = await rollbackableRelease(state, place);
    return actForm(view, {
      act: 'rollback',
      right: 'rollback',
      scope,
      label: 'Roll back',
      isDangerous: true,
      explanation: html`Takes ${breakable(imagesText(askedImages(release.data)))} back to ${breakable(imagesText(images))}, though automation may be paused. What fails so is no longer known to be good.`,
    });
  } catch (error) {
    if (!(error instanceof NotRollbackableError) && !(error instanceof NotFoundError)) throw error;
    const why = error.message.replace(`${target} is not rolled back: `, '');
    return note(html`<strong>Roll back</strong>: there is nothing to, since ${why}.`);
  }
}

/** Or why nobody knows. */
async function rolloutOf({ cluster, ...workload }: DeploymentSummary, { clusters }: Ports): Promise<Rollout | string> {
  try {
    return await within(CLUSTER_MS, systemTimer, clusters.get(cluster).rollout(workload));
  } catch (error) {
    return describeError(error);
  }
}

function runsTable(record: TargetRecord, rollout: Rollout | string): Html {
  if (typeof rollout === 'string') {
    return html`<p>${badge('not seen', 'busy')} The cluster could not be asked: ${rollout}</p>
${shouldTable(
  Object.keys(record.knownGoodImages).map((name) => ({ name, runs: undefined })),
  record,
)}`;
  }
  const { state, message, containers, replicas, revision } = rollout;
  const tone = state === 'failed' ? 'bad' : state === 'complete' ? 'good' : 'busy';
  return html`<p>${badge(`rollout ${state}`, tone)} <span class="soft">${counted(replicas, 'replica')}${revision !== undefined && `, revision ${revision}`}. ${message}</span></p>
${shouldTable(
  containers
    .filter(({ isInit, name }) => !isInit || Object.hasOwn(record.knownGoodImages, name))
    .map((runs) => ({ name: runs.name, runs })),
  record,
)}`;
}

function shouldTable(
  all: readonly { readonly name: string; readonly runs: RunningContainer | undefined }[],
  record: TargetRecord,
): Html {
  if (all.length === 0) return note('No container is known yet.');
  const rows = all.map(({ name, runs }): Part[] => {
    const [should, verdict] = shouldRun(record, name, runs);
    return [
      name,
      runs ? breakable(runs.image) : 'unknown',
      should === undefined ? 'unknown' : breakable(should),
      verdict,
    ];
  });
  return htmlTable(
    'What runs in each container, and what should',
    ['Container', { head: 'Runs', kind: 'wide' }, { head: 'Should run', kind: 'wide' }, 'So'],
    rows,
  );
}

/** What is under way there, or else what completed last. */
function shouldRun(
  record: TargetRecord,
  name: string,
  runs: RunningContainer | undefined,
): readonly [should: string | undefined, verdict: Part] {
  const newest = newestOf(record, [name]);
  const asked = newest && isInFlight(newest) ? imageFor(newest, name) : undefined;
  const [good] = knownGoodIn(record, name);
  const should = asked ?? good?.image;
  if (!runs || should === undefined) return [should, badge('unknown', 'quiet')];
  const isRight = isImage(runs.image, should) || runs.image === good?.asked;
  if (isRight) return [should, badge('as it should', 'good')];
  if (asked !== undefined) return [should, badge('not yet', 'busy')];
  return [should, badge(runs.isAsChanged ? 'not what is known good' : 'changed by others', 'bad')];
}

function imageFor({ data, container }: NonNullable<ReturnType<typeof newestOf>>, name: string): string | undefined {
  const all = askedImages(data);
  const own = all.find((one) => one.name === name);
  return (own ?? (all.length === 1 && (container === undefined || container === name) ? all[0] : undefined))?.image;
}

/** DORA's five measures. */
export function doraTiles(totals: DeploymentSummary['doraTotals']): Html {
  const { changeLeadTimeSeconds, changeFailRate, failedDeploymentRecoverySeconds, deploymentReworkRate } =
    ratesOf(totals);
  const rate = (value: number | undefined): string => (value === undefined ? '–' : percent(value));
  const span = (seconds: number | undefined): string => (seconds === undefined ? '–' : spanText(seconds * 1_000));
  return tileList([
    ['Deployments', String(totals.deployed)],
    ['Change lead time', span(changeLeadTimeSeconds)],
    ['Change fail rate', rate(changeFailRate)],
    ['Failed deployment recovery time', span(failedDeploymentRecoverySeconds)],
    ['Deployment rework rate', rate(deploymentReworkRate)],
  ]);
}
