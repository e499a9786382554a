/**
 * Fields whose names differ in case alone from those of a schema, as C# and Go write them by default. Events may hold fields
 * that this build does not know, so such a one would be accepted, and the value that was meant would silently not count.
 */
import { $ZodArray, $ZodDefault, $ZodObject, $ZodOptional, type $ZodType } from 'zod/v4/core';

interface MisnamedField {
  readonly path: readonly PropertyKey[];
  /** The name that was meant. */
  readonly name: string;
}

/** Every event is looked through, and nearly none has one. */
const NONE: readonly MisnamedField[] = [];

/** Every misnamed field of a value, at any depth. */
export function misnamedFields(
  schema: $ZodType,
  value: unknown,
  path: readonly PropertyKey[] = [],
): readonly MisnamedField[] {
  if (typeof value !== 'object' || value === null) return NONE;
  const { items, fields, byLowerCase } = shapeOf(schema);
  if (items && Array.isArray(value)) return value.flatMap((one, at) => misnamedFields(items, one, [...path, at]));
  if (fields.size === 0 || Array.isArray(value)) return NONE;
  let found = NONE;
  for (const key of Object.keys(value)) {
    const field = fields.get(key);
    if (field) {
      const inside: unknown = Reflect.get(value, key);
      if (typeof inside !== 'object') continue;
      const nested = misnamedFields(field, inside, [...path, key]);
      if (nested.length > 0) found = [...found, ...nested];
      continue;
    }
    const name = byLowerCase.get(key.toLowerCase());
    if (name !== undefined) found = [...found, { path: [...path, key], name }];
  }
  return found;
}

interface Shape {
  /** Of an array. */
  readonly items: $ZodType | undefined;
  /** Of an object, by name. */
  readonly fields: ReadonlyMap<string, $ZodType>;
  readonly byLowerCase: ReadonlyMap<string, string>;
}

const shapes = new WeakMap<$ZodType, Shape>();

function shapeOf(schema: $ZodType): Shape {
  let shape = shapes.get(schema);
  if (!shape) {
    const inner = unwrapped(schema);
    const fields = new Map<string, $ZodType>(inner instanceof $ZodObject ? Object.entries(inner._zod.def.shape) : []);
    const byLowerCase = new Map([...fields.keys()].map((name) => [name.toLowerCase(), name]));
    shape = { items: inner instanceof $ZodArray ? inner._zod.def.element : undefined, fields, byLowerCase };
    shapes.set(schema, shape);
  }
  return shape;
}

function unwrapped(schema: $ZodType): $ZodType {
  const isWrapper = schema instanceof $ZodOptional || schema instanceof $ZodDefault;
  return isWrapper ? unwrapped(schema._zod.def.innerType) : schema;
}
