import { expect, it } from 'vitest';
import { handle } from '../../../functions/http/metrics.ts';
import { metricsText } from '../../../shared/metrics.ts';
import { startPlatform } from '../../support/platform.ts';

it('tells the DORA measures, the budgets, the errors and what is up', async () => {
  const platform = await startPlatform({ objectives: [{ service: 'web', target: 0.99 }] });
  const commit = { sha: 'a94a8fe5ccb19ba61c4c0873d391e987982fbbd3', timestamp: '2026-03-01T11:59:00Z' };
  await platform.deploy('web', '1', { commit });
  await platform.deploy('web', 'fail-2');
  await platform.check('web', 900, 1_000);
  platform.ports.bus.broker.send('errors', [
    { messageId: 'm', body: 'x', sizeBytes: 1, applicationProperties: { DeadLetterReason: 'InvalidEvent' } },
  ]);

  const { headers, body = '' } = await platform.get(handle);

  expect(headers).toEqual({ 'content-type': 'text/plain; version=0.0.4; charset=utf-8' });
  const of = '{cluster="default",namespace="shop",deployment="web",service="web"}';
  const lines = body.split('\n');
  expect(lines).toEqual(
    expect.arrayContaining([
      '# TYPE platform_deployments_completed_total counter',
      `platform_deployments_completed_total${of} 1`,
      `platform_deployments_failed_total${of} 1`,
      `platform_deployments_rolled_back_total${of} 1`,
      '# TYPE platform_deployment_lead_time_seconds summary',
      `platform_deployment_lead_time_seconds_count${of} 1`,
      expect.stringMatching(/^platform_deployment_lead_time_seconds_sum\{.*\} 6\d(\.\d+)?$/),
      `platform_deployment_restore_time_seconds_count${of} 1`,
      `platform_deployment_broken${of} 0`,
      'platform_slo_error_budget_remaining_ratio{service="web",slo="availability"} -9',
      'platform_slo_current_ratio{service="web",slo="availability"} 0.9',
      'platform_slo_alert_open{service="web",slo="availability",severity="page"} 1',
      'platform_service_frozen{service="web"} 1',
      'platform_errors{reason="InvalidEvent",subscription=""} 1',
      'platform_dependency_up{dependency="service-bus"} 1',
    ]),
  );
  expect(body.endsWith('\n')).toBe(true);
});

const nothing = { deployments: [], services: [], health: { status: 'up', dependencies: [] } } as const;

it('tells an empty queue from one that cannot be read', () => {
  expect(metricsText({ ...nothing, errors: [] })).toMatch(/^platform_errors 0$/m);
  expect(metricsText({ ...nothing, errors: undefined })).toBe('');
});

it('escapes what labels must not hold', () => {
  const entry = { reason: 'a "b"\\\nc', subscription: 's' };

  const text = metricsText({ ...nothing, errors: [entry as never] });

  expect(text).toContain('platform_errors{reason="a \\"b\\"\\\\\\nc",subscription="s"} 1\n');
});
