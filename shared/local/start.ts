/**
 * `npm start`: the whole platform on a laptop. Service Bus, Table Storage, a simulated cluster and the Functions host
 * with the app run in one process. A sample deployment is published, and its events are shown until it has completed.
 */
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { TransientError } from '../errors.ts';
import { type EventOf, newEvent } from '../events/cloud-event.ts';
import { DeploymentRequested } from '../events/deployment.ts';
import { appDirectory, dim, readFlags, readPort, runCommand, stopOnSignal } from '../terminal/command.ts';
import { START } from '../terminal/usages.ts';
import { startAppHost } from './app-host.ts';
import { applySettings, readLocalSettings } from './local-settings.ts';
import { startBus } from './service-bus/start.ts';
import { type ArrivedEvent, StartOutput } from './start-output.ts';
import { startWatchedApp } from './watched-app.ts';

const DEFAULT_HTTP_PORT = Number(START.flags['http-port'].default);

/** Settings that `npm start` makes itself. */
const OWN = [
  'ServiceBus',
  'ServiceBus__fullyQualifiedNamespace',
  'StateStore',
  'StateStore__tableServiceUri',
  'Cluster',
  'Measurements',
];

/** Short enough that the process ends within 2 s. */
const STOP_MS = 1_500;

/** The command to publish another event; with the address, when it is not the default one. */
function hint(httpPort: number): string {
  const url = httpPort === DEFAULT_HTTP_PORT ? '' : ` --url http://127.0.0.1:${httpPort}`;
  return `publish your own:  npx platform-events publish DeploymentRequested --example > deploy.json
                   npx platform-events publish DeploymentRequested${url} --data "@deploy.json" --wait`;
}

interface Table {
  readonly connectionString: string;
  readonly url: string;
}

/** Starts Azurite in a thread: it starts in parallel, and always ends with the process. */
function startTable(directory: string, port: number): Promise<Table> {
  const file = join(directory, 'dist', 'shared', 'local', 'table.js');
  const worker = new Worker(file, { argv: ['--in-memory', '--port', String(port)] });
  return new Promise((resolve, reject) => {
    worker.once('message', (message: Table | { error: string }) => {
      if ('error' in message) reject(new TransientError(message.error));
      else resolve(message);
    });
    worker.once('error', reject);
  });
}

/** A sample request; the simulated cluster creates its deployment. */
function sampleEvent(): EventOf<typeof DeploymentRequested> {
  return newEvent(DeploymentRequested, {
    source: '/npm-start',
    data: { namespace: 'demo', deployment: 'hello', image: 'ghcr.io/platform-events/hello:1.0.0', replicas: 2 },
  });
}

/** Shows an event once. */
function shownOnce(show: (event: ArrivedEvent) => void): (event: ArrivedEvent) => void {
  const seen = new Set<string>();
  return (event) => {
    if (seen.has(event.key)) return;
    // The oldest is forgotten first; showing an event twice does no harm.
    if (seen.size >= 10_000) seen.delete(seen.values().next().value ?? '');
    seen.add(event.key);
    show(event);
  };
}

const ENDS = ['DeploymentCompleted', 'DeploymentFailed', 'DeploymentRolledBack'];

await runCommand(async () => {
  const { values } = readFlags(START.usage, START.flags);
  const port = readPort('port', values.port);
  const adminPort = readPort('admin-port', values['admin-port']);
  const httpPort = readPort('http-port', values['http-port']);
  const tablePort = readPort('table-port', values['table-port']);
  const { json: isJson, verbose: isVerbose } = values;
  const output = new StartOutput({ isJson });

  const directory = appDirectory();
  process.chdir(directory);
  const starting = startTable(directory, tablePort);
  // Of two failures the first is reported.
  const [table, bus] = await Promise.all([starting, startBus({ port, adminPort })]);

  // The sample must reach this machine alone, whatever the environment is set to.
  const ignored = OWN.filter((name) => process.env[name] && process.env[name] !== 'simulated');
  for (const name of OWN) delete process.env[name];
  process.env['ServiceBus'] = bus.connectionString;
  process.env['StateStore'] = table.connectionString;
  process.env['Cluster'] = 'simulated';
  process.env['Measurements'] = 'simulated';
  applySettings(readLocalSettings(directory));

  const sample = values['no-sample'] ? undefined : sampleEvent();
  const onEvent = shownOnce((event) => {
    output.event(event);
    if (event.correlationid === sample?.id && ENDS.includes(event.type)) output.hint(`\n${dim(hint(host.httpPort))}`);
  });
  const appOptions = { directory, httpPort, isVerbose, isJson };
  const host = values.watch
    ? await startWatchedApp({
        ...{ ...appOptions, onEvent },
        onReload: (ms) => output.reloaded(ms),
        onError: (text) => output.warning(text),
      })
    : await startAppHost(appOptions, onEvent);
  for (const warning of host.warnings) output.warning(warning);
  stopOnSignal(async () => {
    // Before the bus, which would wait for a connected client.
    await host.stop(STOP_MS);
    await bus.close();
  });

  output.functions(host.functions);
  output.ready({
    amqp: bus.url,
    connectionString: bus.connectionString,
    admin: bus.adminUrl,
    http: `http://127.0.0.1:${host.httpPort}`,
    table: table.url,
  });
  if (ignored.length > 0) {
    output.warning(
      `ignored settings of the environment: ${ignored.join(', ')}; npm start uses its own, npm run host uses yours`,
    );
  }
  if (sample) {
    output.begins(sample.id);
    await host.publish(sample);
  }
});
