/** Freezes the service whose error budget is spent: nothing is released until it recovers, unless overridden. */

import { teamOf } from '../../shared/config/service-lookup.ts';
import type { EventOf } from '../../shared/events/cloud-event.ts';
import { ErrorBudgetDepleted } from '../../shared/events/platform.ts';
import { onEvent } from '../../shared/on-event.ts';
import type { Handler } from '../../shared/ports/handler.ts';
import { budgetWords, eventsFact } from '../../shared/slo/budget-text.ts';
import { freeze, freezeCauseOf, liftFreeze, scopeText } from '../../shared/slo/freezes.ts';
import { expectsFact, healthOf } from '../../shared/slo/health-store.ts';
import { objectiveOf } from '../../shared/slo/objectives.ts';
import { isDepletedBy } from '../../shared/slo/service-health.ts';

export const handle: Handler<EventOf<typeof ErrorBudgetDepleted>> = async (event, ports) => {
  const { state, config, clock, notifier, log } = ports;
  const { service, slo, window, errorBudgetRemaining } = event.data;
  const objective = objectiveOf(config, service, slo);
  const cause = freezeCauseOf(event, objective, clock.now());
  const { episode } = cause;

  // Health checks may find the budget positive at any moment. They write their document before they lift a freeze, and
  // this writes the freeze before it reads their document: whichever is last sees the other.
  if (!(await freeze(state, service, cause))) {
    log.info('freeze not set again: it is over', { service, slo });
    return;
  }
  const health = await healthOf(state, service);
  if (!(health && isDepletedBy(health, slo, episode))) {
    await liftFreeze(state, service, slo, episode);
    log.info('freeze not needed: the error budget has recovered', { service, slo });
    return;
  }
  await notifier.notify({
    key: `${service}/${slo}/depleted/${episode}`,
    severity: 'critical',
    title: `${service} is frozen${scopeText(cause)}`,
    text: `${cause.reason}. Releases are refused until 5 % of it have been there for 30 minutes; let through are an override and the return to an image known to be good`,
    team: teamOf(config, service),
    facts: {
      ...eventsFact(event.data, window),
      'error budget': budgetWords(errorBudgetRemaining),
      ...(!objective && { 'ends by itself after': window }),
    },
    event,
  });
};

onEvent(ErrorBudgetDepleted, handle, expectsFact);
