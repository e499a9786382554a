/** What is remembered. One contract suite: `test/contract/state-store.ts`. */

/** A stored value, and the version that `put` and `delete` compare. */
export interface Stored<T> {
  readonly key: string;
  readonly value: T;
  readonly etag: string;
}

export interface Query {
  /** Keys from this one (inclusive), in order. */
  readonly from?: string;
  /** Keys before this one (exclusive). */
  readonly to?: string;
  /** Only values whose top-level fields equal these; scalars alone can be asked for. */
  readonly where?: Readonly<Record<string, string | number | boolean>>;
  readonly limit?: number;
}

/** One change of a transaction. A put is guarded by the ETag, as alone; a delete is not, and needs its key to be there. */
export type Operation =
  | { readonly kind: 'insert'; readonly key: string; readonly value: unknown }
  | { readonly kind: 'put'; readonly key: string; readonly value: unknown; readonly etag: string }
  | { readonly kind: 'delete'; readonly key: string };

/**
 * Small JSON documents by partition and key, with optimistic concurrency. Any text is a valid partition or key up
 * to 300 UTF-8 bytes. A value takes at most 700 KiB as JSON. Values are copied at the boundary. Keys are ordered
 * by UTF-16 code unit; use ASCII in keys whose order matters. A write whose answer was lost is recognised when it is
 * sent again: it is no conflict with itself.
 */
export interface StateStore {
  get<T>(partition: string, key: string): Promise<Stored<T> | undefined>;
  /** @returns the etag. @throws ConflictError when the key exists */
  insert<T>(partition: string, key: string, value: T): Promise<string>;
  /** Replaces the value of that etag, or any with `'*'` (which also inserts). @throws ConflictError when it changed or is gone */
  put<T>(partition: string, key: string, value: T, etag: string): Promise<string>;
  /** Deleting what is not there is no error. @throws ConflictError when it changed */
  delete(partition: string, key: string, etag: string): Promise<void>;
  /**
   * Makes all of the changes or none, in one call. It takes 1 to 100 operations on different keys of the partition, of
   * 4 MiB together as they are sent.
   *
   * @returns the etags of what was written, in the order of the operations; undefined for what was deleted
   * @throws ConflictError when one of them cannot be made @throws PermanentError when it is too much
   */
  transact(partition: string, operations: readonly Operation[]): Promise<readonly (string | undefined)[]>;
  /** In key order; pages are followed. Concurrent changes may or may not be seen. */
  query<T>(partition: string, query?: Query): AsyncIterable<Stored<T>>;
  /** Checks that the store answers. */
  ping(): Promise<void>;
}
