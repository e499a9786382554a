/** JSON Schemas of a document: what is named is in one place, and referred to. */
import * as z from 'zod/mini';
import type { JsonSchema } from '../../events/schemas.ts';

/** The prefix of references to the schemas of an OpenAPI or AsyncAPI document. */
const SCHEMAS = '#/components/schemas/';

/** Collects the schemas that have an id, as `components.schemas` needs them. */
export class SchemaComponents {
  readonly #named = new Map<string, JsonSchema>();

  /** The schema of what a writer may give; those below it that have an id are references. */
  add(schema: z.core.$ZodType): JsonSchema {
    const { $schema: _, $defs = {}, ...whole } = z.toJSONSchema(schema, { io: 'input', target: 'draft-2020-12' });
    for (const [name, one] of Object.entries($defs)) this.#named.set(name, referred(one) as JsonSchema);
    return referred(whole) as JsonSchema;
  }

  /** By name, in the order of the names. */
  get schemas(): Readonly<Record<string, JsonSchema>> {
    return Object.fromEntries([...this.#named].toSorted(([a], [b]) => (a < b ? -1 : 1)));
  }
}

/** The same, with references into the document. The format of a time says more than its pattern, which fills a page. */
function referred(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(referred);
  if (typeof value !== 'object' || value === null) return value;
  const isTime = 'format' in value && value.format === 'date-time';
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, member]) => {
      if (isTime && name === 'pattern') return [];
      return [[name, name === '$ref' ? String(member).replace('#/$defs/', SCHEMAS) : referred(member)]];
    }),
  );
}
