#!/usr/bin/env node
/**
 * `npm run package:npm`: what other services install, in `dist/npm/` and as a tarball in `dist/`: the client, the testing
 * kit, the local Service Bus and the command. It depends on zod alone, whose types are part of its own; everything else is
 * bundled. The package.json of the repository is the Functions app's, and stays private. The release workflow gives the
 * name to publish it under (`PACKAGE_NAME`), and where it comes from (`PACKAGE_REPOSITORY`).
 */
import { execFileSync } from 'node:child_process';
import { copyFile, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join, posix, relative, sep } from 'node:path';
import { buildOptions, functionEntries, refuseArguments, requireBanner, root } from './build.mjs';
import { licencesOf, packagesIn } from './licences.mjs';

/** What the package has at run time without holding it: its dependency, and what its user may have beside it. */
const EXTERNAL = ['zod', '@azure/service-bus', '@azure/identity', '@opentelemetry/api'];

/** By the name that is imported. */
const ENTRIES = { client: '.', testing: './testing', bus: './bus' };

/**
 * The handlers and timers without a Functions host: they are registered and not bound to Azure, and are loaded with the
 * package, which has no folder of functions to look into.
 *
 * @param {string[]} handlers
 * @returns {import('esbuild').Plugin}
 */
function withoutHost(handlers) {
  const imports = handlers.map((file) => `import './${file}';`).join('\n');
  /** @type {Record<string, string>} */
  const replaced = {
    'shared/on-event.ts': `export { registerHandler as onEvent } from './shared/delivery/registered-handlers.ts';`,
    'shared/on-timer.ts': `export { registerTimer as onTimer } from './shared/delivery/registered-timers.ts';`,
    'shared/local/testing/load-handlers.ts': `${imports}\nexport const loadHandlers = async () => {};`,
  };
  return {
    name: 'without-host',
    setup: ({ onLoad }) =>
      onLoad({ filter: /\.ts$/ }, ({ path }) => {
        const contents = replaced[relative(root, path).split(sep).join('/')];
        return contents === undefined ? undefined : { contents, resolveDir: root, loader: 'ts' };
      }),
  };
}

/** @param {string} folder */
async function bundleCode(folder) {
  const { build } = await import('esbuild');
  const handlers = (await functionEntries()).filter((file) => !file.startsWith('functions/http/'));
  const { metafile } = await build({
    ...buildOptions(folder),
    entryPoints: [
      ...Object.keys(ENTRIES).map((name) => ({ in: `shared/package/${name}.ts`, out: name })),
      { in: 'shared/cli/main.ts', out: 'cli' },
    ],
    // The maps name the lines of the sources without containing them, which would double the package.
    sourcesContent: false,
    minifyWhitespace: true,
    legalComments: 'none',
    // Of the CommonJS packages that are bundled.
    banner: { js: requireBanner },
    metafile: true,
    external: EXTERNAL,
    mainFields: ['module', 'main'],
    plugins: [withoutHost(handlers)],
  });
  const holds = Object.values(metafile.inputs).length;
  const forbidden = Object.keys(metafile.inputs).filter((path) =>
    /node_modules\/(?:@azure|@kubernetes|@opentelemetry|azurite|jose)\//.test(path),
  );
  if (holds === 0 || forbidden.length > 0) throw new Error(`the package would hold ${forbidden.join(', ')}`);
  return packagesIn(metafile.outputs);
}

/**
 * The declarations that the entries need, and no others.
 *
 * @param {string} folder
 */
async function writeTypes(folder) {
  const made = join(root, 'dist', 'npm-types');
  await rm(made, { recursive: true, force: true });
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  execFileSync(process.execPath, [tsc, '-p', join(root, 'shared', 'package')], { stdio: 'inherit' });
  const needed = new Set(Object.keys(ENTRIES).map((name) => `shared/package/${name}.d.ts`));
  for (const file of needed) {
    const text = await readFile(join(made, file), 'utf8');
    // TypeScript leaves the endings in declarations as they are.
    const published = text.replace(/(from |import\()(['"])(\.[^'"]+)\.ts\2/g, (_, before, quote, path) => {
      needed.add(`${posix.join(posix.dirname(file), path)}.d.ts`);
      return `${before}${quote}${path}.js${quote}`;
    });
    const target = join(folder, file.slice('shared/'.length));
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, published);
  }
  await rm(made, { recursive: true, force: true });
}

refuseArguments('package:npm');
const folder = join(root, 'dist', 'npm');
await rm(folder, { recursive: true, force: true });
const [packages] = await Promise.all([bundleCode(join(folder, 'dist')), writeTypes(join(folder, 'types'))]);

const { name, version, license, engines, type, dependencies } = JSON.parse(
  await readFile(join(root, 'package.json'), 'utf8'),
);
const { PACKAGE_NAME, PACKAGE_REPOSITORY } = process.env;
const peers = EXTERNAL.filter((one) => one !== 'zod');
const manifest = {
  name: PACKAGE_NAME || name,
  version,
  description:
    'The events of an event-driven Kubernetes platform: typed publishers, a testing kit, a local Service Bus.',
  license,
  ...(PACKAGE_REPOSITORY && { repository: { type: 'git', url: PACKAGE_REPOSITORY } }),
  type,
  engines,
  bin: { [name]: 'bin/platform-events.mjs' },
  exports: Object.fromEntries(
    Object.entries(ENTRIES).map(([file, path]) => [
      path,
      { types: `./types/package/${file}.d.ts`, default: `./dist/${file}.js` },
    ]),
  ),
  files: ['bin', 'dist', 'types', 'CHANGELOG.md', 'THIRD-PARTY-LICENSES.txt'],
  dependencies: { zod: dependencies.zod },
  peerDependencies: Object.fromEntries(peers.map((one) => [one, dependencies[one].replace('~', '^')])),
  peerDependenciesMeta: Object.fromEntries(peers.map((one) => [one, { optional: true }])),
  // Outside of a workflow that can say where it was built, npm refuses to publish it.
  publishConfig: { access: 'public', provenance: true },
};
await writeFile(join(folder, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
await writeFile(join(folder, 'THIRD-PARTY-LICENSES.txt'), await licencesOf(root, packages));
await mkdir(join(folder, 'bin'));
await writeFile(join(folder, 'bin', 'platform-events.mjs'), "#!/usr/bin/env node\nimport '../dist/cli.js';\n", {
  mode: 0o755,
});
for (const file of ['LICENSE', 'CHANGELOG.md']) await copyFile(join(root, file), join(folder, file));
await copyFile(join(root, 'shared', 'package', 'README.md'), join(folder, 'README.md'));

const tarball = join(root, 'dist', `${name}-${version}.tgz`);
const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
const packed = execFileSync(npm, ['pack', '--silent', '--pack-destination', folder], { cwd: folder, encoding: 'utf8' });
// The name of a scoped package has the scope in it.
await rename(join(folder, packed.trim()), tarball);
console.log(`dist/${name}-${version}.tgz`);
