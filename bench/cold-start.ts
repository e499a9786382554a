/**
 * What a cold start pays for this app: the time to load the packaged app, as a multiple of `@azure/functions` alone.
 * Each sample is a process of its own, and the two kinds alternate, so that both see the same machine.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const SAMPLES = 15;
const GOAL = 2;
const folder = join(process.cwd(), 'dist', 'package');

const packaged = spawnSync(process.execPath, ['scripts/package.mjs'], { stdio: ['ignore', 'ignore', 'inherit'] });
if (packaged.status !== 0) process.exit(1);

/** The worker's part: the virtual module must be there before the library asks for it. */
const prelude = `
const Module = require('node:module');
const original = Module.prototype.require;
let registered = 0;
const core = { setProgrammingModel() {}, registerFunction() { registered++; }, registerHook: () => ({ dispose() {} }), log() {} };
Module.prototype.require = function (id) { return id === '@azure/functions-core' ? core : original.call(this, id); };
const begin = performance.now();
const end = () => console.log(JSON.stringify({ ms: performance.now() - begin, registered, mib: process.memoryUsage().rss / 2 ** 20 }));
`;

// Written by the script above.
const { main } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { main: string };
const url = JSON.stringify(pathToFileURL(join(folder, main)).href);
const scripts = {
  // Registering one function is part of it: that is when the library looks for its host.
  library: `${prelude}import('@azure/functions').then(({ app }) => { app.http('a', { handler: () => ({}) }); end(); });`,
  app: `${prelude}import(${url}).then(end);`,
};

interface Sample {
  ms: number;
  registered: number;
  mib: number;
}

function sample(script: string): Sample {
  const { stdout, stderr, status } = spawnSync(process.execPath, ['-e', script], { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  // It prints this line alone.
  return JSON.parse(stdout) as Sample;
}

const samples: Record<keyof typeof scripts, Sample[]> = { library: [], app: [] };
sample(scripts.library);
sample(scripts.app);
for (let run = 0; run < SAMPLES; run++) {
  samples.library.push(sample(scripts.library));
  samples.app.push(sample(scripts.app));
}

const median = (values: number[]): number => values.sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
const library = median(samples.library.map(({ ms }) => ms));
const app = median(samples.app.map(({ ms }) => ms));
const [one] = samples.app;
console.log(`@azure/functions alone  ${library.toFixed(1)} ms`);
console.log(`the packaged app        ${app.toFixed(1)} ms  (${one?.registered} functions)`);
console.log(`ratio                   ${(app / library).toFixed(2)}  (goal: under ${GOAL})`);
process.exitCode = app / library < GOAL ? 0 : 1;
