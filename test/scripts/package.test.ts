import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { beforeAll, expect, it } from 'vitest';
import { bundleApp } from '../../scripts/bundle-app.mjs';
import { catalog } from '../../shared/events/catalog.ts';
import { routeOf } from '../../shared/topology.ts';

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

const main = join(folder, 'dist/functions.js');

/** The names of the functions that the package registers, loaded as the worker does: with its own virtual module. */
function registered(): string[] {
  const script = `
    const Module = require('node:module');
    const original = Module.prototype.require;
    const names = [];
    const core = { setProgrammingModel() {}, registerFunction({ name }) { names.push(name); }, registerHook() {} };
    Module.prototype.require = function (id) { return id === '@azure/functions-core' ? core : original.call(this, id); };
    import(process.argv[1]).then(() => console.log(JSON.stringify(names)));`;
  const output = execFileSync(process.execPath, ['-e', script, pathToFileURL(resolve(main)).href], {
    encoding: 'utf8',
  });
  return JSON.parse(output);
}

it('has a function for every event, and what the host and the worker read', () => {
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const host = JSON.parse(readFileSync(join(folder, 'host.json'), 'utf8'));

  expect(join(folder, manifest.main)).toBe(main);
  expect(manifest).toMatchObject({ type: 'module' });
  expect(manifest).not.toHaveProperty('dependencies');
  expect(host.telemetryMode).toBe('OpenTelemetry');
  expect(host.extensionBundle).toEqual({ id: 'Microsoft.Azure.Functions.ExtensionBundle', version: '[4.*, 5.0.0)' });
  const handlers = [...catalog.keys()].map((type) => routeOf(type)?.subscription);
  const errors = ['errors', 'error', 'replay', 'discard'];
  const views = ['history', 'deployments', 'services', 'health', 'metrics', 'dashboard', 'openapi'];
  expect(registered()).toEqual(expect.arrayContaining([...handlers, 'publish', ...errors, ...views]));
});

it('holds its dependencies, and nothing of local/ or of the tests', () => {
  const names = readdirSync(folder, { recursive: true }).map(String);

  expect(names.filter((name) => /local|test|bench|node_modules|\.ts$/.test(name))).toEqual([]);
  expect(existsSync(join(folder, 'dist/chunks'))).toBe(true);
});

it('tells the lines of the sources, which it does not hold and whose place on this machine it does not know', () => {
  const maps = readdirSync(folder, { recursive: true }).filter((name) => String(name).endsWith('.map'));
  const read = maps.map((name) => JSON.parse(readFileSync(join(folder, String(name)), 'utf8')));

  expect(read.flatMap(({ sources }) => sources)).toContain('../../../functions/deployment/requested.ts');
  expect(read.filter(({ sourcesContent }) => sourcesContent !== undefined)).toEqual([]);
  expect(JSON.stringify(read)).not.toContain(process.cwd());
});

it('logs a bug with the lines of the sources', async () => {
  const outdir = resolve('dist/buggy-app');
  await bundleApp({ entries: ['test/support/buggy-app.ts'], outdir });

  const { stderr } = spawnSync(process.execPath, [join(outdir, 'functions.js')], { encoding: 'utf8' });

  const lines = readFileSync('test/support/buggy-app.ts', 'utf8').split('\n');
  const line = lines.findIndex((text) => text.includes('RangeError')) + 1;
  const { stack, ...fields } = JSON.parse(stderr);
  expect(fields).toMatchObject({ message: 'attempt failed', reason: 'RangeError', error: 'a bug' });
  expect(stack).toMatch(new RegExp(`^ {4}at handle \\(test/support/buggy-app\\.ts:${line}:\\d+\\)\n`));
  expect(stack).toMatch(/ {4}at .*runHandler \(shared\/delivery\/run-handler\.ts:\d+:\d+\)/);
}, 30_000);

it('loads no SDK before the first message', () => {
  const loaded = [...closureOf([main])];

  const withSdk = loaded.filter((file) =>
    /ServiceBusClient|TableServiceClient|KubeConfig|DefaultAzureCredential|TracerProvider|PeriodicExportingMetricReader|JWKSNoMatchingKey/.test(
      readFileSync(file, 'utf8'),
    ),
  );
  expect(loaded.length).toBeGreaterThan(1);
  expect(withSdk).toEqual([]);
});

it('loads little before the first message', () => {
  const bytes = [...closureOf([main])].reduce((sum, file) => sum + statSync(file).size, 0);

  // zod's translations alone are half a megabyte: `import * as z` leaves them out, `import { z }` does not.
  expect(bytes).toBeLessThan(385_000);
});

it.each([
  ['OTLP', { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1' }],
  [
    'Azure Monitor, signed in',
    {
      APPLICATIONINSIGHTS_CONNECTION_STRING: 'InstrumentationKey=00000000-0000-0000-0000-000000000000',
      APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'Authorization=AAD;ClientId=app',
    },
  ],
])('starts with the exporters of %s when they are configured', (_, exporter) => {
  const script = `
    const Module = require('node:module');
    const original = Module.prototype.require;
    const starts = [];
    const registerHook = (name, hook) => { if (name === 'appStart') starts.push(hook); };
    const core = { setProgrammingModel() {}, registerFunction() {}, registerHook };
    Module.prototype.require = function (id) { return id === '@azure/functions-core' ? core : original.call(this, id); };
    import(process.argv[1]).then(async () => {
      for (const start of starts) await start({ hookData: {} });
      const provider = globalThis[Symbol.for('opentelemetry.js.api.1')]?.trace?.getDelegate();
      console.log(provider?.constructor.name);
      process.exit();
    });`;
  const settings = { ServiceBus__fullyQualifiedNamespace: 'x.example', StateStore: 'memory', Cluster: 'simulated' };
  const started = spawnSync(process.execPath, ['-e', script, pathToFileURL(resolve(main)).href], {
    encoding: 'utf8',
    env: { PATH: process.env['PATH'] ?? '', ...settings, ...exporter },
  });

  expect(started.stderr).toBe('');
  expect(started.stdout.trim()).toBe('BasicTracerProvider');
});

it('is the same bytes when it is made again', () => {
  const first = digest();

  execFileSync(process.execPath, ['scripts/package.mjs']);

  expect(digest()).toBe(first);
}, 60_000);
