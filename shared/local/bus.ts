/** `npm run bus`: the in-memory Service Bus alone. */
import { TransientError } from '../errors.ts';
import { DEFAULT_PORT, LOOPBACK } from './amqp.ts';
import { complain, print, printJson, readFlags, readPort, runCommand, stopOnSignal, UsageError } from './command.ts';
import { readEmulatorConfig } from './emulator-config.ts';
import type { EntityPlan } from './entity-plan.ts';
import { readTextFile } from './flag-files.ts';
import { type BusOptions, type LocalBus, startBus } from './start-bus.ts';

const DEFAULT_ADMIN_PORT = 5300;

const USAGE = `usage: npm run bus [-- options]

  --port N          port of the AMQP endpoint (${DEFAULT_PORT}); 0 takes any free one
  --admin-port N    port of the administration (${DEFAULT_ADMIN_PORT}); 0 takes any free one
  --host ADDRESS    address to listen on (${LOOPBACK}); on any other than
                    loopback every link needs a token
  --config FILE     entities of an emulator's Config.json instead of this build's topology
  --strict          with --config: the emulator's quotas hold, and fields that
                    it does not know are refused
  --json            print what to connect to as one line of JSON`;

/** @throws UsageError when the file cannot be read @throws ConfigError naming the file, and in it line and column or path and value */
function readPlan(file: string, strict: boolean): EntityPlan {
  const text = readTextFile('config', file);
  const { plan, warnings } = readEmulatorConfig(text, { origin: file, strict });
  for (const warning of warnings) complain(`warning: ${warning}`);
  return plan;
}

/** @throws TransientError saying which flag to use when a port is taken @throws UsageError for an address of another machine */
async function start(options: BusOptions): Promise<LocalBus> {
  try {
    return await startBus(options);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'EADDRINUSE') {
      const port = error instanceof Error && 'port' in error ? error.port : options.port;
      const flag = port === options.adminPort && port !== options.port ? '--admin-port' : '--port';
      throw new TransientError(`port ${port} is in use; choose another with ${flag}`);
    }
    if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') {
      throw new UsageError(`--host: this machine has no address '${options.host}'`);
    }
    throw error;
  }
}

await runCommand(async () => {
  const { values } = readFlags(USAGE, {
    port: { type: 'string', default: String(DEFAULT_PORT) },
    'admin-port': { type: 'string', default: String(DEFAULT_ADMIN_PORT) },
    host: { type: 'string', default: LOOPBACK },
    config: { type: 'string' },
    strict: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  });
  if (values.strict && values.config === undefined) throw new UsageError('--strict: it goes with --config');
  const bus = await start({
    port: readPort('port', values.port),
    adminPort: readPort('admin-port', values['admin-port']),
    host: values.host,
    plan: values.config === undefined ? undefined : readPlan(values.config, values.strict),
  });
  stopOnSignal(() => bus.close());
  const { url, connectionString, adminUrl } = bus;
  if (values.json) printJson({ url, connectionString, adminUrl });
  else {
    print(`ready ${url}`);
    print(`ServiceBus=${connectionString}`);
    print(`administration ${adminUrl}`);
  }
});
