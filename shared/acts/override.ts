/** Grants an override to a service, or to one deployment of it: for a while, or for one release. */
import { audited } from '../access/audit.ts';
import { deploymentScope } from '../access/rights.ts';
import { serviceNamed, serviceOf } from '../config/service-lookup.ts';
import { parseDuration } from '../duration.ts';
import { parseTarget, targetOf } from '../events/deployment-target.ts';
import { ProblemError } from '../http/problem.ts';
import { wrong } from '../http/query.ts';
import type { Ports } from '../ports/handler.ts';
import { grantOverride, MAX_OVERRIDE_MS, type Override, TooManyOverridesError } from '../releases/overrides.ts';
import { type Asked, demand, type Fields, reasonIn, refuseUnknownFields } from './asked.ts';

/**
 * @param fields `reason`; `target` (`cluster/namespace/deployment`), else any of the service; `for` how long, else one
 * release within a day
 * @throws ProblemError 400 naming the field that is wrong, 403 without the right, 404 for a service that is not configured,
 * 409 when it has too many
 */
export async function override(service: string, fields: Fields, asked: Asked, ports: Ports): Promise<Override> {
  refuseUnknownFields(fields, ['reason', 'target', 'for']);
  const reason = reasonIn(fields);
  const forMs = durationIn(fields);
  const { state, clock, config, log } = ports;
  const place = targetIn(fields);
  const target = place && targetOf(place);
  const shown = service.slice(0, 100);
  demand(asked, 'override', place ? deploymentScope(config, place) : { service }, `override for '${target ?? shown}'`);
  if (!serviceNamed(config, service)) throw new ProblemError(404, `the service '${shown}' is not in the configuration`);
  if (place && serviceOf(config, place) !== service) throw wrong('target', `a deployment of ${shown}`, target ?? '');

  const by = asked.caller.name;
  const how = forMs === undefined ? 'one release' : `${forMs / 1_000} s`;
  const act = { right: 'override', what: `services/${service}: ${target ?? 'all'}, ${how}`, why: reason } as const;
  try {
    const override = { target, by, reason, at: clock.now(), forMs };
    const granted = await audited([act], asked, ports, () => grantOverride(state, service, override));
    log.warn('override granted', { service, target, who: by, until: new Date(granted.until).toISOString() });
    return granted;
  } catch (error) {
    if (error instanceof TooManyOverridesError) throw new ProblemError(409, error.message, { cause: error });
    throw error;
  }
}

function durationIn({ for: text }: Fields): number | undefined {
  if (text === undefined) return undefined;
  const expected = 'a duration such as 2h, of at most 7d';
  if (typeof text !== 'string') throw wrong('for', expected, 'something else');
  let ms: number;
  try {
    ms = parseDuration(text);
  } catch {
    throw wrong('for', expected, text);
  }
  if (ms <= 0 || ms > MAX_OVERRIDE_MS) throw wrong('for', expected, text);
  return ms;
}

function targetIn({ target }: Fields): ReturnType<typeof parseTarget> {
  if (target === undefined) return undefined;
  const place = typeof target === 'string' ? parseTarget(target) : undefined;
  if (place) return place;
  throw wrong('target', 'cluster/namespace/deployment', typeof target === 'string' ? target : 'something else');
}
