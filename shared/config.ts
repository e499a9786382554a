/**
 * `platform.config.json`: policies, services with their objectives, profiles, clusters, notifications, access. Everything has a default that is
 * safe, so an empty file is valid; an error names the path and the value.
 */

import * as z from 'zod/mini';
import { contradictions } from './config/contradictions.ts';
import { unlistedContradictions } from './config/namespace-contradictions.ts';
import { mayBeSecret } from './config/secret-fields.ts';
import { configSections, type PlatformConfig } from './config/sections.ts';
import { ConfigError, formatIssue } from './errors.ts';
import { describeIssue, issuesOf } from './events/issues.ts';

export type { PlatformConfig } from './config/sections.ts';

export const configSchema = configSections.check(
  z.superRefine((config, context) => {
    // Values that do not fit by themselves cannot be compared.
    if (context.issues.length > 0) return;
    for (const { path, expected } of contradictions(config)) {
      context.addIssue({ code: 'custom', path: [...path], message: expected });
    }
  }),
);

/**
 * Checks a configuration.
 *
 * @param origin where it came from, for the message
 * @throws ConfigError naming every path and value that does not fit, but no value that may hold a secret
 */
export function parseConfig(input: unknown, origin = 'platform.config.json'): PlatformConfig {
  const result = configSchema.safeParse(input, { error: describeIssue, jitless: true });
  if (result.success) return result.data;
  const issues = issuesOf(result.error, input).map((issue) => ({
    ...issue,
    isSecret: mayBeSecret(configSchema, issue),
    // Where they were once.
    ...(issue.path === 'objectives' && { expected: OBJECTIVES_MOVED }),
  }));
  throw new ConfigError(`${origin}: ${issues.map(formatIssue).join('; ')}`);
}

/**
 * The configuration for real clusters, where nothing is allowed that is not listed.
 *
 * @throws ConfigError naming what has to be listed
 */
export function forRealClusters(config: PlatformConfig, origin: string): PlatformConfig {
  const missing = [...unlistedContradictions(config)].map(({ path, expected }) => {
    const value = path.reduce<unknown>((at, key) => Object(at)[key], config);
    return formatIssue({ path: path.join('.'), value, expected });
  });
  if (missing.length > 0) {
    const why = 'with Cluster=kubernetes nothing is allowed that is not listed';
    throw new ConfigError(`${origin}: ${missing.join('; ')} (${why})`);
  }
  return { ...config, unlisted: 'refuse' };
}

const OBJECTIVES_MOVED =
  'no objectives here: each is in the `objectives` of its service in `services`, as { name, objectives }';
