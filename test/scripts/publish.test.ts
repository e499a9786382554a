/** Whoever publishes sends the package, whole and alone: the workflow, azd and the Core Tools, from any checkout. */
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, sep } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkOut } from '../support/checkout.ts';
import { unzip } from '../support/unzip.ts';

let root: string;
let elsewhere: string;
let sent: ReadonlyMap<string, Buffer>;

beforeAll(() => {
  root = checkOut();
  elsewhere = checkOut('deeper/and deeper');
  for (const cwd of [root, elsewhere]) {
    execFileSync(process.execPath, ['scripts/build.mjs'], { cwd });
    execFileSync(process.execPath, ['scripts/package.mjs'], { cwd });
  }
  sent = unzip(archiveOf(root));
  // For git, .funcignore takes the place of .gitignore.
  rmSync(join(root, '.gitignore'));
  execFileSync('git', ['init', '--quiet'], { cwd: root });
}, 180_000);

afterAll(() => {
  for (const folder of [root, join(elsewhere, '../..')]) rmSync(folder, { recursive: true, force: true });
}, 60_000);

const archiveOf = (checkout: string): Buffer => readFileSync(join(checkout, 'dist/platform-events.zip'));

/** Every file below a folder, with forward slashes. */
function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) =>
      join(parentPath, name)
        .slice(folder.length + 1)
        .split(sep)
        .join('/'),
    );
}

/** What git would ignore in the checkout by its .funcignore: gitignore's own rules. */
function ignoredByGit(files: readonly string[]): Set<string> {
  const rules = ['-c', `core.excludesFile=${join(root, '.funcignore')}`];
  const { stdout, stderr } = spawnSync('git', [...rules, 'check-ignore', '--no-index', '--stdin', '-z'], {
    cwd: root,
    input: files.join('\0'),
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
  });
  expect(stderr).toBe('');
  return new Set(stdout.split('\0'));
}

/**
 * What the Core Tools would ignore: their own reading of the file, in which a pattern holds for whatever begins with it,
 * up to the end of a word. https://github.com/Azure/azure-functions-core-tools/blob/main/src/Cli/func/Common/GitIgnoreParser.cs
 */
function ignoredByCoreTools(funcignore: string, file: string): boolean {
  const patterns = funcignore.split('\n').map((line) => line.trim());
  return patterns
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.replace(/^\//, '').replace(/[-[\]/{}()+?.\\^$|]/g, '\\$&'))
    .map((line) => line.replaceAll('**', '(.+)').replaceAll('*', '([^\\/]+)'))
    .some((pattern) => new RegExp(`^(${pattern})\\b`).test(file));
}

describe('the package', () => {
  it('is the same bytes from two checkouts', () => {
    expect(archiveOf(elsewhere).equals(archiveOf(root))).toBe(true);
  });

  it('is small, and has its maps and the licences of everything in it', () => {
    const bytes = [...sent.values()].reduce((sum, { length }) => sum + length, 0);
    const licences = String(sent.get('THIRD-PARTY-LICENSES.txt'));

    expect(archiveOf(root).length).toBeLessThan(1.5 * 2 ** 20);
    expect(bytes).toBeLessThan(10 * 2 ** 20);
    expect([...sent.keys()].filter((name) => name.endsWith('.map')).length).toBeGreaterThan(0);
    for (const name of ['@azure/service-bus', '@azure/identity', '@azure/functions', 'zod', 'rhea', 'uuid', 'tslib']) {
      expect(licences).toMatch(new RegExp(`^${name} \\d+\\.\\d+\\.\\d+ \\(`, 'm'));
    }
    // A licence that wants to be passed on is there as it is.
    expect(licences).toContain(readFileSync('node_modules/rhea/LICENSE', 'utf8').trim());
    expect(licences).not.toContain('undefined');
  });

  it('has nothing in it that a remote build would do, and stands it', () => {
    const folder = mkdtempSync(join(tmpdir(), 'remote-build-'));
    try {
      cpSync(join(root, 'dist/package'), folder, { recursive: true });
      const { scripts, dependencies } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));

      // As Oryx does: install, then the build script if there is one.
      execFileSync('npm', ['install', '--offline'], { cwd: folder, stdio: 'ignore' });
      execFileSync('npm', ['run', 'build', '--if-present'], { cwd: folder, stdio: 'ignore' });

      expect({ scripts, dependencies }).toEqual({ scripts: undefined, dependencies: undefined });
      for (const [name, contents] of sent) expect(readFileSync(join(folder, name)).equals(contents), name).toBe(true);
    } finally {
      rmSync(folder, { recursive: true });
    }
  }, 60_000);
});

describe('publishing', () => {
  it('sends the package from dist/package, where azd and the Core Tools find nothing to ignore', () => {
    const folder = join(root, 'dist/package');
    const files = filesIn(folder);

    expect(files.sort()).toEqual([...sent.keys()].sort());
    for (const [name, contents] of sent) expect(readFileSync(join(folder, name)).equals(contents), name).toBe(true);
    expect(existsSync(join(folder, '.funcignore'))).toBe(false);
    // Names that both leave out whatever the file says.
    expect(
      files.filter((name) => /(^|\/)(\.azure|\.git|\.vscode|node_modules|local\.settings\.json)(\/|$)/.test(name)),
    ).toEqual([]);
  });

  it('sends nothing else from the root: no source, no secret, no node_modules', () => {
    const funcignore = readFileSync(join(root, '.funcignore'), 'utf8');
    // What lies around on a developer's machine.
    cpSync(join(root, 'local.settings.sample.json'), join(root, 'local.settings.json'));
    cpSync(join(root, 'LICENSE'), join(root, '.env'));
    const files = filesIn(root).filter((file) => !file.startsWith('.git/'));
    const ignored = ignoredByGit(files);

    expect(files.length).toBeGreaterThan(1_000);
    expect(files.filter((file) => !ignored.has(file))).toEqual([]);
    // These it leaves out by itself.
    const ownNames = ['.funcignore', '.gitignore', 'local.settings.json', 'project.lock.json'];
    const left = files.filter((file) => !ignoredByCoreTools(funcignore, file));
    expect(left.filter((file) => !ownNames.includes(file.split('/').at(-1) ?? ''))).toEqual([]);
  });

  it('asks for no remote build: azd would want one if the file matched node_modules', () => {
    const azure = readFileSync(join(root, 'azure.yaml'), 'utf8');

    expect(azure).toMatch(/^ {4}remoteBuild: false$/m);
    expect(azure).toMatch(/^ {4}dist: dist\/package$/m);
    expect(ignoredByGit(['node_modules']).has('node_modules')).toBe(false);
  });
});
