/** Describes what a schema expected, so that a sender can correct a wrong value without reading the schema. */

import type * as z from 'zod/mini';
import { $ZodNumberFormat } from 'zod/v4/core';
import { InvalidEventError, type Issue } from '../errors.ts';
import { misnamedFields } from './misnamed.ts';

/** What a schema issue expected, in words; for zod's `error` option, which a message in the schema overrides. */
export function describeIssue(issue: z.core.$ZodRawIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      if (isInteger(issue.inst)) return 'an integer';
      if (typeof issue.input === 'number' && !Number.isFinite(issue.input)) return 'a finite number';
      return TYPES[issue.expected] ?? `a value of type ${issue.expected}`;
    case 'invalid_value':
      return `${oneOf(issue.values.map((value) => (typeof value === 'string' ? `'${value}'` : String(value))))}${
        issue.values.some((value) => differInCase(issue.input, value)) ? ' (it differs in case alone)' : ''
      }`;
    case 'too_small':
      return `${issue.inclusive ? 'at least' : 'more than'} ${amount(issue.minimum, issue.origin)}`;
    case 'too_big':
      return `${issue.inclusive ? 'at most' : 'less than'} ${amount(issue.maximum, issue.origin)}`;
    case 'invalid_format':
      return FORMATS[issue.format] ?? `a text in the form '${issue.format}'`;
    case 'invalid_union':
      return oneOf([...new Set(issue.errors.flat().map(({ message }) => message))]);
    case 'invalid_key':
    case 'invalid_element':
      return issue.issues.map(({ message }) => message).join(' and ');
    case 'unrecognized_keys':
      return 'no field of this name';
    case 'not_multiple_of':
      return `a multiple of ${issue.divisor}`;
    default:
      return 'a valid value';
  }
}

/** zod reports the type `number` when an integer was expected and the value is not a number. */
function isInteger(schema: unknown): boolean {
  return schema instanceof $ZodNumberFormat && schema._zod.def.format === 'safeint';
}

const TYPES: Readonly<Record<string, string>> = {
  string: 'a string',
  number: 'a number',
  int: 'an integer',
  boolean: 'true or false',
  object: 'an object',
  record: 'an object',
  array: 'an array',
};

const FORMATS: Readonly<Record<string, string>> = {
  url: 'an absolute URL',
};

function oneOf(choices: readonly string[]): string {
  const last = choices.at(-1) ?? 'nothing';
  return choices.length < 2 ? last : `${choices.slice(0, -1).join(', ')} or ${last}`;
}

function amount(bound: number | bigint, origin: string): string {
  const unit = UNITS[origin];
  return unit === undefined ? String(bound) : `${bound} ${unit}${Number(bound) === 1 ? '' : 's'}`;
}

const UNITS: Readonly<Record<string, string>> = { string: 'character', array: 'element', map: 'entry' };

/** The issues of a failed check of `input`, with the values that caused them. */
export function issuesOf(error: z.core.$ZodError, input: unknown, prefix: readonly PropertyKey[] = []): Issue[] {
  return error.issues.flatMap((issue) => {
    // A field too many is reported at its own path, not at its parent's.
    const paths = issue.code === 'unrecognized_keys' ? issue.keys.map((key) => [...issue.path, key]) : [issue.path];
    return paths.map((path) => ({
      path: [...prefix, ...path].map(String).join('.'),
      value: valueAt(input, path),
      expected: expectedAt(issue, path, input),
      // The value of an unknown field may be anything, even a key in the wrong file.
      ...(issue.code === 'unrecognized_keys' && { isSecret: true }),
    }));
  });
}

/** What was expected, and which name was probably meant: C# begins names with a capital, for one. */
function expectedAt({ code, message }: z.core.$ZodIssue, path: readonly PropertyKey[], input: unknown): string {
  const name = path.at(-1);
  const there = Object.keys(Object(valueAt(input, path.slice(0, -1)))).find((key) => differInCase(key, name));
  if (code === 'unrecognized_keys' || there === undefined || valueAt(input, path) !== undefined) return message;
  return `${message} (there is '${there}', which differs in case alone)`;
}

function differInCase(one: unknown, other: unknown): boolean {
  if (typeof one !== 'string' || typeof other !== 'string' || one === other) return false;
  return one.toLowerCase() === other.toLowerCase();
}

function valueAt(input: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (at, key) => (typeof at === 'object' && at !== null && Object.hasOwn(at, key) ? Reflect.get(at, key) : undefined),
    input,
  );
}

/**
 * The value as the schema makes it.
 *
 * @throws InvalidEventError with every issue, paths starting with `prefix`
 */
export function check<Schema extends z.core.$ZodType>(
  schema: Schema,
  input: unknown,
  identity: { id?: string | undefined; type?: string | undefined },
  prefix: readonly PropertyKey[] = [],
): z.output<Schema> {
  const result = fastest(schema).safeParse(input, { error: describeIssue, jitless: true });
  const misnamed = misnamedFields(schema, input);
  if (result.success && misnamed.length === 0) return result.data;
  const issues = result.success ? [] : issuesOf(result.error, input, prefix);
  throw new InvalidEventError(identity, [...issues, ...misnamedIssues(misnamed, input, issues, prefix)]);
}

/** Leaves out what the issue of the missing field says already. */
function misnamedIssues(
  misnamed: ReturnType<typeof misnamedFields>,
  input: unknown,
  issues: readonly Issue[],
  prefix: readonly PropertyKey[],
): Issue[] {
  const told = new Set(issues.map((issue) => issue.path));
  const pathOf = (...path: readonly PropertyKey[]): string => [...prefix, ...path].map(String).join('.');
  return misnamed
    .filter(({ path, name }) => !told.has(pathOf(...path.slice(0, -1), name)))
    .map(({ path, name }) => ({
      path: pathOf(...path),
      value: valueAt(input, path),
      expected: `the name '${name}', which differs in case alone`,
    }));
}

/**
 * The code that zod generates for a schema is ten times as fast. To load the generator and to run it takes longer than the
 * first events of a cold start, so it is left to a schema that is used more often.
 */
function fastest<Schema extends z.core.$ZodType>(schema: Schema): Parser<Schema> {
  let known = schemas.get(schema);
  if (!known) {
    known = { uses: 0 };
    schemas.set(schema, known);
  }
  known.uses += 1;
  if (known.uses === GENERATED_AFTER) {
    import('./compile.ts')
      .then(({ compile }) => Object.assign(known, { compiled: compile(schema) }))
      // Without it a check is slower, and as right.
      .catch(() => {});
  }
  // Made from this very schema. Its method knows the generated code; the function of the same name takes the long way.
  return (known.compiled ?? schema) as unknown as Parser<Schema>;
}

const GENERATED_AFTER = 10;

/** What schemas of zod and of zod/mini have alike. */
type Parser<Schema> = Pick<z.ZodMiniType<z.output<Schema>>, 'safeParse'>;

interface KnownSchema {
  uses: number;
  compiled?: z.core.$ZodType;
}

const schemas = new WeakMap<z.core.$ZodType, KnownSchema>();
