/** Azurite's Table service in this process, as `npm start` runs it, on a free port, keeping nothing. */
import { startTable } from '../../shared/local/azurite.ts';

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

export function startAzurite(port = 0): Promise<Azurite> {
  return startTable(port, undefined);
}
