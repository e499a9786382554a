/**
 * `GET /api/metrics`: the five DORA measures, error budgets, and the queues and dependencies as they were last read, for
 * Prometheus. It holds what the state store holds: the same whichever instance answers.
 */

import { automationPause } from '../../shared/automation.ts';
import { type HttpRequest, type HttpResponse, onHttp } from '../../shared/http/on-http.ts';
import type { Ports } from '../../shared/ports/handler.ts';
import { unlistedChecks } from '../../shared/slo/unlisted-checks.ts';
import { deploymentTotals } from '../../shared/status/deployment-totals.ts';
import { METRICS_CONTENT_TYPE, metricsText } from '../../shared/status/metrics.ts';
import { lastReading } from '../../shared/status/queue-reading.ts';
import { services } from '../../shared/status/summaries.ts';

/** 200 with the metrics as text; 503 while the state store is unavailable. */
export async function handle(_: HttpRequest, ports: Ports): Promise<HttpResponse> {
  const [queues, known, { measures }, checks, pause] = await Promise.all([
    lastReading(ports.state),
    services(ports),
    deploymentTotals(ports),
    unlistedChecks(ports.state),
    automationPause(ports.state),
  ]);
  return {
    headers: { 'content-type': METRICS_CONTENT_TYPE },
    body: metricsText({ deployments: measures, services: known, queues, unlistedChecks: checks, pause }),
  };
}

onHttp(
  {
    name: 'metrics',
    methods: ['GET'],
    route: 'metrics',
    right: 'read',
    description:
      'The DORA measures, error budgets, and the queues and dependencies as they were last read (once a minute), for Prometheus; the same from every instance.',
    contentType: 'text/plain',
    answers: { 200: 'The metrics in the text format of Prometheus.', 503: 'The state store is unavailable.' },
  },
  handle,
);
