/** `npm run bus`: the in-memory Service Bus alone. */
import { readFileSync } from 'node:fs';
import { ConfigError, faultOf } from '../errors.ts';
import { DEFAULT_PORT, LOOPBACK } from './amqp.ts';
import { readFlags, readPort, runCommand, stopOnSignal } from './command.ts';
import { readEmulatorConfig } from './emulator-config.ts';
import type { EntityPlan } from './entity-plan.ts';
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

/** @throws ConfigError naming the file, and in it line and column or path and value */
function readPlan(file: string, strict: boolean): EntityPlan {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new ConfigError(`${file} cannot be read: ${faultOf(error)}`);
  }
  const { plan, warnings } = readEmulatorConfig(text, { origin: file, strict });
  for (const warning of warnings) console.error(`warning: ${warning}`);
  return plan;
}

/** @throws ConfigError saying which flag to use when a port is taken */
async function start(options: BusOptions): Promise<LocalBus> {
  try {
    return await startBus(options);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'EADDRINUSE') {
      const port = error instanceof Error && 'port' in error ? error.port : options.port;
      const flag = port === options.adminPort && port !== options.port ? '--admin-port' : '--port';
      throw new ConfigError(`port ${port} is in use; choose another with ${flag}`);
    }
    if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') {
      throw new ConfigError(`this machine has no address ${options.host}; choose another with --host`);
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
  const bus = await start({
    port: readPort('port', values.port),
    adminPort: readPort('admin-port', values['admin-port']),
    host: values.host,
    plan: values.config === undefined ? undefined : readPlan(values.config, values.strict),
  });
  stopOnSignal(() => bus.close());
  const { url, connectionString, adminUrl } = bus;
  if (values.json) console.log(JSON.stringify({ url, connectionString, adminUrl }));
  else {
    console.log(`ready ${url}`);
    console.log(`ServiceBus=${connectionString}`);
    console.log(`administration ${adminUrl}`);
  }
});
