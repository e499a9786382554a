/**
 * `npm run table`: Azurite's Table Storage, and its blobs for a Functions host that needs them. `npm start` runs this file
 * in a thread, which always ends with the process.
 */
import { join, resolve } from 'node:path';
import { isMainThread, parentPort } from 'node:worker_threads';
import { appDirectory, explain, print, readFlags, readPort, runCommand, stopOnSignal } from '../terminal/command.ts';
import { TABLE } from '../terminal/usages.ts';
import { startBlobs, startTable } from './azurite.ts';

/** The ports that `UseDevelopmentStorage=true` means. */
const [BLOB_PORT, TABLE_PORT] = [10_000, 10_002];

function readOptions() {
  const { values } = readFlags(TABLE.usage, TABLE.flags);
  const location = resolve(values.location ?? join(appDirectory(), '.azurite'));
  return {
    port: readPort('port', values.port),
    location: values['in-memory'] ? undefined : location,
    blobPort: values.blobs ? readPort('blob-port', values['blob-port']) : undefined,
  };
}

if (isMainThread) {
  await runCommand(async () => {
    const { port, location, blobPort } = readOptions();
    const table = await startTable(port, location);
    const blobs = blobPort === undefined ? undefined : await startBlobs(blobPort);
    stopOnSignal(async () => void (await Promise.all([table.close(), blobs?.close()])));
    print(`ready ${table.url}`);
    print(`StateStore=${port === TABLE_PORT ? 'UseDevelopmentStorage=true' : table.connectionString}`);
    if (!blobs) return;
    print(`AzureWebJobsStorage=${blobPort === BLOB_PORT ? 'UseDevelopmentStorage=true' : blobs.connectionString}`);
  });
} else {
  const { port, location } = readOptions();
  startTable(port, location).then(
    ({ connectionString, url }) => parentPort?.postMessage({ connectionString, url }),
    (error: unknown) => parentPort?.postMessage({ error: explain(error) }),
  );
}
