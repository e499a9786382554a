/** Adds a check to its service's counts; publishes burning and spent error budgets, and lifts a freeze on recovery. */

import { teamOf } from '../../shared/config/service-lookup.ts';
import { InvalidEventError } from '../../shared/errors.ts';
import type { EventOf } from '../../shared/events/cloud-event.ts';
import { eventKey } from '../../shared/events/identity.ts';
import { ErrorBudgetDepleted, HealthCheck, SLOViolation } from '../../shared/events/platform.ts';
import { onEvent } from '../../shared/on-event.ts';
import type { Handler, HandlerPorts } from '../../shared/ports/handler.ts';
import { admittedObjectives } from '../../shared/slo/admission.ts';
import { budgetWords } from '../../shared/slo/budget-text.ts';
import { lengthOf } from '../../shared/slo/burn-rate.ts';
import { dropCompletedChecks } from '../../shared/slo/compact-checks.ts';
import { liftFreeze } from '../../shared/slo/freezes.ts';
import { changeHealth, healthOf } from '../../shared/slo/health-store.ts';
import type { CheckOutcome } from '../../shared/slo/objective-health.ts';
import { objectivesOf, reasonNotCounted } from '../../shared/slo/objectives.ts';
import { factKeyOf, isPending, outcomesOf, withCheck } from '../../shared/slo/service-health.ts';
import { countUnlisted } from '../../shared/slo/unlisted-checks.ts';

type Check = EventOf<typeof HealthCheck>;

/** How far the clock of a sender may be ahead. */
const TOLERANCE_MS = 5 * 60_000;
/** The longest window there is. */
const MAX_MS = lengthOf('30d');

export const handle: Handler<Check> = async (event, ports) => {
  const { state, config, clock } = ports;
  const { service } = event.data;
  const configured = objectivesOf(config, service);
  const key = eventKey(event);
  const time = timeOf(event, clock.now());
  const counting = await admittedObjectives(event, ports);
  if (counting.length === 0) {
    const known = await healthOf(state, service);
    if (!known || !isPending(known, key, configured)) return notifyUnlisted(event, ports);
  }

  const health = await changeHealth(state, service, (found) => withCheck(found, event, time, { configured, counting }));
  for (const outcome of outcomesOf(health, key)) await actOn(outcome, event, ports);
  await dropCompletedChecks(health, ports);
};

/**
 * When the check was taken. A sender's clock that is far ahead would empty the windows of everybody else's checks, and
 * what is older than every window counts nowhere: both are refused, so that somebody sets the clock.
 *
 * @throws InvalidEventError
 */
function timeOf({ id, type, time }: Check, now: number): number {
  const taken = Date.parse(time);
  if (taken <= now + TOLERANCE_MS && taken > now - MAX_MS) return Math.min(taken, now);
  const [earliest, latest] = [now - MAX_MS, now + TOLERANCE_MS].map((at) => new Date(at).toISOString());
  const expected = `a time from ${earliest} to ${latest}, by the clock here`;
  throw new InvalidEventError({ id, type }, [{ path: 'time', value: time, expected }]);
}

/** Safe to repeat: derived ids, notification keys, and a freeze is lifted by its episode. */
async function actOn(outcome: CheckOutcome, event: Check, ports: HandlerPorts): Promise<void> {
  const { service } = event.data;
  switch (outcome.kind) {
    case 'violation':
      return ports.publish(SLOViolation, outcome.data, { key: factKeyOf(outcome) });
    case 'depleted':
      return ports.publish(ErrorBudgetDepleted, outcome.data, { key: factKeyOf(outcome) });
    case 'recovered': {
      const { slo, episode, remaining } = outcome;
      const isFree = await liftFreeze(ports.state, service, slo, episode, ports.clock.now());
      const left = `the error budget of '${slo}' is positive again: ${budgetWords(remaining)}`;
      return ports.notifier.notify({
        key: `${service}/${slo}/recovered/${episode}`,
        severity: 'info',
        title: isFree ? `${service} may be released again` : `${service} recovers`,
        text: isFree ? `${left}; the freeze is lifted` : `${left}; another objective still freezes the service`,
        team: teamOf(ports.config, service),
        event,
      });
    }
    case 'heard': {
      const { slo, silentSince } = outcome;
      return ports.notifier.notify({
        key: `${service}/${slo}/heard/${silentSince}`,
        severity: 'info',
        title: `${service} is heard of again`,
        text: `the first health check of '${slo}' since ${new Date(silentSince).toISOString()}`,
        team: teamOf(ports.config, service),
        event,
      });
    }
  }
}

/** Safe to repeat: a notification stays with the event that it was first sent for. */
async function notifyUnlisted(event: Check, { state, config, clock, notifier, log }: HandlerPorts): Promise<void> {
  const { service } = event.data;
  const reason = reasonNotCounted(config, event.data);
  if (reason === undefined) return;
  const checks = await countUnlisted(state, eventKey(event), clock.now());
  if (checks === undefined) return;
  log.warn('health check without an objective ignored', { service, checks, reason });
  await notifier.notify({
    key: `no-objective/${eventKey(event)}`,
    severity: 'warning',
    title: 'Health checks without an objective',
    text: `${reason}, so its health checks are not counted; there were ${checks} such checks so far, of this service or others`,
    event,
  });
}

onEvent(HealthCheck, handle);
