import { describe, expect, it } from 'vitest';
import { MemoryStateStore } from '../../../shared/adapters/memory-store.ts';
import { createSimulatedClusters } from '../../../shared/adapters/simulated-cluster.ts';
import { parseConfig } from '../../../shared/config.ts';
import { NotFoundError, TransientError } from '../../../shared/errors.ts';
import type { Cluster, Release } from '../../../shared/ports/cluster.ts';
import { clusterContract } from '../../contract/cluster.ts';
import { FixedClock } from '../../support/ports.ts';
import { singleRollout } from '../../support/rollouts.ts';

const config = parseConfig({ clusters: { default: {}, europe: {} } });

function simulation(): { clock: FixedClock; state: MemoryStateStore; cluster: Cluster } {
  const clock = new FixedClock();
  const state = new MemoryStateStore();
  return { clock, state, cluster: createSimulatedClusters({ state, clock, config }).get('default') };
}

clusterContract(
  'simulated',
  async () => {
    const { clock, state, cluster } = simulation();
    return {
      cluster,
      given: async ({ namespace, deployment }, image, replicas) => {
        const revisions = [{ revision: 1, images: { web: image }, at: 0 }];
        await state.insert('simulated-cluster', `default/${namespace}/${deployment}`, { replicas, revisions });
      },
      givenSeveral: async ({ namespace, deployment }, images) => {
        const revisions = [{ revision: 1, images, at: 0 }];
        await state.insert('simulated-cluster', `default/${namespace}/${deployment}`, { replicas: 1, revisions });
      },
      settleRollout: async () => clock.advance(10_000),
    };
  },
  { createsDeployments: true },
);

function release(tag: string): Release {
  const change = { requestId: 'r1', rank: '2026-03-01T12:00:00.000Z/r1/apply', changeCause: 'r1' };
  return { namespace: 'shop', deployment: 'web', containers: [{ image: `ghcr.io/shop/web:${tag}` }], ...change };
}

describe('the simulated cluster', () => {
  it.each([
    { tag: '1.0', after: 999, state: 'progressing' },
    { tag: '1.0', after: 1_000, state: 'complete' },
    { tag: 'slow-1.0', after: 9_999, state: 'progressing' },
    { tag: 'slow-1.0', after: 10_000, state: 'complete' },
    { tag: 'fail-1.0', after: 2_999, state: 'progressing' },
    { tag: 'fail-1.0', after: 3_000, state: 'failed' },
    { tag: 'fail-1.0', after: 86_400_000, state: 'failed' },
    { tag: 'fail-1.0@sha256:0123456789abcdef0123456789abcdef', after: 3_000, state: 'failed' },
  ])('is $state $after ms after applying $tag', async ({ tag, after, state }) => {
    const { clock, cluster } = simulation();
    await cluster.apply(release(tag));

    clock.advance(after);

    expect((await cluster.rollout(release(tag))).state).toBe(state);
  });

  it('answers the apply of error-… with a server error twice and then works', async () => {
    const { clock, cluster } = simulation();

    await expect(cluster.apply(release('error-1'))).rejects.toThrow(TransientError);
    await expect(cluster.rollout(release('error-1'))).rejects.toThrow(NotFoundError);
    await expect(cluster.apply(release('error-1'))).rejects.toThrow(TransientError);
    await cluster.apply(release('error-1'));
    clock.advance(1_000);

    expect((await cluster.rollout(release('error-1'))).state).toBe('complete');
  });

  it('goes on where it was when it is made anew on the same store', async () => {
    const { clock, state, cluster } = simulation();
    await cluster.apply(release('1.0'));
    clock.advance(600);

    const restarted = createSimulatedClusters({ state, clock, config }).get(undefined);
    clock.advance(400);

    expect(await singleRollout(restarted, release('1.0'))).toMatchObject({ state: 'complete', requestId: 'r1' });
  });

  it('takes its time again for more replicas of the same image', async () => {
    const { clock, cluster } = simulation();
    await cluster.apply({ ...release('1.0'), replicas: 2 });
    clock.advance(1_000);

    await cluster.apply({ ...release('1.0'), replicas: 4, requestId: 'r2', rank: '2026-03-01T12:00:01.000Z/r2/apply' });

    expect(await cluster.rollout(release('1.0'))).toMatchObject({ state: 'progressing', replicas: 4, revision: '1' });
  });

  it('keeps clusters apart and names them when asked for another', async () => {
    const { clock, state } = simulation();
    const clusters = createSimulatedClusters({ state, clock, config });
    await clusters.get('europe').apply(release('1.0'));

    await expect(clusters.get('default').rollout(release('1.0'))).rejects.toThrow(NotFoundError);
    expect(() => clusters.get('asia')).toThrow("unknown cluster 'asia'; known: default, europe");
  });
});
