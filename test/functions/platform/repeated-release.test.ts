/** Whether a release goes back that was asked for once more before anybody was paged, as when a pipeline runs again. */
import { expect, it } from 'vitest';
import { pagesOf } from '../../../shared/blame/pages.ts';
import { newEvent } from '../../../shared/events/cloud-event.ts';
import { DeploymentRequested, DeploymentRolledBack } from '../../../shared/events/deployment.ts';
import { HealthCheck } from '../../../shared/events/platform.ts';
import { startPlatform } from '../../support/platform.ts';

/** What went back, why, and what runs in the end, when `web:bad` is followed by these requests while it burns slowly. */
async function outcome(...requests: readonly object[]) {
  const platform = await startPlatform({
    services: [{ name: 'web', workloads: ['*/shop/web'], objectives: [{ target: 0.999, rollbackOnPage: 'act' }] }],
  });
  const { bus, ports } = platform;
  const serve = async (minutes: number, share: number): Promise<void> => {
    for (let n = 0; n < minutes; n++) {
      const data = { service: 'web', total: 1_000, good: 1_000 * (1 - share) };
      await bus.publish(newEvent(HealthCheck, { source: '/probe', time: platform.now(), data }));
      await bus.advance('1m');
    }
  };
  const request = async (more: object): Promise<void> => {
    const data = { namespace: 'shop', deployment: 'web', image: 'ghcr.io/shop/web:bad', ...more };
    await bus.publish(newEvent(DeploymentRequested, { source: '/ci', time: platform.now(), data }));
  };
  await platform.deploy('web', '1');
  await serve(60, 0);
  await request({});
  for (const more of requests) {
    await serve(15 / requests.length, 0.02);
    await request(more);
  }
  await serve(45, 0.02);
  const [page] = await pagesOf(ports.state, 'web');
  const rollout = await ports.clusters.get('default').rollout({ namespace: 'shop', deployment: 'web' });
  return {
    goneBack: bus.events({ type: DeploymentRolledBack.type }).map(({ data }) => data),
    because: page?.weighed.at(-1)?.because,
    runs: rollout.containers.map(({ image }) => image),
    replicas: rollout.replicas,
  };
}

const BACK = {
  goneBack: [expect.objectContaining({ image: 'ghcr.io/shop/web:1', failedImage: 'ghcr.io/shop/web:bad' })],
  because: 'nothing else changed when it began',
  runs: ['ghcr.io/shop/web:1'],
};

it.each([
  ['nothing more', []],
  ['the same once more', [{}]],
  ['the same thrice more', [{}, {}, {}]],
  ['more replicas of it', [{ replicas: 5 }]],
])('goes back after %s', async (_, requests) => {
  expect(await outcome(...requests)).toMatchObject(BACK);
});

it('stays when what ran before it was asked for since then, and it again', async () => {
  const { goneBack, because } = await outcome({ image: 'ghcr.io/shop/web:1' }, {});

  expect(goneBack).toEqual([]);
  expect(because).toContain('known to be good');
});
