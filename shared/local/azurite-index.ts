/**
 * An index for Azurite's tables, by partition and row key as Table Storage has one. Azurite looks at every entity of a table
 * for each query, and at every entity of the partition for each point read and write: what takes a millisecond in Azure takes
 * a second here, once a table holds a few hundred thousand. The answers are Azurite's own; this finds them sooner.
 */

/** As Azurite keeps it. */
interface Entity {
  readonly PartitionKey: string;
  readonly RowKey: string;
}

/** What is used of a collection of LokiJS, in which Azurite keeps a table. */
interface Collection {
  readonly data: readonly Entity[];
  findOne(query: Partial<Entity>): Entity | null;
  on(event: 'insert' | 'update' | 'delete', listener: (entity: Entity) => void): void;
}

interface QueryOptions {
  readonly filter?: string;
  readonly top?: number;
}

export type PredicateOf = (options: QueryOptions, context: unknown) => (entity: Entity) => boolean;

type QueryAnswer = readonly [entities: Entity[], nextPartitionKey: string | undefined, nextRowKey: string | undefined];

/** What is used of Azurite's `LokiTableMetadataStore`. */
export interface TableStore {
  getEntityCollection(account: string, table: string, context: unknown): Collection;
  queryTableEntities(
    context: unknown,
    account: string,
    table: string,
    options: QueryOptions,
    nextPartitionKey?: string,
    nextRowKey?: string,
  ): Promise<QueryAnswer>;
}

/** One partition's entities. */
class Partition {
  readonly #byKey = new Map<string, Entity>();
  /** In order. */
  readonly #keys: string[] = [];

  get(key: string): Entity | undefined {
    return this.#byKey.get(key);
  }

  set(entity: Entity): void {
    if (!this.#byKey.has(entity.RowKey)) this.#keys.splice(this.#placeOf(entity.RowKey), 0, entity.RowKey);
    this.#byKey.set(entity.RowKey, entity);
  }

  delete(key: string): void {
    if (this.#byKey.delete(key)) this.#keys.splice(this.#placeOf(key), 1);
  }

  /** From a key on, in order. */
  *from(first: string): Iterable<Entity> {
    for (let place = this.#placeOf(first); place < this.#keys.length; place++) {
      const entity = this.#byKey.get(this.#keys[place] ?? '');
      if (entity) yield entity;
    }
  }

  /** How many keys are before it, which are none after it. */
  #placeOf(key: string): number {
    let [low, high] = [0, this.#keys.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#keys[middle] ?? '') < key) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

type Index = Map<string, Partition>;

const indexes = new WeakMap<Collection, Index>();

/** Made when a table is first asked for, and kept by the collection's own events. */
function indexOf(collection: Collection): Index {
  const known = indexes.get(collection);
  if (known) return known;
  const index: Index = new Map();
  const add = (entity: Entity): void => {
    const partition = index.get(entity.PartitionKey) ?? new Partition();
    index.set(entity.PartitionKey, partition);
    partition.set(entity);
  };
  for (const entity of collection.data.toSorted((a, b) => (a.RowKey < b.RowKey ? -1 : 1))) add(entity);
  collection.on('insert', add);
  collection.on('update', add);
  collection.on('delete', ({ PartitionKey, RowKey }) => index.get(PartitionKey)?.delete(RowKey));
  const findOne = collection.findOne.bind(collection);
  collection.findOne = (query) => {
    const { PartitionKey, RowKey, ...others } = query;
    if (PartitionKey === undefined || RowKey === undefined || Object.keys(others).length > 0) return findOne(query);
    return index.get(PartitionKey)?.get(RowKey) ?? null;
  };
  indexes.set(collection, index);
  return index;
}

const QUOTED = "'((?:[^']|'')*)'";
/** A range of one partition, which may be narrowed by what comes after. */
const RANGE = new RegExp(
  `^PartitionKey eq ${QUOTED}(?: and RowKey ge ${QUOTED})?(?: and RowKey lt ${QUOTED})?(?: and \\w+ eq ${QUOTED})*$`,
);
const MAX_RESULTS = 1_000;

/**
 * Gives the tables of a store an index. Queries of another shape than a range of one partition are left to Azurite.
 *
 * @param predicateOf Azurite's own reading of a filter
 */
export function indexTables(store: TableStore, predicateOf: PredicateOf): void {
  const getEntityCollection = store.getEntityCollection.bind(store);
  const queryTableEntities = store.queryTableEntities.bind(store);
  store.getEntityCollection = (...asked) => {
    const collection = getEntityCollection(...asked);
    indexOf(collection);
    return collection;
  };
  store.queryTableEntities = async (context, account, table, options, ...after) => {
    const [, partition, from = '', to] = RANGE.exec(options.filter ?? '')?.map(unquoted) ?? [];
    if (partition === undefined) return queryTableEntities(context, account, table, options, ...after);
    const entities = indexOf(getEntityCollection(account, table, context)).get(partition);
    const fits = predicateOf(options, context);
    const [, afterKey = ''] = after.map((header) => header && Buffer.from(header, 'base64').toString());
    const max = Math.min(options.top ?? MAX_RESULTS, MAX_RESULTS);
    const found: Entity[] = [];
    for (const entity of entities?.from(afterKey > from ? afterKey : from) ?? []) {
      if (to !== undefined && entity.RowKey >= to) break;
      if (!fits(entity)) continue;
      if (found.length === max) return [found, headerOf(entity.PartitionKey), headerOf(entity.RowKey)];
      found.push(entity);
    }
    return [found, undefined, undefined];
  };
}

function unquoted(text: string | undefined): string | undefined {
  return text?.replaceAll("''", "'");
}

/** How Azurite says where the next page begins. */
function headerOf(key: string): string {
  return Buffer.from(key, 'utf8').toString('base64');
}
