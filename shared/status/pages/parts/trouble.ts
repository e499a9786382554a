/** What hurts, the worst first. How things stand is how the worst of it stands. Pure. */
import type { AutomationPause } from '../../../automation.ts';
import { HOUR_MS } from '../../../duration.ts';
import { budgetWords } from '../../../slo/budget-text.ts';
import { scopeText } from '../../../slo/freezes.ts';
import type { Dependency, Health } from '../../health.ts';
import type { DeploymentSummary, ServiceSummary } from '../../summaries.ts';
import { html, joined, type Part, type Tone } from './html.ts';
import { ago, counted, shortened, spanText } from './text.ts';
import { pageLink, serviceLink, targetLink, type View } from './view.ts';

/** What is looked at. */
export interface Standing {
  readonly health: Health;
  readonly services: readonly ServiceSummary[];
  /** The most urgent ones. */
  readonly deployments: readonly DeploymentSummary[];
  /** Undefined when the broker does not answer. */
  readonly errors: WaitingErrors | undefined;
}

/** The errors queue, as far as it was read. */
export interface WaitingErrors {
  /** How many wait for a person, and since when the oldest does. */
  readonly waiting: number;
  readonly oldestAt: number | undefined;
  readonly groups: readonly { readonly reason: string; readonly subscription: string; readonly count: number }[];
}

export interface Trouble {
  readonly badge: string;
  readonly tone: Exclude<Tone, 'good' | 'quiet'>;
  readonly text: Part;
}

/** Of one kind. */
interface TroubleGroup {
  /** For the headline: `2 services page`. */
  readonly headline: string;
  readonly tone: Trouble['tone'];
  readonly troubles: readonly Trouble[];
}

/** So many of a kind are listed one by one. */
const MAX_LISTED = 5;
/** A refusal older than this is no news. */
const REFUSED_FOR_MS = 24 * HOUR_MS;

/** Kinds without trouble are left out. */
export function troublesOf(view: View, standing: Standing): TroubleGroup[] {
  return [
    ...dependencyTroubles(standing.health),
    ...serviceTroubles(view, standing.services),
    ...deploymentTroubles(view, standing.deployments),
    ...errorTroubles(view, standing),
    ...quietTroubles(view, standing.services),
  ]
    .filter(({ troubles }) => troubles.length > 0)
    .sort((a, b) => Number(b.tone === 'bad') - Number(a.tone === 'bad'));
}

function dependencyTroubles({ status, dependencies }: Health): TroubleGroup[] {
  const down = dependencies.filter((one) => one.status === 'down');
  const isFatal = ({ name }: Dependency): boolean =>
    status === 'down' || name.startsWith('subscription/') || name.startsWith('trigger/');
  const groupOf = (all: readonly Dependency[], tone: Trouble['tone'], badge: string): TroubleGroup => ({
    tone,
    headline: all.length === 1 ? `${all[0]?.name} is ${badge}` : `${all.length} dependencies are ${badge}`,
    troubles: all.map(({ name, error }) => ({ badge, tone, text: html`<strong>${name}</strong> ${error}` })),
  });
  const needed = down.filter(({ name }) => name === 'service-bus' || name === 'state-store');
  const missing = down.filter((one) => !needed.includes(one) && isFatal(one));
  const reached = down.filter((one) => !needed.includes(one) && !missing.includes(one));
  return [groupOf(needed, 'bad', 'down'), groupOf(missing, 'bad', 'missing'), groupOf(reached, 'bad', 'unreachable')];
}

function serviceTroubles(view: View, services: readonly ServiceSummary[]): TroubleGroup[] {
  const alerting = (
    severity: 'page' | 'ticket',
    tone: Trouble['tone'],
    headline: (n: number) => string,
  ): TroubleGroup => {
    const has = ({ objectives }: ServiceSummary, one: 'page' | 'ticket'): boolean =>
      objectives.some(({ alerts }) => alerts.includes(one));
    // A page says all that a ticket would.
    const burning = services.filter((one) => has(one, severity) && (severity === 'page' || !has(one, 'page')));
    return {
      tone,
      headline: headline(burning.length),
      troubles: limited(
        burning,
        ({ service, objectives }) => {
          const own = objectives.filter(({ alerts }) => alerts.includes(severity));
          const left = own.flatMap(({ slo, errorBudgetRemaining }) =>
            errorBudgetRemaining === undefined ? [] : [`${slo}: ${budgetWords(errorBudgetRemaining)}`],
          );
          return {
            badge: severity,
            tone,
            text: html`${serviceLink(view, service)} burns too fast; ${left.join(', ')}`,
          };
        },
        tone,
        pageLink(view, ['services'], 'all services'),
      ),
    };
  };
  const frozen = services.filter(({ freeze }) => freeze);
  return [
    alerting('page', 'bad', (n) => (n === 1 ? '1 service pages' : `${n} services page`)),
    {
      tone: 'bad',
      headline: `${counted(frozen.length, 'service')} frozen`,
      troubles: limited(
        frozen,
        ({ service, freeze }) => ({
          badge: 'frozen',
          tone: 'bad',
          text:
            freeze &&
            html`${serviceLink(view, service)}${scopeText(freeze)} takes no releases since ${ago(Date.parse(freeze.since), view.now)}: ${shortened(freeze.reason)}`,
        }),
        'bad',
        pageLink(view, ['services'], 'all services'),
      ),
    },
    alerting('ticket', 'busy', (n) => counted(n, 'ticket')),
  ];
}

function deploymentTroubles(view: View, deployments: readonly DeploymentSummary[]): TroubleGroup[] {
  const failing = deployments.filter(({ failingSince }) => failingSince !== undefined);
  const putBack = deployments.filter(({ newest }) => newest?.putBackAt !== undefined);
  const refused = deployments.filter(
    (one) => one.failingSince === undefined && (refusalOf(one)?.since ?? 0) > view.now - REFUSED_FOR_MS,
  );
  const all = pageLink(view, ['deployments'], 'all deployments');
  return [
    {
      tone: 'bad',
      headline: `${counted(failing.length, 'deployment')} failing`,
      troubles: limited(
        failing,
        ({ target, failingSince = 0, newest }) => ({
          badge: 'failing',
          tone: 'bad',
          text: html`${targetLink(view, target)} for ${spanText(view.now - failingSince)}: ${newest?.reason} ${shortened(newest?.message ?? '')}`,
        }),
        'bad',
        all,
      ),
    },
    {
      tone: 'bad',
      headline: `${counted(putBack.length, 'release')} put back`,
      troubles: limited(
        putBack,
        ({ target, newest }) => ({
          badge: 'put back',
          tone: 'bad',
          text: html`${targetLink(view, target)} runs what was rolled back, again, since ${ago(newest?.putBackAt ?? 0, view.now)}: somebody, or a GitOps controller, has put it back`,
        }),
        'bad',
        all,
      ),
    },
    {
      tone: 'busy',
      headline: `${counted(refused.length, 'release')} refused`,
      troubles: limited(
        refused,
        (one) => {
          const { reason, message = '', since = 0 } = refusalOf(one) ?? {};
          return {
            badge: 'refused',
            tone: 'busy',
            text: html`${targetLink(view, one.target)} ${ago(since, view.now)}: <strong>${reason}</strong> ${shortened(message)}`,
          };
        },
        'busy',
        all,
      ),
    },
  ];
}

/** The request that was refused, when nothing was admitted after it. */
export function refusalOf({ newest, refused }: DeploymentSummary): DeploymentSummary['newest'] {
  if (refused) return refused;
  return newest?.wasRefused ? newest : undefined;
}

function errorTroubles(view: View, { errors }: Standing): TroubleGroup[] {
  if (!errors || errors.waiting === 0) return [];
  const { waiting, oldestAt = view.now, groups } = errors;
  const reasons = joined(
    groups.slice(0, MAX_LISTED).map(({ reason, count }) => html`${count} × <strong>${reason || 'Unknown'}</strong>`),
    ', ',
  );
  const text = html`${pageLink(view, ['errors'], counted(waiting, 'error'))} ${waiting === 1 ? 'waits' : 'wait'} for a person, the oldest since ${ago(oldestAt, view.now)}: ${reasons}`;
  return [
    {
      tone: 'bad',
      headline: waiting === 1 ? '1 error waits' : `${waiting} errors wait`,
      troubles: [{ badge: 'errors', tone: 'bad', text }],
    },
  ];
}

/** Of whom nothing is known, or nothing new: that looks like all is well, and need not be. */
function quietTroubles(view: View, services: readonly ServiceSummary[]): TroubleGroup[] {
  const never = services.filter(({ objectives, checkedAt }) => objectives.length > 0 && checkedAt === undefined);
  const silent = services.filter(
    (one) => !never.includes(one) && one.objectives.some(({ silentSince }) => silentSince !== undefined),
  );
  const group = (all: readonly ServiceSummary[], what: string, badge: string, why: string): TroubleGroup => ({
    tone: 'busy',
    headline: `${counted(all.length, 'service')} ${what}`,
    troubles: all.length > 0 ? [{ badge, tone: 'busy', text: html`${namesOf(view, all)}: ${why}` }] : [],
  });
  return [
    group(silent, 'silent', 'silent', 'no health check for longer than they allow, so budgets and alerts stand still'),
    group(never, 'never checked', 'unchecked', 'no health check was ever counted, so nothing is known'),
  ];
}

function namesOf(view: View, all: readonly ServiceSummary[]): Part {
  const listed = all.slice(0, MAX_LISTED).map(({ service }) => serviceLink(view, service));
  const rest = all.length - listed.length;
  return html`${joined(listed, ', ')}${rest > 0 && ` and ${rest} more`}`;
}

function limited<T>(all: readonly T[], troubleOf: (one: T) => Trouble, tone: Trouble['tone'], more: Part): Trouble[] {
  const rest = all.length - MAX_LISTED;
  const listed = all.slice(0, MAX_LISTED).map(troubleOf);
  return rest > 0 ? [...listed, { badge: `+ ${rest}`, tone, text: html`${rest} more: ${more}` }] : listed;
}

/** How things stand, in a word or two for each kind of trouble that is as bad as the worst; and its colour. */
export function headlineOf(
  groups: readonly TroubleGroup[],
  pause: AutomationPause | undefined,
): { readonly text: string; readonly tone: Tone } {
  const bad = groups.filter((group) => group.tone === 'bad');
  const paused = pause ? ['automation paused'] : [];
  const parts = [...(bad.length > 0 ? bad : groups).map(({ headline }) => headline), ...paused];
  const tone: Tone = bad.length > 0 ? 'bad' : parts.length > 0 ? 'busy' : 'good';
  return { text: parts.length > 0 ? parts.join(', ') : 'Nothing needs you', tone };
}
