/** Judges a rollout as `kubectl rollout status` does, by what the Deployment itself says. Pure. */
import type { Rollout, RunningContainer } from '../../ports/cluster.ts';
import { marksOf } from './marks.ts';
import { CONTAINER_LISTS, type Deployment, isOurs, lastChangeAt, otherManagerOf, REVISION } from './objects.ts';

/** @param now milliseconds since the Unix epoch */
export function judgeRollout(deployment: Deployment, now: number): Rollout {
  const { metadata, spec } = deployment;
  return {
    ...rolloutState(deployment),
    containers: containersOf(deployment, now),
    replicas: spec.replicas ?? 1,
    revision: metadata.annotations?.[REVISION],
  };
}

function containersOf(deployment: Deployment, now: number): RunningContainer[] {
  const { metadata, spec } = deployment;
  const marks = marksOf(deployment, now);
  return CONTAINER_LISTS.flatMap((list) =>
    (spec.template.spec[list] ?? []).map(({ name, image = '' }) => {
      const item = `k:${JSON.stringify({ name })}`;
      const path = ['f:spec', 'f:template', 'f:spec', `f:${list}`, item, 'f:image'];
      const requestId = marks.get(name)?.requestId;
      const isOurImage = isOurs(metadata, path);
      const isAsChanged = requestId !== undefined && isOurImage;
      const setBy = isOurImage ? undefined : otherManagerOf(metadata, path);
      return { name, image, isInit: list === 'initContainers', requestId, isAsChanged, setBy };
    }),
  );
}

function rolloutState({ metadata, spec, status }: Deployment): Pick<Rollout, 'state' | 'message'> {
  const conditionOf = (type: string) => status.conditions?.find((condition) => condition.type === type);
  const wanted = spec.replicas ?? 1;
  const { replicas, updatedReplicas, availableReplicas } = status;
  const waiting = (message: string): Pick<Rollout, 'state' | 'message'> => {
    const obstacle = conditionOf('ReplicaFailure');
    const hint = spec.paused
      ? '; the deployment is paused'
      : obstacle?.status === 'True'
        ? `; ${obstacle.message}`
        : '';
    return { state: 'progressing', message: `${message}${hint}` };
  };

  if (status.observedGeneration < metadata.generation) return waiting('the change has not been taken up yet');
  const progressing = conditionOf('Progressing');
  if (progressing?.reason === 'ProgressDeadlineExceeded' && !isStale(progressing, metadata)) {
    const failure = conditionOf('ReplicaFailure');
    const cause = failure?.status === 'True' ? `: ${failure.message}` : '';
    return { state: 'failed', message: `progress deadline exceeded: ${progressing.message ?? ''}${cause}` };
  }
  if (updatedReplicas < wanted) return waiting(`${updatedReplicas} of ${wanted} replicas are updated`);
  if (replicas > updatedReplicas) return waiting(`${replicas - updatedReplicas} old replicas are still to end`);
  if (availableReplicas < updatedReplicas) {
    return waiting(`${availableReplicas} of ${updatedReplicas} updated replicas are available`);
  }
  return { state: 'complete', message: `${availableReplicas} of ${wanted} replicas are available` };
}

/**
 * A return to a template that ran before keeps the missed deadline of the failed one among the conditions until the
 * first pod has made progress, though the generation counts as observed. A deadline missed before our last change
 * says nothing about it. Both times are of the cluster, in whole seconds; a deadline takes at least one.
 */
function isStale({ lastUpdateTime }: { lastUpdateTime?: string | null | undefined }, metadata: Deployment['metadata']) {
  const missedAt = Date.parse(lastUpdateTime ?? '');
  return missedAt <= lastChangeAt(metadata);
}
