/** The reference pages and the descriptions for programs, by their file names in `docs/`. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { HttpRoute } from '../../http/on-http.ts';
import { packageVersion } from '../../terminal/command.ts';
import { asyncApiDocument } from '../describe/asyncapi.ts';
import { openApiDocument } from '../describe/openapi.ts';
import { cliPage } from './cli.ts';
import { configurationPage } from './configuration.ts';
import { eventsPage } from './events.ts';
import { httpApiPage } from './http-api.ts';
import { settingsPage } from './settings.ts';

export async function referencePages(routes: readonly HttpRoute[]): Promise<ReadonlyMap<string, string>> {
  const descriptions = await apiDescriptions(routes);
  return new Map([
    ...descriptions,
    ['events.md', eventsPage()],
    ['configuration.md', configurationPage()],
    ['settings.md', settingsPage()],
    ['http-api.md', httpApiPage(routes)],
    ['cli.md', cliPage()],
  ]);
}

/** The HTTP API and the topics for programs, by file name. */
export async function apiDescriptions(routes: readonly HttpRoute[]): Promise<ReadonlyMap<string, string>> {
  const version = packageVersion();
  const text = (document: object): string => `${JSON.stringify(document, null, 2)}\n`;
  return new Map([
    ['openapi.json', text(await openApiDocument(routes, version))],
    ['asyncapi.json', text(asyncApiDocument(version))],
  ]);
}

/** The names of the pages that are missing in the folder, or differ there. */
export async function stalePages(folder: string, pages: ReadonlyMap<string, string>): Promise<string[]> {
  const stale: string[] = [];
  for (const [name, text] of pages) {
    const found = await readFile(join(folder, name), 'utf8').catch(() => undefined);
    // A clone may have CRLF line endings.
    if (found?.replaceAll('\r\n', '\n') !== text) stale.push(name);
  }
  return stale;
}
