/** The state store that the exploration copies at every step. */
import { ConflictError } from '../../shared/errors.ts';
import type { StateStore, Stored } from '../../shared/ports/state.ts';

/** Documents in a map; a version is the document itself, so that equal states are equal. */
export class MapStore implements StateStore {
  readonly #documents: Map<string, string>;

  constructor(documents: Map<string, string>) {
    this.#documents = documents;
  }

  async get<T>(partition: string, key: string): Promise<Stored<T> | undefined> {
    const json = this.#documents.get(`${partition} ${key}`);
    return json === undefined ? undefined : { key, value: JSON.parse(json), etag: json };
  }

  async insert<T>(partition: string, key: string, value: T): Promise<string> {
    if (this.#documents.has(`${partition} ${key}`)) throw new ConflictError(`${key} exists`);
    return this.put(partition, key, value, '*');
  }

  async put<T>(partition: string, key: string, value: T, etag: string): Promise<string> {
    const found = this.#documents.get(`${partition} ${key}`);
    if (etag !== '*' && found !== etag) throw new ConflictError(`${key} changed`);
    const json = JSON.stringify(value);
    this.#documents.set(`${partition} ${key}`, json);
    return json;
  }

  async delete(partition: string, key: string, etag: string): Promise<void> {
    const found = this.#documents.get(`${partition} ${key}`);
    if (found !== undefined && etag !== '*' && found !== etag) throw new ConflictError(`${key} changed`);
    this.#documents.delete(`${partition} ${key}`);
  }

  // biome-ignore lint/correctness/useYield: nothing that is explored asks for a list
  async *query<T>(): AsyncIterable<Stored<T>> {
    throw new TypeError('no lists here');
  }

  async ping(): Promise<void> {}
}
