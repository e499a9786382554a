/** Keeps fields that this build does not know, for consumers that do, up to a size. */
import { $ZodObject, $ZodOptional } from 'zod/v4/core';
import type { DataOf, EventDefinition } from './cloud-event.ts';

/** In characters of JSON. Declared fields have bounds of their own. */
const MAX_KEPT = 8 * 1024;

/**
 * Data to be kept in a record and passed on in further events, which add to it: an event may be as large as a message
 * can be, and what follows from it must still fit. Data that is large is kept without what its definition does not
 * declare, at any depth.
 */
export function keptData<Definition extends EventDefinition>(
  { schema }: Definition,
  data: DataOf<Definition>,
): DataOf<Definition> {
  if (JSON.stringify(data).length <= MAX_KEPT) return data;
  // What the schema accepted it accepts without the fields that it does not look at.
  return declaredIn(schema, data) as DataOf<Definition>;
}

function declaredIn(schema: unknown, value: unknown): unknown {
  if (schema instanceof $ZodOptional) return declaredIn(schema._zod.def.innerType, value);
  if (!(schema instanceof $ZodObject) || typeof value !== 'object' || value === null) return value;
  const fields = Object.entries(schema._zod.def.shape).filter(([name]) => Object.hasOwn(value, name));
  return Object.fromEntries(fields.map(([name, field]) => [name, declaredIn(field, Reflect.get(value, name))]));
}
