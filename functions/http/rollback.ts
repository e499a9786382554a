/** `POST /api/deployments/{cluster}/{namespace}/{deployment}/rollback`: rolls the newest release back by a person's word. */
import { MAX_REASON } from '../../shared/acts/asked.ts';
import { rollBackRelease } from '../../shared/acts/rollback.ts';
import { fieldsInBody, TOO_LARGE, WRONG_FIELD } from '../../shared/http/body.ts';
import { type HttpRequest, type HttpResponse, onHttp } from '../../shared/http/on-http.ts';
import type { Ports } from '../../shared/ports/handler.ts';

/** 202 with what was asked for; 400 without a reason; 403 when the caller may not; 404; 409 saying why not. */
export async function handle(request: HttpRequest, ports: Ports): Promise<HttpResponse> {
  const { cluster = '', namespace = '', deployment = '' } = request.params;
  const place = { cluster, namespace, deployment };
  return { status: 202, json: await rollBackRelease(place, await fieldsInBody(request), request, ports) };
}

onHttp(
  {
    name: 'rollback',
    methods: ['POST'],
    route: 'deployments/{cluster}/{namespace}/{deployment}/rollback',
    right: 'rollback',
    description:
      'Rolls the newest release of a deployment back to what is known to be good, though automation may be paused: publishes `DeploymentFailed` with the reason `RollbackRequested`, and what fails so is no longer known to be good.',
    params: {
      cluster: 'The cluster, as the list of deployments names it.',
      namespace: 'The namespace.',
      deployment: 'The deployment.',
    },
    body: `JSON: \`{ "reason": "…" }\`, 1 to ${MAX_REASON} characters, for the audit log and whoever is notified.`,
    schemas: async () => (await import('../../shared/api/deployments.ts')).rollbackSchemas,
    answers: {
      202: '`{ eventId, correlationId, failed, restored }`: what was published, the images that fail, and those that are to run.',
      400: WRONG_FIELD,
      403: 'The caller may not roll this deployment back.',
      404: 'Nothing was released there.',
      409: 'It cannot be rolled back, or is on its way; the title says why.',
      413: TOO_LARGE,
    },
  },
  handle,
);
