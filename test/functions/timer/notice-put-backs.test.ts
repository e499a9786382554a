/** Images that were rolled back and run again: on the simulated cluster, and on an API server with a GitOps controller. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { handle } from '../../../functions/timer/notice-put-backs.ts';
import { PermanentError, TransientError } from '../../../shared/errors.ts';
import type { Ports } from '../../../shared/ports/handler.ts';
import type { Notification } from '../../../shared/ports/notifier.ts';
import { watchRolledBack } from '../../../shared/releases/put-backs.ts';
import { type ApiServer, startApiServer } from '../../support/api-server.ts';
import { IMAGE, TARGET, World } from '../../support/deployments.ts';
import { given, key, web } from '../../support/kubernetes-cases.ts';
import { clustersOf, recordingPorts } from '../../support/ports.ts';
import { carryRolling, rollingWorld } from '../../support/rolling-world.ts';

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const DIGEST = `sha256:${'0'.repeat(64)}`;

/** The timer on a world's clock. */
class Watch {
  readonly world: World;
  readonly told: Notification[] = [];
  /** What the cluster was asked for. */
  reads = 0;
  notify: (notification: Notification) => Promise<void> = async (one) => void this.told.push(one);

  constructor(world: World) {
    this.world = world;
  }

  async pass(times = 1): Promise<void> {
    for (let n = 0; n < times; n++) {
      const { state, clock, cluster } = this.world;
      clock.advance(2 * MINUTE);
      const counted = {
        ...cluster,
        rollout: (workload: typeof web) => {
          this.reads++;
          return cluster.rollout(workload);
        },
      };
      const ports = recordingPorts({
        handling: this.world.request('none'),
        state,
        clock,
        clusters: clustersOf({ default: counted }),
      });
      // The timer asks for what every handler has.
      await handle({ ...ports, notifier: { notify: (one: Notification) => this.notify(one) } } as unknown as Ports);
    }
  }
}

describe('on the simulated cluster', () => {
  let world: World;
  let watch: Watch;
  beforeEach(async () => {
    world = new World();
    watch = new Watch(world);
    await world.carry(world.request('1'));
    await world.carry(world.request('fail-2'));
  });

  let changes = 0;
  const set = (image: string): Promise<void> =>
    world.cluster.apply({
      ...web,
      containers: [{ image }],
      requestId: 'kubectl',
      rank: `9/${++changes}`,
      changeCause: '',
    });

  it('tells as critical within two minutes, with what to set, and once', async () => {
    await watch.pass(5);
    expect(watch.told).toEqual([]);
    await set(`${IMAGE}:fail-2`);

    await watch.pass(5);

    expect(watch.told).toMatchObject([
      {
        severity: 'critical',
        title: `${TARGET}: ${IMAGE}:fail-2 was rolled back, and runs again`,
        text: expect.stringMatching(
          /^somebody else has put it back in the place of .*:1, though it had failed \(DeadlineExceeded: .*ignoreDifferences.*RespectIgnoreDifferences=true.*IfNotPresent.*docs\/kubernetes\.md/,
        ),
        facts: { Target: TARGET },
      },
    ]);
    expect((await world.record()).releases[0]?.putBack).toMatchObject({ isNotified: true });
  });

  it('tells again when it was taken away and is put back once more', async () => {
    for (let n = 0; n < 2; n++) {
      await set(`${IMAGE}:fail-2`);
      await watch.pass(2);
      await set(`${IMAGE}:1`);
      await watch.pass(2);
    }

    expect(new Set(watch.told.map((one) => one.key)).size).toBe(2);
    expect((await world.record()).releases[0]).not.toHaveProperty('putBack');
  });

  it.each([
    ['another image', `${IMAGE}:hotfix`],
    ['the good one by its digest', `${IMAGE}:1@${DIGEST}`],
  ])('says nothing of %s', async (_, image) => {
    await set(image);

    await watch.pass(3);

    expect(watch.told).toEqual([]);
  });

  it('knows it by a digest, too', async () => {
    await set(`${IMAGE}:fail-2@${DIGEST}`);

    await watch.pass();

    expect(watch.told).toHaveLength(1);
  });

  it('says nothing of what was never taken away, since the cluster refused the rollback', async () => {
    const { rollback } = world.cluster;
    Object.assign(world.cluster, {
      rollback: () => Promise.reject(new PermanentError('denied by an admission policy')),
    });
    await world.carry(world.request('fail-3'));
    Object.assign(world.cluster, { rollback });

    await watch.pass(3);

    expect(watch.told).toEqual([]);
    expect((await world.record()).releases[0]).not.toHaveProperty('putBack');
  });

  it('looks no more once a newer release decides what runs', async () => {
    await world.carry(world.request('3'));
    await watch.pass();
    watch.reads = 0;
    await set(`${IMAGE}:fail-2`);

    await watch.pass(3);

    expect({ told: watch.told, reads: watch.reads }).toEqual({ told: [], reads: 0 });
  });

  it('looks no more after a week', async () => {
    await watch.pass();
    world.clock.advance(7 * DAY);
    await watch.pass();
    watch.reads = 0;

    await watch.pass(3);

    expect(watch.reads).toBe(0);
  });

  it('looks once at each of many, those that were rolled back last, and at nothing else', async () => {
    for (let n = 0; n < 3; n++) {
      await world.carry(world.request('1', { deployment: `d${n}` }));
      await world.carry(world.request('fail-2', { deployment: `d${n}` }));
    }
    await world.carry(world.request('1', { deployment: 'good' }));

    await watch.pass();

    expect(watch.reads).toBe(4);
  });

  it('forgets what is a week old, however many newer ones there are to look at', async () => {
    const { state, clock } = world;
    const watched = async (): Promise<string[]> => {
      const all: string[] = [];
      for await (const { key } of state.query('watched-rollbacks')) all.push(key);
      return all;
    };
    await watchRolledBack(state, 'default/shop/old', { key: 'k', since: clock.now() - 7 * DAY });
    for (let n = 0; n < 200; n++) {
      await watchRolledBack(state, `default/shop/new-${n}`, { key: 'k', since: clock.now() });
    }

    await watch.pass();

    expect(await watched()).not.toContain('default/shop/old');
  });

  it('asks nothing more of a cluster that does not answer, and goes on in the next pass', async () => {
    await world.carry(world.request('1', { deployment: 'other' }));
    await world.carry(world.request('fail-2', { deployment: 'other' }));
    const { rollout } = world.cluster;
    let asked = 0;
    Object.assign(world.cluster, {
      rollout: async () => {
        asked++;
        throw new TransientError('no route to host');
      },
    });
    await set(`${IMAGE}:fail-2`);
    await watch.pass();
    expect({ asked, told: watch.told }).toEqual({ asked: 1, told: [] });

    Object.assign(world.cluster, { rollout });
    await watch.pass();

    expect(watch.told).toHaveLength(1);
  });

  it('tells until people were notified, under one key', async () => {
    await set(`${IMAGE}:fail-2`);
    const keys: string[] = [];
    watch.notify = async ({ key: told }) => {
      keys.push(told);
      throw new TransientError('the channel is away');
    };
    await expect(watch.pass()).rejects.toThrow('the channel is away');
    await expect(watch.pass()).rejects.toThrow('the channel is away');
    watch.notify = async ({ key: told }) => void keys.push(told);

    await watch.pass(3);

    expect(keys).toHaveLength(3);
    expect(new Set(keys).size).toBe(1);
  });
});

describe('on an API server', () => {
  let server: ApiServer;
  let world: World;
  let watch: Watch;
  beforeEach(async () => {
    server = await startApiServer();
    world = rollingWorld(server);
    watch = new Watch(world);
    given(server, web, `${IMAGE}:1`, 2);
    await carryRolling(world, server, world.request('2'));
  });
  afterEach(() => server.close());

  /** As Argo CD does with self-heal, unless it is told to leave the image to this app. */
  const heal = (image: string | undefined): void => {
    const container = { name: 'web', ...(image !== undefined && { image }) };
    const labels = { app: 'web' };
    server.objects.apply(
      key,
      {
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata: { namespace: 'shop', name: 'web' },
        spec: {
          selector: { matchLabels: labels },
          template: { metadata: { labels }, spec: { containers: [container] } },
        },
      },
      { manager: 'argocd-controller', force: true },
    );
    server.controller.advance(8_000);
  };

  it('says which controller has put the image back', async () => {
    await carryRolling(world, server, world.request('fail-3'));
    heal(`${IMAGE}:fail-3`);

    await watch.pass(3);

    expect(watch.told).toMatchObject([
      {
        severity: 'critical',
        title: `${TARGET}: ${IMAGE}:fail-3 was rolled back, and runs again`,
        text: expect.stringMatching(/^argocd-controller has put it back in the place of /),
        facts: { 'Set by': 'argocd-controller' },
      },
    ]);
  });

  it('says nothing while the controller leaves the image to this app', async () => {
    await carryRolling(world, server, world.request('fail-3'));
    heal(undefined);

    await watch.pass(3);

    expect(watch.told).toEqual([]);
  });

  it('notices it also when it was put back before the rollback had ended', async () => {
    const request = world.request('fail-3');
    const [started] = (await world.run(request)).published;
    const done = started ? await carryUntilFailed(started) : undefined;
    expect(done?.type).toBe('DeploymentFailed');
    if (done) await world.run(done);
    heal(`${IMAGE}:fail-3`);
    if (done) await carryRolling(world, server, done);

    await watch.pass();

    expect(watch.told).toMatchObject([{ severity: 'critical', facts: { 'Set by': 'argocd-controller' } }]);
  });

  async function carryUntilFailed(started: NonNullable<Awaited<ReturnType<World['run']>>['published'][number]>) {
    for (;;) {
      const { published, requeueAfterMs = 0 } = await world.run(started);
      if (published[0]) return published[0];
      world.clock.advance(requeueAfterMs);
      server.controller.advance(requeueAfterMs);
    }
  }
});
