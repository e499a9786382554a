/** Registers every event handler of the app, as the worker does: by loading each file of its family's folder. */
import { readdir } from 'node:fs/promises';
import { families } from '../../shared/events/catalog.ts';

const functions = new URL('../../functions/', import.meta.url);

/** Loading a file twice registers once. */
export async function loadHandlers(): Promise<void> {
  for (const family of Object.keys(families)) {
    for (const name of await readdir(new URL(`${family}/`, functions))) {
      await import(new URL(`${family}/${name}`, functions).href);
    }
  }
}
