/** Applies the image once and watches its rollout until it is ready, fails, or is late. */

import type { EventOf } from '../../shared/events/cloud-event.ts';
import { DeploymentCompleted, DeploymentFailed, DeploymentStarted } from '../../shared/events/deployment.ts';
import { onEvent } from '../../shared/on-event.ts';
import type { Release } from '../../shared/ports/cluster.ts';
import { type Handler, type HandlerPorts, requeueAfter } from '../../shared/ports/handler.ts';
import { carryOut, type Standing } from '../../shared/releases/apply-change.ts';
import {
  advance,
  phaseOf,
  type ReleaseRecord,
  rememberNewest,
  stepBy,
  stepTo,
} from '../../shared/releases/release-record.ts';
import { end, type Outcome, observe, start } from '../../shared/releases/release-states.ts';
import { completionOf, failureOf } from '../../shared/releases/report.ts';
import { readOnce } from '../../shared/update-document.ts';

export const handle: Handler<EventOf<typeof DeploymentStarted>> = async (event, handlerPorts) => {
  // The release's record is asked for three times.
  const state = readOnce(handlerPorts.state);
  const ports = { ...handlerPorts, state };
  const { clock, config } = ports;
  const { deadline } = config.policies.deployment;
  let release = await advance(state, event.data, (record, it) =>
    start(record, it, { by: event.id, at: clock.now() }, deadline),
  );

  if (release && phaseOf(release) === 'started') {
    const standing = await rollOut(release, ports);
    if (standing.to === 'waiting') return requeueAfter(standing.afterMs);
    release = await advance(state, event.data, (record, it) =>
      end(record, it, { by: event.id, at: clock.now() }, outcomeOf(standing)),
    );
  }

  // Nothing when a newer request superseded this one: then that one's handler has published its end.
  const outcome = stepBy(release, event.id);
  if (release && outcome?.to === 'completed') ports.publish(DeploymentCompleted, completionOf(release));
  if (release && outcome?.to === 'failed') ports.publish(DeploymentFailed, failureOf(release));
};

/** What is applied is the record's: whoever publishes a DeploymentStarted by hand changes nothing about it. */
function rollOut(release: ReleaseRecord, { state, clusters, clock, config, log }: HandlerPorts): Promise<Standing> {
  const { requestId, rank, data } = release;
  const { namespace, deployment, container, image, replicas, commit } = data;
  const changeCause = `request ${requestId}: ${image}${commit ? ` (commit ${commit.sha})` : ''}`;
  const change: Release = {
    ...{ namespace, deployment, container, image, replicas },
    ...{ requestId, rank: `${rank}/apply`, changeCause },
  };
  return carryOut({
    cluster: () => clusters.get(data.cluster),
    change,
    make: (cluster) => cluster.apply(change),
    before: async (running) => {
      await rememberNewest(state, release);
      if (running) await advance(state, { ...data, requestId }, (record, it) => observe(record, it, running));
    },
    since: stepTo(release, 'started')?.at ?? 0,
    deadline: stepTo(release, 'started')?.deadline ?? 0,
    now: () => clock.now(),
    requeueAfterMs: config.policies.deployment.requeueAfter,
    log,
  });
}

function outcomeOf(standing: Exclude<Standing, { to: 'waiting' }>): Outcome {
  if (standing.to === 'failed') return standing;
  const { image, replicas, revision } = standing.rollout;
  return { to: 'completed', image, replicas, ...(revision !== undefined && { revision }) };
}

onEvent(DeploymentStarted, handle);
