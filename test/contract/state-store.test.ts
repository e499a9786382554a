import { afterAll } from 'vitest';
import { MemoryStateStore } from '../../shared/adapters/memory-store.ts';
import { createTableStorage } from '../../shared/adapters/table-storage.ts';
import { type Azurite, startAzurite } from '../support/azurite.ts';
import { stateStoreContract } from './state-store.ts';

stateStoreContract('MemoryStateStore', async () => new MemoryStateStore());

let azurite: Azurite | undefined;
afterAll(() => azurite?.close());

stateStoreContract('TableStateStore on Azurite', async () => {
  azurite = await startAzurite();
  return createTableStorage({ connectionString: azurite.connectionString }, 'contract');
});
