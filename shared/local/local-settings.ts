/** Reads local.settings.json like the Core Tools: the environment takes precedence over its values. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod/mini';
import { jsonFaultOf } from '../describe-error.ts';
import { ConfigError } from '../errors.ts';
import { describeIssue } from '../events/issues.ts';
import { parseJson } from '../json.ts';

const schema = z.looseObject({
  IsEncrypted: z.optional(z.literal(false, 'false: encrypted values cannot be read here')),
  Values: z._default(
    z.record(z.string(), z.pipe(z.union([z.string(), z.number(), z.boolean()], 'a text'), z.transform(String))),
    {},
  ),
});

/**
 * The values of a directory's local.settings.json; empty without the file.
 *
 * @throws ConfigError that names what is wrong
 */
export function readLocalSettings(directory: string): Record<string, string> {
  const path = join(directory, 'local.settings.json');
  if (!existsSync(path)) return {};
  let input: unknown;
  try {
    input = parseJson(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new ConfigError(`${path}: ${jsonFaultOf(error)}`);
  }
  const result = schema.safeParse(input, { error: describeIssue });
  if (result.success) return result.data.Values;
  const issues = result.error.issues.map(({ path: at, message }) => `${at.map(String).join('.')}: expected ${message}`);
  throw new ConfigError(`${path}: ${issues.join('; ')}`);
}

/** Sets environment variables of this process that are not set yet. */
export function applySettings(values: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(values)) process.env[name] ??= value;
}
