/** `npm run host`: the local Functions host alone, against any Service Bus namespace. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { appDirectory, columns, dim, readFlags, readPort, runCommand, stopOnSignal, UsageError } from './command.ts';
import { startFunctionsHost } from './functions-host/functions-host.ts';
import { hostOutput } from './host-output.ts';
import { applySettings, readLocalSettings } from './local-settings.ts';
import { HOST } from './usages.ts';

/** Handlers never wait long; what still runs after this comes again when its lock ends. */
const DRAIN_MS = 10_000;

await runCommand(async () => {
  const { values } = readFlags(HOST.usage, HOST.flags);
  const directory = values.app === undefined ? appDirectory() : resolve(values.app);
  const httpPort = readPort('http-port', values['http-port']);
  if (!existsSync(directory)) throw new UsageError(`--app: no directory ${directory}`);
  // The worker runs in the directory of the app, with its settings as its environment.
  process.chdir(directory);
  applySettings(readLocalSettings(directory));
  applySettings({ FUNCTIONS_WORKER_RUNTIME: 'node', AZURE_FUNCTIONS_ENVIRONMENT: 'Development' });

  const host = await startFunctionsHost({ directory, settings: process.env, httpPort, ...hostOutput(values.verbose) });
  stopOnSignal(async () => {
    console.log(dim('stopping'));
    if (!(await host.stop(DRAIN_MS))) console.error(`not everything ended within ${DRAIN_MS / 1000} s; it comes again`);
  });
  console.log(columns(host.functions.map(({ name, source }) => [name, source])));
  console.log(`ready http://127.0.0.1:${host.httpPort}`);
});
