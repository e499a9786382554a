/** Files that are deployed with the app. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PermanentError } from '../errors.ts';

/**
 * The text of a file below the folder of the app, which is the nearest one above this code with a `host.json`.
 *
 * @throws PermanentError when it is not there
 */
export async function readAppFile(name: string): Promise<string> {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'host.json')) && dirname(folder) !== folder) folder = dirname(folder);
  const { readFile } = await import('node:fs/promises');
  return readFile(join(folder, name), 'utf8').catch((cause) => {
    throw new PermanentError(`${name} was not deployed with the app`, { cause });
  });
}
