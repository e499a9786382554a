/**
 * An example of every event, from the examples of its fields: for the reference page, and for tests that need any
 * event.
 */
import { catalog } from './catalog.ts';
import { type CloudEvent, newEvent } from './cloud-event.ts';
import { type JsonSchema, jsonSchemaOf } from './schemas.ts';

/**
 * An event with the required fields of its data alone.
 *
 * @throws TypeError that names the type or field without an example; InvalidEventError when the examples do not fit
 *   together
 */
export function exampleEvent(type: string): CloudEvent {
  const definition = catalog.get(type)?.definition;
  if (!definition) throw new TypeError(`'${type}' is not an event of the catalog`);
  return newEvent(definition, {
    source: definition.sender === 'app' ? '/handlers/example' : '/ci',
    data: exampleOf(jsonSchemaOf(definition.schema), `${type}.data`),
    id: '0195a1c2-7b00-7c3a-9f4e-5d2b6a8c1e0f',
    time: '2026-03-01T12:00:00Z',
  });
}

/**
 * A value for a schema, from its examples, constants and bounds.
 *
 * @throws TypeError that names the path without an example
 */
export function exampleOf(schema: JsonSchema, path: string): unknown {
  const { examples, const: only, default: usual, enum: values, type, minimum, minLength, pattern } = schema;
  const [example = only ?? usual ?? (values as unknown[] | undefined)?.[0]] = (examples ?? []) as unknown[];
  if (example !== undefined) return example;
  if (type === 'object') {
    const members = Object(schema['properties']) as Record<string, JsonSchema>;
    const required = (schema['required'] ?? []) as string[];
    return Object.fromEntries(required.map((name) => [name, exampleOf(members[name] ?? {}, `${path}.${name}`)]));
  }
  if (type === 'array' && schema['minItems'] === undefined) return [];
  if (type === 'boolean') return true;
  if (type === 'integer' || type === 'number') return Math.max(Number(minimum ?? 1), 0);
  if (type === 'string' && pattern === undefined && Number(minLength ?? 0) <= 'text'.length) return 'text';
  throw new TypeError(`${path} needs an example: .meta({ examples: […] })`);
}
