/** `GET /api/dashboard`: a page for people; open it with the function key in the address (`?code=`). */

import { KEY_HOLDER } from '../../shared/access/rights.ts';
import { automationPause } from '../../shared/automation.ts';
import { readHistory } from '../../shared/delivery/history.ts';
import { type HttpRequest, type HttpResponse, onHttp } from '../../shared/http/on-http.ts';
import type { Ports } from '../../shared/ports/handler.ts';
import { checkHealth } from '../../shared/status/health.ts';
import { type DashboardData, dashboardPage, MAX_ROWS } from '../../shared/status/pages/dashboard-page.ts';
import { deployments, digestOf, oldestErrors, services } from '../../shared/status/summaries.ts';

const MAX_EVENTS = 25;
const MAX_ERRORS = 25;

/** 200 with the page, also while the broker is unavailable; 503 while the state store is, which holds what is shown. */
export async function handle({ caller }: HttpRequest, ports: Ports): Promise<HttpResponse> {
  const { state, clock } = ports;
  const [health, known, found, { records }, errors, pause] = await Promise.all([
    checkHealth(ports),
    services(ports),
    digestOf(deployments(ports), MAX_ROWS),
    readHistory(state, { limit: MAX_EVENTS }),
    oldestErrors(ports, MAX_ERRORS + 1),
    automationPause(state),
  ]);
  const data: DashboardData = {
    now: clock.now(),
    health,
    pause,
    services: known,
    deployments: found,
    events: records,
    errors: errors?.slice(0, MAX_ERRORS),
    viewer:
      caller === KEY_HOLDER
        ? 'HttpAuth=keys: whoever has a function key may do everything.'
        : `Signed in as ${caller.name}.`,
    hasMoreErrors: errors !== undefined && errors.length > MAX_ERRORS,
  };
  return {
    headers: {
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy':
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
      'referrer-policy': 'no-referrer',
    },
    body: dashboardPage(data),
  };
}

onHttp(
  {
    name: 'dashboard',
    methods: ['GET'],
    route: 'dashboard',
    right: 'read',
    description: 'A page for people with the state of the platform; it reloads itself.',
    contentType: 'text/html',
    answers: {
      200: 'The page, as HTML; also while the broker is unavailable.',
      503: 'The state store is unavailable.',
    },
  },
  handle,
);
