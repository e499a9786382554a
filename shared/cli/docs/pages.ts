/** The reference pages, by their file names in `docs/`. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { HttpRoute } from '../../http/on-http.ts';
import { cliPage } from './cli.ts';
import { configurationPage } from './configuration.ts';
import { eventsPage } from './events.ts';
import { httpApiPage } from './http-api.ts';
import { settingsPage } from './settings.ts';

export function referencePages(routes: readonly HttpRoute[]): ReadonlyMap<string, string> {
  return new Map([
    ['events.md', eventsPage()],
    ['configuration.md', configurationPage()],
    ['settings.md', settingsPage()],
    ['http-api.md', httpApiPage(routes)],
    ['cli.md', cliPage()],
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
