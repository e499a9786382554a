/** JSON Schemas (draft 2020-12) of the events, for producers in other languages. */
import * as z from 'zod/mini';
import { catalog } from './catalog.ts';
import { envelope } from './cloud-event.ts';
import { described } from './described.ts';

export type JsonSchema = Readonly<Record<string, unknown>>;

/** The schema of what a producer sends, envelope and data, by event type. */
export function eventSchemas(): ReadonlyMap<string, JsonSchema> {
  return new Map(
    [...catalog].map(([type, { definition }]) => {
      const { schema, version } = definition;
      const whole = z.looseObject({
        ...envelope.shape,
        type: z.literal(type),
        dataversion: described(
          z.clone(envelope.shape.dataversion),
          `The version of the data, at most ${version}; 1 when absent`,
        ),
        data: schema,
      });
      const { $schema, ...rest } = jsonSchemaOf(whole);
      const description = descriptionOf(schema) ?? type;
      return [type, { $schema, $id: `urn:platform-events:${type}:${version}`, title: type, description, ...rest }];
    }),
  );
}

/** What a schema says of itself, in words. */
export function descriptionOf(schema: z.core.$ZodType): string | undefined {
  return z.globalRegistry.get(schema)?.description;
}

/** The schema of what a writer may give, before defaults. */
export function jsonSchemaOf(schema: z.core.$ZodType): JsonSchema {
  return z.toJSONSchema(schema, { io: 'input', target: 'draft-2020-12' });
}
