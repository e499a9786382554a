#!/usr/bin/env node
/**
 * `npm run package`: builds the deployable app in `dist/package/` and in `dist/platform-events.zip`. Its package.json names no
 * dependency and no script: everything is bundled, and a remote build finds nothing to do.
 */
import { existsSync } from 'node:fs';
import { copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { functionEntries, refuseArguments, root } from './build.mjs';
import { bundleApp } from './bundle-app.mjs';
import { licencesOf } from './licences.mjs';
import { zip } from './zip.mjs';

refuseArguments('package');
const folder = join(root, 'dist', 'package');
await rm(folder, { recursive: true, force: true });

const { files: code, packages } = await bundleApp({
  entries: await functionEntries(),
  outdir: join(folder, 'dist'),
});
const { name, version, license, engines, type } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
const manifest = { name, version, license, private: true, engines, type, main: 'dist/functions.js' };
await writeFile(join(folder, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
const LICENCES = 'THIRD-PARTY-LICENSES.txt';
await writeFile(join(folder, LICENCES), await licencesOf(root, packages));
const copied = ['host.json', 'LICENSE', 'platform.config.json', 'docs/openapi.json'].filter((file) =>
  existsSync(join(root, file)),
);
for (const file of copied) {
  await mkdir(dirname(join(folder, file)), { recursive: true });
  await copyFile(join(root, file), join(folder, file));
}

const names = ['package.json', LICENCES, ...copied, ...code.map((file) => `dist/${file}`)];
const files = new Map();
for (const file of names) files.set(file, await readFile(join(folder, file)));
const archive = zip(files);
await writeFile(join(root, 'dist', 'platform-events.zip'), archive);
console.log(`dist/platform-events.zip: ${names.length} files, ${(archive.length / 1024 / 1024).toFixed(1)} MiB`);
