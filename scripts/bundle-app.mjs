/**
 * Bundles the app to be deployed, with its dependencies: one file that is loaded at every cold start, where a file costs more
 * than the code in it, and chunks that are loaded when first needed.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import { rolldown } from 'rolldown';
import { root } from './build.mjs';
import { packagesOf } from './licences.mjs';

/** The worker answers the first. The others describe the API, and nothing deployed loads them. */
const EXTERNAL = ['@azure/functions-core', /\/shared\/api\//];

const NAMES = { function: true, class: true };

/** The name of the module that imports the entries. */
const START = '\0start';

/**
 * @param {{ entries: readonly string[], outdir: string }} options `entries` relative to the repository
 * @returns {Promise<{ files: string[], packages: string[] }>} the files, relative to `outdir`, the first to load of them
 *   `functions.js`; and the folders of the packages that are packed into them
 */
export async function bundleApp({ entries, outdir }) {
  const build = await rolldown({
    cwd: root,
    input: { functions: START },
    platform: 'node',
    external: EXTERNAL,
    transform: { target: 'node20' },
    resolve: { mainFields: ['module', 'main'] },
    plugins: [
      {
        name: 'start',
        resolveId: (id) => (id === START ? id : undefined),
        load: (id) =>
          id === START ? entries.map((entry) => `import ${JSON.stringify(join(root, entry))};`).join('\n') : undefined,
      },
    ],
  });
  const { output: apart } = await build.generate(options(outdir));
  const { output } = await build.generate(options(outdir, loadedAtStart(apart)));
  await build.close();

  const chunks = output.filter((one) => one.type === 'chunk');
  const files = chunks.flatMap(({ fileName, code, map }) => [
    { path: fileName, content: code },
    ...(map && isOfOurs(map.sources) ? [{ path: `${fileName}.map`, content: map.toString() }] : []),
  ]);
  for (const { path, content } of files) {
    await mkdir(dirname(join(outdir, path)), { recursive: true });
    await writeFile(join(outdir, path), content);
  }
  const bundled = chunks.flatMap(({ modules }) =>
    Object.entries(modules).flatMap(([id, { renderedLength }]) => (renderedLength > 0 ? [relative(root, id)] : [])),
  );
  return {
    files: files.map(({ path }) => path).sort(),
    packages: packagesOf(bundled.map((path) => path.split(sep).join('/'))),
  };
}

/** @param {string} outdir @param {ReadonlySet<string>} [atStart] modules that belong into the first file */
function options(outdir, atStart) {
  return /** @type {const} */ ({
    format: 'esm',
    // Nothing is written there; the maps name the sources from there.
    dir: outdir,
    chunkFileNames: 'chunks/[name]-[hash].js',
    // The names of functions and classes stay: stacks and errors show them.
    minify: { compress: { keepNames: NAMES }, mangle: { toplevel: true, keepNames: NAMES }, codegen: true },
    comments: false,
    // Used to log the stack of a bug. The deployed maps name the sources without containing them.
    sourcemap: 'hidden',
    sourcemapExcludeSources: true,
    ...(atStart && {
      codeSplitting: { groups: [{ name: 'start', test: (/** @type {string} */ id) => atStart.has(id) }] },
    }),
  });
}

/**
 * The modules of the chunks that the entry imports, however far away: left alone they are a dozen files, since others need
 * parts of them too.
 *
 * @param {readonly (import('rolldown').OutputChunk | import('rolldown').OutputAsset)[]} output
 */
function loadedAtStart(output) {
  const chunks = new Map(output.flatMap((one) => (one.type === 'chunk' ? [[one.fileName, one]] : [])));
  const reached = new Set([...chunks.values()].filter(({ isEntry }) => isEntry));
  for (const { imports } of reached) {
    for (const name of imports) {
      const chunk = chunks.get(name);
      if (chunk) reached.add(chunk);
    }
  }
  return new Set([...reached].flatMap(({ moduleIds }) => moduleIds));
}

/**
 * The maps of dependencies alone are several times as large as everything else.
 *
 * @param {readonly string[]} sources
 */
function isOfOurs(sources) {
  return sources.some((source) => /^(\.\.\/)+(functions|shared|test)\//.test(source));
}
