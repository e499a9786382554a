/**
 * Reads host.json, and the settings `AzureFunctionsJobHost__…` that override it. What the local host does not support is
 * ignored.
 */
import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import * as z from 'zod';
import { jsonFaultOf } from '../../describe-error.ts';
import { ConfigError } from '../../errors.ts';
import { parseJson } from '../../json.ts';
import type { HostSettings } from './settings.ts';

const TIME_SPAN = /^(-)?(?:(\d+)\.)?(\d{1,2}):(\d{2}):(\d{2})(?:\.(\d{1,7}))?$/;

/** A .NET TimeSpan, `[d.]hh:mm:ss[.fffffff]`, in milliseconds. A negative one is unlimited. */
const timeSpan = z
  .string()
  .regex(TIME_SPAN, 'a time span such as 00:05:00')
  .transform((text) => {
    const [, minus, days = '0', hours, minutes, seconds, fraction = '0'] = TIME_SPAN.exec(text) ?? [];
    const whole = ((Number(days) * 24 + Number(hours)) * 60 + Number(minutes)) * 60 + Number(seconds);
    const ms = whole * 1000 + Number(`0.${fraction}`) * 1000;
    return minus ? Number.POSITIVE_INFINITY : ms;
  });

/** Settings are text, and .NET takes text in host.json for a number or a boolean too. */
const fromText = (pattern: RegExp, convert: (text: string) => unknown) => (value: unknown) =>
  typeof value === 'string' && pattern.test(value) ? convert(value) : value;
const count = (least: number) => z.preprocess(fromText(/^\d{1,9}$/, Number), z.int().min(least));
const flag = z.preprocess(
  fromText(/^(true|false)$/i, (text) => text.toLowerCase() === 'true'),
  z.boolean(),
);

const schema = z.looseObject({
  version: z.literal('2.0'),
  functionTimeout: z.union([z.literal('-1').transform(() => Number.POSITIVE_INFINITY), timeSpan]).prefault('00:30:00'),
  extensions: z
    .looseObject({
      http: z.looseObject({ routePrefix: z.string().default('api') }).prefault({}),
      serviceBus: z
        .looseObject({
          maxConcurrentCalls: count(1).default(() => 16 * availableParallelism()),
          maxAutoLockRenewalDuration: timeSpan.prefault('00:05:00'),
          maxConcurrentSessions: count(1).default(8),
          maxConcurrentCallsPerSession: count(1).default(1),
          maxMessageBatchSize: count(1).default(1000),
          sessionIdleTimeout: timeSpan.optional(),
          prefetchCount: count(0).default(0),
          autoCompleteMessages: flag.default(true),
          clientRetryOptions: z.looseObject({ tryTimeout: timeSpan.prefault('00:01:00') }).prefault({}),
        })
        .prefault({}),
    })
    .prefault({}),
});

/** Durations are in milliseconds; `Infinity` for unlimited. */
export type HostJson = z.output<typeof schema>;

const OVERRIDE = /^AzureFunctionsJobHost(?:__|:)(.+)$/i;

/** @throws ConfigError that names the path and the wrong value */
export async function readHostJson(directory: string, settings: HostSettings = {}): Promise<HostJson> {
  const path = join(directory, 'host.json');
  let input: unknown;
  try {
    input = parseJson(await readFile(path, 'utf8'));
  } catch (error) {
    throw new ConfigError(`cannot read ${path}: ${jsonFaultOf(error)}`);
  }
  return parseHostJson(input, path, settings);
}

/** @throws ConfigError that names the path, and the setting when the wrong value is from one */
export function parseHostJson(input: unknown, origin = 'host.json', settings: HostSettings = {}): HostJson {
  const overrides = Object.entries(settings).flatMap(([name, value]) => {
    const path = OVERRIDE.exec(name)?.[1]?.split(/__|:/);
    return path && value !== undefined ? [{ name, value, path }] : [];
  });
  const result = schema.safeParse(overrides.reduce((json, { path, value }) => withValue(json, path, value), input));
  if (result.success) return result.data;
  const issues = result.error.issues.map(({ path, message }) => {
    const place = path.map(String).join('.');
    const setting = overrides.find((one) => one.path.join('.').toLowerCase() === place.toLowerCase());
    return `${place}: ${message}${setting ? ` (set by ${setting.name})` : ''}`;
  });
  throw new ConfigError(`${origin}: ${issues.join('; ')}`);
}

/** A copy with a value at a path, whose names ignore case. */
function withValue(json: unknown, [first = '', ...rest]: readonly string[], value: string): unknown {
  const object = typeof json === 'object' && json !== null ? json : {};
  const key = [...Object.keys(object), ...KNOWN].find((one) => one.toLowerCase() === first.toLowerCase()) ?? first;
  const inner: unknown = Reflect.get(object, key);
  return { ...object, [key]: rest.length === 0 ? value : withValue(inner, rest, value) };
}

/** The spelling of the names that host.json need not have. */
const KNOWN: readonly string[] = [
  ...['functionTimeout', 'extensions', 'http', 'routePrefix', 'serviceBus', 'clientRetryOptions', 'tryTimeout'],
  ...['maxConcurrentCalls', 'maxConcurrentSessions', 'maxConcurrentCallsPerSession', 'maxMessageBatchSize'],
  ...['maxAutoLockRenewalDuration', 'sessionIdleTimeout', 'prefetchCount', 'autoCompleteMessages'],
];
