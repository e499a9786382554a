/** `GET /api/explain`: a release and why it came to what it came to. */
import { eventReference } from '../../shared/events/identity.ts';
import { type HttpRequest, type HttpResponse, onHttp } from '../../shared/http/on-http.ts';
import { ProblemError } from '../../shared/http/problem.ts';
import { refuseUnknown, WRONG_PARAMETER } from '../../shared/http/query.ts';
import type { Ports } from '../../shared/ports/handler.ts';
import { evidenceOf, findReleases, requestRecord } from '../../shared/status/explain/evidence.ts';
import { explainRelease } from '../../shared/status/explain/explanation.ts';
import { explanationJson } from '../../shared/status/explain/explanation-json.ts';

const QUERY = {
  target: 'The deployment, as `cluster/namespace/deployment`: its newest release, also one that was rejected.',
  id: 'The id of a request, in the place of a target.',
  source: 'The source of that request; needed when several sources use the id.',
} as const;

/** So many requests of one id are named. */
const MAX_CANDIDATES = 20;

/** 200 with the explanation; 400 naming the parameter that is wrong; 404; 409 with `requests` when several have the id. */
export async function handle({ query }: HttpRequest, ports: Ports): Promise<HttpResponse> {
  refuseUnknown(query, QUERY);
  const [target, id, source] = (['target', 'id', 'source'] as const).map((name) => query.get(name) ?? undefined);
  if (target !== undefined && id === undefined && source === undefined) return explained(ports, target);
  if (target === undefined && id !== undefined) return explainedRequest(ports, { id, source });
  throw new ProblemError(400, 'expected either target, or id and perhaps source');
}

async function explained(ports: Ports, target: string, key?: string): Promise<HttpResponse> {
  const found = await evidenceOf(ports, target, key);
  if (!found) throw new ProblemError(404, `no release is known of '${target}', as cluster/namespace/deployment`);
  return { json: explanationJson(explainRelease(found)) };
}

interface AskedRequest {
  readonly id: string;
  readonly source: string | undefined;
}

async function explainedRequest(ports: Ports, asked: AskedRequest): Promise<HttpResponse> {
  const found = await findReleases(ports.state, asked);
  const [one, ...others] = found;
  if (!one) throw await notFound(ports, asked);
  if (others.length === 0) return explained(ports, one.target, one.key);
  const requests = found.slice(0, MAX_CANDIDATES).map(({ source, id, target }) => ({ source, id, target }));
  const named = requests.map((request) => `'${eventReference(request)}' on ${request.target}`).join(', ');
  throw new ProblemError(409, `${found.length} requests have this id, give the source too: ${named}`, {
    details: { requests },
  });
}

/** Says what became of the request, when that is known. */
async function notFound({ state }: Ports, { id, source }: AskedRequest): Promise<ProblemError> {
  if (source === undefined) return new ProblemError(404, `no release is known of a request with the id '${id}'`);
  const request = { source, id };
  const record = await requestRecord(state, request);
  const of = `the request '${eventReference(request)}'`;
  if (!record) return new ProblemError(404, `no release is known of ${of}`);
  const { status, reason, error, subject } = record;
  const why = reason === undefined ? '' : ` (${reason}: ${error ?? ''})`;
  const title =
    status === 'completed'
      ? `the release of ${of} on ${subject} ended so long ago that it is no longer kept`
      : `${of} is ${status}${why}, and has led to no release`;
  return new ProblemError(404, title);
}

onHttp(
  {
    name: 'explain',
    methods: ['GET'],
    route: 'explain',
    right: 'read',
    description:
      'A release and why it came to what it came to: its request, freezes, steps, how fast the budgets burnt before and since, what was weighed and decided, the rollback, and whether it helped.',
    query: QUERY,
    schemas: async () => (await import('../../shared/api/explain.ts')).explainSchemas,
    answers: {
      200: '`{ target, service?, team?, phase, isOver, request, freeze, steps, burns, pages, rollback?, note?, helped?, next?, others }`.',
      400: WRONG_PARAMETER,
      404: 'No such release is known, or it ended so long ago that it is no longer kept; the title says which.',
      409: 'Several requests have the id: `requests` has `{ source, id, target }` of each.',
    },
  },
  handle,
);
