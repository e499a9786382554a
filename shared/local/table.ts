/**
 * `npm run table`: Azurite's Table Storage alone. `npm start` runs this file in a thread, which always ends with the
 * process.
 */
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { isMainThread, parentPort } from 'node:worker_threads';
import {
  appDirectory,
  explain,
  print,
  readFlags,
  readPort,
  runCommand,
  stopOnSignal,
  UsageError,
} from '../terminal/command.ts';
import { makeDirectory } from '../terminal/flag-files.ts';
import { TABLE } from '../terminal/usages.ts';

/** The modules of Azurite's Table command. Azurite exports neither them nor types. */
interface TableServer {
  start(): Promise<void>;
  close(): Promise<void>;
  getHttpServerAddress(): string;
}
interface AzuriteModules {
  Server: new (configuration: unknown) => TableServer;
  Configuration: new (...positional: unknown[]) => unknown;
}

function loadAzurite(): AzuriteModules {
  const require = createRequire(import.meta.url);
  return {
    Server: require('azurite/dist/src/table/TableServer').default,
    Configuration: require('azurite/dist/src/table/TableConfiguration').default,
  };
}

interface Table {
  readonly connectionString: string;
  readonly url: string;
  close(): Promise<void>;
}

/** Azurite's fixed account, whose key is public. */
const ACCOUNT = 'devstoreaccount1';
const KEY = 'Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==';

/**
 * Starts the Table service on loopback. Without a location it keeps the tables in memory. Rejects when the port is
 * taken.
 *
 * @throws UsageError when the location cannot be used
 */
async function startTable(port: number, location: string | undefined): Promise<Table> {
  const { Server, Configuration } = loadAzurite();
  if (location !== undefined) makeDirectory('location', location);
  const database = join(location ?? '', '__azurite_db_table__.json');
  const [keepAliveSeconds, noDebugLog, noAccessLog, isLoose, skipApiVersionCheck] = [60, false, false, false, true];
  const configuration = new Configuration(
    ...['127.0.0.1', port, keepAliveSeconds, database, noDebugLog, noAccessLog, undefined, undefined],
    ...[isLoose, skipApiVersionCheck, '', '', '', undefined, false, location === undefined],
  );
  const server = new Server(configuration);
  await server.start().catch((error: unknown) => {
    const isOfPort = error instanceof Error && 'port' in error;
    throw location === undefined || isOfPort ? error : locationError(location, error);
  });
  const url = server.getHttpServerAddress();
  return {
    url,
    connectionString: `DefaultEndpointsProtocol=http;AccountName=${ACCOUNT};AccountKey=${KEY};TableEndpoint=${url}/${ACCOUNT};`,
    close: () => server.close(),
  };
}

/** The error of a location. Azurite wraps errors of the file system, and passes on those of its JSON parser. */
function locationError(location: string, error: unknown): UsageError {
  const reason =
    error instanceof SyntaxError
      ? 'its file is not JSON'
      : String(error)
          .replace(/^(Error: )+/, '')
          .split(/, |\n/, 1)[0];
  return new UsageError(`--location: cannot keep tables in '${location}': ${reason}`);
}

function readOptions(): { port: number; location: string | undefined } {
  const { values } = readFlags(TABLE.usage, TABLE.flags);
  const location = resolve(values.location ?? join(appDirectory(), '.azurite'));
  return { port: readPort('port', values.port), location: values['in-memory'] ? undefined : location };
}

if (isMainThread) {
  await runCommand(async () => {
    const { port, location } = readOptions();
    const table = await startTable(port, location);
    stopOnSignal(() => table.close());
    print(`ready ${table.url}`);
    print(`StateStore=${port === 10_002 ? 'UseDevelopmentStorage=true' : table.connectionString}`);
  });
} else {
  const { port, location } = readOptions();
  startTable(port, location).then(
    ({ connectionString, url }) => parentPort?.postMessage({ connectionString, url }),
    (error: unknown) => parentPort?.postMessage({ error: explain(error) }),
  );
}
