/** What a cluster is asked to change: by what names, in which container, and under which marks. */
import { expect, it } from 'vitest';
import { eventReference } from '../../../shared/events/identity.ts';
import type { Release, Rollback, Workload } from '../../../shared/ports/cluster.ts';
import { IMAGE, only, World } from '../../support/deployments.ts';

const CONTAINER = 'sidecar';

interface Asked {
  readonly applied: Release[];
  readonly rolledBack: Rollback[];
  readonly looked: Workload[];
}

function watchedWorld(): { readonly world: World; readonly asked: Asked } {
  const asked: Asked = { applied: [], rolledBack: [], looked: [] };
  const world = new World({
    cluster: (simulated) => ({
      ...simulated,
      apply: async (release) => {
        asked.applied.push(release);
        await simulated.apply(release);
      },
      rollback: async (rollback) => {
        asked.rolledBack.push(rollback);
        await simulated.rollback(rollback);
      },
      rollout: async (workload) => {
        asked.looked.push(workload);
        return simulated.rollout(workload);
      },
    }),
  });
  return { world, asked };
}

it('a release and its rollback change the container of the request, and no other', async () => {
  const { world, asked } = watchedWorld();
  const commit = { sha: 'abc1234', timestamp: '2026-03-01T11:00:00Z' };
  await world.carry(world.request('1', { container: CONTAINER, replicas: 3, commit }));
  world.clock.advance(1_000);
  const started = only(await world.run(world.request('fail-2', { container: CONTAINER })));
  const failed = only(await world.runToEnd(started));
  await world.carry(failed);

  const where = { namespace: 'shop', deployment: 'web' };
  const containers = (tag: string) => [{ name: CONTAINER, image: `${IMAGE}:${tag}` }];
  const ranks = await Promise.all(['request-1', 'request-2'].map(async (id) => (await world.release(id)).rank));
  expect(asked.applied).toEqual([
    {
      ...where,
      ...{ containers: containers('1'), replicas: 3, requestId: '/test request-1', rank: `${ranks[0]}/apply` },
      changeCause: `request /test request-1: ${IMAGE}:1 (commit abc1234)`,
    },
    {
      ...where,
      ...{
        containers: containers('fail-2'),
        replicas: undefined,
        requestId: '/test request-2',
        rank: `${ranks[1]}/apply`,
      },
      changeCause: `request /test request-2: ${IMAGE}:fail-2`,
    },
  ]);
  expect(asked.rolledBack).toEqual([
    {
      ...where,
      ...{
        containers: containers('1'),
        revision: '1',
        requestId: eventReference(failed),
        rank: `${ranks[1]}/rollback`,
      },
      changeCause: `rollback of /test request-2: ${IMAGE}:1`,
    },
  ]);
  expect(asked.looked.length).toBeGreaterThan(3);
  for (const workload of asked.looked) expect(workload).toMatchObject(where);
});
