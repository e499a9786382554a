/** Azurite's tables with our index, beside Azurite's own: the same answers to whatever the app asks and changes. */
import { createRequire } from 'node:module';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { indexTables, type PredicateOf, type TableStore } from '../../../shared/local/azurite-index.ts';

interface Entity {
  readonly PartitionKey: string;
  readonly RowKey: string;
  readonly eTag: string;
  readonly lastModifiedTime: string;
  readonly properties: Record<string, unknown>;
}

/** What the requests of the service come to. */
interface WholeStore extends TableStore {
  init(): Promise<void>;
  createTable(context: object, table: { account: string; table: string }): Promise<void>;
  insertOrUpdateTableEntity(...args: [object, string, string, Entity, string | undefined, string]): Promise<unknown>;
  insertTableEntity(...args: [object, string, string, Entity, string]): Promise<unknown>;
  deleteTableEntity(...args: [object, string, string, string, string, string, string]): Promise<void>;
  queryTableEntitiesWithPartitionAndRowKey(
    ...args: [object, string, string, string, string, string]
  ): Promise<Entity | null>;
  beginBatchTransaction(batch: string): Promise<void>;
  endBatchTransaction(...args: [string, string, string, object, boolean]): Promise<void>;
}

const load = createRequire(import.meta.url);
const persistence = 'azurite/dist/src/table/persistence';
const { default: LokiStore } = load(`${persistence}/LokiTableMetadataStore`);
const { default: generator } = load(`${persistence}/LokiTableStoreQueryGenerator`);
const predicateOf: PredicateOf = generator.generateQueryForPersistenceLayer;

const [ACCOUNT, TABLE, CONTEXT] = ['devstoreaccount1', 'table', {}];

async function newStore(isIndexed: boolean): Promise<WholeStore> {
  const store: WholeStore = new LokiStore('none.json', true);
  await store.init();
  if (isIndexed) indexTables(store, predicateOf);
  await store.createTable(CONTEXT, { account: ACCOUNT, table: TABLE });
  return store;
}

// Numbers among them, which LokiJS orders as numbers; quotes, and what is next to a bound.
const key = fc.constantFrom('1', '10', '9', "o'clock", 'a', 'a|1', 'a|2', 'a|20', 'a:', 'ä', 'b');
const partition = fc.constantFrom('p', "p'q", '7', '07');
const change = fc.record({
  kind: fc.constantFrom('put', 'insert', 'delete', 'failed batch'),
  ...{ partition, key, colour: fc.constantFrom('red', 'blue') },
});
type Change = typeof change extends fc.Arbitrary<infer T> ? T : never;
const query = fc.record(
  { partition, from: key, to: key, colour: fc.constantFrom('red', 'blue'), top: fc.integer({ min: 1, max: 4 }) },
  { requiredKeys: ['partition'] },
);
type Query = typeof query extends fc.Arbitrary<infer T> ? T : never;

async function apply(
  store: WholeStore,
  { kind, partition: PartitionKey, key: RowKey, colour }: Change,
): Promise<string> {
  const entity = {
    ...{ PartitionKey, RowKey, eTag: 'e', lastModifiedTime: '2026' },
    properties: { is_colour: colour },
  };
  const args = [CONTEXT, TABLE, ACCOUNT] as const;
  try {
    if (kind === 'put') await store.insertOrUpdateTableEntity(...args, entity, undefined, '');
    if (kind === 'insert') await store.insertTableEntity(...args, entity, '');
    if (kind === 'delete') await store.deleteTableEntity(...args, PartitionKey, RowKey, '*', '');
    if (kind === 'failed batch') {
      await store.beginBatchTransaction('b');
      await store.insertOrUpdateTableEntity(...args, entity, undefined, 'b');
      await store.endBatchTransaction(ACCOUNT, TABLE, 'b', CONTEXT, false);
    }
    return 'done';
  } catch (error) {
    return String(error);
  }
}

/** Every page of a query. */
async function answersOf(store: WholeStore, { partition: of, from, to, colour, top }: Query): Promise<unknown[]> {
  const quoted = (text: string): string => `'${text.replaceAll("'", "''")}'`;
  const filter = [
    `PartitionKey eq ${quoted(of)}`,
    ...(from === undefined ? [] : [`RowKey ge ${quoted(from)}`]),
    ...(to === undefined ? [] : [`RowKey lt ${quoted(to)}`]),
    ...(colour === undefined ? [] : [`is_colour eq ${quoted(colour)}`]),
  ].join(' and ');
  const pages: unknown[] = [];
  let next: (string | undefined)[] = [];
  do {
    const [found, ...after] = await store.queryTableEntities(
      CONTEXT,
      ACCOUNT,
      TABLE,
      { filter, ...(top !== undefined && { top }) },
      ...next,
    );
    pages.push(found.map((entity) => ({ ...entity, meta: undefined, $loki: undefined })));
    next = after;
  } while (next[0] !== undefined);
  return pages;
}

it('answers every range and every point as Azurite does, whatever was changed before', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(change, { maxLength: 60 }),
      fc.array(query, { maxLength: 10 }),
      async (changes, queries) => {
        const [plain, indexed] = [await newStore(false), await newStore(true)];
        for (const one of changes) expect(await apply(indexed, one)).toBe(await apply(plain, one));

        for (const one of queries) expect(await answersOf(indexed, one)).toEqual(await answersOf(plain, one));

        for (const { partition: of, key: at } of changes) {
          const args = [CONTEXT, TABLE, ACCOUNT, of, at, ''] as const;
          const [own, found] = [plain, indexed].map((store) => store.queryTableEntitiesWithPartitionAndRowKey(...args));
          expect((await found)?.properties).toEqual((await own)?.properties);
        }
      },
    ),
    { numRuns: 60 },
  );
});

it('leaves queries of another shape to Azurite', async () => {
  const store = await newStore(true);
  await apply(store, { kind: 'put', partition: 'p', key: 'a', colour: 'red' });
  await apply(store, { kind: 'put', partition: '7', key: 'b', colour: 'blue' });
  const ask = async (filter: string): Promise<string[]> =>
    (await store.queryTableEntities(CONTEXT, ACCOUNT, TABLE, { filter }))[0].map(({ RowKey }) => RowKey);

  expect(await ask("PartitionKey eq 'p' or RowKey eq 'b'")).toEqual(['b', 'a']);
  expect(await ask("is_colour eq 'blue'")).toEqual(['b']);
  expect(await ask("PartitionKey eq 'p' and RowKey ge 'a' or PartitionKey eq '7'")).toEqual(['b', 'a']);
});
