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
export function misnamedFields(schema: $ZodType, value: unknown): readonly MisnamedField[] {
  return misnamedIn(shapeOf(schema), value, []);
}

function misnamedIn(
  { items, fields, byLowerCase }: Shape,
  value: unknown,
  path: readonly PropertyKey[],
): readonly MisnamedField[] {
  if (typeof value !== 'object' || value === null) return NONE;
  if (items && Array.isArray(value)) return value.flatMap((one, at) => misnamedIn(items, one, [...path, at]));
  if (fields.size === 0 || Array.isArray(value)) return NONE;
  let found = NONE;
  for (const key of Object.keys(value)) {
    const field = fields.get(key);
    if (field === PLAIN) continue;
    if (field) {
      const nested = misnamedIn(field, Reflect.get(value, key), [...path, key]);
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
  readonly items: Shape | undefined;
  /** Of an object, by name. */
  readonly fields: ReadonlyMap<string, Shape>;
  readonly byLowerCase: ReadonlyMap<string, string>;
}

/** Of a value that has no fields: nearly all are such. */
const PLAIN: Shape = { items: undefined, fields: new Map(), byLowerCase: new Map() };

const shapes = new WeakMap<$ZodType, Shape>();

function shapeOf(schema: $ZodType): Shape {
  let shape = shapes.get(schema);
  if (!shape) {
    shape = makeShape(unwrapped(schema));
    shapes.set(schema, shape);
  }
  return shape;
}

function makeShape(schema: $ZodType): Shape {
  if (schema instanceof $ZodArray) {
    const items = shapeOf(schema._zod.def.element);
    return items === PLAIN ? PLAIN : { ...PLAIN, items };
  }
  if (!(schema instanceof $ZodObject)) return PLAIN;
  const fields = Object.entries(schema._zod.def.shape).map(([name, field]): [string, Shape] => [name, shapeOf(field)]);
  return {
    ...PLAIN,
    fields: new Map(fields),
    byLowerCase: new Map(fields.map(([name]) => [name.toLowerCase(), name])),
  };
}

function unwrapped(schema: $ZodType): $ZodType {
  const isWrapper = schema instanceof $ZodOptional || schema instanceof $ZodDefault;
  return isWrapper ? unwrapped(schema._zod.def.innerType) : schema;
}
