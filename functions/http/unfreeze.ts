/** `POST /api/services/{service}/unfreeze`: ends the freeze of a service by a person's word, with a reason. */
import { MAX_REASON } from '../../shared/acts/asked.ts';
import { unfreeze } from '../../shared/acts/unfreeze.ts';
import { fieldsInBody, TOO_LARGE, WRONG_FIELD } from '../../shared/http/body.ts';
import { type HttpRequest, type HttpResponse, onHttp } from '../../shared/http/on-http.ts';
import type { Ports } from '../../shared/ports/handler.ts';

/** 204; 400 without a reason; 403 when the caller may not for this service; 404 when it is not frozen. */
export async function handle(request: HttpRequest, ports: Ports): Promise<HttpResponse> {
  await unfreeze(request.params['service'] ?? '', await fieldsInBody(request), request, ports);
  return { status: 204 };
}

onHttp(
  {
    name: 'unfreeze',
    methods: ['POST'],
    route: 'services/{service}/unfreeze',
    right: 'unfreeze',
    description:
      'Ends the freeze of a service, whatever its budget. When its budget has recovered and is spent again, it is frozen again.',
    params: { service: 'The service, as the list of services names it.' },
    body: `JSON: \`{ "reason": "…" }\`, 1 to ${MAX_REASON} characters, for the audit log.`,
    schemas: async () => (await import('../../shared/api/services.ts')).unfreezeSchemas,
    answers: {
      204: 'The service may be released.',
      400: WRONG_FIELD,
      403: 'The caller may not unfreeze this service.',
      404: 'The service is not frozen.',
      413: TOO_LARGE,
    },
  },
  handle,
);
