/** `POST /api/services/{service}/override`: lets releases of a service through its freezes, for a while or for one release. */
import { MAX_REASON } from '../../shared/acts/asked.ts';
import { override } from '../../shared/acts/override.ts';
import { fieldsInBody, TOO_LARGE, WRONG_FIELD } from '../../shared/http/body.ts';
import { type HttpRequest, type HttpResponse, onHttp } from '../../shared/http/on-http.ts';
import type { Ports } from '../../shared/ports/handler.ts';

/** 201 with the override; 400 naming the field that is wrong; 403 when the caller may not; 404; 409. */
export async function handle(request: HttpRequest, ports: Ports): Promise<HttpResponse> {
  const granted = await override(request.params['service'] ?? '', await fieldsInBody(request), request, ports);
  const { id, target, by, reason, until, isForOne } = granted;
  return { status: 201, json: { id, target, by, reason, until: new Date(until).toISOString(), isForOne } };
}

onHttp(
  {
    name: 'override',
    methods: ['POST'],
    route: 'services/{service}/override',
    right: 'override',
    description:
      'Grants an override: for a while, or for one release, a freeze does not hold releases of the service back. It may be granted before there is a freeze, and is used by a release that needs it alone.',
    params: { service: 'The service, as the list of services names it.' },
    body: [
      `JSON: \`{ "reason": "…", "target"?: "cluster/namespace/deployment", "for"?: "2h" }\`. The reason has 1 to ${MAX_REASON} characters.`,
      'Without `target` it is for every deployment of the service; without `for` for one release within a day, which uses it up, else for at most 7 days.',
    ].join(' '),
    schemas: async () => (await import('../../shared/api/services.ts')).overrideSchemas,
    answers: {
      201: '`{ id, target?, by, reason, until, isForOne }`.',
      400: WRONG_FIELD,
      403: 'The caller may not override for this service, or not there.',
      404: 'The service is not in the configuration.',
      409: 'The service has as many overrides as it can have.',
      413: TOO_LARGE,
    },
  },
  handle,
);
