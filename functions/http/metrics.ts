/** `GET /api/metrics`: the four DORA measures, error budgets, the errors queue and what is up, for Prometheus. */
import { checkHealth } from '../../shared/health.ts';
import { METRICS_CONTENT_TYPE, MOST_ERRORS, metricsText } from '../../shared/metrics.ts';
import { type HttpRequest, type HttpResponse, onHttp } from '../../shared/on-http.ts';
import { allDeployments, oldestErrors, services } from '../../shared/overview.ts';
import type { Ports } from '../../shared/ports.ts';

/** 200 with the metrics as text; 503 while the store is away. */
export async function handle(_: HttpRequest, ports: Ports): Promise<HttpResponse> {
  const [health, known, deployments, errors] = await Promise.all([
    checkHealth(ports),
    services(ports),
    allDeployments(ports.state),
    oldestErrors(ports, MOST_ERRORS),
  ]);
  return {
    headers: { 'content-type': METRICS_CONTENT_TYPE },
    body: metricsText({ health, deployments, services: known, errors }),
  };
}

onHttp(
  {
    name: 'metrics',
    methods: ['GET'],
    route: 'metrics',
    description: 'The DORA measures, error budgets, the errors queue and what is up, for Prometheus.',
    answers: { 200: 'The metrics in the text format of Prometheus.', 503: 'The store is away.' },
  },
  handle,
);
