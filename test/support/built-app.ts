/** Functions apps of the tests, built and laid out as they are deployed. */
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundleApp } from '../../scripts/bundle-app.mjs';

export interface BuiltApp {
  readonly directory: string;
  remove(): Promise<void>;
}

/** @param entry a file that registers functions, from the root of the repository */
export async function buildApp(entry: string): Promise<BuiltApp> {
  const directory = await mkdtemp(join(tmpdir(), 'functions-app-'));
  await bundleApp({ entries: [entry], outdir: directory });
  await writeFile(join(directory, 'package.json'), '{ "type": "module", "main": "functions.js" }');
  await copyFile('host.json', join(directory, 'host.json'));
  return { directory, remove: () => rm(directory, { recursive: true, force: true }) };
}
