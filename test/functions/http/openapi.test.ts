/** The descriptions of the HTTP API: the page for people is what the routes say, and the document for programs is served. */
import { readdir, readFile } from 'node:fs/promises';
import { beforeAll, expect, it } from 'vitest';
import { handle } from '../../../functions/http/openapi.ts';
import { httpApiPage } from '../../../shared/cli/docs/http-api.ts';
import { registeredRoutes } from '../../../shared/http/on-http.ts';
import type { Ports } from '../../../shared/ports/handler.ts';
import { openApi, respond } from '../../support/api-contract.ts';
import { httpRequest } from '../../support/http.ts';

const root = new URL('../../../', import.meta.url);

beforeAll(async () => {
  const folder = new URL('functions/http/', root);
  for (const file of await readdir(folder)) await import(new URL(file, folder).href);
});

it('the page says what the routes say: `npm run docs` writes it', async () => {
  const page = await readFile(new URL('docs/http-api.md', root), 'utf8');

  expect(httpApiPage(registeredRoutes())).toBe(page.replaceAll('\r\n', '\n'));
});

it('the document is served', async () => {
  const { status = 200, headers, body } = await respond('openapi', handle, httpRequest({}), {} as Ports);

  expect([status, headers?.['content-type']]).toEqual([200, 'application/json']);
  expect(JSON.parse(body ?? '')).toEqual(openApi);
});
