/** `docs/http-api.md`: every route of the app. */
import type { HttpRoute } from '../../http/on-http.ts';
import { linkTo, page, prose, table } from './markdown.ts';

export function httpApiPage(registered: readonly HttpRoute[]): string {
  const order = ({ route, methods }: HttpRoute): string => `${route} ${methods.join()}`;
  const routes = registered.toSorted((a, b) => (order(a) < order(b) ? -1 : 1));
  return page(
    'HTTP API',
    'the routes in `functions/http/`',
    prose(
      `Answers are JSON unless said otherwise. An error is a problem document (RFC 9457, \`application/problem+json\`): \`title\` says what is
      wrong, \`status\` repeats the status. Times are RFC 3339. With \`HttpAuth=keys\` (the default) the functions in Azure take a
      key, in the header \`x-functions-key\` or the parameter \`code\`: whoever has one may do everything. With \`HttpAuth=tokens\` they take a
      token, in the header \`authorization: Bearer …\`, and its bearer may do what the rules in \`access\` of the configuration say; the right
      that a route needs is named with it. See [security](security.md). For programs this page is an OpenAPI 3.1 document,
      [openapi.json](openapi.json), which the app serves at \`/api/openapi.json\`.`,
    ),
    prose(
      `Every \`POST\` and \`DELETE\`, with a body or without, needs a JSON content type (415 otherwise): any website can make a browser
      send forms and plain text to a developer's machine. Send a \`Content-Length\`, as curl's \`-d\` does: the Functions host drops the
      body of a chunked request, and the 400 says so. The caller's \`traceparent\` goes on in the handlers.`,
    ),
    table(
      ['route', 'what it does'],
      routes.map((route) => [linkTo(titleOf(route)), route.description]),
    ),
    ...routes.map(routeSection),
    '## From every route',
    table(
      ['status', 'when'],
      [
        ['401', 'There is no key or token, or it does not hold; the title says why.'],
        ['403', 'The caller has not the right that the route needs, or not for this; the title names both.'],
        ['415', 'A `POST` or `DELETE` without a JSON content type: send `content-type: application/json`.'],
        ['500', 'Something is wrong in the app or its settings; its log says what.'],
        [
          '503',
          'What the route needs is away or busy, or the keys of the issuer of the token are not known now; `Retry-After` says how many seconds to wait.',
        ],
      ],
    ),
  );
}

function titleOf({ methods, route }: HttpRoute): string {
  return `${methods.join(', ')} /api/${route}`;
}

function routeSection(route: HttpRoute): string {
  const { name, right, description, params = {}, query = {}, body, answers } = route;
  const parameters = [
    ...Object.entries(params).map(([param, text]) => [`\`${param}\``, 'path', text]),
    ...Object.entries(query).map(([param, text]) => [`\`${param}\``, 'query', text]),
    ...(body === undefined ? [] : [['body', '', body]]),
  ];
  return [
    `## ${titleOf(route)}`,
    prose(`${description} Function \`${name}\`; right \`${right}\`.`),
    ...(parameters.length > 0 ? [table(['parameter', 'in', 'meaning'], parameters)] : []),
    table(['status', 'answer'], Object.entries(answers)),
  ].join('\n\n');
}
