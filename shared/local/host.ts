/** `npm run host`: the local Functions host alone, against any Service Bus namespace. */
import { join, resolve } from 'node:path';
import {
  appDirectory,
  columns,
  complain,
  dim,
  print,
  printJson,
  readFlags,
  readPort,
  runCommand,
  stopOnSignal,
} from '../terminal/command.ts';
import { checkDirectory } from '../terminal/flag-files.ts';
import { HOST } from '../terminal/usages.ts';
import { startFunctionsHost } from './functions-host/functions-host.ts';
import { FileScheduleMonitor } from './functions-host/schedule-monitor.ts';
import { hostOutput } from './host-output.ts';
import { applySettings, readLocalSettings } from './local-settings.ts';

/** Handlers never wait long. A message that is still being handled then is delivered again when its lock ends. */
const DRAIN_MS = 10_000;

await runCommand(async () => {
  const { values } = readFlags(HOST.usage, HOST.flags);
  const directory = values.app === undefined ? appDirectory() : resolve(values.app);
  const httpPort = readPort('http-port', values['http-port']);
  checkDirectory('app', directory);
  // The worker runs in the directory of the app, with its settings as its environment.
  process.chdir(directory);
  applySettings(readLocalSettings(directory));
  applySettings({ FUNCTIONS_WORKER_RUNTIME: 'node', AZURE_FUNCTIONS_ENVIRONMENT: 'Development' });

  const { json: isJson, verbose: isVerbose } = values;
  // The namespace and the store outlive this process, and so does what the timers missed.
  const scheduleMonitor = new FileScheduleMonitor(join(directory, '.functions-host', 'timers'));
  const host = await startFunctionsHost({
    ...{ directory, settings: process.env, httpPort, scheduleMonitor },
    ...hostOutput({ from: 'information', isVerbose, isJson }),
  });
  stopOnSignal(async () => {
    if (!isJson) print(dim('stopping'));
    if (await host.stop(DRAIN_MS)) return;
    const warning = `some messages are not handled within ${DRAIN_MS / 1000} s; they will be delivered again`;
    complain(isJson ? JSON.stringify({ warning }) : warning);
  });
  const http = `http://127.0.0.1:${host.httpPort}`;
  if (isJson) {
    printJson({ functions: host.functions });
    printJson({ ready: { http } });
    return;
  }
  print(columns(host.functions.map(({ name, source }) => [name, source])));
  print(`ready ${http}`);
});
