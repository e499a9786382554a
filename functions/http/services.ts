/** `GET /api/services`: the objectives of each service, and which services are frozen. */
import { type HttpRequest, type HttpResponse, onHttp } from '../../shared/http/on-http.ts';
import { refuseUnknown, WRONG_PARAMETER } from '../../shared/http/query.ts';
import type { Ports } from '../../shared/ports/handler.ts';
import { type ServiceSummary, services } from '../../shared/status/summaries.ts';

const QUERY = { service: 'Only this service.' } as const;

/** 200 with `services` in the order of their names; 400 naming the parameter that is wrong. */
export async function handle({ query }: HttpRequest, ports: Ports): Promise<HttpResponse> {
  refuseUnknown(query, QUERY);
  const asked = query.get('service');
  const found = (await services(ports)).filter(({ service }) => asked === null || service === asked);
  return { json: { services: found.map(entryOf) } };
}

onHttp(
  {
    name: 'services',
    methods: ['GET'],
    route: 'services',
    right: 'read',
    description:
      'The services with their objectives: error budget, open alerts, last check, silence (`silentSince`), freeze.',
    query: QUERY,
    schemas: async () => (await import('../../shared/api/services.ts')).servicesSchemas,
    answers: { 200: '`{ services }`, in the order of their names.', 400: WRONG_PARAMETER },
  },
  handle,
);

function entryOf({ checkedAt, objectives, ...service }: ServiceSummary): Record<string, unknown> {
  return {
    ...service,
    objectives: objectives.map(({ checkedAt: last, silentSince, ...objective }) => ({
      ...objective,
      ...timesOf({ checkedAt: last, silentSince }),
    })),
    ...timesOf({ checkedAt }),
  };
}

function timesOf(times: Readonly<Record<string, number | undefined>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(times).flatMap(([name, at]) => (at === undefined ? [] : [[name, new Date(at).toISOString()]])),
  );
}
