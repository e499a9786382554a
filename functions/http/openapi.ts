/** `GET /api/openapi.json`: what the routes take and give, for programs that are made from it. */
import { readAppFile } from '../../shared/http/app-file.ts';
import { type HttpRequest, type HttpResponse, onHttp } from '../../shared/http/on-http.ts';
import { refuseUnknown, WRONG_PARAMETER } from '../../shared/http/query.ts';

let document: Promise<string> | undefined;

/** 200 with the document, as `npm run docs` has written it; 400 for a parameter. */
export async function handle({ query }: HttpRequest): Promise<HttpResponse> {
  refuseUnknown(query, {});
  // It does not change while the app runs.
  document ??= readAppFile('docs/openapi.json');
  return { headers: { 'content-type': 'application/json' }, body: await document };
}

onHttp(
  {
    name: 'openapi',
    methods: ['GET'],
    route: 'openapi.json',
    right: 'read',
    description: 'This API as an OpenAPI 3.1 document.',
    contentType: 'application/json',
    answers: { 200: 'The document.', 400: WRONG_PARAMETER },
  },
  handle,
);
