/** `POST /api/services/{service}/unfreeze`: ends the freeze of a service by a person's word, with a reason. */
import { audited } from '../../shared/access/audit.ts';
import { may } from '../../shared/access/rights.ts';
import { isAttributeText } from '../../shared/events/text.ts';
import { type HttpRequest, type HttpResponse, onHttp } from '../../shared/http/on-http.ts';
import { ProblemError } from '../../shared/http/problem.ts';
import { wrong } from '../../shared/http/query.ts';
import { parseJson } from '../../shared/json.ts';
import type { Ports } from '../../shared/ports/handler.ts';
import { endFreeze, freezeOf } from '../../shared/slo/freezes.ts';

const MAX_REASON = 500;

/** 204; 400 without a reason; 403 when the caller may not for this service; 404 when it is not frozen. */
export async function handle(request: HttpRequest, ports: Ports): Promise<HttpResponse> {
  const { params, caller } = request;
  const { service = '' } = params;
  const why = reasonIn(Buffer.from(await request.arrayBuffer()));
  if (!may(caller, 'unfreeze', { service })) {
    throw new ProblemError(403, `${caller.name} has no right to unfreeze '${service.slice(0, 100)}'`);
  }
  const { state, clock, log } = ports;
  if (!(await freezeOf(state, service, clock.now()))) {
    throw new ProblemError(404, `the service '${service.slice(0, 100)}' is not frozen`);
  }
  await audited([{ right: 'unfreeze', what: `services/${service}`, why }], request, ports, () =>
    endFreeze(state, service),
  );
  log.warn('freeze ended', { service, who: caller.name });
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
      400: 'There is no reason.',
      403: 'The caller may not unfreeze this service.',
      404: 'The service is not frozen.',
    },
  },
  handle,
);

function reasonIn(body: Buffer): string {
  let reason: unknown;
  try {
    reason = Object(parseJson(body.toString('utf8'))).reason;
  } catch {
    reason = undefined;
  }
  const text = typeof reason === 'string' ? reason.trim() : '';
  if (text !== '' && text.length <= MAX_REASON && isAttributeText(text)) return text;
  throw wrong('reason', `a text of 1 to ${MAX_REASON} characters`, text || 'nothing');
}
