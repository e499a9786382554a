/** Reads host.json: the settings that the local host supports. Others are ignored. */
import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import * as z from 'zod';
import { jsonFaultOf } from '../../describe-error.ts';
import { ConfigError } from '../../errors.ts';
import { parseJson } from '../../json.ts';

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

const schema = z.looseObject({
  version: z.literal('2.0'),
  functionTimeout: z.union([z.literal('-1').transform(() => Number.POSITIVE_INFINITY), timeSpan]).prefault('00:30:00'),
  extensions: z
    .looseObject({
      http: z.looseObject({ routePrefix: z.string().default('api') }).prefault({}),
      serviceBus: z
        .looseObject({
          maxConcurrentCalls: z
            .int()
            .min(1)
            .default(() => 16 * availableParallelism()),
          maxAutoLockRenewalDuration: timeSpan.prefault('00:05:00'),
          prefetchCount: z.int().min(0).default(0),
          autoCompleteMessages: z.boolean().default(true),
          clientRetryOptions: z.looseObject({ tryTimeout: timeSpan.prefault('00:01:00') }).prefault({}),
        })
        .prefault({}),
    })
    .prefault({}),
});

/** Durations are in milliseconds; `Infinity` for unlimited. */
export type HostJson = z.output<typeof schema>;

/** @throws ConfigError that names the path and the wrong value */
export async function readHostJson(directory: string): Promise<HostJson> {
  const path = join(directory, 'host.json');
  let input: unknown;
  try {
    input = parseJson(await readFile(path, 'utf8'));
  } catch (error) {
    throw new ConfigError(`cannot read ${path}: ${jsonFaultOf(error)}`);
  }
  return parseHostJson(input, path);
}

/** @throws ConfigError that names the path and the wrong value */
export function parseHostJson(input: unknown, origin = 'host.json'): HostJson {
  const result = schema.safeParse(input);
  if (result.success) return result.data;
  const issues = result.error.issues.map(({ path, message }) => `${path.map(String).join('.')}: ${message}`);
  throw new ConfigError(`${origin}: ${issues.join('; ')}`);
}
