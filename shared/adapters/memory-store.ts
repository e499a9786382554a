/** The state store in this process's memory: for tests, and for runs that may forget. */
import { ConflictError, PermanentError } from '../errors.ts';
import type { Query, StateStore, Stored } from '../ports.ts';

/** As Table Storage has it, so that what works here works there. */
const MOST_BYTES = 700 * 1024;

interface Row {
  readonly json: string;
  readonly etag: string;
}

/** Values are kept as JSON text, so that what is stored is never the caller's object. */
export class MemoryStateStore implements StateStore {
  readonly #partitions = new Map<string, Map<string, Row>>();
  #version = 0;

  async get<T>(partition: string, key: string): Promise<Stored<T> | undefined> {
    const row = this.#partitions.get(partition)?.get(key);
    return row && { key, value: JSON.parse(row.json), etag: row.etag };
  }

  async insert<T>(partition: string, key: string, value: T): Promise<string> {
    if (this.#partitions.get(partition)?.has(key)) throw new ConflictError(`${partition}/${key} exists already`);
    return this.#write(partition, key, value);
  }

  async put<T>(partition: string, key: string, value: T, etag: string): Promise<string> {
    if (etag !== '*') this.#check(partition, key, etag);
    return this.#write(partition, key, value);
  }

  async delete(partition: string, key: string, etag: string): Promise<void> {
    const rows = this.#partitions.get(partition);
    if (!rows?.has(key)) return;
    if (etag !== '*') this.#check(partition, key, etag);
    rows.delete(key);
  }

  async *query<T>(
    partition: string,
    { from = '', to, where = {}, limit = Infinity }: Query = {},
  ): AsyncIterable<Stored<T>> {
    const rows = this.#partitions.get(partition) ?? new Map<string, Row>();
    const keys = [...rows.keys()].filter((key) => key >= from && (to === undefined || key < to)).sort();
    let left = limit;
    for (const key of keys) {
      if (left <= 0) return;
      const row = rows.get(key);
      if (!row) continue;
      const value = JSON.parse(row.json);
      if (!Object.entries(where).every(([field, wanted]) => value[field] === wanted)) continue;
      left--;
      yield { key, value, etag: row.etag };
    }
  }

  async ping(): Promise<void> {}

  #check(partition: string, key: string, etag: string): void {
    if (this.#partitions.get(partition)?.get(key)?.etag !== etag) {
      throw new ConflictError(`${partition}/${key} has changed since it was read`);
    }
  }

  #write(partition: string, key: string, value: unknown): string {
    let rows = this.#partitions.get(partition);
    if (!rows) {
      rows = new Map();
      this.#partitions.set(partition, rows);
    }
    const json = JSON.stringify(value);
    const bytes = Buffer.byteLength(json);
    if (bytes > MOST_BYTES) {
      throw new PermanentError(`value takes ${bytes} bytes; the state store takes at most ${MOST_BYTES}`);
    }
    const etag = `"${++this.#version}"`;
    rows.set(key, { json, etag });
    return etag;
  }
}
