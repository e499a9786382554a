/** The objects of the test API server: versions, generations, owners, defaults and the refusals of the real one. */
import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../../shared/ports/clock.ts';
import { applyFields, existing, fieldsV1, type Json, type JsonObject, type Owner, updateOwners } from './field-sets.ts';

/** A refusal, as the body and status of the answer show it. */
export class ApiError extends Error {
  readonly code: number;
  readonly reason: string;
  readonly details: JsonObject;

  constructor(code: number, reason: string, message: string, details: JsonObject = {}) {
    super(message);
    this.code = code;
    this.reason = reason;
    this.details = details;
  }
}

export interface Metadata extends JsonObject {
  name: string;
  uid: string;
  resourceVersion: string;
  generation: number;
}

export interface ApiObject extends JsonObject {
  apiVersion: string;
  kind: string;
  metadata: Metadata;
}

/** A kind, where its objects are, and what is asked of them. */
export interface Kind {
  readonly kind: string;
  readonly apiVersion: string;
  readonly plural: string;
  readonly isNamespaced: boolean;
  /** Fields of the spec that the server fills in. */
  readonly defaults?: (object: JsonObject) => void;
  /** A change of which parts counts as a new generation. */
  readonly generationOf?: (object: JsonObject) => Json[];
  /** What the server refuses, by field. */
  readonly problems?: (object: JsonObject, before: JsonObject | undefined) => Record<string, string>;
}

interface Entry {
  object: ApiObject;
  owners: Owner[];
}

export interface Writer {
  readonly manager: string;
  readonly subresource?: 'status';
}

export interface Key {
  readonly kind: Kind;
  readonly namespace: string;
  readonly name: string;
}

export class ApiObjects {
  readonly #entries = new Map<string, Entry>();
  readonly #clock: Clock;
  #version = 1_000;
  /** What an admission policy makes of an object before it is stored. */
  admit: (object: JsonObject) => void = () => {};

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A copy, with `managedFields`. @throws ApiError 404 */
  get(key: Key): ApiObject {
    return shown(this.#entry(key));
  }

  /** In the order of their names. */
  list(kind: Kind, namespace?: string): ApiObject[] {
    return [...this.#entries]
      .filter(
        ([id, { object }]) => object.kind === kind.kind && (!namespace || id.startsWith(`${kind.kind}/${namespace}/`)),
      )
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([, entry]) => shown(entry));
  }

  create(key: Key, object: JsonObject, { manager }: Writer): ApiObject {
    if (this.#entries.has(idOf(key))) {
      throw new ApiError(409, 'AlreadyExists', `${nameOf(key)} already exists`, detailsOf(key));
    }
    const made = this.#prepare(key, structuredClone(object), undefined);
    const owners = updateOwners(undefined, made, [], { manager, operation: 'Update', time: this.#now() });
    return this.#store(key, made, owners, undefined);
  }

  /** Changes a copy by `change`, which is refused when it bears another `resourceVersion` than the object does. */
  update(key: Key, writer: Writer, change: (object: ApiObject) => void): ApiObject {
    const before = this.#entry(key);
    const after = structuredClone(before.object);
    change(after);
    this.#checkVersion(key, before, after.metadata.resourceVersion);
    if (writer.subresource === undefined && before.object['status'] !== undefined)
      after['status'] = before.object['status'];
    const prepared = this.#prepare(key, after, before, writer.subresource);
    const owner = { ...writer, operation: 'Update' as const, time: this.#now() };
    return this.#store(key, prepared, updateOwners(before.object, prepared, before.owners, owner), before);
  }

  /** Server-side apply. */
  apply(key: Key, config: JsonObject, { manager, force }: { manager: string; force: boolean }): ApiObject {
    const metadata = (config['metadata'] ?? {}) as JsonObject;
    const before = this.#entries.get(idOf(key));
    const { uid, resourceVersion } = metadata;
    if (!before && uid !== undefined) {
      throw modified(key, `uid mismatch: the provided object specified uid ${uid}, and no existing object was found`);
    }
    if (before && resourceVersion !== undefined) this.#checkVersion(key, before, resourceVersion);
    if (before && uid !== undefined && uid !== before.object.metadata.uid) {
      throw invalid(key, { 'metadata.uid': 'field is immutable' });
    }
    const live = before?.object ?? { apiVersion: key.kind.apiVersion, kind: key.kind.kind, metadata: {} };
    const result = applyFields(live, before?.owners ?? [], config, { manager, force, time: this.#now() });
    if ('conflicts' in result) {
      const causes = result.conflicts.map(({ manager: by, field }) => ({
        reason: 'FieldManagerConflict',
        message: `conflict with "${by}" using ${key.kind.apiVersion}`,
        field,
      }));
      throw new ApiError(409, 'Conflict', `Apply failed with ${causes.length} conflicts`, { causes });
    }
    return this.#store(key, this.#prepare(key, result.object, before), result.owners, before);
  }

  delete(key: Key, uid?: Json): void {
    const { object } = this.#entry(key);
    if (uid !== undefined && uid !== object.metadata.uid) {
      throw modified(
        key,
        `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${object.metadata.uid}`,
      );
    }
    this.#entries.delete(idOf(key));
  }

  #entry(key: Key): Entry {
    const entry = this.#entries.get(idOf(key));
    if (!entry) throw new ApiError(404, 'NotFound', `${nameOf(key)} not found`, detailsOf(key));
    return entry;
  }

  #checkVersion(key: Key, { object }: Entry, version: Json): void {
    if (version !== object.metadata.resourceVersion) {
      throw modified(
        key,
        'the object has been modified; please apply your changes to the latest version and try again',
      );
    }
  }

  #prepare(key: Key, object: JsonObject, before: Entry | undefined, subresource?: 'status'): ApiObject {
    const { kind, namespace, name } = key;
    const problems = /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/.test(name)
      ? {}
      : { 'metadata.name': 'a lowercase RFC 1123 label' };
    if (kind.kind === 'Deployment' && subresource === undefined) this.admit(object);
    kind.defaults?.(object);
    Object.assign(problems, kind.problems?.(object, before?.object));
    if (Object.keys(problems).length > 0) throw invalid(key, problems);
    const changed =
      before &&
      subresource === undefined &&
      !isDeepStrictEqual(kind.generationOf?.(object), kind.generationOf?.(before.object));
    const old = before?.object.metadata;
    return {
      ...object,
      apiVersion: kind.apiVersion,
      kind: kind.kind,
      metadata: {
        ...(object['metadata'] as JsonObject),
        name,
        ...(kind.isNamespaced && { namespace }),
        uid: old?.uid ?? randomUUID(),
        resourceVersion: old?.resourceVersion ?? '',
        generation: (old?.generation ?? 1) + (changed ? 1 : 0),
      },
    };
  }

  #store(key: Key, object: ApiObject, owners: Owner[], before: Entry | undefined): ApiObject {
    const kept = existing(owners, object);
    const withoutTime = (all: readonly Owner[]): unknown[] =>
      all.map(({ time: _, ...owner }) => owner).sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
    if (before && isDeepStrictEqual(object, before.object)) {
      if (isDeepStrictEqual(withoutTime(kept), withoutTime(before.owners))) return shown(before);
    }
    this.#version += 1;
    const stored = { ...object, metadata: { ...object.metadata, resourceVersion: String(this.#version) } };
    const entry = { object: stored, owners: kept };
    this.#entries.set(idOf(key), entry);
    return shown(entry);
  }

  /** Whole seconds, as everywhere in Kubernetes. */
  #now(): string {
    return `${new Date(this.#clock.now()).toISOString().slice(0, 19)}Z`;
  }
}

function shown({ object, owners }: Entry): ApiObject {
  const managedFields = owners.map(({ fields, ...owner }) => ({
    ...owner,
    apiVersion: object.apiVersion,
    fieldsType: 'FieldsV1',
    fieldsV1: fieldsV1(fields),
  }));
  return structuredClone({ ...object, metadata: { ...object.metadata, managedFields } });
}

const idOf = ({ kind, namespace, name }: Key): string => `${kind.kind}/${namespace}/${name}`;
const groupOf = ({ apiVersion }: Kind): string => (apiVersion.includes('/') ? `.${apiVersion.split('/')[0]}` : '');
const nameOf = ({ kind, name }: Key): string => `${kind.plural}${groupOf(kind)} "${name}"`;
const detailsOf = ({ kind, name }: Key): JsonObject => ({ name, kind: kind.plural });

function modified(key: Key, why: string): ApiError {
  return new ApiError(409, 'Conflict', `Operation cannot be fulfilled on ${nameOf(key)}: ${why}`, detailsOf(key));
}

function invalid({ kind, name }: Key, problems: Readonly<Record<string, string>>): ApiError {
  const causes = Object.entries(problems).map(([field, message]) => ({ reason: 'FieldValueInvalid', field, message }));
  const text = causes.map(({ field, message }) => `${field}: ${message}`).join(', ');
  return new ApiError(422, 'Invalid', `${kind.kind} "${name}" is invalid: ${text}`, { name, kind: kind.kind, causes });
}
