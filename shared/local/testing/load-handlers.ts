/**
 * Registers every event handler of the app, as the worker does: by loading each file of its family's folder. The npm
 * package has no such folder: there this file is made when it is built, and has loaded them all.
 */
import { readdir } from 'node:fs/promises';
import { families } from '../../events/catalog.ts';

const functions = new URL('../../../functions/', import.meta.url);

/** Loading a file twice registers once. */
export async function loadHandlers(): Promise<void> {
  for (const family of Object.keys(families)) {
    for (const name of await readdir(new URL(`${family}/`, functions))) {
      await import(new URL(`${family}/${name}`, functions).href);
    }
  }
}
