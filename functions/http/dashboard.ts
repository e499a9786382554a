/** `GET /api/dashboard` and what is below it: pages for people; open them with the function key in the address (`?code=`). */
import { formToken } from '../../shared/access/form-tokens.ts';
import { type HttpRequest, type HttpResponse, onHttp } from '../../shared/http/on-http.ts';
import type { Ports } from '../../shared/ports/handler.ts';

/** 200 with the page, also while the broker is unavailable; 404; 503 while the state store is, which holds what is shown. */
export async function handle(request: HttpRequest, ports: Ports): Promise<HttpResponse> {
  const { caller, params } = request;
  // Whatever a page needs is loaded with the first one. A store that is away is told by the page itself.
  const [{ answerPage }, token] = await Promise.all([
    import('../../shared/status/pages/pages.ts'),
    formToken(ports.state, caller.name, ports.clock.now()).catch(() => ''),
  ]);
  return answerPage(request, params['page'] ?? '', token, ports);
}

onHttp(
  {
    name: 'dashboard',
    methods: ['GET'],
    route: 'dashboard/{*page}',
    right: 'read',
    description: 'Pages for people: the state of the platform, and what can be done about it.',
    params: {
      page: 'Nothing for the overview; or `services`, `services/{service}`, `deployments`, `deployments/{cluster}/{namespace}/{deployment}`, `events`, `chain?id=…`, `errors`, `errors/{sequenceNumber}`, `audit` or `automation`.',
    },
    contentType: 'text/html',
    answers: {
      200: 'The page, as HTML; also while the broker is unavailable.',
      404: 'There is no such page.',
      503: 'The state store is unavailable; the page says so.',
    },
  },
  handle,
);
