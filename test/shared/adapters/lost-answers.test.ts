/** A write to Table Storage whose answer is lost: it was made, and sending it again is no conflict with itself. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createTableStorage } from '../../../shared/adapters/table-storage.ts';
import { ConflictError } from '../../../shared/errors.ts';
import type { StateStore } from '../../../shared/ports/state.ts';
import { type Azurite, startAzurite } from '../../support/azurite.ts';
import { startTableProxy, type TableProxy } from '../../support/table-proxy.ts';

let azurite: Azurite;
let proxy: TableProxy;
/** Through the proxy, and past it. */
let store: StateStore;
let other: StateStore;
let partition: string;
let count = 0;

beforeAll(async () => {
  azurite = await startAzurite();
  proxy = await startTableProxy(azurite.connectionString);
  store = await createTableStorage({ connectionString: proxy.connectionString }, 'lost');
  other = await createTableStorage({ connectionString: azurite.connectionString }, 'lost');
  await store.ping();
  await store.insert('made', 'table', {});
});
afterAll(async () => {
  await proxy.close();
  await azurite.close();
});
beforeEach(() => {
  partition = `p-${++count}`;
  proxy.onLoss = async () => {};
});

const isWrite = (call: string): boolean => !call.startsWith('GET');

describe('a write whose answer is lost', () => {
  it('is recognised when it inserted', async () => {
    proxy.loseAnswer(isWrite);

    const etag = await store.insert(partition, 'key', { n: 1 });

    expect(await other.get(partition, 'key')).toEqual({ key: 'key', value: { n: 1 }, etag });
  });

  it('is recognised when it replaced', async () => {
    const first = await store.insert(partition, 'key', { n: 1 });
    proxy.loseAnswer(isWrite);

    const etag = await store.put(partition, 'key', { n: 2 }, first);

    expect(await other.get(partition, 'key')).toEqual({ key: 'key', value: { n: 2 }, etag });
  });

  it('is recognised when it was a transaction', async () => {
    const first = await store.insert(partition, 'put', { n: 1 });
    await store.insert(partition, 'gone', {});
    proxy.loseAnswer(isWrite);

    const etags = await store.transact(partition, [
      { kind: 'delete', key: 'gone' },
      { kind: 'put', key: 'put', value: { n: 2 }, etag: first },
      { kind: 'insert', key: 'new', value: {} },
    ]);

    expect(etags).toEqual([
      undefined,
      (await other.get(partition, 'put'))?.etag,
      (await other.get(partition, 'new'))?.etag,
    ]);
  });

  it('is a conflict when somebody else wrote since, even the very same', async () => {
    const first = await store.insert(partition, 'key', { n: 1 });
    proxy.onLoss = async () => void (await other.put(partition, 'key', { n: 2 }, '*'));

    proxy.loseAnswer(isWrite);
    await expect(store.put(partition, 'key', { n: 2 }, first)).rejects.toThrow(ConflictError);
    proxy.loseAnswer(isWrite);
    const operation = { kind: 'put', key: 'key', value: { n: 2 }, etag: '*' } as const;
    await expect(store.transact(partition, [operation, { kind: 'insert', key: 'new', value: {} }])).rejects.toThrow(
      ConflictError,
    );
  });
});
