/**
 * The contract on a real Functions host.
 *
 * - `FUNCTIONS_HOST_COMMAND='func start --port {port}'` starts one in the folder of the built probe app, with a bus of its
 *   own.
 * - `FUNCTIONS_HOST_URL` and `FUNCTIONS_HOST_SERVICE_BUS` name one that runs the probe app already, and its namespace, with
 *   the queues of `test/support/probe-host.ts`.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { describe, it } from 'vitest';
import { startBus } from '../../shared/local/service-bus/start.ts';
import { buildProbe, makeQueues, PROBE_SETTINGS } from '../support/probe-host.ts';
import { eventually } from '../support/processes.ts';
import { functionsHostContract } from './functions-host.ts';
import type { HostDriver } from './functions-host-driver.ts';

const { FUNCTIONS_HOST_COMMAND, FUNCTIONS_HOST_URL, FUNCTIONS_HOST_SERVICE_BUS } = process.env;

if (FUNCTIONS_HOST_COMMAND) {
  const command = FUNCTIONS_HOST_COMMAND;
  functionsHostContract(`the Functions host of '${command}'`, () => startCommand(command), {
    functionKeys: 'func start checks no keys',
  });
} else if (FUNCTIONS_HOST_URL && FUNCTIONS_HOST_SERVICE_BUS) {
  const [baseUrl, serviceBus] = [FUNCTIONS_HOST_URL, FUNCTIONS_HOST_SERVICE_BUS];
  const driver = async (): Promise<HostDriver> => ({ baseUrl, serviceBus, close: async () => {} });
  functionsHostContract(`the Functions host at ${baseUrl}`, driver, { functionKeys: true });
} else {
  describe('a real Functions host', () => {
    it.skip('keeps the contract (neither FUNCTIONS_HOST_COMMAND nor FUNCTIONS_HOST_URL is set)', () => {});
  });
}

async function startCommand(command: string): Promise<HostDriver> {
  const bus = await startBus({ port: 0, adminPort: 0 });
  makeQueues(bus);
  const app = await buildProbe(bus.connectionString);
  const baseUrl = `http://127.0.0.1:${await freePort()}`;
  const line = command.replaceAll('{port}', new URL(baseUrl).port).replaceAll('{app}', app.directory);
  const host = spawn(line, {
    cwd: app.directory,
    shell: true,
    // Its own group, so that what the shell starts ends with it.
    detached: true,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, ...PROBE_SETTINGS, ServiceBus: bus.connectionString },
  });
  const exited = once(host, 'exit');
  await eventually(
    async () => {
      if (host.exitCode !== null) throw new Error(`'${line}' ended with ${host.exitCode}`);
      const answer = await fetch(`${baseUrl}/api/seen/text`).catch(() => undefined);
      return answer?.ok ? true : undefined;
    },
    `an answer of '${line}'`,
    120_000,
  );
  return {
    baseUrl,
    serviceBus: bus.connectionString,
    close: async () => {
      if (host.pid !== undefined && host.exitCode === null) process.kill(-host.pid, 'SIGKILL');
      await exited;
      await Promise.all([bus.close(), app.remove()]);
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  // A TCP server's address is never a pipe's.
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}
