/**
 * Builds the app whenever its code or configuration changes, for `npm start -- --watch`, which runs this file in a thread
 * and is told of each build. Each goes into a folder of its own in `dist/watch/`, with the host.json of then, since the app that
 * runs may still load a chunk; whoever ran it removes it.
 */
import { copyFileSync, mkdirSync, rmSync, watch, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parentPort } from 'node:worker_threads';
import { context } from 'esbuild';
import { buildOptions, functionEntries, requireBanner, root } from './build.mjs';

const folder = join(root, 'dist', 'watch');
/** What the app is built from, and what it reads when it starts. */
const WATCHED = ['functions', 'shared', '.'];
const READ = /^(functions|shared)\/.*\.ts$|^(host\.json|platform\.config\.json)$/;
/** An editor that saves a file may write it twice. */
const PAUSE_MS = 50;

/** @typedef {import('esbuild').BuildContext<{ write: false }>} Context */
/** @type {{ entries: string, context: Context } | undefined} */
let known;
let builds = 0;

/**
 * Packages are loaded once, whatever is built; but for the library that functions register with, which knows one app alone.
 *
 * @type {import('esbuild').Plugin}
 */
const sharedPackages = {
  name: 'shared-packages',
  setup: ({ onResolve }) =>
    onResolve({ filter: /^[^./]/ }, ({ path, importer, kind }) => {
      const isOurs = kind !== 'entry-point' && !importer.includes('node_modules');
      return isOurs && path !== '@azure/functions' ? { path, external: true } : undefined;
    }),
};

/** A context builds again what changed alone; new files need a new one. @returns {Promise<Context>} */
async function contextFor() {
  const entries = [...(await functionEntries()), 'shared/local/app-host.ts'];
  const named = entries.join();
  if (known?.entries === named) return known.context;
  await known?.context.dispose();
  const options = {
    ...buildOptions(folder),
    ...{ entryPoints: entries, banner: { js: requireBanner }, external: ['@azure/functions-core'] },
    ...{ plugins: [sharedPackages], write: /** @type {const} */ (false), logLevel: /** @type {const} */ ('silent') },
  };
  known = { entries: named, context: await context(options) };
  return known.context;
}

/** @param {number} since when the change was seen, in milliseconds since the epoch */
async function build(since) {
  try {
    const { outputFiles } = await (await contextFor()).rebuild();
    const app = join(folder, String(++builds));
    for (const { path, contents } of outputFiles) {
      const target = join(app, path.slice(folder.length));
      mkdirSync(join(target, '..'), { recursive: true });
      writeFileSync(target, contents);
    }
    copyFileSync(join(root, 'host.json'), join(app, 'host.json'));
    writeFileSync(join(app, 'package.json'), '{ "type": "module", "main": "functions/**/*.js" }');
    parentPort?.postMessage({ since, app });
  } catch (error) {
    parentPort?.postMessage({ since, error: reasonOf(error) });
  }
}

/** Each mistake with its place. @param {unknown} error */
function reasonOf(error) {
  const { errors } = /** @type {import('esbuild').BuildFailure} */ (error);
  if (!Array.isArray(errors)) return error instanceof Error ? error.message : String(error);
  return errors
    .map(({ text, location }) =>
      location ? `${location.file}:${location.line}:${location.column + 1}: ${text}` : text,
    )
    .join('\n');
}

rmSync(folder, { recursive: true, force: true });
let building = build(Date.now());
/** @type {NodeJS.Timeout | undefined} */
let timer;
for (const name of WATCHED) {
  watch(join(root, name), { recursive: name !== '.' }, (_, file) => {
    const path = (name === '.' ? String(file) : `${name}/${file}`).replaceAll('\\', '/');
    if (!READ.test(path)) return;
    const since = Date.now();
    clearTimeout(timer);
    timer = setTimeout(() => {
      building = building.then(() => build(since));
    }, PAUSE_MS);
  });
}
