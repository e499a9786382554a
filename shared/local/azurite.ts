/** Azurite's services on loopback: tables for the app's state, blobs for what the Functions host keeps. */
import type { Server as HttpServer } from 'node:http';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { UsageError } from '../terminal/command.ts';
import { makeDirectory } from '../terminal/flag-files.ts';
import { indexTables, type PredicateOf, type TableStore } from './azurite-index.ts';

/** The modules of Azurite's commands. Azurite exports neither them nor types. */
interface AzuriteServer {
  start(): Promise<void>;
  close(): Promise<void>;
  getHttpServerAddress(): string;
}
interface AzuriteTableServer extends AzuriteServer {
  readonly metadataStore: TableStore;
  readonly httpServer: HttpServer;
}
interface AzuriteModules<Server> {
  Server: new (configuration: unknown) => Server;
  Configuration: new (...positional: unknown[]) => unknown;
}

function loadAzurite(service: 'Table'): AzuriteModules<AzuriteTableServer>;
function loadAzurite(service: 'Blob'): AzuriteModules<AzuriteServer>;
function loadAzurite(service: 'Table' | 'Blob'): AzuriteModules<AzuriteServer> {
  const require = createRequire(import.meta.url);
  const folder = `azurite/dist/src/${service.toLowerCase()}`;
  return {
    Server: require(`${folder}/${service}Server`).default,
    Configuration: require(`${folder}/${service}Configuration`).default,
  };
}

function loadPredicates(): PredicateOf {
  const require = createRequire(import.meta.url);
  return require('azurite/dist/src/table/persistence/LokiTableStoreQueryGenerator').default
    .generateQueryForPersistenceLayer;
}

/** A running service of Azurite's. */
export interface StorageService {
  readonly connectionString: string;
  readonly url: string;
  close(): Promise<void>;
}

/** Azurite's fixed account, whose key is public. */
const ACCOUNT = 'devstoreaccount1';
const KEY = 'Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==';

function serviceOf(server: AzuriteServer, endpoint: 'TableEndpoint' | 'BlobEndpoint'): StorageService {
  const url = server.getHttpServerAddress();
  return {
    url,
    connectionString: `DefaultEndpointsProtocol=http;AccountName=${ACCOUNT};AccountKey=${KEY};${endpoint}=${url}/${ACCOUNT};`,
    close: () => server.close(),
  };
}

/** What both configurations take by place: port and time-out before their databases, and the rest after. */
const KEEP_ALIVE_SECONDS = 60;
const [NO_ACCESS_LOG, NO_DEBUG_LOG, IS_LOOSE, SKIP_API_VERSION_CHECK] = [false, false, false, true];
const LOGS = [NO_ACCESS_LOG, undefined, NO_DEBUG_LOG, undefined];
const SERVING = [IS_LOOSE, SKIP_API_VERSION_CHECK, '', '', '', undefined, false];

/**
 * Starts the Table service. Without a location it keeps the tables in memory. Rejects when the port is taken.
 *
 * @throws UsageError when the location cannot be used
 */
export async function startTable(port: number, location: string | undefined): Promise<StorageService> {
  const { Server, Configuration } = loadAzurite('Table');
  if (location !== undefined) makeDirectory('location', location);
  const database = join(location ?? '', '__azurite_db_table__.json');
  // Its logs come in another order.
  const logs = [NO_DEBUG_LOG, NO_ACCESS_LOG, undefined, undefined];
  const server = new Server(
    new Configuration('127.0.0.1', port, KEEP_ALIVE_SECONDS, database, ...logs, ...SERVING, location === undefined),
  );
  indexTables(server.metadataStore, loadPredicates());
  // Azurite reads each chunk of a JSON body as a text: a letter of two bytes that lies in two chunks would be lost.
  server.httpServer.prependListener('request', (request) => {
    if (request.headers['content-type']?.startsWith('application/json')) request.setEncoding('utf8');
  });
  await server.start().catch((error: unknown) => {
    const isOfPort = error instanceof Error && 'port' in error;
    throw location === undefined || isOfPort ? error : locationError(location, error);
  });
  return serviceOf(server, 'TableEndpoint');
}

/**
 * Starts the Blob service, in memory: the host keeps nothing there that it does not make anew. Rejects when the port is
 * taken.
 */
export async function startBlobs(port: number): Promise<StorageService> {
  const { Server, Configuration } = loadAzurite('Blob');
  const databases = ['__azurite_db_blob__.json', '__azurite_db_blob_extent__.json', undefined];
  const server = new Server(
    new Configuration('127.0.0.1', port, KEEP_ALIVE_SECONDS, ...databases, ...LOGS, ...SERVING, true),
  );
  await server.start();
  return serviceOf(server, 'BlobEndpoint');
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
