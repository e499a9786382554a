/** What every `StateStore` does, whatever is behind it. */
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { ConflictError, PermanentError } from '../../shared/errors.ts';
import type { Query, StateStore } from '../../shared/ports/state.ts';

/** Partitions are unique per test, so that a store may be shared. */
let partitions = 0;
const newPartition = (): string => `contract-${Date.now()}-${++partitions}`;

export function stateStoreContract(name: string, open: () => Promise<StateStore>): void {
  describe(`${name} as a StateStore`, () => {
    let store: StateStore;
    beforeAll(async () => {
      store = await open();
    });

    async function keysOf(partition: string, query?: Query): Promise<string[]> {
      const keys: string[] = [];
      for await (const { key } of store.query(partition, query)) keys.push(key);
      return keys;
    }

    it('answers that it is there', async () => {
      await expect(store.ping()).resolves.toBeUndefined();
    });

    it('gives back what was inserted, with its etag', async () => {
      const partition = newPartition();
      const value = { text: 'ü€😀', number: 1.5, nothing: null, nested: { list: [1, 'two', { three: true }] } };

      const etag = await store.insert(partition, 'key', value);

      expect(await store.get(partition, 'key')).toEqual({ key: 'key', value, etag });
    });

    it('has nothing where nothing was put', async () => {
      const partition = newPartition();

      expect(await store.get(partition, 'key')).toBeUndefined();
      expect(await keysOf(partition)).toEqual([]);
    });

    it('refuses to insert a key that exists, and keeps what was there', async () => {
      const partition = newPartition();
      await store.insert(partition, 'key', { n: 1 });

      await expect(store.insert(partition, 'key', { n: 2 })).rejects.toThrow(ConflictError);

      expect((await store.get(partition, 'key'))?.value).toEqual({ n: 1 });
    });

    it('replaces the whole value of the etag that it was read with', async () => {
      const partition = newPartition();
      const first = await store.insert(partition, 'key', { n: 1, old: true });

      const second = await store.put(partition, 'key', { n: 2 }, first);

      expect(second).not.toBe(first);
      expect(await store.get(partition, 'key')).toEqual({ key: 'key', value: { n: 2 }, etag: second });
    });

    it.each([
      ['changed', async (partition: string, etag: string) => void (await store.put(partition, 'key', { n: 9 }, etag))],
      ['is gone', (partition: string, etag: string) => store.delete(partition, 'key', etag)],
    ])('refuses to put when the value %s since it was read', async (_, change) => {
      const partition = newPartition();
      const etag = await store.insert(partition, 'key', { n: 1 });
      await change(partition, etag);

      await expect(store.put(partition, 'key', { n: 2 }, etag)).rejects.toThrow(ConflictError);
    });

    it("replaces or inserts whatever the etag with '*'", async () => {
      const partition = newPartition();

      await store.put(partition, 'key', { n: 1 }, '*');
      await store.put(partition, 'key', { n: 2 }, '*');

      expect((await store.get(partition, 'key'))?.value).toEqual({ n: 2 });
    });

    it('deletes by etag, and does not mind what is gone already', async () => {
      const partition = newPartition();
      const etag = await store.insert(partition, 'key', {});

      await store.delete(partition, 'key', etag);

      expect(await store.get(partition, 'key')).toBeUndefined();
      await expect(store.delete(partition, 'key', etag)).resolves.toBeUndefined();
    });

    it('refuses to delete what has changed', async () => {
      const partition = newPartition();
      const etag = await store.insert(partition, 'key', { n: 1 });
      await store.put(partition, 'key', { n: 2 }, etag);

      await expect(store.delete(partition, 'key', etag)).rejects.toThrow(ConflictError);
    });

    it('lets one of many concurrent writers win', async () => {
      const partition = newPartition();
      const etag = await store.insert(partition, 'key', { n: 0 });

      const outcomes = await Promise.allSettled(
        Array.from({ length: 8 }, (_, n) => store.put(partition, 'key', { n }, etag)),
      );

      expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    });

    describe('transact', () => {
      it('inserts, replaces and deletes in one, and gives the etags in order', async () => {
        const partition = newPartition();
        const first = await store.insert(partition, 'put', { n: 1 });
        await store.insert(partition, 'any', { n: 1 });
        await store.insert(partition, 'gone', {});

        const etags = await store.transact(partition, [
          { kind: 'insert', key: 'new', value: { text: "ü€😀 it's\r\n--changeset {}" } },
          { kind: 'delete', key: 'gone' },
          { kind: 'put', key: 'put', value: { n: 2 }, etag: first },
          { kind: 'put', key: 'any', value: { n: 2 }, etag: '*' },
          { kind: 'put', key: 'a/b#c?', value: { n: 2 }, etag: '*' },
        ]);

        expect(await store.get(partition, 'new')).toEqual({
          key: 'new',
          value: { text: "ü€😀 it's\r\n--changeset {}" },
          etag: etags[0],
        });
        expect(etags[1]).toBeUndefined();
        expect(await store.get(partition, 'gone')).toBeUndefined();
        for (const [key, etag] of [
          ['put', etags[2]],
          ['any', etags[3]],
          ['a/b#c?', etags[4]],
        ] as const) {
          expect(await store.get(partition, key)).toEqual({ key, value: { n: 2 }, etag });
          await store.put(partition, key, { n: 3 }, etag ?? '');
        }
      });

      it.each([
        ['inserts a key that exists', { kind: 'insert', key: 'key', value: { n: 2 } }],
        ['puts what has changed', { kind: 'put', key: 'key', value: { n: 2 }, etag: 'old' }],
        ['puts what is gone', { kind: 'put', key: 'gone', value: { n: 2 }, etag: 'old' }],
        ['deletes what is not there', { kind: 'delete', key: 'gone' }],
      ] as const)('changes nothing when one of it %s', async (_, operation) => {
        const partition = newPartition();
        const old = await store.insert(partition, 'key', { n: 0 });
        const etag = await store.put(partition, 'key', { n: 1 }, old);
        const one = operation.kind === 'put' ? { ...operation, etag: old } : operation;

        const attempt = store.transact(partition, [
          { kind: 'insert', key: 'before', value: {} },
          one,
          { kind: 'insert', key: 'later', value: {} },
        ]);

        await expect(attempt).rejects.toThrow(ConflictError);
        expect(await keysOf(partition)).toEqual(['key']);
        expect(await store.get(partition, 'key')).toEqual({ key: 'key', value: { n: 1 }, etag });
      });

      it('lets one of many concurrent transactions win, whole', async () => {
        const partition = newPartition();

        const outcomes = await Promise.allSettled(
          Array.from({ length: 8 }, (_, n) =>
            store.transact(partition, [
              { kind: 'insert', key: 'claim', value: { n } },
              { kind: 'put', key: `row-${n}`, value: { n }, etag: '*' },
            ]),
          ),
        );

        expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
        const winner = (await store.get<{ n: number }>(partition, 'claim'))?.value.n;
        expect(await keysOf(partition)).toEqual(['claim', `row-${winner}`]);
      });

      it('takes a hundred operations, and no more', async () => {
        const partition = newPartition();
        const operations = Array.from({ length: 101 }, (_, n) => {
          return { kind: 'insert', key: String(n).padStart(3, '0'), value: { n } } as const;
        });

        await expect(store.transact(partition, operations)).rejects.toThrow(/1 to 100 operations, got 101/);
        await expect(store.transact(partition, [])).rejects.toThrow(PermanentError);
        expect(await store.transact(partition, operations.slice(1))).toHaveLength(100);
        expect(await keysOf(partition)).toHaveLength(100);
      });

      it('takes 4 MiB as sent, and no more', async () => {
        const partition = newPartition();
        const operations = Array.from({ length: 5 }, (_, n) => {
          return { kind: 'insert', key: `${n}`, value: { text: 'x'.repeat(690 * 1024) } } as const;
        });

        await expect(store.transact(partition, operations)).rejects.toThrow(/at most 4194304/);
        await store.transact(partition, operations.slice(1));
        expect(await keysOf(partition)).toEqual(['1', '2', '3', '4']);
      });

      it('refuses a key that is named twice, and a value that is none, and changes nothing', async () => {
        const partition = newPartition();
        const insert = { kind: 'insert', key: 'key', value: {} } as const;

        await expect(store.transact(partition, [insert, insert])).rejects.toThrow(/'key' twice/);
        const none = { kind: 'insert', key: 'none', value: undefined } as const;
        await expect(store.transact(partition, [insert, none])).rejects.toThrow(PermanentError);
        const large = { kind: 'insert', key: 'large', value: 'x'.repeat(800 * 1024) } as const;
        await expect(store.transact(partition, [insert, large])).rejects.toThrow(/at most 716800/);
        expect(await keysOf(partition)).toEqual([]);
      });
    });

    it.each([
      '/',
      '\\',
      '#',
      '?',
      '%',
      '..',
      ' ',
      "'",
      '"',
      'a b',
      'a/b#c?d\\e',
      '\t\n\u007f',
      '日本/語',
      '😀',
      '',
      '!',
      '~',
    ])('takes %j as a partition and a key', async (text) => {
      const partition = `${newPartition()}${text}`;

      await store.insert(partition, text, { text });

      expect(await store.get(partition, text)).toMatchObject({ key: text, value: { text } });
      expect(await keysOf(partition)).toEqual([text]);
      await store.delete(partition, text, '*');
      expect(await keysOf(partition)).toEqual([]);
    });

    it('keeps keys apart that differ in anything', async () => {
      const partition = newPartition();
      const keys = ['a', 'A', 'a.', 'a/', 'a.0', 'a.1', 'a0', '%2F', '/', '!21', '!'];

      for (const key of keys) await store.insert(partition, key, { key });

      expect(new Set(await keysOf(partition))).toEqual(new Set(keys));
    });

    it('lists in key order, also of characters that keys cannot hold as they are', async () => {
      const partition = newPartition();
      const keys = Array.from({ length: 95 }, (_, n) => `k${String.fromCharCode(0x20 + n)}x`);

      await Promise.all(keys.map((key) => store.insert(partition, key, {})));

      expect(await keysOf(partition)).toEqual(keys);
    });

    it('lists from a key, before a key, and up to a limit', async () => {
      const partition = newPartition();
      for (const key of ['a', 'b', 'c', 'd']) await store.insert(partition, key, {});

      expect(await keysOf(partition, { from: 'b' })).toEqual(['b', 'c', 'd']);
      expect(await keysOf(partition, { to: 'c' })).toEqual(['a', 'b']);
      expect(await keysOf(partition, { from: 'b', limit: 2 })).toEqual(['b', 'c']);
      expect(await keysOf(partition, { limit: 0 })).toEqual([]);
    });

    it('finds values by their fields, whatever their type', async () => {
      const partition = newPartition();
      await store.insert(partition, 'a', { type: 'X', n: 1, yes: true, "o'clock": 'x' });
      await store.insert(partition, 'b', { type: 'Y', n: 1.5, yes: false });
      await store.insert(partition, 'c', { type: "it's", n: '1' });
      await store.insert(partition, 'd', { type: 'X'.repeat(10_000) });

      expect(await keysOf(partition, { where: { type: 'X' } })).toEqual(['a']);
      expect(await keysOf(partition, { where: { type: "it's" } })).toEqual(['c']);
      expect(await keysOf(partition, { where: { n: 1 } })).toEqual(['a']);
      expect(await keysOf(partition, { where: { n: 1.5, yes: false } })).toEqual(['b']);
      expect(await keysOf(partition, { where: { n: '1' } })).toEqual(['c']);
      expect(await keysOf(partition, { where: { type: 'X'.repeat(10_000) } })).toEqual(['d']);
      expect(await keysOf(partition, { where: { "o'clock": 'x' } })).toEqual(['a']);
      expect(await keysOf(partition, { where: { absent: 'x' } })).toEqual([]);
    });

    it('follows pages', async () => {
      const partition = newPartition();
      const keys = Array.from({ length: 1_050 }, (_, n) => String(n).padStart(4, '0'));
      for (let at = 0; at < keys.length; at += 50) {
        await Promise.all(keys.slice(at, at + 50).map((key) => store.insert(partition, key, {})));
      }

      expect(await keysOf(partition)).toEqual(keys);
      expect(await keysOf(partition, { limit: 1_020 })).toHaveLength(1_020);
    });

    it.each([31, 33, 64, 65, 300, 690])('takes a value of %i KiB', async (kib) => {
      const partition = newPartition();
      const value = { text: 'ä'.repeat((kib * 1024) / 2 - 100) };

      await store.insert(partition, 'key', value);

      expect((await store.get(partition, 'key'))?.value).toEqual(value);
    });

    it('refuses a value that is too large, saying so', async () => {
      const value = { text: 'x'.repeat(800 * 1024) };

      await expect(store.insert(newPartition(), 'key', value)).rejects.toThrow(PermanentError);
      await expect(store.insert(newPartition(), 'key', value)).rejects.toThrow(/at most 716800/);
    });

    it('copies at the boundary', async () => {
      const partition = newPartition();
      const value = { list: [1] };
      await store.insert(partition, 'key', value);
      value.list.push(2);

      const read = await store.get<typeof value>(partition, 'key');
      read?.value.list.push(3);

      expect((await store.get(partition, 'key'))?.value).toEqual({ list: [1] });
    });

    it('takes any text as a key, and any JSON as a value', async () => {
      const partition = newPartition();
      await fc.assert(
        fc.asyncProperty(fc.string({ unit: 'binary', maxLength: 40 }), fc.jsonValue(), async (key, json) => {
          const value = { json };

          await store.put(partition, key, value, '*');

          expect(await store.get(partition, key)).toMatchObject({ key, value: JSON.parse(JSON.stringify(value)) });
        }),
        { numRuns: 50 },
      );
    });
  });
}
