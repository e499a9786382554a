/** `GET /api/services`: the objectives of each service, which services are frozen, and what lets releases through all the same. */
import { type HttpRequest, type HttpResponse, onHttp } from '../../shared/http/on-http.ts';
import { refuseUnknown, WRONG_PARAMETER } from '../../shared/http/query.ts';
import type { Ports } from '../../shared/ports/handler.ts';
import { type Override, usableOverrides } from '../../shared/releases/overrides.ts';
import { type ServiceSummary, services } from '../../shared/status/summaries.ts';

const QUERY = { service: 'Only this service.' } as const;

/** 200 with `services` in the order of their names; 400 naming the parameter that is wrong. */
export async function handle({ query }: HttpRequest, ports: Ports): Promise<HttpResponse> {
  refuseUnknown(query, QUERY);
  const asked = query.get('service');
  const overrides = await usableOverrides(ports.state, ports.clock.now());
  const found = (await services(ports)).filter(({ service }) => asked === null || service === asked);
  return { json: { services: found.map((one) => entryOf(one, overrides.get(one.service))) } };
}

onHttp(
  {
    name: 'services',
    methods: ['GET'],
    route: 'services',
    right: 'read',
    description:
      'The services with their objectives: error budget, open alerts, last check, silence (`silentSince`), freeze; and the overrides that can be used.',
    query: QUERY,
    schemas: async () => (await import('../../shared/api/services.ts')).servicesSchemas,
    answers: { 200: '`{ services }`, in the order of their names.', 400: WRONG_PARAMETER },
  },
  handle,
);

function entryOf({ checkedAt, objectives, ...service }: ServiceSummary, overrides: readonly Override[] = []): object {
  const granted = overrides.map(({ id, target, by, reason, at, until, isForOne }) => {
    const [since, end] = [at, until].map((ms) => new Date(ms).toISOString());
    return { id, target, by, reason, since, until: end, isForOne };
  });
  return {
    ...service,
    objectives: objectives.map(({ checkedAt: last, silentSince, ...objective }) => ({
      ...objective,
      ...timesOf({ checkedAt: last, silentSince }),
    })),
    ...timesOf({ checkedAt }),
    ...(granted.length > 0 && { overrides: granted }),
  };
}

function timesOf(times: Readonly<Record<string, number | undefined>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(times).flatMap(([name, at]) => (at === undefined ? [] : [[name, new Date(at).toISOString()]])),
  );
}
