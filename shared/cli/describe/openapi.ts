/** The OpenAPI 3.1 document of the HTTP API, from the routes and the schemas that they name. */
import * as z from 'zod/mini';
import { problemDocument, type RouteSchemas } from '../../api/route-schemas.ts';
import type { HttpRoute } from '../../http/on-http.ts';
import { SchemaComponents } from './components.ts';

type Json = Readonly<Record<string, unknown>>;

/** What every route may answer; its own words for a status come first. */
const COMMON: Readonly<Record<number, { readonly name: string; readonly description: string }>> = {
  401: { name: 'Unauthenticated', description: 'There is no key or token, or it does not hold; the title says why.' },
  403: { name: 'Forbidden', description: 'The caller has not the right that this needs; the title names both.' },
  415: { name: 'NotJson', description: 'The content type is not JSON: send `content-type: application/json`.' },
  500: { name: 'InternalError', description: 'Something is wrong in the app or its settings; its log says what.' },
  503: {
    name: 'Unavailable',
    description: 'What this needs is away or busy; `Retry-After` says how many seconds to wait.',
  },
};
const EVENT_TYPES = ['application/json', 'application/cloudevents+json', 'application/cloudevents-batch+json'];

/** Of pages, which are for people: they are not described. */
export const PAGE_TYPE = 'text/html';

/** @param version of the app */
export async function openApiDocument(registered: readonly HttpRoute[], version: string): Promise<Json> {
  const described = registered.filter(({ contentType }) => contentType !== PAGE_TYPE);
  const components = new SchemaComponents();
  const problem = {
    'application/problem+json': { schema: components.add(problemDocument.check(z.meta({ id: 'Problem' }))) },
  };
  const paths: Record<string, Record<string, Json>> = {};
  for (const route of described.toSorted((a, b) => (placeOf(a) < placeOf(b) ? -1 : 1))) {
    const schemas = (await route.schemas?.()) ?? {};
    const path = `/api/${route.route}`;
    const operation = operationOf(route, schemas, components, problem);
    for (const method of route.methods) paths[path] = { ...paths[path], [method.toLowerCase()]: operation };
  }
  const responses = Object.entries(COMMON).map(([status, { name, description }]) => [
    name,
    { description, ...(status === '503' && { headers: RETRY_AFTER }), content: problem },
  ]);
  return {
    openapi: '3.1.1',
    info: {
      title: 'platform-events',
      version,
      description:
        'Publishes platform events, and says what became of them. An error is a problem document (RFC 9457); times are RFC 3339.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [
      {
        url: 'https://{app}.azurewebsites.net',
        description: 'In Azure',
        variables: { app: { default: 'func-platform-events', description: 'The name of the function app' } },
      },
      { url: 'http://127.0.0.1:7071', description: 'On a developer machine: npm start' },
    ],
    security: [{ functionKey: [] }, { token: [] }],
    paths,
    components: {
      securitySchemes: {
        functionKey: {
          ...{ type: 'apiKey', in: 'header', name: 'x-functions-key' },
          description: 'With `HttpAuth=keys` (the default): whoever has one may do everything',
        },
        token: {
          ...{ type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
          description: 'With `HttpAuth=tokens`: a token of an issuer in the configuration, whose rules say what it may',
        },
      },
      responses: Object.fromEntries(responses),
      schemas: components.schemas,
    },
  };
}

const RETRY_AFTER = { 'Retry-After': { description: 'Seconds', schema: { type: 'integer', minimum: 0 } } };

function placeOf({ route, methods }: HttpRoute): string {
  return `${route} ${methods.join()}`;
}

/** `services/{service}/unfreeze` → `services` */
function tagOf({ route }: HttpRoute): string {
  return route.split('/', 1)[0] ?? route;
}

function operationOf(route: HttpRoute, schemas: RouteSchemas, components: SchemaComponents, problem: Json): Json {
  const { name, description, right, params = {}, query = {}, body, anonymousSetting } = route;
  const parameters = [
    ...Object.entries(params).map(([param, text]) => ({
      ...{ name: param, in: 'path', required: true, description: text, schema: { type: 'string' } },
    })),
    ...Object.entries(query).map(([param, text]) => ({
      ...{ name: param, in: 'query', description: text },
      schema: components.add(schemas.query?.[param] ?? z.string()),
    })),
  ];
  const sent = schemas.body && components.add(schemas.body);
  const types = name === 'publish' ? EVENT_TYPES : ['application/json'];
  return {
    operationId: name,
    tags: [tagOf(route)],
    summary: description,
    description: `Needs the right \`${right}\`.`,
    ...(anonymousSetting !== undefined && { security: [{ functionKey: [] }, { token: [] }, {}] }),
    ...(parameters.length > 0 && { parameters }),
    ...(sent && {
      requestBody: {
        required: true,
        description: body,
        content: Object.fromEntries(types.map((type) => [type, { schema: sent }])),
      },
    }),
    responses: { ...commonAnswers(route), ...ownAnswers(route, schemas, components, problem) },
  };
}

function commonAnswers({ methods }: HttpRoute): Json {
  const isAnswer = (status: string): boolean => status !== '415' || methods.some((method) => method !== 'GET');
  return Object.fromEntries(
    Object.entries(COMMON)
      .filter(([status]) => isAnswer(status))
      .map(([status, { name }]) => [status, { $ref: `#/components/responses/${name}` }]),
  );
}

function ownAnswers(
  { answers, contentType }: HttpRoute,
  schemas: RouteSchemas,
  components: SchemaComponents,
  problem: Json,
): Json {
  return Object.fromEntries(
    Object.entries(answers).map(([status, description]) => {
      const schema = schemas.answers?.[Number(status)];
      const content = schema
        ? { 'application/json': { schema: components.add(schema) } }
        : Number(status) >= 400
          ? problem
          : contentType === undefined
            ? undefined
            : { [contentType]: { schema: { type: /json/.test(contentType) ? 'object' : 'string' } } };
      return [status, { description, ...(content && { content }) }];
    }),
  );
}
