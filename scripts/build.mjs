#!/usr/bin/env node
/**
 * Builds the app and the local commands with esbuild, in one pass. So they share one instance of every module, and
 * dynamic imports (the Azure SDKs) become chunks that are loaded when first needed. It is plain JavaScript, because it
 * runs before anything is built, on a Node that cannot read TypeScript.
 */
import './check-node.mjs';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');

/** The commands; each is built to its own file under `dist/`. */
const commands = [
  'shared/cli/cost.ts',
  'shared/cli/docs.ts',
  'shared/cli/infra.ts',
  'shared/cli/main.ts',
  'shared/local/bus.ts',
  'shared/local/demo/main.ts',
  'shared/local/host.ts',
  'shared/local/start.ts',
  'shared/cli/schemas.ts',
  'shared/local/table.ts',
  'shared/cli/topology.ts',
  // A page of the documentation, made from the contract suite.
  'test/contract/differences-page.ts',
];

/** `require` for the CommonJS code in an ES module; the Functions worker answers `@azure/functions-core` through it. */
export const requireBanner =
  "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);";

/**
 * How the app and the commands are built.
 *
 * @param {string} outdir
 */
export function buildOptions(outdir) {
  return /** @type {const} */ ({
    absWorkingDir: root,
    outbase: root,
    outdir,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    chunkNames: 'chunks/[name]-[hash]',
    sourcemap: 'linked',
    legalComments: 'inline',
    logLevel: 'error',
  });
}

/**
 * Builds entry points of the repository.
 *
 * @param {readonly string[]} entries
 * @param {string} outdir
 * @returns {Promise<string[]>} the files of this build, relative to `outdir`
 */
async function build(entries, outdir) {
  // Imported late, to save the time when everything is built already.
  const { build, stop } = await import('esbuild');
  const { outputFiles } = await build({
    ...buildOptions(outdir),
    ...{ entryPoints: [...entries], packages: 'external', write: false },
  });
  // Otherwise its service process would keep a signalled shell waiting.
  await stop();
  await Promise.all(outputFiles.map(({ path, contents }) => writeAtomically(path, contents)));
  return outputFiles.map(({ path }) => relative(outdir, path).split(sep).join('/')).sort();
}

/**
 * Replaces a file atomically: another process may read or write it, and a reader must see either version completely.
 *
 * @param {string} path
 * @param {Uint8Array} contents
 */
async function writeAtomically(path, contents) {
  const old = await readFile(path).catch(() => undefined);
  if (old?.equals(contents)) return;
  await mkdir(dirname(path), { recursive: true });
  const temporary = `${path}.${process.pid}.tmp`;
  await writeFile(temporary, contents);
  await rename(temporary, path);
}

/** @param {string} folder @param {string} ending */
async function filesUnder(folder, ending) {
  const names = await readdir(join(root, folder), { recursive: true }).catch(() => []);
  return names
    .filter((name) => name.endsWith(ending))
    .map((name) => `${folder}/${name.split(sep).join('/')}`)
    .sort();
}

export const functionEntries = () => filesUnder('functions', '.ts');

/** A hash that changes when any source changes. */
async function fingerprint() {
  const sources = (
    await Promise.all(
      ['functions', 'shared', 'scripts', 'bench', 'test/support', 'test/contract'].map((f) => filesUnder(f, 's')),
    )
  ).flat();
  const hash = createHash('sha256');
  for (const source of [...sources, 'package.json', 'package-lock.json']) {
    const { mtimeMs, size } = await stat(join(root, source));
    hash.update(`${source} ${mtimeMs} ${size}\n`);
  }
  return hash.digest('hex');
}

const DAY_MS = 86_400_000;

/**
 * Removes files of earlier builds, so that the host finds no deleted function. Chunks are removed after a day, since a
 * running process may still load one.
 *
 * @param {string} outdir @param {string[]} built
 */
async function removeStale(outdir, built) {
  const kept = new Set(built);
  for (const name of await readdir(outdir, { recursive: true })) {
    const path = join(outdir, name);
    const file = name.split(sep).join('/');
    if (kept.has(file) || !/^(functions|shared|scripts|bench|test|chunks)\/.*\.js(\.map)?$/.test(file)) continue;
    const age = Date.now() - (await stat(path)).mtimeMs;
    if (!file.startsWith('chunks/') || age > DAY_MS) await rm(path, { force: true });
  }
}

/** Builds everything into `dist/` unless nothing changed since the last time. */
export async function buildIfNeeded() {
  const outdir = join(root, 'dist');
  const stamp = join(outdir, '.built');
  const current = await fingerprint();
  if ((await readFile(stamp, 'utf8').catch(() => '')) === current) return;
  const present = commands.filter((command) => existsSync(join(root, command)));
  const entries = [...(await functionEntries()), ...present, ...(await filesUnder('bench', '.ts'))];
  const files = await build(entries, outdir);
  await removeStale(outdir, files);
  await writeAtomically(stamp, Buffer.from(current));
}

/** Refuses arguments of a command that takes none. @param {string} name */
export function refuseArguments(name) {
  const [surplus] = process.argv.slice(2);
  if (surplus === undefined) return;
  if (surplus !== '--help' && surplus !== '-h') console.error(`unexpected argument '${surplus}'`);
  console.log(`usage: npm run ${name}`);
  process.exit(surplus === '--help' || surplus === '-h' ? 0 : 2);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  refuseArguments('build');
  await buildIfNeeded();
}
