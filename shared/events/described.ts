/** What schemas say of themselves: in errors, JSON Schemas and the documentation. */
import * as z from 'zod/mini';

/**
 * Says in place what a schema is for: only of one that is made where it is described. (`z.describe` and `z.meta` copy the
 * schema, and half of all that is made at a cold start would be copies; a schema of several places needs them.)
 *
 * @example described(z.optional(dnsLabel), 'The namespace; every one when absent')
 */
export function described<Schema extends z.core.$ZodType>(schema: Schema, about: string | z.core.GlobalMeta): Schema {
  z.globalRegistry.add(schema, typeof about === 'string' ? { description: about } : about);
  return schema;
}
