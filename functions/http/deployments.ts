/** `GET /api/deployments`: every deployment with a release, its newest release, and its DORA measures. */
import { type HttpRequest, type HttpResponse, onHttp } from '../../shared/http/on-http.ts';
import { limitIn, PAGE_PARAMETERS, refuseUnknown, WRONG_PARAMETER } from '../../shared/http/query.ts';
import type { Ports } from '../../shared/ports/handler.ts';
import { type DeploymentSummary, deployments, ratesOf } from '../../shared/status/summaries.ts';

const FILTERS = ['cluster', 'namespace', 'deployment', 'service'] as const;
const QUERY = {
  cluster: 'Only deployments in this cluster.',
  namespace: 'Only deployments in this namespace.',
  deployment: 'Only deployments of this name.',
  service: 'Only deployments of this service.',
  ...PAGE_PARAMETERS,
} as const satisfies Record<(typeof FILTERS)[number], string> & typeof PAGE_PARAMETERS;

/**
 * 200 with `deployments` in the order of cluster, namespace and name, and `next` (a `cursor`) when there are more; 400
 * naming the parameter that is wrong.
 */
export async function handle({ query }: HttpRequest, ports: Ports): Promise<HttpResponse> {
  refuseUnknown(query, QUERY);
  const limit = limitIn(query);
  const found: DeploymentSummary[] = [];
  let next: string | undefined;
  for await (const one of deployments(ports, query.get('cursor') ?? undefined, true)) {
    if (!FILTERS.every((name) => (query.get(name) ?? one[name]) === one[name])) continue;
    if (found.length === limit) {
      next = found.at(-1)?.target;
      break;
    }
    found.push(one);
  }
  return { json: { deployments: found.map(entryOf), ...(next !== undefined && { next }) } };
}

onHttp(
  {
    name: 'deployments',
    methods: ['GET'],
    route: 'deployments',
    right: 'read',
    description: 'The deployments: the newest release of each, and its DORA measures.',
    query: QUERY,
    schemas: async () => (await import('../../shared/api/deployments.ts')).deploymentsSchemas,
    answers: {
      200: '`{ deployments, next? }`, in the order of cluster, namespace and name; `next` when there are more.',
      400: WRONG_PARAMETER,
    },
  },
  handle,
);

function entryOf({ newest, refused, failingSince, doraTotals, ...one }: DeploymentSummary): Record<string, unknown> {
  const { deployed, completed, failed, rework, rolledBack } = doraTotals;
  return {
    ...one,
    ...(newest && { newest: releaseOf(newest) }),
    ...(refused && { refused: releaseOf(refused) }),
    ...(failingSince !== undefined && { failingSince: new Date(failingSince).toISOString() }),
    ...{ deployed, completed, failed, rework, rolledBack },
    ...ratesOf(doraTotals),
  };
}

function releaseOf({
  weighed,
  since,
  putBackAt,
  ...newest
}: NonNullable<DeploymentSummary['newest']>): Record<string, unknown> {
  return {
    ...newest,
    since: new Date(since).toISOString(),
    ...(putBackAt !== undefined && { putBackAt: new Date(putBackAt).toISOString() }),
    ...(weighed && {
      weighed: weighed.map(({ openedAt, ...page }) => ({ ...page, openedAt: new Date(openedAt).toISOString() })),
    }),
  };
}
