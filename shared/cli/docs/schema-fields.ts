/** The fields of a JSON Schema, for tables. */
import { duration } from '../../config/fields.ts';
import * as fieldTypes from '../../events/fields.ts';
import { type JsonSchema, jsonSchemaOf } from '../../events/schemas.ts';
import { code, linkTo, literal, prose } from './markdown.ts';

/** A longer pattern is not readable, and is left out. */
const MAX_PATTERN = 100;

export interface Field {
  /** `commit.sha`, `objectives[].service`, `profiles.<name>.quota`. */
  readonly path: string;
  readonly schema: JsonSchema;
  readonly isRequired: boolean;
}

/** Every field of an object; inner fields of objects, lists and records follow the field that holds them. */
export function fieldsOf(schema: JsonSchema, prefix = ''): Field[] {
  const required = new Set(schema['required'] as string[] | undefined);
  return Object.entries(membersOf(schema)).flatMap(([name, member]) => {
    const path = `${prefix}${name}`;
    return [{ path, schema: member, isRequired: required.has(name) }, ...innerFields(path, member)];
  });
}

function innerFields(path: string, schema: JsonSchema): Field[] {
  const items = objectIn(schema, 'items');
  if (items) return fieldsOf(items, `${path}[].`);
  const values = objectIn(schema, 'additionalProperties');
  if (values && 'properties' in values) return fieldsOf(values, `${path}.<name>.`);
  return fieldsOf(schema, `${path}.`);
}

export function membersOf(schema: JsonSchema): Readonly<Record<string, JsonSchema>> {
  return (objectIn(schema, 'properties') as Record<string, JsonSchema> | undefined) ?? {};
}

function objectIn(schema: JsonSchema, name: string): JsonSchema | undefined {
  const value = schema[name];
  return typeof value === 'object' && value !== null ? (value as JsonSchema) : undefined;
}

/** Types with a pattern, by the pattern: the tables name them, and a section explains each once. */
const named: ReadonlyMap<unknown, [name: string, schema: JsonSchema]> = new Map(
  Object.entries({ ...fieldTypes, duration })
    // Functions that make types are exported beside them.
    .flatMap(([name, type]) => (typeof type === 'function' ? [] : [[name, jsonSchemaOf(type)] as const]))
    .filter(([, schema]) => schema['pattern'] !== undefined)
    .map(([name, schema]) => [schema['pattern'], [name, schema]]),
);

/** The type of a field: `integer`, a named type, or the list of its values. */
export function typeOf(schema: JsonSchema): string {
  const values = schema['enum'] as unknown[] | undefined;
  if (values) return values.map(literal).join(' ');
  if ('const' in schema) return literal(schema['const']);
  const [name] = named.get(schema['pattern']) ?? [];
  if (name) return linkTo(name);
  const items = objectIn(schema, 'items');
  if (items) return `list of ${'properties' in items ? 'objects' : typeOf(items)}`;
  const entries = objectIn(schema, 'additionalProperties');
  if (entries && !('properties' in schema) && 'type' in entries) {
    return `object of ${'properties' in entries ? 'objects' : typeOf(entries)}`;
  }
  const choices = schema['anyOf'] as JsonSchema[] | undefined;
  return choices ? choices.map(typeOf).join(' or ') : String(schema['type']);
}

/** Bounds and patterns; empty for a named type, whose section has them. */
export function boundsOf(schema: JsonSchema): string {
  if (named.has(schema['pattern'])) return '';
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, minLength, maxLength, pattern, format } = schema;
  const least = isSafe(minimum)
    ? `${minimum} or more`
    : exclusiveMinimum !== undefined && `more than ${exclusiveMinimum}`;
  const most = isSafe(maximum)
    ? `at most ${maximum}`
    : exclusiveMaximum !== undefined && `less than ${exclusiveMaximum}`;
  const length =
    maxLength === undefined
      ? minLength !== undefined && `${minLength} or more characters`
      : `${minLength === undefined ? 'at most' : `${minLength} to`} ${maxLength} characters`;
  return [least, most, length, format, pattern !== undefined && literal(pattern)].filter(Boolean).join(', ');
}

/** False for the bounds that JSON Schemas of integers have by default. */
function isSafe(bound: unknown): boolean {
  return typeof bound === 'number' && Math.abs(bound) < Number.MAX_SAFE_INTEGER;
}

/** The section of the named types that these fields have. */
export function namedTypes(fields: readonly Field[], level = '##'): string {
  const used = new Set(
    fields.flatMap(({ schema }) =>
      [schema, objectIn(schema, 'items'), objectIn(schema, 'additionalProperties')].map((one) => one?.['pattern']),
    ),
  );
  const entries = [...named].filter(([pattern]) => used.has(pattern)).map(([, entry]) => entry);
  return entries.map(([name, schema]) => namedType(name, schema, level)).join('\n\n');
}

function namedType(name: string, { description, minLength, maxLength, pattern }: JsonSchema, level: string): string {
  const text = sentence(String(description ?? name));
  const bounds = maxLength === undefined || text.includes(String(maxLength)) ? '' : boundsOf({ minLength, maxLength });
  const rule = String(pattern);
  const isShown = rule.length <= MAX_PATTERN;
  const ending = isShown ? ':' : '; the pattern is in the JSON Schemas.';
  const whole = `${level} ${name}\n\n${prose(`${text}${bounds && `, ${bounds}`}${ending}`)}`;
  return isShown ? `${whole}\n\n${code('text', rule)}` : whole;
}

/** The text for a cell: with a capital letter, without a full stop. */
export function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`.replace(/\.$/, '');
}
