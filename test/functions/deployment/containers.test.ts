/** Releases of several containers: what supersedes, what is known to be good and what is restored are per container. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { InvalidEventError, PermanentError } from '../../../shared/errors.ts';
import type { PlatformEvent } from '../../../shared/events/catalog.ts';
import { newEvent } from '../../../shared/events/cloud-event.ts';
import { DeploymentRequested } from '../../../shared/events/deployment.ts';
import type { Cluster } from '../../../shared/ports/cluster.ts';
import { type ApiServer, startApiServer } from '../../support/api-server.ts';
import { faulty, IMAGE, only, typesOf, World } from '../../support/deployments.ts';
import { givenSeveral, open, web } from '../../support/kubernetes-cases.ts';

const webImage = (tag: string) => ({ name: 'web', image: `${IMAGE}:${tag}` });
const envoy = (tag: string) => ({ name: 'envoy', image: `envoy:${tag}` });
const migrate = (tag: string) => ({ name: 'migrate', image: `${IMAGE}:${tag}` });
const running = (webTag: string, envoyTag: string) => ({ web: `${IMAGE}:${webTag}`, envoy: `envoy:${envoyTag}` });

/** A world that runs `web:1` beside `envoy:1`. */
async function twoContainers(cluster = (simulated: Cluster): Cluster => simulated): Promise<World> {
  const world = new World({ cluster });
  const revisions = [{ revision: 1, images: running('1', '1'), at: 0 }];
  await world.state.insert('simulated-cluster', 'default/shop/web', { replicas: 2, revisions });
  return world;
}

const forEnvoy = (tag: string) => ({ container: 'envoy', image: `envoy:${tag}` });

async function start(world: World, request: PlatformEvent): Promise<PlatformEvent> {
  const started = only({
    published: (await world.run(request)).published.filter(({ type }) => type !== 'DeploymentFailed'),
  });
  await world.run(started);
  world.clock.advance(100);
  return started;
}

describe('requests for different containers', () => {
  it('do not supersede each other: both complete', async () => {
    const world = await twoContainers();
    const first = await start(world, world.request('2', { container: 'web' }));

    const second = await start(world, world.request('', forEnvoy('2')));
    const done = [only(await world.runToEnd(second)), only(await world.runToEnd(first))];

    expect(typesOf(done)).toEqual(['DeploymentCompleted', 'DeploymentCompleted']);
    expect(await world.images()).toEqual(running('2', '2'));
    expect([await world.knownGood('web'), await world.knownGood('envoy')]).toEqual([
      [`${IMAGE}:2`, `${IMAGE}:1`],
      ['envoy:2', 'envoy:1'],
    ]);
  });

  it('are applied in any order', async () => {
    const world = await twoContainers();
    const older = only(await world.run(world.request('2', { container: 'web' })));
    world.clock.advance(1_000);
    await world.carry(world.request('', forEnvoy('2')));

    await world.carry(older);

    expect(await world.images()).toEqual(running('2', '2'));
    expect(await world.knownGood('web')).toContain(`${IMAGE}:2`);
  });

  it('supersede each other where they share one', async () => {
    const world = await twoContainers();
    await start(world, world.request('2', { container: 'web' }));
    await start(world, world.request('', forEnvoy('2')));

    const run = await world.run(world.request('', { containers: [webImage('3'), envoy('3')] }));

    expect(typesOf(run.published).sort()).toEqual(['DeploymentFailed', 'DeploymentFailed', 'DeploymentStarted']);
    expect(run.published.filter(({ type }) => type === 'DeploymentFailed')).toMatchObject([
      { data: { reason: 'Superseded', message: expect.stringContaining(`web=${IMAGE}:3, envoy=envoy:3 is newer`) } },
      { data: { reason: 'Superseded' } },
    ]);
  });

  it('supersede each other when one does not say which it is for', async () => {
    const world = new World();
    await start(world, world.request('1'));

    const { published } = await world.run(world.request('2', { container: 'web' }));

    expect(typesOf(published).sort()).toEqual(['DeploymentFailed', 'DeploymentStarted']);
  });
});

describe('a release for one container after one for several that has lost its say', () => {
  const both = (webTag: string, envoyTag: string) => ({ containers: [webImage(webTag), envoy(envoyTag)] });

  it.each([
    ['was superseded', '2', '2'],
    ['has failed, and was not yet rolled back', 'fail-2', '2'],
  ])('which %s, takes back with its own what that one has left in the other', async (_, webTag, envoyTag) => {
    const world = await twoContainers();
    const first = await start(world, world.request('', both(webTag, envoyTag)));
    if (webTag.startsWith('fail-')) await world.runToEnd(first);

    const done = await world.carry(world.request('fail-3', { container: 'web' }));

    expect(done.at(-1)).toMatchObject({
      type: 'DeploymentRolledBack',
      data: { restored: [webImage('1'), envoy('1')] },
    });
    expect(await world.images()).toEqual(running('1', '1'));
    expect(await world.record()).toMatchObject({ unverified: [] });
  });

  it('completes for the other, too, since all containers became ready together', async () => {
    const world = await twoContainers();
    await start(world, world.request('', both('2', '2')));

    await world.carry(world.request('3', { container: 'web' }));

    expect(await world.images()).toEqual(running('3', '2'));
    expect(await world.knownGood('envoy')).toEqual(['envoy:2', 'envoy:1']);
    expect(await world.record()).toMatchObject({ unverified: [] });
  });

  it('leaves the other to a newer release of its own', async () => {
    const world = await twoContainers();
    await start(world, world.request('', both('2', '2')));
    const bad = await start(world, world.request('fail-3', { container: 'web' }));
    await start(world, world.request('', forEnvoy('4')));

    const failed = only(await world.runToEnd(bad));
    const done = await world.carry(failed);

    expect(done.at(-1)).toMatchObject({ type: 'DeploymentRolledBack', data: { image: `${IMAGE}:1` } });
    expect(await world.images()).toEqual(running('1', '4'));
  });

  it.each([
    ['just before the rollback is made', 0],
    ['while the rollback is under way', 1],
  ])('leaves the other to a newer release that comes %s', async (_, looks) => {
    const world = await twoContainers();
    await start(world, world.request('', both('2', '2')));
    const failed = only(await world.runToEnd(await start(world, world.request('fail-3', { container: 'web' }))));
    const release = () => start(world, world.request('', forEnvoy('4')));
    // People are told before the cluster is changed.
    if (looks === 0) world.notify = async () => void (await release());
    await world.run(failed);
    world.notify = async () => {};
    if (looks === 1) await release();

    const done = await world.carry(failed);

    expect(done.at(-1)).toMatchObject({ type: 'DeploymentRolledBack', data: { image: `${IMAGE}:1` } });
    expect(await world.images()).toEqual(running('1', '4'));
    expect((await world.record()).unverified).toHaveLength(1);
  });

  it('leaves the other as somebody else has set it since', async () => {
    const world = await twoContainers();
    await start(world, world.request('', both('2', '2')));
    const bad = await start(world, world.request('fail-3', { container: 'web' }));
    await world.cluster.apply({
      ...{ ...web, requestId: 'kubectl', rank: '9', changeCause: '' },
      containers: [envoy('hotfix')],
    });

    await world.carry(only(await world.runToEnd(bad)));

    expect(await world.images()).toEqual(running('1', 'hotfix'));
  });

  it('takes back what is left behind one that was superseded before it began', async () => {
    const world = await twoContainers();
    await start(world, world.request('fail-2', { container: 'web' }));
    await world.run(world.request('', both('3', '3')));
    world.clock.advance(100);

    await world.carry(world.request('', forEnvoy('4')));

    expect(await world.images()).toEqual(running('1', '1'));
  });

  it('that the cluster refuses takes back what it has superseded in the other', async () => {
    let refusal: Error | undefined;
    const world = await twoContainers(faulty({ apply: () => refusal }).cluster);
    await start(world, world.request('', both('2', 'fail-2')));
    refusal = new PermanentError('422 invalid');

    const done = await world.carry(world.request('3', { container: 'web' }));

    expect(done.at(-1)).toMatchObject({
      type: 'DeploymentRolledBack',
      data: { restored: [webImage('1'), envoy('1')] },
    });
    expect(await world.images()).toEqual(running('1', '1'));
  });

  it('takes back the whole chain of those that have lost their say', async () => {
    const world = await twoContainers();
    await start(world, world.request('', both('2', '2')));
    await start(world, world.request('', both('3', '3')));
    await start(world, world.request('', forEnvoy('4')));

    await world.carry(world.request('', forEnvoy('fail-5')));

    expect(await world.images()).toEqual(running('1', '1'));
  });
});

describe('a rollback', () => {
  it('restores the container of the failed release, whatever was released to another since', async () => {
    const world = await twoContainers();
    await world.carry(world.request('2', { container: 'web' }));
    await world.carry(world.request('', forEnvoy('2')));

    const done = await world.carry(world.request('fail-3', { container: 'web' }));

    expect(done.at(-1)).toMatchObject({
      type: 'DeploymentRolledBack',
      data: { image: `${IMAGE}:2`, failedImage: `${IMAGE}:fail-3` },
    });
    expect(await world.images()).toEqual(running('2', '2'));
  });

  it('restores what somebody else had deployed to it', async () => {
    const world = await twoContainers();
    await world.carry(world.request('', forEnvoy('fail-2')));

    expect(await world.images()).toEqual(running('1', '1'));
  });

  it('restores all containers of the release, and says what runs in each', async () => {
    const world = await twoContainers();
    await world.carry(world.request('', { containers: [webImage('2'), envoy('2')] }));

    const done = await world.carry(world.request('', { containers: [webImage('3'), envoy('fail-3')] }));

    expect(done.at(-1)).toMatchObject({
      type: 'DeploymentRolledBack',
      data: {
        image: `${IMAGE}:2`,
        restored: [webImage('2'), envoy('2')],
        containers: [webImage('3'), envoy('fail-3')],
      },
    });
    expect(await world.images()).toEqual(running('2', '2'));
    expect(world.notified.at(-1)?.title).toContain(`web=${IMAGE}:2, envoy=envoy:2`);
  });

  it('of a request that is refused, since it names none of several, takes back what it has superseded', async () => {
    const world = await twoContainers();
    await start(world, world.request('', forEnvoy('fail-2')));

    const done = await world.carry(world.request('3'));

    expect(done.at(-1)).toMatchObject({ type: 'DeploymentRolledBack', data: { image: 'envoy:1' } });
    expect(await world.images()).toEqual(running('1', '1'));
    expect(await world.record()).toMatchObject({ unverified: [] });
  });

  it('of one container does not end the failure of another', async () => {
    const world = await twoContainers();
    const bad = world.request('', forEnvoy('2'));
    await world.carry(bad);
    // Nothing is rolled back while a person looks.
    const config = { policies: { deployment: { rollback: false } } };
    const watching = new World({ config });
    Object.assign(watching, { state: world.state, cluster: world.cluster, clock: world.clock });
    await watching.carry(world.violation(bad));
    expect(await world.record()).toHaveProperty('failingSince');

    await world.carry(world.request('2', { container: 'web' }));
    expect(await world.record()).toHaveProperty('failingSince');

    await world.carry(world.request('', forEnvoy('3')));
    expect(await world.record()).not.toHaveProperty('failingSince');
  });

  it('that failed for the sake of another container has succeeded once that one is back', async () => {
    const world = await twoContainers();
    const bad = await start(world, world.request('fail-2', { container: 'web' }));
    const innocent = await start(world, world.request('', forEnvoy('2')));
    await world.carry(only(await world.runToEnd(innocent)));
    expect(await world.record()).toHaveProperty('failingSince');

    await world.carry(only(await world.runToEnd(bad)));

    expect(await world.images()).toEqual(running('1', '1'));
    expect(await world.record()).toMatchObject({ unverified: [], doraTotals: { recovery: { count: 1 } } });
    expect(await world.record()).not.toHaveProperty('failingSince');
  });

  it('blamed on the budget takes the container of the release, and leaves its neighbour', async () => {
    const world = await twoContainers();
    await world.carry(world.request('2', { container: 'web' }));
    const bad = world.request('', forEnvoy('2'));
    await world.carry(bad);
    await world.carry(world.request('3', { container: 'web' }));

    await world.carry(world.violation(bad));

    expect(await world.images()).toEqual(running('3', '1'));
    expect(await world.knownGood('envoy')).toEqual(['envoy:1']);
  });
});

describe('a request', () => {
  it('is checked by the policy with each of its images', async () => {
    const world = new World({ config: { policies: { deployment: { registries: ['ghcr.io/shop'] } } } });

    const { published } = await world.run(world.request('', { containers: [webImage('2'), envoy('2')] }));

    expect(published).toMatchObject([
      {
        type: 'DeploymentFailed',
        data: { reason: 'PolicyViolation', message: expect.stringContaining("image 'envoy:2'") },
      },
    ]);
  });

  it.each([
    ['no image at all', {}, 'data.image: expected either image or containers'],
    ['one image beside several', { image: 'web:1', containers: [envoy('1')] }, 'data.image: expected either image or'],
    ['a container beside several', { container: 'web', containers: [envoy('1')] }, 'data.container: expected nothing'],
    ['a container twice', { containers: [envoy('1'), envoy('2')] }, 'data.containers: expected each container once'],
    ['no containers', { containers: [] }, 'data.containers'],
  ])('with %s is refused', (_, images, message) => {
    const make = (): unknown =>
      newEvent(DeploymentRequested, { source: '/ci', data: { namespace: 'shop', deployment: 'web', ...images } });

    expect(make).toThrow(InvalidEventError);
    expect(make).toThrow(message);
  });
});

describe('on an API server', () => {
  let server: ApiServer;
  beforeEach(async () => {
    server = await startApiServer();
  });
  afterEach(() => server.close());

  it('a release of a container and an init container goes back as one', async () => {
    const world = new World({
      cluster: () => {
        const cluster = open(server);
        return {
          ...cluster,
          rollout: async (workload) => {
            server.controller.advance(8_000);
            return cluster.rollout(workload);
          },
        };
      },
    });
    givenSeveral(server, web, { web: `${IMAGE}:1`, envoy: 'envoy:1', migrate: `${IMAGE}:1` });
    await world.carry(world.request('', forEnvoy('2')));

    const done = await world.carry(world.request('', { containers: [webImage('fail-2'), migrate('2')] }));

    expect(typesOf(done).at(-1)).toBe('DeploymentRolledBack');
    expect(await world.images()).toEqual({ web: `${IMAGE}:1`, envoy: 'envoy:2', migrate: `${IMAGE}:1` });
  });
});
