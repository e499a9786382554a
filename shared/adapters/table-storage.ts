/** The state store on Azure Table Storage, or on Azurite. */
import { randomUUID } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import {
  RestError,
  TableClient,
  type TableEntityResult,
  type TableServiceClientOptions,
  type TransactionAction,
} from '@azure/data-tables';
import { faultOf } from '../describe-error.ts';
import { ConfigError, ConflictError, PermanentError, PlatformError, TransientError } from '../errors.ts';
import type { Operation, Query, StateStore, Stored } from '../ports/state.ts';
import type { ServiceConnection } from '../settings.ts';
import { STORE_ATTEMPT_MS, STORE_PAUSES_MS } from '../timeout.ts';
import { checkOperations } from './check-operations.ts';
import type { CorrectedClock } from './clock-correction.ts';
import { credentialFor } from './identity.ts';
import { matchesWhere } from './stored-value.ts';
import { decodeKey, decodeValue, encodeBound, encodeKey, encodeValue, filterText } from './table-entity.ts';

/** The SDK would sleep for as long as a busy service asks, and then not say how long that is. */
const OPTIONS = { retryOptions: { maxRetries: 0 } };
/** The limit of the service. */
const PAGE_SIZE = 1_000;
const NOT_FOUND = 404;
const CONFLICT = 409;
const PRECONDITION_FAILED = 412;

/** Is shown every exchange with the service, for the date of the answer. */
export type Observer = Pick<CorrectedClock, 'observe'>;

/** Nearest to the socket, so that nothing but the exchange lies between the two looks at the clock. */
function dateReader(observer: Observer): NonNullable<TableServiceClientOptions['additionalPolicies']>[number] {
  return {
    position: 'perRetry',
    policy: {
      name: 'dateReader',
      sendRequest: (request, next) =>
        observer.observe(
          () => next(request),
          ({ headers }) => headers.get('date'),
        ),
    },
  };
}

/**
 * Signs in with the connection string, or as who this process is. The table is created when it is missing.
 *
 * @param observer is shown every answer's date
 * @throws ConfigError when the connection string or the address is none
 */
export async function createTableStorage(
  connection: ServiceConnection,
  table: string,
  observer?: Observer,
): Promise<TableStateStore> {
  const options = { ...OPTIONS, ...(observer && { additionalPolicies: [dateReader(observer)] }) };
  if ('connectionString' in connection) {
    const text = standardised(connection.connectionString);
    const allowInsecureConnection = /http:\/\/|DefaultEndpointsProtocol=http(;|$)/i.test(text);
    return opened('StateStore', 'a storage connection string', () =>
      TableClient.fromConnectionString(text, table, { ...options, allowInsecureConnection }),
    );
  }
  const { endpoint } = connection;
  const credential = await credentialFor(connection);
  return opened('StateStore__tableServiceUri', 'the address of a table service', () => {
    return new TableClient(endpoint, table, credential, options);
  });
}

function opened(setting: string, expected: string, open: () => TableClient): TableStateStore {
  try {
    return new TableStateStore(open());
  } catch {
    throw new ConfigError(`${setting}: expected ${expected}, got something else (not shown: it may hold a key)`);
  }
}

/** Azurite's fixed account; its key is public. */
const AZURITE =
  'DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;AccountKey=Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==';

/** The SDK ignores what is set beside `UseDevelopmentStorage=true`: the place of an Azurite that is elsewhere. */
function standardised(connectionString: string): string {
  if (!/(^|;)\s*UseDevelopmentStorage=true/i.test(connectionString)) return connectionString;
  const endpoint = /(?:^|;)\s*TableEndpoint=([^;]+)/i.exec(connectionString)?.[1];
  const proxy = /(?:^|;)\s*DevelopmentStorageProxyUri=([^;]+)/i.exec(connectionString)?.[1];
  return `${AZURITE};TableEndpoint=${endpoint ?? `${proxy?.replace(/\/$/, '') ?? 'http://127.0.0.1'}:10002/devstoreaccount1`};`;
}

type Row = TableEntityResult<Record<string, unknown>>;
type Meanings = Readonly<Record<number, 'absent' | 'conflict'>>;

/** A partition is a partition, a key a row key; values are JSON beside copies of their fields. */
export class TableStateStore implements StateStore {
  readonly #client: TableClient;

  constructor(client: TableClient) {
    this.#client = client;
  }

  async get<T>(partition: string, key: string): Promise<Stored<T> | undefined> {
    const row = await this.#row(partition, key);
    return row && storedOf<T>(row);
  }

  async insert<T>(partition: string, key: string, value: T): Promise<string> {
    const write = randomUUID();
    const entity = entityOf(partition, key, value, write);
    const answer = await this.#call(
      `${partition}/${key}`,
      { [CONFLICT]: 'conflict' },
      (abortSignal) => this.#client.createEntity(entity, { abortSignal }),
      () => this.#ownWrite(partition, key, write),
    );
    return etagOf(answer);
  }

  async put<T>(partition: string, key: string, value: T, etag: string): Promise<string> {
    const write = randomUUID();
    const entity = entityOf(partition, key, value, write);
    const answer = await this.#call(
      `${partition}/${key}`,
      { [PRECONDITION_FAILED]: 'conflict', [NOT_FOUND]: 'conflict' },
      (abortSignal) =>
        etag === '*'
          ? this.#client.upsertEntity(entity, 'Replace', { abortSignal })
          : this.#client.updateEntity(entity, 'Replace', { etag, abortSignal }),
      () => this.#ownWrite(partition, key, write),
    );
    return etagOf(answer);
  }

  async delete(partition: string, key: string, etag: string): Promise<void> {
    await this.#call(
      `${partition}/${key}`,
      { [PRECONDITION_FAILED]: 'conflict', [NOT_FOUND]: 'absent' },
      (abortSignal) => this.#client.deleteEntity(encodeKey(partition), encodeKey(key), { etag, abortSignal }),
    );
  }

  async transact(partition: string, operations: readonly Operation[]): Promise<readonly (string | undefined)[]> {
    checkOperations(operations);
    const write = randomUUID();
    const actions = operations.map((operation) => actionOf(partition, operation, write));
    const written = operations.filter(({ kind }) => kind !== 'delete');
    const etags = await this.#call(
      partition,
      { [CONFLICT]: 'conflict', [PRECONDITION_FAILED]: 'conflict', [NOT_FOUND]: 'conflict' },
      async (abortSignal) => {
        const { subResponses } = await this.#client.submitTransaction(actions, { abortSignal });
        return operations.map(({ kind }, index) => {
          const { etag = '' } = subResponses[index] ?? {};
          // The SDK leaves the end of its line on it.
          return kind === 'delete' ? undefined : etag.trim();
        });
      },
      async () => {
        const found = new Map<string, string>();
        for (const { key } of written) {
          const own = await this.#ownWrite(partition, key, write);
          if (!own) return undefined;
          found.set(key, etagOf(own));
        }
        // Of nothing but deletes nobody can say whose they were.
        return found.size > 0 ? operations.map(({ key }) => found.get(key)) : undefined;
      },
    );
    return etags ?? [];
  }

  async *query<T>(partition: string, query: Query = {}): AsyncIterable<Stored<T>> {
    const { where = {}, limit = Number.POSITIVE_INFINITY } = query;
    if (limit <= 0) return;
    const filter = filterOf(partition, query);
    let continuationToken: string | undefined;
    let left = limit;
    do {
      const settings = { maxPageSize: Math.min(left, PAGE_SIZE), ...(continuationToken && { continuationToken }) };
      const page = await this.#call(partition, { [NOT_FOUND]: 'absent' }, async (abortSignal) => {
        const pages = this.#client.listEntities<Record<string, unknown>>({ queryOptions: { filter }, abortSignal });
        const { value } = await pages.byPage(settings).next();
        return value as (Row[] & { continuationToken?: string }) | undefined;
      });
      for (const row of page ?? []) {
        const stored = storedOf<T>(row);
        // The filter has only what an entity is sure to have of its value.
        if (!matchesWhere(stored.value, where)) continue;
        yield stored;
        if (--left <= 0) return;
      }
      continuationToken = page?.continuationToken;
    } while (continuationToken);
  }

  async ping(): Promise<void> {
    await this.get('ping', 'ping');
  }

  /** The answer to a write that was made, when it is what the entity still holds. */
  async #ownWrite(partition: string, key: string, write: string): Promise<{ etag?: string } | undefined> {
    const row = await this.#row(partition, key);
    return row?.['write'] === write ? row : undefined;
  }

  async #row(partition: string, key: string): Promise<Row | undefined> {
    return this.#call(`${partition}/${key}`, { [NOT_FOUND]: 'absent' }, (abortSignal) =>
      this.#client.getEntity<Record<string, unknown>>(encodeKey(partition), encodeKey(key), { abortSignal }),
    );
  }

  /**
   * One call to the service. The caller holds a lease meanwhile: a short fault is retried here, a longer one is left to the
   * caller's next attempt. `meanings` says what an answer by status means for it; a missing table is created.
   * A call that is sent again may find a conflict with itself, since only its answer was lost: `ownAnswer` finds that out.
   */
  async #call<T>(
    what: string,
    meanings: Meanings,
    send: (abortSignal: AbortSignal) => Promise<T>,
    ownAnswer?: () => Promise<T | undefined>,
  ): Promise<T | undefined> {
    for (let failures = 0; ; ) {
      try {
        return await send(AbortSignal.timeout(STORE_ATTEMPT_MS));
      } catch (error) {
        const meaning = error instanceof RestError ? meanings[error.statusCode ?? 0] : undefined;
        const isTableMissing = codeOf(error) === 'TableNotFound';
        if (!isTableMissing && meaning === 'absent') return undefined;
        if (!isTableMissing && meaning === 'conflict') {
          const own = failures > 0 ? await ownAnswer?.() : undefined;
          if (own !== undefined) return own;
          throw new ConflictError(`${what} has changed, or exists already`);
        }
        const problem = toPlatformError(error, what);
        const delay = STORE_PAUSES_MS[failures++];
        if (delay === undefined || !isRetryable(problem)) throw problem;
        if (isTableMissing) await this.#createTable();
        else await setTimeout(delay);
      }
    }
  }

  async #createTable(): Promise<void> {
    try {
      // Somebody else's creating it at the same time is no error.
      await this.#client.createTable({ abortSignal: AbortSignal.timeout(STORE_ATTEMPT_MS) });
    } catch (error) {
      throw toPlatformError(error, `table ${this.#client.tableName}`);
    }
  }
}

/** @param write names the write, so that it is known again */
function entityOf(
  partition: string,
  key: string,
  value: unknown,
  write: string,
): { partitionKey: string; rowKey: string; write: string } {
  return { partitionKey: encodeKey(partition), rowKey: encodeKey(key), ...encodeValue(value), write };
}

function actionOf(partition: string, operation: Operation, write: string): TransactionAction {
  const { kind, key } = operation;
  if (kind === 'delete') return ['delete', { partitionKey: encodeKey(partition), rowKey: encodeKey(key) }];
  const entity = entityOf(partition, key, operation.value, write);
  if (kind === 'insert') return ['create', entity];
  const { etag } = operation;
  return etag === '*' ? ['upsert', entity, 'Replace'] : ['update', entity, 'Replace', { etag }];
}

function storedOf<T>(row: Row): Stored<T> {
  // The store hands out what was put under the key; the type is its users' agreement.
  return { key: decodeKey(row.rowKey ?? ''), value: decodeValue(row) as T, etag: row.etag };
}

function etagOf(answer: { etag?: string } | undefined): string {
  if (answer?.etag === undefined) throw new TransientError('table storage: the answer to a write has no etag');
  return answer.etag;
}

function filterOf(partition: string, { from, to, where = {} }: Query): string {
  const parts = [`PartitionKey eq ${quoted(encodeKey(partition))}`];
  if (from !== undefined) parts.push(`RowKey ge ${quoted(encodeBound(from))}`);
  if (to !== undefined) parts.push(`RowKey lt ${quoted(encodeBound(to))}`);
  for (const [name, wanted] of Object.entries(where)) {
    const text = filterText(name, wanted);
    if (text !== undefined) parts.push(`is_${name} eq ${quoted(text)}`);
  }
  return parts.join(' and ');
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** Worth another attempt at once: a transient fault without a Retry-After. */
function isRetryable(error: unknown): boolean {
  return error instanceof TransientError && error.retryAfterMs === undefined;
}

/**
 * What the service calls its error, such as `TableNotFound`. Azurite and the SDK put it in different places: the message
 * may be the whole answer, as JSON or as XML. Nothing else of that is passed on.
 */
function codeOf(error: unknown): string | undefined {
  if (!(error instanceof RestError)) return undefined;
  return NAMED_CODE.exec(error.message)?.[1] ?? error.code;
}

const NAMED_CODE = /(?:"code"\s*:\s*"|<(?:\w+:)?code>)([A-Z]{2,60})["<]/i;

/** Only what lies in the request itself is permanent: a missing right is fixed by people, while the events wait. */
function toPlatformError(error: unknown, what: string): unknown {
  if (error instanceof PlatformError) return error;
  const named = error instanceof RestError ? NAMED_CODE.exec(error.message)?.[1] : undefined;
  const marks = new Set([...faultOf(error).split(' '), ...(named ? [named] : [])]);
  const message = `table storage: ${what}: ${[...marks].join(' ')}`;
  if (!(error instanceof RestError)) return new TransientError(message);
  if (error.statusCode === 400 || error.statusCode === 413) return new PermanentError(message);
  const seconds = Number(error.response?.headers.get('retry-after'));
  return new TransientError(message, seconds > 0 ? { retryAfterMs: seconds * 1_000 } : {});
}
