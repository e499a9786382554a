/**
 * Registers every event handler and timer of the app, as the worker does: by loading each file of its folder. The npm
 * package has no such folder: there this file is made when it is built, and has loaded them all.
 */
import { readdir } from 'node:fs/promises';
import { families } from '../../events/catalog.ts';

const functions = new URL('../../../functions/', import.meta.url);

/** Loading a file twice registers once. */
export async function loadHandlers(): Promise<void> {
  for (const folder of [...Object.keys(families), 'timer']) {
    for (const name of await readdir(new URL(`${folder}/`, functions))) {
      await import(new URL(`${folder}/${name}`, functions).href);
    }
  }
}
