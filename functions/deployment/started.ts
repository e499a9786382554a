/** Applies the image once and watches its rollout until it is ready, fails, or is late. */

import { serviceOf } from '../../shared/config/service-lookup.ts';
import type { EventOf } from '../../shared/events/cloud-event.ts';
import { DeploymentCompleted, DeploymentFailed, DeploymentStarted } from '../../shared/events/deployment.ts';
import { eventKey } from '../../shared/events/identity.ts';
import { onEvent } from '../../shared/on-event.ts';
import type { Release } from '../../shared/ports/cluster.ts';
import { type Handler, type HandlerPorts, requeueAfter } from '../../shared/ports/handler.ts';
import { applyChange, type RolloutStatus } from '../../shared/releases/apply-change.ts';
import { beginChange } from '../../shared/releases/begin-change.ts';
import { rememberTarget } from '../../shared/releases/changes.ts';
import { askedImages, imagesText } from '../../shared/releases/containers.ts';
import { expectsStarted } from '../../shared/releases/expected.ts';
import { deadlineMsOf } from '../../shared/releases/policy.ts';
import { phaseOf, type ReleaseRecord, requestReference, stepBy, stepTo } from '../../shared/releases/release-record.ts';
import { endRelease, markUnbegun, releaseOutcomeOf, startRelease } from '../../shared/releases/release-states.ts';
import { completedData, failedData } from '../../shared/releases/report.ts';
import { advanceRelease } from '../../shared/releases/target-store.ts';
import { objectivesOf } from '../../shared/slo/objectives.ts';

export const handle: Handler<EventOf<typeof DeploymentStarted>> = async (event, ports) => {
  const by = eventKey(event);
  const { state, clock, config } = ports;
  let isFirstRun = false;
  let release = await advanceRelease(state, event.data, (record, it) => {
    isFirstRun = phaseOf(it) === 'requested';
    return startRelease(record, it, { by, at: clock.now() }, deadlineMsOf(it.data, config));
  });

  if (release && phaseOf(release) === 'started') {
    const status = await watchRollout(release, ports);
    if (status.to === 'waiting') {
      if (isFirstRun && status.isUnseen) await advanceRelease(state, event.data, markUnbegun);
      return requeueAfter(status.afterMs);
    }
    release = await advanceRelease(state, event.data, (record, it) =>
      endRelease(record, it, { by, at: clock.now() }, releaseOutcomeOf(status)),
    );
  }

  // Nothing when a newer request superseded this one: its handler has published the end of this one.
  const outcome = stepBy(release, by);
  if (release && outcome?.to === 'completed') ports.publish(DeploymentCompleted, completedData(release));
  if (release && outcome?.to === 'failed') ports.publish(DeploymentFailed, failedData(release));
};

/** Applies what the record says, not what the event says: a DeploymentStarted published by hand changes nothing. */
function watchRollout(
  release: ReleaseRecord,
  { state, clusters, clock, config, log }: HandlerPorts,
): Promise<RolloutStatus> {
  const { requestId, requestSource, rank, data } = release;
  const { namespace, deployment, replicas, commit } = data;
  const containers = askedImages(data);
  const changeCause = `request ${requestReference(release)}: ${imagesText(containers)}${commit ? ` (commit ${commit.sha})` : ''}`;
  const change: Release = {
    ...{ namespace, deployment, containers, replicas },
    ...{ requestId: requestReference(release), rank: `${rank}/apply`, changeCause },
  };
  return applyChange({
    cluster: () => clusters.get(data.cluster),
    change,
    make: (cluster) => cluster.apply(change),
    before: async (running) => {
      // Only a service with objectives can burn a budget, and who may deploy can make up any number of names.
      const service = serviceOf(config, data);
      if (service !== undefined && objectivesOf(config, service).length > 0)
        await rememberTarget(state, service, release);
      await advanceRelease(state, { ...data, requestId, requestSource }, (record, it) =>
        beginChange(record, it, running),
      );
    },
    since: stepTo(release, 'started')?.at ?? 0,
    deadline: stepTo(release, 'started')?.deadline ?? 0,
    now: () => clock.now(),
    requeueAfterMs: config.policies.deployment.requeueAfter,
    log,
  });
}

onEvent(DeploymentStarted, handle, expectsStarted);
