/** The state store that the exploration copies at every step. */
import { ConflictError } from '../../shared/errors.ts';
import type { Operation, StateStore, Stored } from '../../shared/ports/state.ts';

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

  async transact(partition: string, operations: readonly Operation[]): Promise<readonly (string | undefined)[]> {
    const before = new Map(this.#documents);
    const etags: (string | undefined)[] = [];
    try {
      for (const operation of operations) {
        const { kind, key } = operation;
        if (kind === 'insert') etags.push(await this.insert(partition, key, operation.value));
        if (kind === 'put') etags.push(await this.put(partition, key, operation.value, operation.etag));
        if (kind === 'delete') etags.push(void (await this.delete(partition, key, '*')));
      }
      return etags;
    } catch (error) {
      this.#documents.clear();
      for (const [key, json] of before) this.#documents.set(key, json);
      throw error;
    }
  }

  // biome-ignore lint/correctness/useYield: nothing that is explored asks for a list
  async *query<T>(): AsyncIterable<Stored<T>> {
    throw new TypeError('no lists here');
  }

  async ping(): Promise<void> {}
}
