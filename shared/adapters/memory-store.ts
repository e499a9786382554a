/** The state store in this process's memory: for tests, and for runs that may forget. */
import { ConflictError } from '../errors.ts';
import type { Operation, Query, StateStore, Stored } from '../ports/state.ts';
import { checkOperations } from './check-operations.ts';
import { jsonOfValue, matchesWhere } from './stored-value.ts';

interface Row {
  readonly json: string;
  readonly etag: string;
}

interface Partition {
  readonly rows: Map<string, Row>;
  /** The keys in order, some of them gone by now; made when it is asked for. */
  keys: string[] | undefined;
}

/** Values are kept as JSON text, so that what is stored is never the caller's object. */
export class MemoryStateStore implements StateStore {
  readonly #partitions = new Map<string, Partition>();
  #version = 0;

  async get<T>(partition: string, key: string): Promise<Stored<T> | undefined> {
    const row = this.#partitions.get(partition)?.rows.get(key);
    return row && { key, value: JSON.parse(row.json), etag: row.etag };
  }

  async insert<T>(partition: string, key: string, value: T): Promise<string> {
    if (this.#partitions.get(partition)?.rows.has(key)) throw new ConflictError(`${partition}/${key} exists already`);
    return this.#write(partition, key, value);
  }

  async put<T>(partition: string, key: string, value: T, etag: string): Promise<string> {
    if (etag !== '*') this.#check(partition, key, etag);
    return this.#write(partition, key, value);
  }

  async delete(partition: string, key: string, etag: string): Promise<void> {
    const rows = this.#partitions.get(partition)?.rows;
    if (!rows?.has(key)) return;
    if (etag !== '*') this.#check(partition, key, etag);
    this.#remove(partition, key);
  }

  async transact(partition: string, operations: readonly Operation[]): Promise<readonly (string | undefined)[]> {
    checkOperations(operations);
    for (const operation of operations) this.#checkOperation(partition, operation);
    // All that can fail comes before the first change.
    const rows = rowsOf(operations, this.#nextEtag());
    return operations.map(({ key }, index) => {
      const row = rows[index];
      if (row) this.#set(partition, key, row);
      else this.#remove(partition, key);
      return row?.etag;
    });
  }

  async *query<T>(partition: string, { from, to, where, limit }: Query = {}): AsyncIterable<Stored<T>> {
    const found = this.#partitions.get(partition);
    if (!found) return;
    found.keys ??= [...found.rows.keys()].sort();
    const { keys } = found;
    let left = limit ?? Number.POSITIVE_INFINITY;
    for (let at = from === undefined ? 0 : firstNotBefore(keys, from); at < keys.length && left > 0; at++) {
      const key = keys[at] ?? '';
      if (to !== undefined && key >= to) return;
      const row = found.rows.get(key);
      if (!row) continue;
      const value = JSON.parse(row.json);
      if (where && !matchesWhere(value, where)) continue;
      left--;
      yield { key, value, etag: row.etag };
    }
  }

  async ping(): Promise<void> {}

  #check(partition: string, key: string, etag: string): void {
    if (this.#partitions.get(partition)?.rows.get(key)?.etag !== etag) {
      throw new ConflictError(`${partition}/${key} has changed since it was read`);
    }
  }

  #checkOperation(partition: string, operation: Operation): void {
    const { kind, key } = operation;
    if (kind === 'put') {
      if (operation.etag !== '*') this.#check(partition, key, operation.etag);
      return;
    }
    const isThere = this.#partitions.get(partition)?.rows.has(key) ?? false;
    if (kind === 'insert' && isThere) throw new ConflictError(`${partition}/${key} exists already`);
    if (kind === 'delete' && !isThere) throw new ConflictError(`${partition}/${key} does not exist`);
  }

  #remove(partition: string, key: string): void {
    const rows = this.#partitions.get(partition)?.rows;
    rows?.delete(key);
    if (rows?.size === 0) this.#partitions.delete(partition);
  }

  #write(partition: string, key: string, value: unknown): string {
    const row = { json: jsonOfValue(value), etag: this.#nextEtag() };
    this.#set(partition, key, row);
    return row.etag;
  }

  #set(name: string, key: string, row: Row): void {
    let partition = this.#partitions.get(name);
    if (!partition) {
      partition = { rows: new Map(), keys: undefined };
      this.#partitions.set(name, partition);
    }
    const { size } = partition.rows;
    partition.rows.set(key, row);
    if (partition.rows.size !== size) partition.keys = undefined;
  }

  #nextEtag(): string {
    return `"${++this.#version}"`;
  }
}

/** What is kept under each key; undefined for what is deleted. One value under several keys is written, and kept, once. */
function rowsOf(operations: readonly Operation[], etag: string): readonly (Row | undefined)[] {
  let last: { readonly value: unknown; readonly row: Row } | undefined;
  return operations.map((operation) => {
    if (operation.kind === 'delete') return undefined;
    const { value } = operation;
    if (last?.value !== value || !last) last = { value, row: { json: jsonOfValue(value), etag } };
    return last.row;
  });
}

function firstNotBefore(keys: readonly string[], from: string): number {
  let [low, high] = [0, keys.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((keys[middle] ?? '') < from) low = middle + 1;
    else high = middle;
  }
  return low;
}
