/**
 * Reads host.json, and the settings `AzureFunctionsJobHost__…` that override it. What the local host does not support is
 * ignored.
 */
import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import * as z from 'zod/mini';
import { jsonFaultOf } from '../../describe-error.ts';
import { ConfigError } from '../../errors.ts';
import { describeIssue } from '../../events/issues.ts';
import { parseJson } from '../../json.ts';
import type { HostSettings } from './settings.ts';

const TIME_SPAN = /^(-)?(?:(\d+)\.)?(\d{1,2}):(\d{2}):(\d{2})(?:\.(\d{1,7}))?$/;

/** A .NET TimeSpan, `[d.]hh:mm:ss[.fffffff]`, in milliseconds. A negative one is unlimited. */
const timeSpan = z.pipe(
  z.string().check(z.regex(TIME_SPAN, 'a time span such as 00:05:00')),
  z.transform((text) => {
    const [, minus, days = '0', hours, minutes, seconds, fraction = '0'] = TIME_SPAN.exec(text) ?? [];
    const whole = ((Number(days) * 24 + Number(hours)) * 60 + Number(minutes)) * 60 + Number(seconds);
    const ms = whole * 1000 + Number(`0.${fraction}`) * 1000;
    return minus ? Number.POSITIVE_INFINITY : ms;
  }),
);

/** Settings are text, and .NET takes text in host.json for a number or a boolean too. */
const fromText = (pattern: RegExp, convert: (text: string) => unknown) => (value: unknown) =>
  typeof value === 'string' && pattern.test(value) ? convert(value) : value;
const count = (least: number) => z.pipe(z.transform(fromText(/^\d{1,9}$/, Number)), z.int().check(z.gte(least)));
const flag = z.pipe(z.transform(fromText(/^(true|false)$/i, (text) => text.toLowerCase() === 'true')), z.boolean());

const schema = z.looseObject({
  version: z.literal('2.0'),
  functionTimeout: z.prefault(
    z.union([
      z.pipe(
        z.literal('-1'),
        z.transform(() => Number.POSITIVE_INFINITY),
      ),
      timeSpan,
    ]),
    '00:30:00',
  ),
  extensions: z.prefault(
    z.looseObject({
      http: z.prefault(z.looseObject({ routePrefix: z._default(z.string(), 'api') }), {}),
      serviceBus: z.prefault(
        z.looseObject({
          maxConcurrentCalls: z._default(count(1), () => 16 * availableParallelism()),
          maxAutoLockRenewalDuration: z.prefault(timeSpan, '00:05:00'),
          maxConcurrentSessions: z._default(count(1), 8),
          maxConcurrentCallsPerSession: z._default(count(1), 1),
          maxMessageBatchSize: z._default(count(1), 1000),
          sessionIdleTimeout: z.optional(timeSpan),
          prefetchCount: z._default(count(0), 0),
          autoCompleteMessages: z._default(flag, true),
          clientRetryOptions: z.prefault(z.looseObject({ tryTimeout: z.prefault(timeSpan, '00:01:00') }), {}),
        }),
        {},
      ),
    }),
    {},
  ),
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
  const result = schema.safeParse(
    overrides.reduce((json, { path, value }) => withValue(json, path, value), input),
    { error: describeIssue },
  );
  if (result.success) return result.data;
  const issues = result.error.issues.map(({ path, message }) => {
    const place = path.map(String).join('.');
    const setting = overrides.find((one) => one.path.join('.').toLowerCase() === place.toLowerCase());
    return `${place}: expected ${message}${setting ? ` (set by ${setting.name})` : ''}`;
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
