/** Azurite's Table service in this process, on a free port, keeping nothing. */
import { createRequire } from 'node:module';

export interface Azurite {
  readonly connectionString: string;
  close(): Promise<void>;
}

/** Azurite's fixed account; its key is public. */
const ACCOUNT =
  'AccountName=devstoreaccount1;AccountKey=Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==';

/** @param url such as `http://127.0.0.1:10002` */
export function tableConnectionString(url: string): string {
  return `DefaultEndpointsProtocol=http;${ACCOUNT};TableEndpoint=${url}/devstoreaccount1;`;
}

export async function startAzurite(port = 0): Promise<Azurite> {
  const require = createRequire(import.meta.url);
  // Azurite has no types; its configuration takes its many arguments by place.
  const { default: Server } = require('azurite/dist/src/table/TableServer');
  const { default: Configuration } = require('azurite/dist/src/table/TableConfiguration');
  const place = ['127.0.0.1', port, 5, '__azurite_db_table__.json'];
  const logs = [false, false, undefined, undefined];
  const [isLoose, skipApiVersionCheck] = [false, true];
  const server = new Server(
    new Configuration(...place, ...logs, isLoose, skipApiVersionCheck, '', '', '', undefined, false, true),
  );
  await server.start();
  return { connectionString: tableConnectionString(server.getHttpServerAddress()), close: () => server.close() };
}
