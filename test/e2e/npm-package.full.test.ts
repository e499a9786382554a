/** The npm package from a registry's side: what its linters say, and an empty project that npm installs it in. */
import { execFileSync, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ConsumerProject, packNpm, strictly } from '../support/consumer-project.ts';

/** What checks the package has a lock file of its own. */
const tools = resolve('test/package');
const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
const MINUTES = 300_000;
const project = new ConsumerProject();
let tarball: string;

const {
  devDependencies,
  dependencies,
}: Record<string, Record<string, string>> = JSON.parse(readFileSync('package.json', 'utf8'));
const wanted = (name: string): string => `${name}@${dependencies?.[name] ?? devDependencies?.[name]}`;

function install(...packages: string[]): void {
  execFileSync(npm, ['install', '--no-audit', '--no-fund', '--ignore-scripts', ...packages], {
    cwd: project.directory,
    stdio: 'pipe',
  });
}

function bytesIn(folder: string): number {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0);
}

beforeAll(() => {
  tarball = packNpm();
  execFileSync(npm, ['ci', '--no-audit', '--no-fund', '--ignore-scripts'], { cwd: tools, stdio: 'pipe' });
}, MINUTES);

afterAll(() => project.remove());

it.each([
  ['publint', ['publint/src/cli.js', resolve('dist/npm'), '--strict']],
  // CommonJS reaches it through import() alone, as documented.
  ['attw', ['@arethetypeswrong/cli/dist/index.js', '@tarball', '--profile', 'esm-only']],
])('has nothing that %s finds wrong', { timeout: MINUTES }, (_, [script = '', ...args]) => {
  const given = args.map((arg) => (arg === '@tarball' ? tarball : arg));

  const { status, stdout, stderr } = spawnSync(process.execPath, [join(tools, 'node_modules', script), ...given], {
    encoding: 'utf8',
  });

  expect(status, stdout + stderr).toBe(0);
});

it('installs under 8 MB, with what it depends on', { timeout: MINUTES }, () => {
  install(tarball);

  expect(readdirSync(join(project.directory, 'node_modules')).sort()).toEqual([
    '.bin',
    '.package-lock.json',
    'platform-events',
    'zod',
  ]);
  expect(bytesIn(join(project.directory, 'node_modules'))).toBeLessThan(8_000_000);
});

describe('with what its users have beside it', () => {
  beforeAll(() => {
    install(...['@azure/service-bus', '@types/node', 'vitest'].map(wanted));
    project.addExamples();
  }, MINUTES);

  const compilers = {
    'TypeScript 5.5': join(tools, 'node_modules/typescript-oldest/bin/tsc'),
    'TypeScript 5.9': join(tools, 'node_modules/typescript-5/bin/tsc'),
    'TypeScript 7': resolve('node_modules/typescript/bin/tsc'),
  };
  const modules = [
    ['node16', 'node16'],
    ['nodenext', 'nodenext'],
    ['esnext', 'bundler'],
  ] as const;

  it.each(Object.entries(compilers).flatMap(([name, tsc]) => modules.map((one) => [name, ...one, tsc] as const)))(
    '%s finds nothing wrong with module %s and resolution %s',
    { timeout: MINUTES },
    (_, module, moduleResolution, tsc) => {
      project.write('tsconfig.json', strictly(module, { moduleResolution }));

      expect(project.run(tsc, ['-p', '.', '--noEmit'])).toEqual({ status: 0, output: '' });
    },
  );

  it('has a command, and a testing kit that works', { timeout: MINUTES }, () => {
    const help = project.run('node_modules/platform-events/bin/platform-events.mjs', ['--help']);
    const tests = project.run('node_modules/vitest/vitest.mjs', ['run', 'policy.test.ts']);

    expect(help).toMatchObject({ status: 0, output: expect.stringContaining('usage: platform-events') });
    expect(tests.status, tests.output).toBe(0);
  });
});
