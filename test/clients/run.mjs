#!/usr/bin/env node
/**
 * Azure's clients for other languages against the bus: `node test/clients/run.mjs --help`. Each is a small program in a
 * folder of its own, with a lock file. It is not part of `npm test`, since it needs toolchains and downloads packages.
 */
import { spawn } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { buildIfNeeded, root } from '../../scripts/build.mjs';

/**
 * @typedef {object} Client
 * @property {string} language
 * @property {string[][]} needs commands that must run: a version that is asked for
 * @property {(out: string) => string[][]} build commands, run in the client's folder; `out` is where they may write
 * @property {(out: string) => string[]} run
 */

/** @type {Client[]} */
const CLIENTS = [
  {
    language: 'python',
    needs: [['python3', '--version']],
    build: (out) => [
      ['python3', '-m', 'venv', out],
      [join(out, 'bin/python'), '-m', 'pip', 'install', '--quiet', '--require-hashes', '-r', 'requirements.txt'],
    ],
    run: (out) => [join(out, 'bin/python'), 'client.py'],
  },
  {
    language: 'go',
    needs: [['go', 'version']],
    build: (out) => [['go', 'build', '-mod=readonly', '-o', join(out, 'client'), '.']],
    run: (out) => [join(out, 'client')],
  },
  {
    language: 'java',
    needs: [
      ['javac', '-version'],
      ['mvn', '--version'],
    ],
    build: (out) => [['mvn', '--quiet', '--batch-mode', 'compile', `-Dout=${out}`]],
    run: (out) => ['java', '-cp', `${join(out, 'classes')}:${join(out, 'lib')}/*`, 'Client'],
  },
];

const USAGE = `usage: node test/clients/run.mjs [--json] [language…]

Starts the bus on free ports, builds the client of each language (${CLIENTS.map(({ language }) => language).join(', ')}; all when none is
named) into dist/clients, and runs its checks. A language whose toolchain is missing is skipped, with the reason; one that is
named fails.
It exits with 1 when a check fails or a client cannot be built.
`;

/** How long building or checking may take. */
const MAX_MS = 10 * 60_000;

/**
 * Runs a command to its end.
 *
 * @param {string[]} command @param {{ cwd?: string, env?: Record<string, string> }} [options]
 * @returns {Promise<{ code: number, lines: string[] }>} 127 when there is no such command
 */
function execute([file = '', ...args], { cwd = root, env = {} } = {}) {
  return new Promise((resolve) => {
    const child = spawn(file, args, { cwd, env: { ...process.env, ...env } });
    // The timeout of spawn would outlive a command that does not exist.
    const timer = setTimeout(() => child.kill(), MAX_MS).unref();
    /** @type {string[]} */
    const lines = [];
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on('line', (line) => lines.push(line));
    }
    child.on('error', ({ message }) => resolve({ code: 127, lines: [message] }));
    child.on('close', (code) => {
      clearTimeout(timer);
      resolve({ code: code ?? 1, lines });
    });
  });
}

/** @returns {Promise<{ env: Record<string, string>, stop: () => void }>} the bus, once it is ready */
async function startBus() {
  const args = [join(root, 'scripts/run.mjs'), 'shared/local/bus', '--port', '0', '--admin-port', '0', '--json'];
  const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });
  const line = await new Promise((resolve, reject) => {
    createInterface({ input: child.stdout }).once('line', resolve);
    child.once('exit', (code) => reject(new Error(`the bus ended with ${code}`)));
  });
  const { connectionString, adminUrl } = JSON.parse(line);
  const admin = new URL(adminUrl);
  return {
    env: {
      BUS: connectionString,
      BUS_ADMIN: connectionString.replace(/localhost:\d+/, `localhost:${admin.port}`),
      BUS_ADMIN_URL: admin.origin,
    },
    stop: () => child.kill(),
  };
}

/**
 * @typedef {object} Result
 * @property {string} language
 * @property {{ check: string, ok: boolean, why?: string }[]} checks
 * @property {string} [skipped] why
 * @property {string} [failed] why no checks could run, or what they said when they ended too early
 */

/** @param {Client} client @param {Record<string, string>} env @returns {Promise<Result>} */
async function check({ language, needs, build, run }, env) {
  const result = { language, checks: [] };
  for (const need of needs) {
    const { code, lines } = await execute(need);
    if (code !== 0) return { ...result, skipped: `${need[0]} does not run: ${lines.at(-1) ?? `exit code ${code}`}` };
  }
  const cwd = join(root, 'test/clients', language);
  const out = join(root, 'dist/clients', language);
  await mkdir(out, { recursive: true });
  for (const command of build(out)) {
    const { code, lines } = await execute(command, { cwd });
    if (code !== 0) return { ...result, failed: [`${command.join(' ')} ended with ${code}`, ...lines].join('\n') };
  }
  const { code, lines } = await execute(run(out), { cwd, env });
  const checks = lines.flatMap((line) => {
    const [, not, name = '', why] = /^(not )?ok ([^:]+)(?:: (.*))?$/.exec(line) ?? [];
    return name === '' ? [] : [{ check: name, ok: not === undefined, ...(why !== undefined && { why }) }];
  });
  const isOver = checks.length > 0 && (code === 0) === checks.every(({ ok }) => ok);
  return { language, checks, ...(!isOver && { failed: [`the client ended with ${code}`, ...lines].join('\n') }) };
}

/** @param {Result} result */
function print({ language, checks, skipped, failed }) {
  if (skipped !== undefined) console.log(`${language}: skipped: ${skipped}`);
  for (const { check: name, ok, why } of checks)
    console.log(`${language}: ${ok ? 'ok' : 'FAILED'} ${name}${why ? `: ${why}` : ''}`);
  if (failed !== undefined) console.log(`${language}: FAILED: ${failed}`);
}

/** @returns {Promise<number>} the exit code */
async function main() {
  const flags = /** @type {const} */ ({ json: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } });
  const { values, positionals } = parseArgs({ options: flags, allowPositionals: true });
  if (values.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  const unknown = positionals.filter((name) => !CLIENTS.some(({ language }) => language === name));
  if (unknown.length > 0) throw new Error(`unknown language: ${unknown.join(', ')}`);
  await buildIfNeeded();
  const bus = await startBus();
  /** @type {Result[]} */
  const results = [];
  try {
    for (const client of CLIENTS.filter(({ language }) => positionals.length === 0 || positionals.includes(language))) {
      const result = await check(client, bus.env);
      results.push(result);
      if (!values.json) print(result);
    }
  } finally {
    bus.stop();
  }
  const all = results.flatMap(({ checks }) => checks);
  const passed = all.filter(({ ok }) => ok).length;
  const skipped = results.filter((result) => result.skipped !== undefined).length;
  const missing = positionals.length > 0 ? skipped : 0;
  const broken = results.filter((result) => result.failed !== undefined).length;
  const failed = all.length - passed + broken + missing;
  if (values.json) console.log(JSON.stringify({ results, failed }, undefined, 2));
  else console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
  return failed > 0 ? 1 : 0;
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(`${error instanceof Error ? error.message : error}\n${USAGE}`);
  process.exitCode = 2;
}
