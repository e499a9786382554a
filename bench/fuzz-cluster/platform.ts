/** Bus, table and host, each a process of its own as `npm run bus`, `table` and `host` start them; the host can be killed. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { ServiceBusClient } from '@azure/service-bus';
import { families } from '../../shared/events/catalog.ts';
import { toEmulatorConfig } from '../../shared/local/service-bus/config/emulator-config.ts';
import { topicOf, topology } from '../../shared/topology.ts';
import type { Fact } from './ends.ts';

const OBSERVED = 'observed';
const AZURITE_KEY = 'Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==';

const children = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL');
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(130));

interface Started {
  readonly process: ChildProcess;
  /** What its ready line says. */
  readonly ready: string;
}

/** Starts a command and resolves once it says that it is ready. */
function start(command: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Started> {
  const child = spawn(process.execPath, [`dist/shared/local/${command}.js`, ...args], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', process.env['VERBOSE'] ? 'inherit' : 'ignore'],
  });
  children.add(child);
  return new Promise((resolve, reject) => {
    child.once('exit', (code) => {
      children.delete(child);
      reject(new Error(`${command} ended with ${code} (VERBOSE=1 shows what it says)`));
    });
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (process.env['VERBOSE']) console.log(line);
      const ready = /^ready (\S+)/.exec(line)?.[1];
      if (ready) resolve({ process: child, ready });
    });
  });
}

/** The entities of this build, and a subscription of somebody who sees every event about deployments once. */
function entities(): unknown {
  const observer = {
    name: OBSERVED,
    rule: { name: 'events', sqlFilter: "sys.To IS NULL OR sys.To NOT LIKE 'only:%'" },
    lockSeconds: 60,
    maxDeliveryCount: 10,
    deadLetteringOnMessageExpiration: false,
    forwardDeadLetteredMessagesTo: 'errors',
  };
  const watched = Object.values(families.deployment).map(({ type }) => topicOf(type));
  return toEmulatorConfig({
    ...topology,
    topics: topology.topics.map((topic) =>
      watched.includes(topic.name) ? { ...topic, subscriptions: [...topic.subscriptions, observer] } : topic,
    ),
  });
}

export interface RunningPlatform {
  readonly client: ServiceBusClient;
  /** An answer of the app, as it says it; undefined while the host is away. */
  ask(path: string): Promise<unknown>;
  /** Ends the host with SIGKILL, and starts it again. */
  killHost(): Promise<void>;
  close(): Promise<void>;
}

/** @param config as in `platform.config.json` */
export async function startPlatform(config: unknown, onFact: (fact: Fact) => void): Promise<RunningPlatform> {
  const directory = await mkdtemp(join(tmpdir(), 'fuzz-cluster-'));
  const [busFile, configFile] = [join(directory, 'Config.json'), join(directory, 'platform.config.json')];
  await writeFile(busFile, JSON.stringify(entities()));
  await writeFile(configFile, JSON.stringify(config));
  const bus = await start('bus', ['--port', '0', '--admin-port', '0', '--config', busFile]);
  const table = await start('table', ['--in-memory', '--port', '0']);
  const connectionString = `Endpoint=${bus.ready.replace(/^amqp:/, 'sb:')};SharedAccessKeyName=RootManageSharedAccessKey;SharedAccessKey=SAS_KEY_VALUE;UseDevelopmentEmulator=true;`;
  const env = {
    ServiceBus: connectionString,
    StateStore: `DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;AccountKey=${AZURITE_KEY};TableEndpoint=${table.ready}/devstoreaccount1;`,
    Cluster: 'kubernetes',
    PLATFORM_CONFIG: configFile,
  };
  const startHost = (): Promise<Started> => start('host', ['--http-port', '0'], env);
  let host = await startHost();
  const client = new ServiceBusClient(connectionString);
  for (const { type } of Object.values(families.deployment)) {
    client.createReceiver(topicOf(type), OBSERVED, { receiveMode: 'receiveAndDelete' }).subscribe({
      // The topics carry events alone, and a few of their fields are read.
      processMessage: async ({ body }) => onFact(body as Fact),
      processError: async ({ error }) => console.error(`observer: ${error.message}`),
    });
  }
  const kill = async ({ process: child }: Started): Promise<void> => {
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  };
  return {
    client,
    async ask(path) {
      const response = await fetch(`${host.ready}/api/${path}`).catch(() => undefined);
      return response?.ok ? response.json() : undefined;
    },
    async killHost() {
      await kill(host);
      host = await startHost();
    },
    async close() {
      await client.close();
      for (const one of [host, table, bus]) await kill(one);
      await rm(directory, { recursive: true });
    },
  };
}
