/**
 * Objectives that no health check has counted for in longer than they allow: then their budgets and alerts stand still, and
 * say nothing. Each silence is told once; the next check ends it (`objective-health.ts`).
 */
import { teamOf } from '../config/service-lookup.ts';
import { MINUTE_MS } from '../duration.ts';
import { combineErrors } from '../errors.ts';
import type { Ports } from '../ports/handler.ts';
import { changeHealth } from './health-store.ts';
import { newObjectiveHealth, type ObjectiveHealth } from './objective-health.ts';
import { type Objective, objectivesOf } from './objectives.ts';
import { newHealth, type ServiceHealth } from './service-health.ts';

/** Well within the time of a function: when all are silent at once, and no channel answers, that takes long. */
const MAX_MS = 2 * MINUTE_MS;

/** Safe to repeat: a silence that is on record is told until it is known that people were notified. */
export async function noticeSilence({
  state,
  config,
  clock,
  notifier,
  log,
}: Pick<Ports, 'state' | 'config' | 'clock' | 'notifier' | 'log'>): Promise<void> {
  const errors: unknown[] = [];
  const begun = clock.now();
  const { services } = config;
  // Each run begins with another one, so that none is left out for ever.
  const first = Math.floor(begun / MINUTE_MS) % Math.max(1, services.length);
  for (const { name: service } of [...services.slice(first), ...services.slice(0, first)]) {
    const watched = objectivesOf(config, service).filter(({ silentAfter }) => silentAfter !== undefined);
    if (watched.length === 0 || clock.now() >= begun + MAX_MS) continue;
    const health = await changeHealth(state, service, (found) => withSilences(found, service, watched, clock.now()));
    for (const { slo, silence, isAwaited } of health.objectives) {
      if (!silence || silence.isNotified || clock.now() >= begun + MAX_MS) continue;
      const { since } = silence;
      const time = new Date(since).toISOString();
      const known = isAwaited
        ? `no health check of '${slo}' has come since`
        : `the last health check of '${slo}' is of`;
      log.warn('no health checks', { service, slo, since: time });
      try {
        await notifier.notify({
          key: `${service}/${slo}/silent/${since}`,
          severity: 'warning',
          title: `${service} is silent`,
          text: `${known} ${time}; its budget and its alerts stand still until the next one`,
          team: teamOf(config, service),
        });
        await changeHealth(state, service, (found) => found && withNotified(found, slo, since));
      } catch (error) {
        // The others are told all the same, and this one again.
        errors.push(error);
      }
    }
  }
  if (errors.length > 0) throw combineErrors(errors);
}

/** The same health when nothing has become silent since it was last looked at. */
function withSilences(
  found: ServiceHealth | undefined,
  service: string,
  watched: readonly Objective[],
  now: number,
): ServiceHealth {
  const health = found ?? newHealth(service);
  const changed = new Map<string, ObjectiveHealth>();
  for (const { slo, silentAfter = 0 } of watched) {
    const objective = health.objectives.find((it) => it.slo === slo);
    // It may never be heard of: from now on it is waited for.
    if (!objective) changed.set(slo, newObjectiveHealth(slo, now));
    else if (!objective.silence && now >= objective.buckets.at + silentAfter) {
      changed.set(slo, { ...objective, silence: { since: objective.buckets.at, isNotified: false } });
    }
  }
  if (changed.size === 0) return health;
  const others = health.objectives.filter(({ slo }) => !changed.has(slo));
  return { ...health, objectives: [...others, ...changed.values()] };
}

function withNotified(health: ServiceHealth, slo: string, since: number): ServiceHealth {
  const objectives = health.objectives.map((objective) =>
    objective.slo === slo && objective.silence?.since === since
      ? { ...objective, silence: { since, isNotified: true } }
      : objective,
  );
  return { ...health, objectives };
}
