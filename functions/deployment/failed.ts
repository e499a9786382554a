/** Notifies people of a failed deployment; when it changed something, rolls it back and watches the rollback. */

import { reasonNotToAct } from '../../shared/automation.ts';
import type { EventOf } from '../../shared/events/cloud-event.ts';
import { DeploymentFailed, DeploymentRolledBack } from '../../shared/events/deployment.ts';
import { targetOf } from '../../shared/events/deployment-target.ts';
import { eventKey, eventReference } from '../../shared/events/identity.ts';
import { onEvent } from '../../shared/on-event.ts';
import type { Rollback } from '../../shared/ports/cluster.ts';
import { type Handler, type HandlerPorts, requeueAfter } from '../../shared/ports/handler.ts';
import type { Notification } from '../../shared/ports/notifier.ts';
import { applyChange, type RolloutStatus } from '../../shared/releases/apply-change.ts';
import { askedImages, imagesText } from '../../shared/releases/containers.ts';
import { expectsFailed } from '../../shared/releases/expected.ts';
import { watchRolledBack } from '../../shared/releases/put-backs.ts';
import {
  type ReleaseRecord,
  type ReleaseStep,
  requestReference,
  stepBy,
} from '../../shared/releases/release-record.ts';
import { failedData, noticeOf, rolledBackData } from '../../shared/releases/report.ts';
import { endRollback, handleFailure, OTHERS_DECIDE, rollbackOutcomeOf } from '../../shared/releases/rollback-states.ts';
import { advanceRelease } from '../../shared/releases/target-store.ts';

type Failed = EventOf<typeof DeploymentFailed>;
type StepTo<To extends ReleaseStep['to']> = Extract<ReleaseStep, { to: To }>;

export const handle: Handler<Failed> = async (event, ports) => {
  const { state, clock, config } = ports;
  const by = eventKey(event);
  const { rollback, deadline } = config.policies.deployment;
  // What somebody asks for is not done by itself.
  const isAsked = event.data.reason === 'RollbackRequested';
  const against = isAsked ? undefined : rollback ? await reasonNotToAct(state) : 'automatic rollback is disabled';
  let release = await advanceRelease(state, event.data, (record, it) =>
    handleFailure(record, it, { by, at: clock.now() }, event.data, {
      against,
      deadlineMs: deadline,
    }),
  );
  let step = stepBy(release, by);

  if (release && step?.to === 'rolling-back') {
    const status = await watchRollback(release, step, event, ports);
    if (status.to === 'waiting') return requeueAfter(status.afterMs);
    release = await advanceRelease(state, event.data, (record, it) =>
      endRollback(record, it, { by, at: clock.now() }, rollbackOutcomeOf(status)),
    );
    step = stepBy(release, by);
    // A newer release has taken one of its containers meanwhile.
    if (step?.to === 'rolling-back') return requeueAfter(config.policies.deployment.requeueAfter);
  }

  // Nothing when this failure is stale: the release has ended otherwise.
  if (release && step?.to === 'rolled-back') ports.publish(DeploymentRolledBack, rolledBackData(release));
  if (release && step?.to === 'closed') await ports.notifier.notify(closingNotice(release, step, event, ports));
};

function watchRollback(
  release: ReleaseRecord,
  { images, revision, at, deadline }: StepTo<'rolling-back'>,
  event: Failed,
  { clusters, clock, config, notifier, state, log }: HandlerPorts,
): Promise<RolloutStatus> {
  const { key, rank, data } = release;
  const { namespace, deployment } = data;
  const back = imagesText(images);
  const change: Rollback = {
    ...{ namespace, deployment, containers: images, revision },
    ...{
      requestId: eventReference(event),
      rank: `${rank}/rollback`,
      changeCause: `rollback of ${requestReference(release)}: ${back}`,
    },
  };
  return applyChange({
    cluster: () => clusters.get(data.cluster),
    change,
    make: (cluster) => cluster.rollback(change),
    before: async () => {
      await watchRolledBack(state, targetOf(data), { key, since: at });
      const notice = noticeOf(release, event, config, {
        what: 'failed',
        severity: 'warning',
        title: `${targetOf(data)} failed and is rolled back to ${back}`,
        text: describe(release),
      });
      await notifier.notify(notice);
    },
    since: at,
    deadline,
    now: () => clock.now(),
    requeueAfterMs: config.policies.deployment.requeueAfter,
    log,
  });
}

function closingNotice(
  release: ReleaseRecord,
  { note = '', needsAttention = false }: StepTo<'closed'>,
  event: Failed,
  { config }: HandlerPorts,
): Notification {
  const { reason } = failedData(release);
  return noticeOf(release, event, config, {
    what: 'closed',
    severity: needsAttention ? 'critical' : reason === 'Superseded' && note !== OTHERS_DECIDE ? 'info' : 'warning',
    title: `${targetOf(release.data)}: ${imagesText(askedImages(release.data))} ${needsAttention ? 'failed and needs attention' : 'failed'}`,
    text: `${describe(release)}; not rolled back: ${note}`,
  });
}

function describe(release: ReleaseRecord): string {
  const { reason, message } = failedData(release);
  return `${reason}: ${message}`;
}

onEvent(DeploymentFailed, handle, expectsFailed);
