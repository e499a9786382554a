/** `npm run bus`: the in-memory Service Bus alone, with this build's topology. */
import { ConfigError } from '../errors.ts';
import { topology } from '../topology.ts';
import { type AmqpServer, connectionString, DEFAULT_PORT, LOOPBACK, startAmqp } from './amqp.ts';
import { applyTopology } from './apply-topology.ts';
import { Broker } from './broker.ts';
import { SystemClock } from './clock.ts';
import { readFlags, readPort, runCommand, stopOnSignal } from './command.ts';

const USAGE = `usage: npm run bus [-- options]

  --port N         port of the AMQP endpoint (${DEFAULT_PORT}); 0 takes any free one
  --host ADDRESS   address to listen on (${LOOPBACK}); on any other than loopback every link needs a token
  --json           print what to connect to as one line of JSON`;

/** @throws ConfigError saying which flag to use when the port is taken */
async function listen(broker: Broker, port: number, host: string): Promise<AmqpServer> {
  try {
    return await startAmqp({ broker, port, host });
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'EADDRINUSE') throw new ConfigError(`port ${port} is in use; choose another with --port`);
    if (code === 'EADDRNOTAVAIL')
      throw new ConfigError(`this machine has no address ${host}; choose another with --host`);
    throw error;
  }
}

await runCommand(async () => {
  const { values } = readFlags(USAGE, {
    port: { type: 'string', default: String(DEFAULT_PORT) },
    host: { type: 'string', default: LOOPBACK },
    json: { type: 'boolean', default: false },
  });
  const broker = new Broker({ clock: new SystemClock() });
  applyTopology(broker, topology);
  const server = await listen(broker, readPort('port', values.port), values.host);
  stopOnSignal(async () => {
    await server.close();
    broker.close();
  });
  const url = `amqp://${server.host}:${server.port}`;
  if (values.json) console.log(JSON.stringify({ url, connectionString: connectionString(server.port) }));
  else {
    console.log(`ready ${url}`);
    console.log(`ServiceBus=${connectionString(server.port)}`);
  }
});
