/** Tells whether a value of the configuration may be a secret, which no message may show. */
import * as z from 'zod/mini';
import type { Issue } from '../errors.ts';

/**
 * A field of ours that holds one value, and is not marked, can be shown. Anything else (an unknown field, an object in
 * the place of a text) may be a secret, such as the address of a webhook.
 */
export function mayBeSecret(schema: z.core.$ZodType, { path, value }: Issue): boolean {
  if (typeof value === 'object' && value !== null) return true;
  let at = fieldFrom(schema);
  for (const key of path.split('.')) {
    // The name of a resource in a quota has dots of its own.
    if (!at.partOf) break;
    const part = at.partOf(key);
    if (!part) return true;
    at = fieldFrom(part);
  }
  return at.isMarked || at.partOf !== undefined;
}

interface Field {
  readonly isMarked: boolean;
  /** The schema of what an object or a list holds; absent for a single value. */
  readonly partOf?: (key: string) => z.core.$ZodType | undefined;
}

function fieldFrom(schema: z.core.$ZodType): Field {
  const isMarked = z.globalRegistry.get(schema)?.['writeOnly'] === true;
  // Every schema of zod is one of these.
  const { def } = (schema as z.core.$ZodTypes)._zod;
  switch (def.type) {
    case 'object':
      return { isMarked, partOf: (key) => (Object.hasOwn(def.shape, key) ? def.shape[key] : undefined) };
    case 'record':
      return { isMarked, partOf: () => def.valueType };
    case 'array':
      return { isMarked, partOf: () => def.element };
    case 'optional':
    case 'default':
    case 'prefault':
      return within(def.innerType, isMarked);
    case 'pipe':
      return within(def.in, isMarked);
    default:
      return { isMarked };
  }
}

function within(schema: z.core.$ZodType, isMarked: boolean): Field {
  const field = fieldFrom(schema);
  return { ...field, isMarked: isMarked || field.isMarked };
}
