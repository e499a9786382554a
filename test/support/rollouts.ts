/** Rollouts of deployments with one container, for tests that are about no other. */
import type { Cluster, Rollout, RunningContainer, Workload } from '../../shared/ports/cluster.ts';

/** A rollout beside its only container. */
export type SingleRollout = Rollout & Pick<RunningContainer, 'image' | 'requestId'>;

/** What runs in the only container, init containers aside. */
export async function singleRollout(cluster: Cluster, workload: Workload): Promise<SingleRollout> {
  const rollout = await cluster.rollout(workload);
  const [only, ...others] = rollout.containers.filter(({ isInit }) => !isInit);
  if (!only || others.length > 0) throw new Error(`expected one container, got ${JSON.stringify(rollout.containers)}`);
  return { ...rollout, image: only.image, requestId: only.requestId };
}
