/** How the deployments and services stand, drawn from their records: for the HTTP functions, the metrics and the dashboard. */

import type { DeadLetterEntry, DeadLetterQueue } from '../ports/bus.ts';
import { cursorAfter } from '../ports/dead-letter-list.ts';
import type { Ports } from '../ports/handler.ts';
import type { StateStore } from '../ports/state.ts';
import {
  type Numbers,
  newestOf,
  type Phase,
  phaseOf,
  type ReleaseRecord,
  serviceOf,
  stepTo,
  type TargetRecord,
  targets,
} from '../releases/release-record.ts';
import { type Freeze, freezeOf, frozenServices, SERVICES } from '../slo/freezes.ts';
import { objectivesOf } from '../slo/objectives.ts';
import { type ObjectiveHealth, type ServiceHealth, stateOf } from '../slo/service-health.ts';
import { systemTimer, type Timer, within } from '../timeout.ts';
import { PATIENCE_MS } from './health.ts';

/** A release as people are told of it. Times are milliseconds since the Unix epoch. */
export interface ReleaseSummary {
  readonly requestId: string;
  readonly correlationId: string;
  readonly image: string;
  readonly phase: Phase;
  /** Whether nothing more is to come. */
  readonly isOver: boolean;
  /** When it came to this. */
  readonly since: number;
  /** Why it failed, if it did. */
  readonly reason?: string;
  readonly message?: string;
  readonly commit?: string;
  readonly requestedBy?: string;
}

/** A Deployment of a cluster, and what was released there. */
export interface DeploymentSummary {
  /** `<cluster>/<namespace>/<deployment>`. */
  readonly target: string;
  readonly cluster: string;
  readonly namespace: string;
  readonly deployment: string;
  readonly service: string;
  /** The image that completed last: what runs, or what a rollback returns to. */
  readonly goodImage?: string;
  /** The newest request that was let in; of a deployment that never let one in, the newest refused one. */
  readonly newest?: ReleaseSummary;
  /** Since when it has been failing. */
  readonly brokenSince?: number;
  readonly numbers: Numbers;
}

/** A service's standing against one objective; without measurements until it was checked. */
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
}

export interface ServiceSummary {
  readonly service: string;
  readonly team?: string;
  readonly objectives: readonly ObjectiveSummary[];
  readonly freeze?: Omit<Freeze, 'service'>;
  /** When its health was last heard of, in milliseconds since the Unix epoch. */
  readonly checkedAt?: number;
}

/** Deployments in the order of their targets, from after a target on. */
export async function* deployments(state: StateStore, after?: string): AsyncIterable<DeploymentSummary> {
  for await (const { key, value } of targets(state, after)) yield deploymentOf(key, value);
}

/** What is told of all deployments at once, however many there are: senders name them. */
export interface DeploymentsDigest {
  readonly count: number;
  readonly broken: number;
  readonly numbers: Numbers;
  /** Broken ones first, then those with a release under way; the newest release first. */
  readonly mostUrgent: readonly DeploymentSummary[];
}

/** @param most how many are kept one by one */
export async function digestOf(
  deployments: AsyncIterable<DeploymentSummary>,
  most: number,
): Promise<DeploymentsDigest> {
  let kept: DeploymentSummary[] = [];
  let [count, broken, numbers] = [0, 0, NO_NUMBERS];
  const keepMost = (): DeploymentSummary[] =>
    kept
      .toSorted((a, b) => urgencyOf(b) - urgencyOf(a) || (b.newest?.since ?? 0) - (a.newest?.since ?? 0))
      .slice(0, most);
  for await (const one of deployments) {
    count++;
    if (one.brokenSince !== undefined) broken++;
    numbers = sumOf(numbers, one.numbers);
    kept.push(one);
    if (kept.length >= 2 * most) kept = keepMost();
  }
  return { count, broken, numbers, mostUrgent: keepMost() };
}

function urgencyOf({ brokenSince, newest }: DeploymentSummary): number {
  return brokenSince !== undefined ? 2 : newest && !newest.isOver ? 1 : 0;
}

const NOTHING = { count: 0, seconds: 0 };
const NO_NUMBERS: Numbers = { completed: 0, failed: 0, rolledBack: 0, leadTime: NOTHING, restore: NOTHING };

export function sumOf(a: Numbers, b: Numbers): Numbers {
  const spans = (one: Numbers['restore'], other: Numbers['restore']): Numbers['restore'] => ({
    count: one.count + other.count,
    seconds: one.seconds + other.seconds,
  });
  return {
    completed: a.completed + b.completed,
    failed: a.failed + b.failed,
    rolledBack: a.rolledBack + b.rolledBack,
    leadTime: spans(a.leadTime, b.leadTime),
    restore: spans(a.restore, b.restore),
  };
}

function deploymentOf(target: string, record: TargetRecord): DeploymentSummary {
  const [cluster = '', namespace = '', deployment = ''] = target.split('/');
  const newest = newestOf(record) ?? record.releases[0];
  const [goodImage] = record.goodImages;
  return {
    ...{ target, cluster, namespace, deployment },
    service: newest ? serviceOf(newest.data) : deployment,
    ...(goodImage !== undefined && { goodImage }),
    ...(newest && { newest: releaseSummaryOf(newest) }),
    ...(record.brokenSince !== undefined && { brokenSince: record.brokenSince }),
    numbers: record.numbers,
  };
}

function releaseSummaryOf(release: ReleaseRecord): ReleaseSummary {
  const { requestId, correlationId, data, steps } = release;
  const phase = phaseOf(release);
  const failure = stepTo(release, 'failed');
  return {
    ...{ requestId, correlationId, image: data.image, phase },
    isOver: steps.at(-1)?.to === 'closed',
    since: stepTo(release, phase)?.at ?? 0,
    ...(failure && { reason: failure.reason, message: failure.message }),
    ...(data.commit && { commit: data.commit.sha }),
    ...(data.requestedBy !== undefined && { requestedBy: data.requestedBy }),
  };
}

/** Every service that has an objective, or is frozen; in the order of their names. */
export async function services({
  state,
  config,
  clock,
}: Pick<Ports, 'state' | 'config' | 'clock'>): Promise<ServiceSummary[]> {
  const names = new Set(config.objectives.map(({ service }) => service));
  for await (const service of frozenServices(state)) names.add(service);
  return Promise.all(
    [...names].sort().map(async (service): Promise<ServiceSummary> => {
      const health = (await state.get<ServiceHealth>(SERVICES, service))?.value;
      const objectives = objectivesOf(config, service);
      const freeze = await freezeOf(state, service, clock.now());
      const team = objectives.find((objective) => objective.team !== undefined)?.team;
      return {
        service,
        ...(team !== undefined && { team }),
        objectives: objectives.map(({ slo, target, window }) => {
          const found = health && stateOf(health, slo);
          return {
            ...{ slo, target, window, alerts: found?.open ?? [] },
            ...(found && { currentValue: found.currentValue, errorBudgetRemaining: found.errorBudgetRemaining }),
          };
        }),
        ...(freeze && { freeze: { slo: freeze.slo, since: freeze.since, reason: freeze.reason } }),
        ...(health && { checkedAt: health.at }),
      };
    }),
  );
}

/** An entry of the errors queue without what was sent, which may be large. */
export type ErrorSummary = Omit<DeadLetterEntry, 'body' | 'gzipped' | 'applicationProperties'>;

/** The oldest entries of the errors queue; undefined when the broker does not answer: the rest is worth showing all the same. */
export async function oldestErrors(
  { deadLetterQueue }: Pick<Ports, 'deadLetterQueue'>,
  count: number,
  timer: Timer = systemTimer,
): Promise<ErrorSummary[] | undefined> {
  let isLate = false;
  return within(
    PATIENCE_MS,
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
    for (const { body: _, gzipped: __, applicationProperties: ___, ...entry } of page) {
      found.push(entry);
      next = cursorAfter(next, entry);
    }
  }
  return found;
}
