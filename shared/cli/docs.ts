/** `npm run docs`: the reference pages in `docs/`, and the OpenAPI and AsyncAPI documents, from the code's own definitions. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { PermanentError } from '../errors.ts';
import { registeredRoutes } from '../http/on-http.ts';
import { loadFunctions } from '../local/functions-host/app.ts';
import { appDirectory, print, readFlags, runCommand } from '../terminal/command.ts';
import { DOCS } from '../terminal/usages.ts';
import { referencePages, stalePages } from './docs/pages.ts';

await runCommand(async () => {
  const { values } = readFlags(DOCS.usage, DOCS.flags);
  // The functions register their routes when they are loaded.
  await loadFunctions(appDirectory());
  const pages = new Map(await referencePages(registeredRoutes()));
  pages.set('service-bus-differences.md', await differencesPage());
  const stale = await stalePages(values.out, pages);
  const files = stale.map((name) => join(values.out, name));
  if (values.check && stale.length > 0) {
    throw new PermanentError(`out of date: ${files.join(', ')}; npm run docs updates them`);
  }
  if (stale.length > 0) await mkdir(values.out, { recursive: true });
  for (const [index, name] of stale.entries()) await writeFile(files[index] ?? '', pages.get(name) ?? '');
  print(stale.length > 0 ? `written: ${files.join(', ')}` : `${pages.size} pages in ${values.out} are up to date`);
});

/** The contract suite is loaded like the functions: nothing of the product may import a test. */
async function differencesPage(): Promise<string> {
  const file = join(appDirectory(), 'dist/test/contract/differences-page.js');
  const { differencesPage: render } = (await import(pathToFileURL(file).href)) as { differencesPage(): string };
  return render();
}
