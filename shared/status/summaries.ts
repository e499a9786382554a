/** The state of deployments and services, by their records: for the HTTP functions, the metrics and the dashboard. */

import { type Page, pagesOf } from '../blame/pages.ts';
import { serviceOf, teamOf } from '../config/service-lookup.ts';
import { type Unjudged, unjudgedIn } from '../delivery/automatic-replay.ts';
import type { DeadLetterEntry, DeadLetterQueue } from '../ports/bus.ts';
import { cursorAfter } from '../ports/dead-letter-list.ts';
import type { Ports } from '../ports/handler.ts';
import type { NamedImage } from '../releases/containers.ts';
import {
  type DoraTotals,
  isRefused,
  newestOf,
  type Phase,
  phaseOf,
  type ReleaseRecord,
  stepTo,
  type TargetRecord,
} from '../releases/release-record.ts';
import { targets } from '../releases/target-store.ts';
import { allFreezes, type Freeze } from '../slo/freezes.ts';
import { allHealth } from '../slo/health-store.ts';
import type { ObjectiveHealth } from '../slo/objective-health.ts';
import { isInScope, type Objective, objectivesOf } from '../slo/objectives.ts';
import { objectiveHealthOf, type ServiceHealth } from '../slo/service-health.ts';
import { systemTimer, type Timer, within } from '../timeout.ts';
import { endOfRun } from './explain/explanation.ts';
import { pagesAbout, type WeighedSummary, weighedSummaryOf } from './explain/pages-about.ts';
import { DEPENDENCY_TIMEOUT_MS } from './health.ts';

/** A release as it is shown. Times are milliseconds since the Unix epoch. */
export interface ReleaseSummary {
  readonly requestId: string;
  readonly requestSource: string;
  readonly correlationId: string;
  readonly image: string;
  /** When it is for several. */
  readonly containers?: readonly NamedImage[];
  readonly phase: Phase;
  /** Whether the release is over. */
  readonly isOver: boolean;
  /** Whether it was rejected because of what it asks for: nothing of it was ever tried. */
  readonly wasRefused?: true;
  /** When it reached this phase. */
  readonly since: number;
  /** Why it failed, if it did. */
  readonly reason?: string;
  readonly message?: string;
  /** Why it was not rolled back, or how the rollback failed. */
  readonly note?: string;
  /** Since when it runs again, though it was rolled back. */
  readonly putBackAt?: number;
  readonly commit?: string;
  /** By the word of whoever sent it, who is named where there is one. */
  readonly requestedBy?: string;
  readonly sentBy?: string;
  /** What was weighed about pages that it had a part in; absent when it had none, or was not asked for. */
  readonly weighed?: readonly WeighedSummary[];
}

/** A Deployment of a cluster, and what was released there. */
export interface DeploymentSummary {
  /** `<cluster>/<namespace>/<deployment>`. */
  readonly target: string;
  readonly cluster: string;
  readonly namespace: string;
  readonly deployment: string;
  /** None when the configuration says no word on it, and neither does the request. */
  readonly service?: string;
  /** By container, the image that completed last: what runs, or what a rollback returns to. */
  readonly knownGoodImages: Readonly<Record<string, string>>;
  /** The newest request that was admitted, or the newest rejected one when none was. */
  readonly newest?: ReleaseSummary;
  /** A request that came later and was rejected because of what it asks for: what runs is as it was. */
  readonly refused?: ReleaseSummary;
  /** Since when it has been failing. */
  readonly failingSince?: number;
  readonly doraTotals: DoraTotals;
}

/** One objective of a service; without measurements before its first check. */
export interface ObjectiveSummary {
  readonly slo: string;
  readonly target: number;
  readonly window: string;
  /** The share of good events in the window. */
  readonly currentValue?: number;
  /** 1 is untouched, 0 is spent, less is overspent. */
  readonly errorBudgetRemaining?: number;
  /** The alerts that are open. */
  readonly alerts: ObjectiveHealth['open'];
  /** The time of the last check that counted for it; absent when none ever did. Milliseconds since the Unix epoch. */
  readonly checkedAt?: number;
  /** While checks have been missing for longer than it allows: since the last one, or since one has been waited for. */
  readonly silentSince?: number;
}

export interface ServiceSummary {
  readonly service: string;
  readonly team?: string;
  readonly objectives: readonly ObjectiveSummary[];
  readonly freeze?: Omit<Freeze, 'service'>;
  /** When its health was last heard of, in milliseconds since the Unix epoch. */
  readonly checkedAt?: number;
}

/**
 * Deployments in the order of their targets, from after a target on.
 *
 * @param isWeighed whether to say what was weighed about their newest releases: a read more for each service
 */
export async function* deployments(
  { state, config }: Pick<Ports, 'state' | 'config'>,
  after?: string,
  isWeighed = false,
): AsyncIterable<DeploymentSummary> {
  const pages = new Map<string, readonly Page[]>();
  for await (const { key, value } of targets(state, after)) {
    const one = deploymentOf(key, value, config);
    const { service } = one;
    if (isWeighed && service !== undefined && !pages.has(service)) pages.set(service, await pagesOf(state, service));
    yield withWeighedPages(one, value, { pages: pages.get(service ?? '') ?? [], config });
  }
}

function withWeighedPages(
  one: DeploymentSummary,
  record: TargetRecord,
  { pages, config }: { readonly pages: readonly Page[]; readonly config: Ports['config'] },
): DeploymentSummary {
  const release = newestOf(record);
  if (!one.newest || !release || pages.length === 0) return one;
  const objectives = objectivesOf(config, one.service ?? '').filter((objective) => isInScope(objective, one));
  const found = pagesAbout({ release, objectives, pages }, endOfRun(record, release)).map(weighedSummaryOf);
  return found.length === 0 ? one : { ...one, newest: { ...one.newest, weighed: found } };
}

const NOTHING = { count: 0, seconds: 0 };
export const NO_TOTALS: DoraTotals = {
  ...{ deployed: 0, completed: 0, failed: 0, rework: 0, rolledBack: 0 },
  ...{ leadTime: NOTHING, recovery: NOTHING },
};

export function sumOf(a: DoraTotals, b: DoraTotals): DoraTotals {
  const spans = (one: DoraTotals['recovery'], other: DoraTotals['recovery']): DoraTotals['recovery'] => ({
    count: one.count + other.count,
    seconds: one.seconds + other.seconds,
  });
  return {
    deployed: a.deployed + b.deployed,
    completed: a.completed + b.completed,
    failed: a.failed + b.failed,
    rework: a.rework + b.rework,
    rolledBack: a.rolledBack + b.rolledBack,
    leadTime: spans(a.leadTime, b.leadTime),
    recovery: spans(a.recovery, b.recovery),
  };
}

/** DORA's measures beside the deployment frequency, which is `deployed` over a time; undefined where there was nothing. */
export function ratesOf({ deployed, failed, rework, leadTime, recovery }: DoraTotals): {
  readonly changeLeadTimeSeconds: number | undefined;
  readonly changeFailRate: number | undefined;
  readonly failedDeploymentRecoverySeconds: number | undefined;
  readonly deploymentReworkRate: number | undefined;
} {
  const ratio = (part: number, whole: number): number | undefined => (whole > 0 ? part / whole : undefined);
  return {
    changeLeadTimeSeconds: ratio(leadTime.seconds, leadTime.count),
    changeFailRate: ratio(failed, deployed),
    failedDeploymentRecoverySeconds: ratio(recovery.seconds, recovery.count),
    deploymentReworkRate: ratio(rework, deployed),
  };
}

export function deploymentOf(target: string, record: TargetRecord, config: Ports['config']): DeploymentSummary {
  const [cluster = '', namespace = '', deployment = ''] = target.split('/');
  const [last] = record.releases;
  const newest = newestOf(record) ?? last;
  const service = serviceOf(config, { cluster, namespace, deployment, service: newest?.data.service });
  const knownGoodImages = Object.entries(record.knownGoodImages).flatMap(([name, [last]]) =>
    last ? [[name, last.image]] : [],
  );
  return {
    ...{ target, cluster, namespace, deployment },
    ...(service !== undefined && { service }),
    knownGoodImages: Object.fromEntries(knownGoodImages),
    ...(newest && { newest: releaseSummaryOf(newest) }),
    ...(last && last !== newest && isRefused(last) && { refused: releaseSummaryOf(last) }),
    ...(record.failingSince !== undefined && { failingSince: record.failingSince }),
    doraTotals: record.doraTotals,
  };
}

function releaseSummaryOf(release: ReleaseRecord): ReleaseSummary {
  const { requestId, requestSource, correlationId, data, steps } = release;
  const phase = phaseOf(release);
  const failure = stepTo(release, 'failed');
  const note = stepTo(release, 'closed')?.note;
  return {
    ...{ requestId, requestSource, correlationId, image: data.image, phase },
    ...(data.containers && { containers: data.containers }),
    isOver: steps.at(-1)?.to === 'closed',
    ...(isRefused(release) && { wasRefused: true as const }),
    since: stepTo(release, phase)?.at ?? 0,
    ...(failure && { reason: failure.reason, message: failure.message }),
    ...(note !== undefined && { note }),
    ...(release.putBack && { putBackAt: release.putBack.at }),
    ...(data.commit && { commit: data.commit.sha }),
    ...(data.requestedBy !== undefined && { requestedBy: data.requestedBy }),
    ...(release.sentBy !== undefined && { sentBy: release.sentBy }),
  };
}

/** Every service that has an objective, or is frozen; in the order of their names. */
export async function services({
  state,
  config,
  clock,
}: Pick<Ports, 'state' | 'config' | 'clock'>): Promise<ServiceSummary[]> {
  const health = await allHealth(state);
  const freezes = await allFreezes(state, health, clock.now());
  const promised = config.services.filter(({ objectives }) => objectives.length > 0).map(({ name }) => name);
  const names = new Set([...promised, ...freezes.keys()]);
  return [...names].sort().map((name) => serviceSummaryOf(config, name, health.get(name), freezes.get(name)));
}

/** One service; also one that promises nothing. */
export function serviceSummaryOf(
  config: Ports['config'],
  service: string,
  health: ServiceHealth | undefined,
  freeze: Freeze | undefined,
): ServiceSummary {
  const checked = health?.objectives.filter(({ isAwaited }) => !isAwaited) ?? [];
  const checkedAt = Math.max(0, ...checked.map(({ buckets }) => buckets.at));
  const team = teamOf(config, service);
  return {
    service,
    ...(team !== undefined && { team }),
    objectives: objectivesOf(config, service).map((objective) => objectiveSummaryOf(objective, health)),
    ...(freeze && { freeze: freezeSummaryOf(freeze) }),
    ...(checkedAt > 0 && { checkedAt }),
  };
}

function objectiveSummaryOf({ slo, target, window }: Objective, health: ServiceHealth | undefined): ObjectiveSummary {
  const found = health && objectiveHealthOf(health, slo);
  const silence = health?.objectives.find((one) => one.slo === slo)?.silence;
  return {
    ...{ slo, target, window, alerts: found?.open ?? [] },
    ...(found && {
      currentValue: found.currentValue,
      errorBudgetRemaining: found.errorBudgetRemaining,
      checkedAt: found.buckets.at,
    }),
    ...(silence && { silentSince: silence.since }),
  };
}

function freezeSummaryOf({ service: _, ...freeze }: Freeze): Omit<Freeze, 'service'> {
  return freeze;
}

/** An entry of the errors queue without what was sent, which may be large; and whether it is replayed by itself. */
export type ErrorSummary = Omit<DeadLetterEntry, 'body' | 'gzipped' | 'applicationProperties'> & Partial<Unjudged>;

/** The oldest entries of the errors queue; undefined when the broker does not answer: the rest is worth showing all the same. */
export async function oldestErrors(
  { deadLetterQueue }: Pick<Ports, 'deadLetterQueue'>,
  count: number,
  timer: Timer = systemTimer,
): Promise<ErrorSummary[] | undefined> {
  let isLate = false;
  return within(
    DEPENDENCY_TIMEOUT_MS,
    timer,
    summariesOf(deadLetterQueue, count, () => isLate),
  ).catch(() => {
    isLate = true;
    return undefined;
  });
}

async function summariesOf(queue: DeadLetterQueue, count: number, isLate: () => boolean): Promise<ErrorSummary[]> {
  const found: ErrorSummary[] = [];
  let next = '0';
  while (found.length < count && !isLate()) {
    const page = await queue.deadLetters(next, count - found.length);
    if (page.length === 0) break;
    for (const whole of page) {
      const { body: _, gzipped: __, applicationProperties: ___, ...entry } = whole;
      found.push({ ...entry, ...unjudgedIn(whole) });
      next = cursorAfter(next, entry);
    }
  }
  return found;
}
