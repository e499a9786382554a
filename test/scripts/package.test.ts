import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { catalog } from '../../shared/events/catalog.ts';

const folder = 'dist/package';
const archive = 'dist/platform-events.zip';
const digest = (): string => createHash('sha256').update(readFileSync(archive)).digest('hex');

beforeAll(() => {
  execFileSync(process.execPath, ['scripts/package.mjs']);
}, 60_000);

/** Every file that loading these needs, by following static imports. */
function closureOf(files: readonly string[]): ReadonlySet<string> {
  const found = new Set(files.map((file) => resolve(file)));
  for (const file of found) {
    const code = readFileSync(file, 'utf8');
    for (const [, path = ''] of code.matchAll(
      /(?:^|[;}])\s*(?:import|export)\s*(?:[\w$*{}\s,]+from\s*)?"(\.[^"]+)"/g,
    )) {
      found.add(resolve(dirname(file), path));
    }
  }
  return found;
}

const functionFiles = (): string[] =>
  readdirSync(join(folder, 'dist/functions'), { recursive: true })
    .map((name) => join(folder, 'dist/functions', String(name)))
    .filter((name) => name.endsWith('.js'));

it('has a function for every event, and what the host and the worker read', () => {
  const { main, type, dependencies } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const host = JSON.parse(readFileSync(join(folder, 'host.json'), 'utf8'));

  expect({ main, type, dependencies }).toEqual({
    main: 'dist/functions/**/*.js',
    type: 'module',
    dependencies: undefined,
  });
  expect(host.extensionBundle).toEqual({ id: 'Microsoft.Azure.Functions.ExtensionBundle', version: '[4.*, 5.0.0)' });
  expect(functionFiles().length).toBeGreaterThanOrEqual(catalog.size);
});

it('holds its dependencies, and nothing of local/ or of the tests', () => {
  const names = readdirSync(folder, { recursive: true }).map(String);

  expect(names.filter((name) => /local|test|bench|node_modules|\.ts$|\.map$/.test(name))).toEqual([]);
  expect(existsSync(join(folder, 'dist/chunks'))).toBe(true);
});

it('loads no SDK before the first message', () => {
  const loaded = [...closureOf(functionFiles())];

  const withSdk = loaded.filter((file) =>
    /ServiceBusClient|TableServiceClient|KubeConfig|DefaultAzureCredential/.test(readFileSync(file, 'utf8')),
  );
  expect(loaded.length).toBeGreaterThan(functionFiles().length);
  expect(withSdk).toEqual([]);
});

it('is the same bytes when it is made again', () => {
  const first = digest();

  execFileSync(process.execPath, ['scripts/package.mjs']);

  expect(digest()).toBe(first);
}, 60_000);
