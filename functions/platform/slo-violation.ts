/** Notifies people of a burning error budget; on a page the newest release of the service may be failed for it. */

import { teamOf } from '../../shared/config/service-lookup.ts';
import { HOUR_MS } from '../../shared/duration.ts';
import type { DataOf, EventOf } from '../../shared/events/cloud-event.ts';
import { DeploymentFailed } from '../../shared/events/deployment.ts';
import { eventKey } from '../../shared/events/identity.ts';
import { SLOViolation } from '../../shared/events/platform.ts';
import { onEvent } from '../../shared/on-event.ts';
import type { Handler } from '../../shared/ports/handler.ts';
import { recentSuspectOf, releaseToBlame, type Suspect } from '../../shared/releases/suspects.ts';
import { budgetWords, eventsFact } from '../../shared/slo/budget-text.ts';
import { expectsFact } from '../../shared/slo/health-store.ts';
import { type Objective, objectiveOf } from '../../shared/slo/objectives.ts';

/** How long after its start a release can be blamed. */
const LOOKBACK_MS = HOUR_MS;

type Violation = EventOf<typeof SLOViolation>;

export const handle: Handler<Violation> = async (event, ports) => {
  const { service, slo, severity, longWindow, shortWindow, errorBudgetRemaining } = event.data;
  const objective = objectiveOf(ports.config, service, slo);
  const reasonAgainst = reasonAgainstRollback(severity, objective);
  const isObserved = objective?.rollbackOnPage === 'observe';
  const burning = { service, at: Date.parse(event.time), lookbackMs: LOOKBACK_MS };
  const release = reasonAgainst
    ? undefined
    : isObserved
      ? await recentSuspectOf(ports.state, burning)
      : await releaseToBlame(ports.state, { ...burning, by: eventKey(event) });
  if (release && !isObserved) {
    ports.publish(DeploymentFailed, failedDataOf(event, release), { correlationid: release.correlationId });
  }
  await ports.notifier.notify({
    key: `${eventKey(event)}/violation`,
    severity: severity === 'page' ? 'critical' : 'warning',
    title: `${service} ${burnText(event)}`,
    text: release
      ? isObserved
        ? `nothing is rolled back: rollbackOnPage only observes; it would be the release of ${release.data.image}`
        : `the release of ${release.data.image} is rolled back`
      : `nothing is rolled back: ${reasonAgainst ?? 'no recent release is to blame'}`,
    team: teamOf(ports.config, service),
    facts: {
      slo,
      windows: `${longWindow} and ${shortWindow}`,
      ...eventsFact(event.data, longWindow),
      'error budget': budgetWords(errorBudgetRemaining),
      ...(release && { request: release.requestId }),
    },
    event,
  });
};

/** Why no release is looked for; undefined when one is. */
function reasonAgainstRollback(
  severity: Violation['data']['severity'],
  objective: Objective | undefined,
): string | undefined {
  if (severity === 'ticket') return 'tickets are never rolled back';
  if (!objective) return 'platform.config.json does not name the objective';
  return objective.rollbackOnPage !== 'off' ? undefined : 'rollbackOnPage is off for the objective';
}

function failedDataOf(
  event: Violation,
  { data, requestId, requestSource, startedAt }: Suspect,
): DataOf<typeof DeploymentFailed> {
  const { service, slo, longWindow, shortWindow } = event.data;
  return {
    ...data,
    requestId,
    requestSource,
    reason: 'SLOViolation',
    message: `${service} ${burnText(event)} since this release ('${slo}', over ${longWindow} and ${shortWindow})`,
    durationSeconds: Math.max(0, Date.parse(event.time) - startedAt) / 1_000,
  };
}

function burnText({ data: { burnRate } }: Violation): string {
  return `burns its error budget ${burnRate.toFixed(1)} times too fast`;
}

onEvent(SLOViolation, handle, expectsFact);
