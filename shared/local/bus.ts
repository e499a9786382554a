/** `npm run bus`: the in-memory Service Bus alone. */
import { readFileSync } from 'node:fs';
import { ConfigError } from '../errors.ts';
import { readFlags, readPort, runCommand, stopOnSignal } from './command.ts';
import { readEmulatorConfig } from './emulator-config.ts';
import type { EntityPlan } from './entity-plan.ts';
import { type BusOptions, type LocalBus, startBus } from './start-bus.ts';
import { BUS } from './usages.ts';

/** @throws ConfigError naming the file, and in it line and column or path and value */
function readPlan(file: string, strict: boolean): EntityPlan {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw new ConfigError(`${file} cannot be read: ${cause instanceof Error ? cause.message : cause}`, { cause });
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
  const { values } = readFlags(BUS.usage, BUS.flags);
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
