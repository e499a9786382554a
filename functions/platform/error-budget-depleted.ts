/** Freezes the service whose error budget is spent: nothing is released until it recovers, unless overridden. */

import { parseDuration } from '../../shared/duration.ts';
import type { EventOf } from '../../shared/events/cloud-event.ts';
import { ErrorBudgetDepleted } from '../../shared/events/platform.ts';
import { onEvent } from '../../shared/on-event.ts';
import type { Handler } from '../../shared/ports/handler.ts';
import type { StateStore } from '../../shared/ports/state.ts';
import { budgetWords, eventsFact } from '../../shared/slo/budget-text.ts';
import { freeze, liftFreeze, SERVICES } from '../../shared/slo/freezes.ts';
import { objectiveOf } from '../../shared/slo/objectives.ts';
import { newHealth, objectiveHealthOf, type ServiceHealth, withDepletion } from '../../shared/slo/service-health.ts';
import { updateDocument } from '../../shared/update-document.ts';

type Depleted = EventOf<typeof ErrorBudgetDepleted>;

export const handle: Handler<Depleted> = async (event, { state, config, clock, notifier, log }) => {
  const { service, slo, window, errorBudgetRemaining, currentValue, targetValue } = event.data;
  const objective = objectiveOf(config, service, slo);
  // An episode is named after the check that spent the budget. Another tool's event names its own.
  const isOurs = event.source === '/handlers/health-check' && event.causationid !== undefined;
  const episode = (isOurs && event.causationid) || event.id;
  // A sender's clock may be ahead; a freeze that began tomorrow would also end too late.
  const since = Math.min(Date.parse(event.time), clock.now());
  if (!isOurs && objective) await takeWord(state, event, since, episode);

  const measured = `${(currentValue * 100).toFixed(3)} % good of ${(targetValue * 100).toFixed(3)} % promised`;
  const reason = `the error budget of '${slo}' over ${window} is spent: ${measured}`;
  // Health checks may find the budget positive at any moment. They write their document before they lift a freeze, and
  // this writes the freeze before it reads their document: whichever is last sees the other.
  await freeze(state, service, {
    slo,
    since: new Date(since).toISOString(),
    reason,
    episode,
    windowMs: parseDuration(window),
    isJudged: isOurs || objective !== undefined,
  });
  if ((isOurs || objective) && !(await isStanding(state, service, slo, episode))) {
    await liftFreeze(state, service, slo, episode);
    log.info('the budget has recovered since, nothing is frozen', { service, slo });
    return;
  }
  await notifier.notify({
    key: `${service}/${slo}/depleted/${episode}`,
    severity: 'critical',
    title: `${service} is frozen`,
    text: `${reason}. Releases are refused until it recovers; an override lets one through`,
    team: objective?.team,
    facts: {
      ...eventsFact(event.data, window),
      'error budget': budgetWords(errorBudgetRemaining),
      ...(!objective && { 'ends by itself after': window }),
    },
    event,
  });
};

/** Marks the budget as spent for the checks to come, unless checks newer than the event have been judged. */
async function takeWord(state: StateStore, { data }: Depleted, at: number, episode: string): Promise<void> {
  await updateDocument<ServiceHealth>(state, SERVICES, data.service, (found) => {
    const health = found ?? newHealth(data.service, at);
    return health.at > at ? found : withDepletion(health, data.slo, episode);
  });
}

async function isStanding(state: StateStore, service: string, slo: string, episode: string): Promise<boolean> {
  const health = (await state.get<ServiceHealth>(SERVICES, service))?.value;
  return health !== undefined && objectiveHealthOf(health, slo)?.depletedBy === episode;
}

onEvent(ErrorBudgetDepleted, handle);
