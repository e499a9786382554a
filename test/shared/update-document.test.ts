import { beforeEach, describe, expect, it } from 'vitest';
import { MemoryStateStore } from '../../shared/adapters/memory-store.ts';
import { ConflictError } from '../../shared/errors.ts';
import { DELETE, updateDocument } from '../../shared/update-document.ts';

interface Count {
  readonly count: number;
}

let state: MemoryStateStore;

beforeEach(() => {
  state = new MemoryStateStore();
});

const add = (found: Count | undefined): Count => ({ count: (found?.count ?? 0) + 1 });
const removeLast = (found: Count | undefined): Count | typeof DELETE =>
  found && found.count > 1 ? { count: found.count - 1 } : DELETE;
const update = (change: (found: Count | undefined) => Count | typeof DELETE | undefined): Promise<Count | undefined> =>
  updateDocument<Count>(state, 'p', 'k', change);
const stored = async (): Promise<Count | undefined> => (await state.get<Count>('p', 'k'))?.value;

describe('updateDocument', () => {
  it('inserts what is missing, then changes what is there', async () => {
    expect(await update(add)).toEqual({ count: 1 });
    expect(await update(add)).toEqual({ count: 2 });

    expect(await stored()).toEqual({ count: 2 });
  });

  it.each([
    ['what was read', (found: Count | undefined) => found],
    ['nothing', () => undefined],
  ])('writes nothing when the change returns %s', async (_, change) => {
    await update(add);
    const before = await state.get('p', 'k');

    await update(change);

    expect(await state.get('p', 'k')).toEqual(before);
  });

  it('deletes the document when the change says so', async () => {
    await update(add);

    expect(await update(removeLast)).toBeUndefined();

    expect(await stored()).toBeUndefined();
  });

  it('deletes nothing where nothing is', async () => {
    expect(await update(removeLast)).toBeUndefined();
  });

  it('loses no change and no deletion to somebody who writes in between', async () => {
    await update(add);
    let isDisturbed = false;
    const seen: (number | undefined)[] = [];
    const disturbed = state.delete.bind(state);
    state.delete = async (partition, key, etag) => {
      if (!isDisturbed) await update(add);
      isDisturbed = true;
      return disturbed(partition, key, etag);
    };

    await update((found) => {
      seen.push(found?.count);
      return removeLast(found);
    });

    expect(seen).toEqual([1, 2]);
    expect(await stored()).toEqual({ count: 1 });
  });

  it('passes the conflict on when others always write in between', async () => {
    await update(add);
    let attempts = 0;
    state.put = async () => {
      attempts++;
      throw new ConflictError('somebody else');
    };

    await expect(update(add)).rejects.toThrow(ConflictError);

    expect(attempts).toBe(10);
  });
});
