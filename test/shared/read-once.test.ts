import { expect, it } from 'vitest';
import { MemoryStateStore } from '../../shared/adapters/memory-store.ts';
import { ConflictError } from '../../shared/errors.ts';
import type { StateStore } from '../../shared/ports/state.ts';
import { readOnce, updateDocument } from '../../shared/update-document.ts';

interface Counter {
  readonly n: number;
}

/** A store, and how often it was read. */
function counted(): { real: StateStore; reads: () => number } {
  const real = new MemoryStateStore();
  const get = real.get.bind(real);
  let reads = 0;
  real.get = (partition, key) => {
    reads++;
    return get(partition, key);
  };
  return { real, reads: () => reads };
}

const increment = (current: Counter | undefined): Counter => ({ n: (current?.n ?? 0) + 1 });

it('reads a document once, however often it is changed', async () => {
  const { real, reads } = counted();
  const state = readOnce(real);

  for (let n = 0; n < 3; n++) await updateDocument(state, 'p', 'k', increment);

  expect(reads()).toBe(1);
  expect((await real.get<Counter>('p', 'k'))?.value).toEqual({ n: 3 });
});

it("does not lose another's change", async () => {
  const { real } = counted();
  const state = readOnce(real);
  await updateDocument(state, 'p', 'k', increment);
  await updateDocument(real, 'p', 'k', () => ({ n: 10 }));

  expect(await updateDocument(state, 'p', 'k', increment)).toEqual({ n: 11 });

  expect((await real.get<Counter>('p', 'k'))?.value).toEqual({ n: 11 });
});

it('keeps documents apart, and asks again for what was not there', async () => {
  const { real, reads } = counted();
  const state = readOnce(real);

  expect(await state.get('p', 'k')).toBeUndefined();
  await real.insert('p', 'k', { n: 1 });
  await real.insert('pk', '', { n: 2 });

  expect(await state.get('p', 'k')).toMatchObject({ value: { n: 1 } });
  expect(await state.get('pk', '')).toMatchObject({ value: { n: 2 } });
  expect(reads()).toBe(3);
});

it('forgets what it knew when something is deleted, or changed in a transaction', async () => {
  const { real } = counted();
  const state = readOnce(real);
  const etag = await state.insert('p', 'k', { n: 1 });
  await state.transact('p', [{ kind: 'put', key: 'k', value: { n: 2 }, etag }]);
  expect(await state.get('p', 'k')).toMatchObject({ value: { n: 2 } });
  await expect(state.put('p', 'k', { n: 3 }, etag)).rejects.toThrow(ConflictError);

  await state.delete('p', 'k', '*');

  expect(await state.get('p', 'k')).toBeUndefined();
});
