/** Applies the image once and watches its rollout until it is ready, fails, or is late. */

import { serviceOf } from '../../shared/config/service-lookup.ts';
import type { EventOf } from '../../shared/events/cloud-event.ts';
import { DeploymentCompleted, DeploymentFailed, DeploymentStarted } from '../../shared/events/deployment.ts';
import { eventKey } from '../../shared/events/identity.ts';
import { onEvent } from '../../shared/on-event.ts';
import type { Release } from '../../shared/ports/cluster.ts';
import { type Handler, type HandlerPorts, requeueAfter } from '../../shared/ports/handler.ts';
import { applyChange, type RolloutStatus } from '../../shared/releases/apply-change.ts';
import { expectsStarted } from '../../shared/releases/expected.ts';
import {
  advanceRelease,
  phaseOf,
  type ReleaseRecord,
  requestReference,
  stepBy,
  stepTo,
} from '../../shared/releases/release-record.ts';
import { endRelease, observePrevious, releaseOutcomeOf, startRelease } from '../../shared/releases/release-states.ts';
import { completedData, failedData } from '../../shared/releases/report.ts';
import { rememberNewest } from '../../shared/releases/suspects.ts';
import { objectivesOf } from '../../shared/slo/objectives.ts';

export const handle: Handler<EventOf<typeof DeploymentStarted>> = async (event, ports) => {
  const by = eventKey(event);
  const { state, clock, config } = ports;
  const { deadline } = config.policies.deployment;
  let release = await advanceRelease(state, event.data, (record, it) =>
    startRelease(record, it, { by, at: clock.now() }, deadline),
  );

  if (release && phaseOf(release) === 'started') {
    const status = await watchRollout(release, ports);
    if (status.to === 'waiting') return requeueAfter(status.afterMs);
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
  const { namespace, deployment, container, image, replicas, commit } = data;
  const changeCause = `request ${requestReference(release)}: ${image}${commit ? ` (commit ${commit.sha})` : ''}`;
  const change: Release = {
    ...{ namespace, deployment, container, image, replicas },
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
        await rememberNewest(state, service, release);
      if (running)
        await advanceRelease(state, { ...data, requestId, requestSource }, (record, it) =>
          observePrevious(record, it, running),
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
