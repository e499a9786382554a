/** Tells people of a burning error budget; on a page the newest release of the service may be failed for it. */

import type { EventOf } from '../../shared/events/cloud-event.ts';
import { DeploymentFailed } from '../../shared/events/deployment.ts';
import { SLOViolation } from '../../shared/events/platform.ts';
import { onEvent } from '../../shared/on-event.ts';
import type { Handler, HandlerPorts } from '../../shared/ports/handler.ts';
import { type NewestRelease, newestReleaseOf } from '../../shared/releases/release-record.ts';
import { budgetWords, eventsFact } from '../../shared/slo/budget-text.ts';
import { type Objective, objectiveOf } from '../../shared/slo/objectives.ts';
import { updateDocument } from '../../shared/update-document.ts';

type Violation = EventOf<typeof SLOViolation>;

/** By request id: the violation that a release was failed for. */
const BLAMED = 'blamed-releases';

export const handle: Handler<Violation> = async (event, ports) => {
  const { service, slo, severity, burnRate, longWindow, shortWindow, errorBudgetRemaining } = event.data;
  const objective = objectiveOf(ports.config, service, slo);
  const release = severity === 'page' && objective?.rollbackOnPage ? await releaseToBlame(event, ports) : undefined;
  const burning = `burns its error budget ${burnRate.toFixed(1)} times too fast`;
  if (release) {
    ports.publish(
      DeploymentFailed,
      {
        ...release.data,
        requestId: release.requestId,
        reason: 'SLOViolation',
        message: `${service} ${burning} since this release ('${slo}', over ${longWindow} and ${shortWindow})`,
        durationSeconds: Math.max(0, Date.parse(event.time) - release.startedAt) / 1_000,
      },
      { correlationid: release.correlationId },
    );
  }
  await ports.notifier.notify({
    key: `${event.id}/violation`,
    severity: severity === 'page' ? 'critical' : 'warning',
    title: `${service} ${burning}`,
    text: release
      ? `the release of ${release.data.image} is rolled back`
      : `nothing is rolled back: ${whyNot(severity, objective)}`,
    team: objective?.team,
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

function whyNot(severity: Violation['data']['severity'], objective: Objective | undefined): string {
  if (severity === 'ticket') return 'a ticket is no emergency';
  if (!objective) return 'platform.config.json does not name the objective';
  return objective.rollbackOnPage ? 'no recent release is to blame' : 'the objective does not ask for it';
}

/** The newest release when it began within the look-back before the violation, and was not blamed for another one. */
async function releaseToBlame(event: Violation, ports: HandlerPorts): Promise<NewestRelease | undefined> {
  const { service, slo } = event.data;
  const release = await newestReleaseOf(ports.state, service);
  const lookbackMs = objectiveOf(ports.config, service, slo)?.rollbackLookback ?? 0;
  const ageMs = release ? Date.parse(event.time) - release.startedAt : Number.NaN;
  if (!release || !(ageMs >= 0 && ageMs <= lookbackMs)) return undefined;
  // Run again, the same violation finds itself here and fails the release again, under the same derived id.
  const blame = await updateDocument<{ by: string }>(
    ports.state,
    BLAMED,
    release.requestId,
    (found) => found ?? { by: event.id },
  );
  return blame.by === event.id ? release : undefined;
}

onEvent(SLOViolation, handle);
