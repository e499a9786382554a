/** `GET /api/metrics`: the four DORA measures, error budgets, the errors queue and which dependencies are up, for Prometheus. */

import { type HttpRequest, type HttpResponse, onHttp } from '../../shared/http/on-http.ts';
import type { Ports } from '../../shared/ports/handler.ts';
import { unlistedChecks } from '../../shared/slo/unlisted-checks.ts';
import { checkHealth } from '../../shared/status/health.ts';
import { measuresOf } from '../../shared/status/metric-labels.ts';
import { MAX_COUNTED_ERRORS, METRICS_CONTENT_TYPE, metricsText } from '../../shared/status/metrics.ts';
import { deployments, oldestErrors, services } from '../../shared/status/summaries.ts';

/** 200 with the metrics as text; 503 while the state store is unavailable. */
export async function handle(_: HttpRequest, ports: Ports): Promise<HttpResponse> {
  const listed = new Set(ports.config.objectives.map(({ service }) => service));
  const [health, known, measures, errors, checks] = await Promise.all([
    checkHealth(ports),
    services(ports),
    measuresOf(deployments(ports.state), listed),
    oldestErrors(ports, MAX_COUNTED_ERRORS),
    unlistedChecks(ports.state),
  ]);
  return {
    headers: { 'content-type': METRICS_CONTENT_TYPE },
    body: metricsText({ health, deployments: measures, services: known, errors, unlistedChecks: checks }),
  };
}

onHttp(
  {
    name: 'metrics',
    methods: ['GET'],
    route: 'metrics',
    description: 'The DORA measures, error budgets, the errors queue and which dependencies are up, for Prometheus.',
    answers: { 200: 'The metrics in the text format of Prometheus.', 503: 'The state store is unavailable.' },
  },
  handle,
);
