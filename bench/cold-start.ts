/**
 * What a cold start pays for this app: the time to load the packaged app, as a multiple of `@azure/functions` alone; until
 * its start hook has ended, which reads the settings and starts the exporters that they name; and until its first message is
 * handled, which loads what that needs. Each sample is a
 * process of its own, and the kinds alternate, so that all see the same machine.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { newEvent } from '../shared/events/cloud-event.ts';
import { HealthCheck } from '../shared/events/platform.ts';

const SAMPLES = 15;
/** To load it; and until it is started with OTLP. */
const GOALS = { load: 1.3, otlp: 2.5 } as const;
const folder = join(process.cwd(), 'dist', 'package');

const packaged = spawnSync(process.execPath, ['scripts/package.mjs'], { stdio: ['ignore', 'ignore', 'inherit'] });
if (packaged.status !== 0) process.exit(1);

const check = newEvent(HealthCheck, { source: '/bench', data: { service: 'bench', good: 998, total: 1_000 } });

/** The worker's part: the virtual module must be there before the library asks for it. */
const prelude = `
const Module = require('node:module');
const original = Module.prototype.require;
let registered = 0;
const starts = [];
const registerHook = (name, hook) => { if (name === 'appStart') starts.push(hook); return { dispose() {} }; };
const handlers = new Map();
const registerFunction = ({ name }, handler) => { registered++; handlers.set(name, handler); };
const core = { setProgrammingModel() {}, registerFunction, registerHook, log() {} };
Module.prototype.require = function (id) { return id === '@azure/functions-core' ? core : original.call(this, id); };
const print = (...text) => console.error(...text);
const context = { invocationId: 'first', functionName: 'health-check', log: print, trace: print, debug: print, info: print, warn: print, error: print };
const check = ${JSON.stringify(check)};
const begin = performance.now();
const end = async () => {
  const loadMs = performance.now() - begin;
  for (const start of starts) await start({ hookData: {} });
  const ms = performance.now() - begin;
  await handlers.get('health-check')?.(check, context);
  const firstMs = performance.now() - begin;
  console.log(JSON.stringify({ loadMs, ms, firstMs, registered }));
  process.exit();
};
`;

// Written by the script above.
const { main } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { main: string };
const url = JSON.stringify(pathToFileURL(join(folder, main)).href);
const app = `${prelude}import(${url}).then(end);`;
const settings = {
  ServiceBus__fullyQualifiedNamespace: 'shop.servicebus.windows.net',
  StateStore: 'memory',
  Cluster: 'simulated',
};
// Nobody listens there, and nothing is sent before the sample ends.
const nowhere = 'http://127.0.0.1:9';
const connection = `InstrumentationKey=00000000-0000-0000-0000-000000000000;IngestionEndpoint=${nowhere}`;
const kinds = {
  // Registering one function is part of it: that is when the library looks for its host.
  library: {
    script: `${prelude}import('@azure/functions').then(({ app }) => { app.http('a', { handler: () => ({}) }); return end(); });`,
    environment: {},
  },
  app: { script: app, environment: settings },
  otlp: { script: app, environment: { ...settings, OTEL_EXPORTER_OTLP_ENDPOINT: nowhere } },
  azure: { script: app, environment: { ...settings, APPLICATIONINSIGHTS_CONNECTION_STRING: connection } },
};
const names = Object.keys(kinds) as (keyof typeof kinds)[];

interface Sample {
  /** Until the files are loaded. */
  loadMs: number;
  /** Until the start hook has ended. */
  ms: number;
  /** Until the first message is handled. */
  firstMs: number;
  registered: number;
}

function sample(name: keyof typeof kinds): Sample {
  const { script, environment } = kinds[name];
  const { stdout, stderr, status } = spawnSync(process.execPath, ['-e', script], {
    encoding: 'utf8',
    env: { PATH: process.env['PATH'], ...environment },
  });
  if (status !== 0) throw new Error(stderr);
  // It prints this line alone.
  return JSON.parse(stdout) as Sample;
}

const samples: Record<keyof typeof kinds, Sample[]> = { library: [], app: [], otlp: [], azure: [] };
for (const name of names) sample(name);
for (let run = 0; run < SAMPLES; run++) {
  for (const name of names) samples[name].push(sample(name));
}

const median = (values: number[]): number => values.sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
const msOf = (name: keyof typeof kinds): number => median(samples[name].map(({ ms }) => ms));
const loadMs = median(samples.app.map((one) => one.loadMs));
const library = msOf('library');
const line = (what: string, ms: number, goal?: number): void => {
  const wanted = goal === undefined ? '' : `  (goal: under ${goal})`;
  console.log(`${what.padEnd(32)} ${ms.toFixed(1).padStart(6)} ms  ratio ${(ms / library).toFixed(2)}${wanted}`);
};
line('@azure/functions alone', library);
line(`the app's ${samples.app[0]?.registered} functions loaded`, loadMs, GOALS.load);
line('started', msOf('app'));
line('first message handled', median(samples.app.map(({ firstMs }) => firstMs)));
line('started with OTLP', msOf('otlp'), GOALS.otlp);
line('started with Azure Monitor', msOf('azure'));
process.exitCode = loadMs / library < GOALS.load && msOf('otlp') / library < GOALS.otlp ? 0 : 1;
