/**
 * The closed loop of the platform, as a scenario of 40 days: a bad release burns the error budget and is rolled back,
 * the spent budget freezes the next release, and recovery lifts the freeze. It runs wherever the real handlers are
 * served.
 */
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from '../../duration.ts';
import type { EventType, PlatformEvent } from '../../events/catalog.ts';
import { newEvent } from '../../events/cloud-event.ts';
import { DeploymentRequested } from '../../events/deployment.ts';
import { ClusterCreated, ResourceQuotaExceeded } from '../../events/infrastructure.ts';
import { HealthCheck } from '../../events/platform.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Clusters } from '../../ports/cluster.ts';
import type { Notification } from '../../ports/notifier.ts';
import type { StateStore } from '../../ports/state.ts';
import { freezeOf } from '../../slo/freezes.ts';

/** Where the scenario runs: it must serve the handlers, with the example's platform.config.json. */
export interface Stage {
  readonly clock: Clock;
  readonly state: StateStore;
  readonly clusters: Clusters;
  /** Every event so far, in the order of arrival at its handler. */
  readonly events: readonly PlatformEvent[];
  readonly notifications: readonly Notification[];
  publish(event: PlatformEvent): Promise<void>;
  /** Advances the time, and runs what falls due. */
  advance(ms: number): Promise<void>;
  /** Resolves when the event is handled, or waits for time to pass. */
  settled(event: PlatformEvent): Promise<void>;
  /** Announces the next part of the scenario. */
  chapter(title: string): void;
}

/** A step of the scenario did not happen. */
export class MissingStepError extends Error {
  override readonly name = 'MissingStepError';
}

const SERVICE = 'checkout';
const WORKER = 'checkout-worker';
const WORKER_IMAGE = 'ghcr.io/shop/checkout-worker:1.0.0';
const image = (version: string): string => `ghcr.io/shop/checkout:${version}`;

/** Runs the scenario. @throws MissingStepError that names the first missing step */
export async function playClosedLoop(stage: Stage): Promise<void> {
  stage.chapter('a cluster comes up, and its namespaces get their guardrails');
  await publishAndSettle(
    stage,
    newEvent(ClusterCreated, at(stage, { clusterName: 'default', region: 'westeurope', version: '1.34.1' })),
  );
  await untilTrue(stage, 'the namespaces of the baseline have their quotas', async () => {
    const quotas = ['shop', 'shop-dev'].map((namespace) =>
      stage.clusters
        .get('default')
        .quotas(namespace)
        .catch(() => []),
    );
    return (await Promise.all(quotas)).every((found) => found.length === 1);
  });

  stage.chapter('a development namespace runs out of pods, and its quota is raised by a step');
  const exhausted = { namespace: 'shop-dev', resource: 'pods', used: '20', hard: '20' };
  await publishAndSettle(stage, newEvent(ResourceQuotaExceeded, at(stage, exhausted)));
  await untilTrue(stage, 'the quota of shop-dev is raised to 30 pods', async () => {
    const [quota] = await stage.clusters.get('default').quotas('shop-dev');
    return quota?.hard['pods'] === '30';
  });

  stage.chapter('a good release, and six days of good service');
  const good = await release(stage, '1.0.0');
  await until(stage, 'the good release is completed', 'DeploymentCompleted', ({ data }) => data.requestId === good);
  await serve(stage, 6 * DAY_MS);

  stage.chapter('the worker of the service is released, and half an hour of good service');
  const innocent = await release(stage, '1.0.0', { deployment: WORKER, image: WORKER_IMAGE });
  await until(stage, 'the worker is released', 'DeploymentCompleted', ({ data }) => data.requestId === innocent);
  await serve(stage, 40 * MINUTE_MS, { every: 5 * MINUTE_MS, bad: 0, total: 500 });

  stage.chapter('a bad release: its pods are ready, but 70 % of the requests fail');
  const bad = await release(stage, '1.1.0');
  await until(stage, 'the bad release is completed', 'DeploymentCompleted', ({ data }) => data.requestId === bad);
  await stage.advance(MINUTE_MS);
  await reportHealth(stage, { good: 300, total: 1_000 });
  await until(stage, 'the burning budget pages', 'SLOViolation', ({ data }) => data.severity === 'page');
  await until(
    stage,
    'the page fails the bad release',
    'DeploymentFailed',
    ({ data }) => data.requestId === bad && data.reason === 'SLOViolation',
  );
  await until(
    stage,
    'the bad release is rolled back',
    'DeploymentRolledBack',
    ({ data }) => data.requestId === bad && data.image === image('1.0.0'),
  );

  await untilTrue(stage, 'the innocent release of the worker stays', async () => {
    const rollout = await stage.clusters.get('default').rollout({ namespace: 'shop', deployment: WORKER });
    return rollout.containers[0]?.image === WORKER_IMAGE;
  });

  stage.chapter('the last minute of the outage is counted: the budget of the month is spent');
  await reportHealth(stage, { good: 1_400, total: 10_000 });
  await until(stage, 'the spent budget is depleted', 'ErrorBudgetDepleted', ({ data }) => data.service === SERVICE);
  await untilTrue(stage, 'the service is frozen', () => isFrozen(stage));

  stage.chapter('the next release is refused');
  const refused = await release(stage, '1.2.0');
  await until(
    stage,
    'the release is refused as Frozen',
    'DeploymentFailed',
    ({ data }) => data.requestId === refused && data.reason === 'Frozen',
  );

  stage.chapter('the fix for the outage is let through by an override');
  const override = { reason: 'fixes the outage', approvedBy: 'ada' };
  const fix = await release(stage, '1.1.1', { override });
  await until(stage, 'the override is completed', 'DeploymentCompleted', ({ data }) => data.requestId === fix);
  if (!(await isFrozen(stage))) throw new MissingStepError('the freeze outlasts the override');

  stage.chapter('a month of good service: the outage leaves the window, and the freeze is lifted');
  await serve(stage, 29 * DAY_MS);
  if (!(await isFrozen(stage))) throw new MissingStepError('the freeze lasts while the outage is in the window');
  await serve(stage, 2 * DAY_MS);
  await untilTrue(stage, 'the recovery lifts the freeze', async () => !(await isFrozen(stage)));
  await untilTrue(stage, 'people are notified of the recovery', async () =>
    stage.notifications.some(({ title }) => title === `${SERVICE} may be released again`),
  );

  stage.chapter('releases are free again');
  const next = await release(stage, '1.3.0');
  await until(stage, 'the next release is completed', 'DeploymentCompleted', ({ data }) => data.requestId === next);
  await serve(stage, 3 * DAY_MS);
  await onlyOnce(stage);
}

/** Checks that the one outage raised each alarm once. */
async function onlyOnce(stage: Stage): Promise<void> {
  const alarms = {
    page: (event) => event.type === 'SLOViolation' && event.data.severity === 'page',
    // Told when the page has ended: it goes on for as long as the outage is in its three days.
    ticket: (event) => event.type === 'SLOViolation' && event.data.severity === 'ticket',
    ErrorBudgetDepleted: ({ type }) => type === 'ErrorBudgetDepleted',
    DeploymentRolledBack: ({ type }) => type === 'DeploymentRolledBack',
  } satisfies Record<string, (event: PlatformEvent) => boolean>;
  for (const [alarm, isAlarm] of Object.entries(alarms)) {
    const ids = new Set(stage.events.filter(isAlarm).map(({ id }) => id));
    if (ids.size !== 1) throw new MissingStepError(`one ${alarm} for the outage, not ${ids.size}`);
  }
}

function at<Data>(stage: Stage, data: Data): { source: string; time: string; data: Data } {
  return { source: '/demo', time: new Date(stage.clock.now()).toISOString(), data };
}

async function publishAndSettle(stage: Stage, event: PlatformEvent): Promise<void> {
  await stage.publish(event);
  await stage.settled(event);
}

/** @returns the id of the request */
async function release(stage: Stage, version: string, extra: object = {}): Promise<string> {
  const data = { namespace: 'shop', deployment: SERVICE, image: image(version), replicas: 3, ...extra };
  const event = newEvent(DeploymentRequested, at(stage, data));
  await publishAndSettle(stage, event);
  return event.id;
}

async function reportHealth(stage: Stage, counts: { good: number; total: number }): Promise<void> {
  await publishAndSettle(stage, newEvent(HealthCheck, at(stage, { service: SERVICE, ...counts })));
}

/** Good service with a few errors, with a health check now and then and at the end. */
async function serve(
  stage: Stage,
  ms: number,
  { every, bad, total } = { every: 4 * HOUR_MS, bad: 1, total: 40_000 },
): Promise<void> {
  for (let left = ms; left > 0; left -= every) {
    await stage.advance(Math.min(left, every));
    await reportHealth(stage, { good: total - bad, total });
  }
}

async function isFrozen({ state, clock }: Stage): Promise<boolean> {
  return (await freezeOf(state, SERVICE, clock.now())) !== undefined;
}

/** Waits for an event, in the time of the scenario. */
async function until<Type extends EventType>(
  stage: Stage,
  step: string,
  type: Type,
  matches: (event: Extract<PlatformEvent, { type: Type }>) => boolean,
): Promise<void> {
  await untilTrue(stage, step, async () =>
    // The first condition narrows the event to the type.
    stage.events.some((event) => event.type === type && matches(event as Extract<PlatformEvent, { type: Type }>)),
  );
}

/** Longer than the five minutes for which nobody is blamed, as something else may begin to burn too. */
const STEP_TIMEOUT_MS = 7 * MINUTE_MS;

async function untilTrue(stage: Stage, step: string, isTrue: () => Promise<boolean>): Promise<void> {
  const end = stage.clock.now() + STEP_TIMEOUT_MS;
  while (!(await isTrue())) {
    if (stage.clock.now() >= end) throw new MissingStepError(step);
    await stage.advance(SECOND_MS);
  }
}
