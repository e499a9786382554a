/**
 * Who owns which fields of an object, and what server-side apply makes of that. Pure.
 *
 * @see https://kubernetes.io/docs/reference/using-api/server-side-apply/
 */
import { isDeepStrictEqual } from 'node:util';

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };

/** One field as FieldsV1 names it: `f:` for a key, `k:` for the item of a list with these keys, `.` for an item itself. */
type Path = readonly string[];

/** An entry of `managedFields`. */
export interface Owner {
  readonly manager: string;
  readonly operation: 'Apply' | 'Update';
  readonly subresource?: 'status';
  time: string;
  fields: ReadonlySet<string>;
}

/** Lists whose items are told apart by keys; all others are replaced whole. */
const LIST_KEYS: Readonly<Record<string, readonly string[]>> = {
  'f:containers': ['name'],
  'f:initContainers': ['name'],
  'f:volumes': ['name'],
  'f:env': ['name'],
  'f:volumeMounts': ['mountPath'],
  'f:conditions': ['type'],
};
/** Maps that are replaced whole. */
const ATOMIC: ReadonlySet<string> = new Set(['f:selector', 'f:podSelector', 'f:roleRef', 'f:nodeSelector']);

const SEPARATOR = '\n';
const split = (field: string): Path => field.split(SEPARATOR);
const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The fields of an object that can have owners: everything but what names it. */
export function fieldsOf(object: JsonObject): Set<string> {
  const { apiVersion: _, kind: __, metadata, ...parts } = object;
  const { annotations, labels, finalizers } = isObject(metadata) ? metadata : {};
  const owned = Object.entries({ annotations, labels, finalizers }).filter(([, value]) => value !== undefined);
  return new Set([...leaves({ metadata: Object.fromEntries(owned) as JsonObject, ...parts }, [])]);
}

function* leaves(value: Json, path: Path): Iterable<string> {
  const last = path.at(-1) ?? '';
  const keys = LIST_KEYS[last];
  if (Array.isArray(value) && keys) {
    for (const item of value) {
      const itemPath = [...path, keyOf(item, keys)];
      yield [...itemPath, '.'].join(SEPARATOR);
      yield* leaves(item, itemPath);
    }
  } else if (isObject(value) && !ATOMIC.has(last) && (Object.keys(value).length > 0 || path.length <= 1)) {
    for (const [key, child] of Object.entries(value)) yield* leaves(child, [...path, `f:${key}`]);
  } else yield path.join(SEPARATOR);
}

function keyOf(item: Json, keys: readonly string[]): string {
  const values = isObject(item) ? item : {};
  return `k:${JSON.stringify(Object.fromEntries(keys.map((key) => [key, values[key]])))}`;
}

function get(object: Json | undefined, path: Path): Json | undefined {
  return path.reduce<Json | undefined>((value, part) => {
    if (part === '.') return value === undefined ? undefined : true;
    if (part.startsWith('k:')) return itemOf(value, part);
    return isObject(value) ? value[part.slice(2)] : undefined;
  }, object);
}

function itemOf(list: Json | undefined, part: string): JsonObject | undefined {
  const keys: JsonObject = JSON.parse(part.slice(2));
  const isIt = (item: Json): item is JsonObject =>
    isObject(item) && Object.entries(keys).every(([key, value]) => item[key] === value);
  return Array.isArray(list) ? list.find(isIt) : undefined;
}

function set(object: JsonObject, path: Path, value: Json): void {
  let at: Json = object;
  for (const [index, part] of path.entries()) {
    const isLast = index === path.length - 1;
    if (part === '.') return;
    if (part.startsWith('k:')) {
      const list: Json[] = at as Json[]; // the part before a key is a list
      const found = itemOf(list, part);
      const item: JsonObject = found ?? JSON.parse(part.slice(2));
      if (!found) list.push(item);
      at = item;
      continue;
    }
    const key = part.slice(2);
    const holder = at as JsonObject; // and any other a map
    if (isLast) holder[key] = structuredClone(value);
    else holder[key] ??= path[index + 1]?.startsWith('k:') ? [] : {};
    at = holder[key] as Json;
  }
}

function remove(object: JsonObject, path: Path): void {
  const isItem = path.at(-1) === '.';
  const parent = get(object, path.slice(0, isItem ? -2 : -1));
  if (isItem && Array.isArray(parent)) {
    const item = itemOf(parent, path.at(-2) ?? '');
    if (item) parent.splice(parent.indexOf(item), 1);
  } else if (!isItem && isObject(parent)) delete parent[(path.at(-1) ?? '').slice(2)];
}

export interface Conflict {
  readonly manager: string;
  readonly field: string;
}

/**
 * What an apply makes of an object and its owners.
 *
 * @returns the conflicts instead, unless `force` is given
 */
export function applyFields(
  live: JsonObject,
  owners: readonly Owner[],
  config: JsonObject,
  { manager, time, force }: { manager: string; time: string; force: boolean },
): { object: JsonObject; owners: Owner[] } | { conflicts: Conflict[] } {
  const fields = fieldsOf(config);
  const isMine = (owner: Owner): boolean => owner.manager === manager && owner.operation === 'Apply';
  const others = owners.filter((owner) => !isMine(owner));
  const changed = [...fields].filter((field) => !isDeepStrictEqual(get(live, split(field)), get(config, split(field))));
  const conflicts = others.flatMap((owner) =>
    changed.filter((field) => owner.fields.has(field)).map((field) => ({ manager: owner.manager, field: show(field) })),
  );
  if (conflicts.length > 0 && !force) return { conflicts };

  const object = structuredClone(live);
  for (const field of fields) set(object, split(field), get(config, split(field)) ?? null);
  const before = owners.find(isMine)?.fields ?? new Set<string>();
  const given = [...before].filter((field) => !fields.has(field) && !others.some((owner) => owner.fields.has(field)));
  for (const field of given) remove(object, split(field));
  const lost = new Set(changed);
  return { object, owners: [...without(others, lost), { manager, operation: 'Apply', time, fields }] };
}

/** The owners after a change by anything but apply: what was changed belongs to who changed it. */
export function updateOwners(
  before: JsonObject | undefined,
  after: JsonObject,
  owners: readonly Owner[],
  by: Omit<Owner, 'fields'>,
): Owner[] {
  const changed = [...fieldsOf(after)].filter(
    (field) => !before || !isDeepStrictEqual(get(before, split(field)), get(after, split(field))),
  );
  if (changed.length === 0) return [...owners];
  const isMine = (owner: Owner): boolean =>
    owner.manager === by.manager && owner.operation === by.operation && owner.subresource === by.subresource;
  const mine = owners.find(isMine)?.fields ?? [];
  const others = without(
    owners.filter((owner) => !isMine(owner)),
    new Set(changed),
  );
  return [...others, { ...by, fields: new Set([...mine, ...changed]) }];
}

function without(owners: readonly Owner[], lost: ReadonlySet<string>): Owner[] {
  return owners.map((owner) => ({ ...owner, fields: new Set([...owner.fields].filter((field) => !lost.has(field))) }));
}

/** Owners without the fields that are no more, and without those who own nothing. */
export function existing(owners: readonly Owner[], object: JsonObject): Owner[] {
  return owners
    .map((owner) => ({
      ...owner,
      fields: new Set([...owner.fields].filter((field) => get(object, split(field)) !== undefined)),
    }))
    .filter((owner) => owner.fields.size > 0);
}

/** As `managedFields` shows it. */
export function fieldsV1(fields: ReadonlySet<string>): JsonObject {
  const root: JsonObject = {};
  for (const field of fields) {
    let at = root;
    for (const part of split(field)) {
      at[part] ??= {};
      at = at[part] as JsonObject;
    }
  }
  return root;
}

function show(field: string): string {
  return split(field)
    .map((part) =>
      part.startsWith('k:')
        ? `[${Object.entries(JSON.parse(part.slice(2))).map(([key, value]) => `${key}=${JSON.stringify(value)}`)}]`
        : `.${part.slice(2)}`,
    )
    .join('');
}
