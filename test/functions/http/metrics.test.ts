import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { handle } from '../../../functions/http/metrics.ts';
import { handle as readQueuesByTimer } from '../../../functions/timer/read-queues.ts';
import { sourceFiles } from '../../../scripts/rooms.mjs';
import { TransientError } from '../../../shared/errors.ts';
import { newEvent } from '../../../shared/events/cloud-event.ts';
import { ErrorBudgetDepleted, HealthCheck } from '../../../shared/events/platform.ts';
import type { VirtualClock } from '../../../shared/local/service-bus/core/clock.ts';
import { InMemoryEventBus } from '../../../shared/local/testing/in-memory-event-bus.ts';
import type { EventBus } from '../../../shared/ports/bus.ts';
import { freeze } from '../../../shared/slo/freezes.ts';
import { measuresOf, reasonLabel, subscriptionLabel } from '../../../shared/status/metric-labels.ts';
import { metricsText } from '../../../shared/status/metrics.ts';
import type { QueueReading } from '../../../shared/status/queue-reading.ts';
import type { DeploymentSummary } from '../../../shared/status/summaries.ts';
import { respond } from '../../support/api-contract.ts';
import { sampleData } from '../../support/events.ts';
import { httpRequest } from '../../support/http.ts';
import { startPlatform } from '../../support/platform.ts';
import type { RecordingLog } from '../../support/ports.ts';

it('shows the DORA measures, the budgets, the errors and which dependencies are up', async () => {
  const platform = await startPlatform({ services: [{ name: 'web', objectives: [{ target: 0.99 }] }] });
  const commit = { sha: 'a94a8fe5ccb19ba61c4c0873d391e987982fbbd3', timestamp: '2026-03-01T11:59:00Z' };
  await platform.deploy('web', '1', { commit });
  await platform.deploy('web', 'fail-2');
  await platform.check('web', 900, 1_000);
  platform.bus.broker.send('errors', [
    { messageId: 'm', body: 'x', sizeBytes: 1, applicationProperties: { DeadLetterReason: 'InvalidEvent' } },
  ]);

  await readQueuesByTimer(platform.ports);
  const { headers, body = '' } = await platform.get(handle);

  expect(headers).toEqual({ 'content-type': 'text/plain; version=0.0.4; charset=utf-8' });
  const of = '{cluster="default",namespace="shop",deployment="web",service="web"}';
  const lines = body.split('\n');
  expect(lines).toEqual(
    expect.arrayContaining([
      '# TYPE platform_deployments_total counter',
      `platform_deployments_total${of} 2`,
      `platform_deployments_completed_total${of} 1`,
      `platform_deployments_failed_total${of} 1`,
      `platform_deployments_rework_total${of} 0`,
      `platform_deployments_rolled_back_total${of} 1`,
      '# TYPE platform_change_lead_time_seconds summary',
      `platform_change_lead_time_seconds_count${of} 1`,
      expect.stringMatching(/^platform_change_lead_time_seconds_sum\{.*\} 6\d(\.\d+)?$/),
      `platform_failed_deployment_recovery_time_seconds_count${of} 1`,
      `platform_deployment_failing${of} 0`,
      'platform_slo_error_budget_remaining_ratio{service="web",slo="availability"} -9',
      'platform_slo_current_ratio{service="web",slo="availability"} 0.9',
      'platform_slo_alert_open{service="web",slo="availability",severity="page"} 1',
      'platform_service_frozen{service="web"} 1',
      'platform_errors{reason="InvalidEvent",subscription=""} 1',
      'platform_events_errors_waiting 1',
      'platform_events_errors_returning 0',
      'platform_events_backlog{entity="health-check"} 0',
      'platform_dependency_up{dependency="service-bus"} 1',
      'platform_dependency_up{dependency="subscription/health-check"} 1',
    ]),
  );
  expect(body.endsWith('\n')).toBe(true);
});

const NOON = Date.parse('2026-03-01T12:00:00Z');
const noQueues: QueueReading = { at: NOON, backlogs: {}, dependencies: [] };
const nothing = { deployments: [], services: [], queues: undefined, unlistedChecks: 0, pause: undefined } as const;

it('distinguishes an empty queue from one that cannot be read', () => {
  const errors = { waiting: 0, returning: 0, byReason: [] };

  expect(metricsText({ ...nothing, queues: { ...noQueues, errors } })).toMatch(/^platform_errors 0$/m);
  expect(metricsText({ ...nothing, queues: noQueues })).not.toMatch(/^platform_\w*errors/m);
  expect(metricsText(nothing)).not.toContain('platform_queues_read');
});

it('shows how much waits, since when, and when that was read', async () => {
  const { bus, ports, get } = await startPlatform();
  await bus.close();
  const waiting = new InMemoryEventBus({ clock: ports.clock as VirtualClock });
  const own = { ...ports, publisher: waiting, deadLetterQueue: waiting };
  const check = () => newEvent(HealthCheck, { source: '/probe', data: sampleData.HealthCheck });
  await waiting.publish(check());
  await waiting.advance('90s');
  await waiting.publishAll(Array.from({ length: 1_200 }, check));
  waiting.broker.send('errors', [{ messageId: 'm', body: 'x', sizeBytes: 1 }]);
  waiting.broker.deleteSubscription('cluster-created', 'cluster-created');
  await waiting.advance('30s');

  await readQueuesByTimer(own);
  await waiting.advance('10m');
  const { body = '' } = await get(handle);

  const lines = body.split('\n');
  expect(lines).toEqual(
    expect.arrayContaining([
      'platform_events_backlog{entity="health-check"} 1000',
      'platform_events_backlog{entity="deployment-requested"} 0',
      'platform_events_oldest_message_age_seconds{entity="health-check"} 120',
      'platform_events_oldest_message_age_seconds{entity="deployment-requested"} 0',
      'platform_events_errors_oldest_waiting_age_seconds 30',
      'platform_dependency_up{dependency="subscription/cluster-created"} 0',
      `platform_queues_read_timestamp_seconds ${NOON / 1_000 + 120}`,
    ]),
  );
  expect(body).not.toContain('{entity="cluster-created"}');
  expect((own.log as RecordingLog).lines).toContainEqual({
    ...{ level: 'warn', message: 'errors wait for a person', fields: { count: 1, oldestAgeSeconds: 30 } },
  });
});

it('is the same from every instance, and asks neither broker nor clusters', async () => {
  const { bus, ports, check, deploy } = await startPlatform({
    services: [{ name: 'web', objectives: [{ target: 0.99 }] }],
  });
  await deploy('web', '1');
  await check('web', 999, 1_000);
  bus.broker.send('errors', [{ messageId: 'm', body: 'x', sizeBytes: 1 }]);
  await readQueuesByTimer({ ...ports, triggers: () => [{ name: 'health-check', trouble: undefined }] });
  const asked = (): never => {
    throw new Error('asked');
  };
  const unreachable = new Proxy({}, { get: asked });
  const other = {
    ...{ ...ports, publisher: unreachable as never, deadLetterQueue: unreachable as never },
    clusters: unreachable as never,
    triggers: () => [{ name: 'health-check', trouble: 'not receiving' }],
  };

  const answers = [ports, other].map((one) => respond('metrics', handle, httpRequest({ path: '/api/metrics' }), one));
  const [first, second] = await Promise.all(answers);

  expect(first?.body).toContain('platform_events_errors_waiting 1');
  expect(second).toEqual(first);
});

it('says what could not be read by leaving it out', async () => {
  const { ports, get } = await startPlatform();
  const away = () => Promise.reject(new TransientError('away'));
  const bus = { ping: away, backlog: away, hasSubscription: away, deadLetters: away } as unknown as EventBus;

  await readQueuesByTimer({ ...ports, publisher: bus, deadLetterQueue: bus });
  const { body = '' } = await get(handle);

  expect(body).toContain('platform_dependency_up{dependency="service-bus"} 0');
  expect(body).not.toContain('platform_events_');
});

it('escapes what labels must not hold', () => {
  const objective = { slo: 'a "b"\\\nc', target: 0.9, window: '30d', alerts: [] };

  const text = metricsText({ ...nothing, services: [{ service: 's', objectives: [objective] }] });

  expect(text).toContain('platform_slo_target_ratio{service="s",slo="a \\"b\\"\\\\\\nc"} 0.9\n');
});

describe('labels', () => {
  it('hold nothing that a sender made up', async () => {
    const platform = await startPlatform({ services: [{ name: 'web', objectives: [{ target: 0.99 }] }] });
    const { bus, ports } = platform;
    const { clock } = ports;
    await platform.deploy('api', '1', { service: 'invented-service' });
    await platform.deploy('invented-deployment', '1', { cluster: 'invented-cluster' });
    await platform.deploy('invented-replicas', '1', { replicas: 9_999 });
    for (let n = 0; n < 20; n++) await platform.check(`invented-${n}`, 0, 100);
    const data = { ...sampleData.ErrorBudgetDepleted, service: 'invented-frozen' };
    const time = new Date(clock.now()).toISOString();
    await bus.publish(newEvent(ErrorBudgetDepleted, { source: '/x', time, data }));
    await bus.advance('1m');
    const cause = {
      slo: 'availability',
      since: time,
      reason: 'spent',
      episode: 'e',
      windowMs: 86_400_000,
      clusters: ['*'],
      namespaces: ['*'],
    };
    await freeze(ports.state, 'invented-removed', cause);
    bus.broker.send('errors', [
      {
        ...{ subject: 'InventedType', body: 'x', sizeBytes: 1 },
        applicationProperties: { DeadLetterReason: 'invented-reason', Subscription: 'invented-subscription' },
      },
    ]);

    await readQueuesByTimer(platform.ports);
    const { body = '' } = await platform.get(handle);

    expect(body.toLowerCase()).not.toContain('invented');
    expect(body.split('\n')).toEqual(
      expect.arrayContaining([
        'platform_deployments_completed_total{cluster="default",namespace="shop",deployment="api",service="other"} 1',
        'platform_errors{reason="other",subscription="other"} 1',
        'platform_errors{reason="Unexpected",subscription="error-budget-depleted"} 1',
        'platform_health_checks_without_objective_total 20',
        'platform_service_frozen{service="other"} 1',
        'platform_service_frozen{service="web"} 0',
      ]),
    );
  });

  it('are those of a thousand deployments at most; the others are added up', async () => {
    const span = { count: 1, seconds: 60 };
    const counts = { deployed: 1, completed: 1, failed: 1, rework: 1, rolledBack: 1 };
    const doraTotals = { ...counts, leadTime: span, recovery: span };
    async function* deployments(): AsyncIterable<DeploymentSummary> {
      for (let n = 0; n < 1_003; n++) {
        const names = { cluster: 'default', namespace: 'shop', deployment: `d-${n}`, service: 'web' };
        yield {
          ...names,
          target: `default/shop/d-${n}`,
          knownGoodImages: {},
          doraTotals,
          ...(n === 1_001 && { failingSince: 1 }),
        };
      }
    }

    const measures = await measuresOf(deployments(), new Set(['web']));

    const three = { count: 3, seconds: 180 };
    const other = 'other';
    expect(measures).toHaveLength(1_001);
    expect(measures[0]?.labels).toEqual({
      ...{ cluster: 'default', namespace: 'shop', deployment: 'd-0', service: 'web' },
    });
    expect(measures.at(-1)).toEqual({
      labels: { cluster: other, namespace: other, deployment: other, service: other },
      doraTotals: {
        ...{ deployed: 3, completed: 3, failed: 3, rework: 3, rolledBack: 3 },
        ...{ leadTime: three, recovery: three },
      },
      isFailing: true,
    });
  });

  it('name every reason that this build dead-letters events for', () => {
    const texts = sourceFiles()
      .filter((file) => !file.startsWith('shared/local/') && !file.startsWith('functions/http/'))
      .map((file) => readFileSync(file, 'utf8'));
    const reasons = texts.flatMap((text) => [...text.matchAll(/readonly reason(?:: string)? = '(\w+)'/g)]);

    expect(reasons.length).toBeGreaterThan(5);
    for (const [, reason = ''] of reasons) expect(reasonLabel(reason)).toBe(reason);
  });

  it('name the subscriptions of every handler', () => {
    expect(subscriptionLabel('health-check')).toBe('health-check');
    expect(subscriptionLabel('health-checks')).toBe('other');
  });
});
