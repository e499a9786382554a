/** `GET /api/automation`: whether the platform changes clusters by itself; `POST` pauses and resumes that. */
import { changeAutomation } from '../../shared/acts/automation.ts';
import { automationPause } from '../../shared/automation.ts';
import { fieldsInBody, TOO_LARGE, WRONG_FIELD } from '../../shared/http/body.ts';
import { type HttpRequest, type HttpResponse, onHttp } from '../../shared/http/on-http.ts';
import { refuseUnknown, WRONG_PARAMETER } from '../../shared/http/query.ts';
import type { Ports } from '../../shared/ports/handler.ts';

/** 200 with the state. */
export async function showAutomation({ query }: HttpRequest, { state }: Ports): Promise<HttpResponse> {
  refuseUnknown(query, {});
  return stateOf(await automationPause(state));
}

/** 200 with the state as it is now; 400 naming the field that is wrong; 403 when the caller may not. */
export async function switchAutomation(request: HttpRequest, ports: Ports): Promise<HttpResponse> {
  return stateOf(await changeAutomation(await fieldsInBody(request), request, ports));
}

function stateOf(pause: Awaited<ReturnType<typeof automationPause>>): HttpResponse {
  return { json: pause ? { state: 'paused', ...pause } : { state: 'active' } };
}

const STATE = '`{ state }`, which is `active`, or `paused` with `by`, `reason` and `since`.';

onHttp(
  {
    name: 'automation',
    methods: ['GET'],
    route: 'automation',
    right: 'read',
    description: 'Whether the platform changes clusters by itself.',
    schemas: async () => (await import('../../shared/api/operations.ts')).automationSchemas,
    answers: { 200: STATE, 400: WRONG_PARAMETER },
  },
  showAutomation,
);
onHttp(
  {
    name: 'switch-automation',
    methods: ['POST'],
    route: 'automation',
    right: 'pause',
    description:
      'Pauses or resumes what the platform does in clusters by itself: rollbacks and raised quotas. What somebody asks for is still done; everything is recorded and told.',
    body: '`{ action, reason, by? }`: `pause` or `resume`, why, and who does it: needed with a function key, which says nothing of its holder; with a token the caller, and nobody else.',
    schemas: async () => (await import('../../shared/api/operations.ts')).switchAutomationSchemas,
    answers: {
      200: `${STATE} Of two pauses the first one stays.`,
      400: WRONG_FIELD,
      403: 'The caller may not pause, or not as somebody else.',
      413: TOO_LARGE,
    },
  },
  switchAutomation,
);
