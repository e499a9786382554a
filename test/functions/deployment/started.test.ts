import { describe, expect, it } from 'vitest';
import { NotFoundError, PermanentError, TransientError } from '../../../shared/errors.ts';
import type { PlatformEvent } from '../../../shared/events/catalog.ts';
import { eventKey } from '../../../shared/events/identity.ts';
import { changesOf, type RecordedChange } from '../../../shared/releases/changes.ts';
import { contents } from '../../support/deaths.ts';
import { faulty, IMAGE, only, runByHand, TARGET, World, type WorldOptions } from '../../support/deployments.ts';

/** A world in which a request was admitted, and the DeploymentStarted that follows from it. */
async function begin(tag: string, options: WorldOptions = {}): Promise<{ world: World; started: PlatformEvent }> {
  const world = new World(options);
  return { world, started: only(await world.run(world.request(tag))) };
}

describe('deployment/started', () => {
  it('applies the image, watches by requeueAfter, and completes', async () => {
    const { world, started } = await begin('1');

    const first = await world.run(started);
    expect(first).toMatchObject({ published: [], requeueAfterMs: 2_000 });
    expect(await world.rollout()).toMatchObject({
      image: `${IMAGE}:1`,
      requestId: '/test request-1',
      state: 'progressing',
    });

    world.clock.advance(2_000);
    expect(only(await world.run(started))).toMatchObject({
      type: 'DeploymentCompleted',
      data: { requestId: 'request-1', durationSeconds: 2, replicas: 1, revision: '1' },
    });
  });

  it('applies once when it is delivered twice', async () => {
    const { calls, cluster } = faulty({});
    const { world, started } = await begin('1', { cluster });
    await world.run(started);

    await world.run(started);

    expect(calls.filter((call) => call === 'apply')).toHaveLength(1);
  });

  it('publishes its outcome again when it died before it could', async () => {
    const { world, started } = await begin('1');
    const first = await world.runToEnd(started);
    const before = await world.record();

    const second = await world.run(started);

    expect(only(second).id).toBe(only(first).id);
    expect(only(second).data).toEqual(only(first).data);
    expect(await world.record()).toEqual(before);
  });

  it('asks for replicas as the request did', async () => {
    const world = new World();
    const started = only(await world.run(world.request('1', { replicas: 3 })));

    expect(only(await world.runToEnd(started)).data).toMatchObject({ replicas: 3 });
  });

  it('applies what the record says, whatever a forged event says', async () => {
    const { world, started } = await begin('1');
    const forged = { ...started, id: 'forged', data: { ...started.data, image: 'evil.example/miner:1' } };

    // The cast only forgets which of the events it is.
    await world.run(forged as PlatformEvent);

    expect((await world.rollout()).image).toBe(`${IMAGE}:1`);
  });

  it('refuses a release that was never admitted', async () => {
    const { world, started } = await begin('1');
    const forged = { ...started, data: { ...started.data, requestId: 'nobody' } };

    await expect(world.run(forged as PlatformEvent)).rejects.toThrow(
      new PermanentError(`request 'nobody' of /test for ${TARGET} is not known`),
    );
  });

  describe('fails', () => {
    it('when the cluster gives the rollout up', async () => {
      const { world, started } = await begin('fail-1');

      expect(only(await world.runToEnd(started))).toMatchObject({
        type: 'DeploymentFailed',
        data: { requestId: 'request-1', reason: 'DeadlineExceeded', durationSeconds: 4 },
      });
    });

    it('when its own deadline passes, however the cluster sees it', async () => {
      const { world, started } = await begin('slow-1', { config: { policies: { deployment: { deadline: '5s' } } } });

      const failed = only(await world.runToEnd(started));

      expect(failed.data).toMatchObject({ reason: 'DeadlineExceeded', durationSeconds: 5 });
    });

    it('when the deadline of the request passes, which is shorter than that of the policy', async () => {
      const world = new World();
      const started = only(await world.run(world.request('slow-1', { deadline: '4s' })));

      const failed = only(await world.runToEnd(started));

      expect(failed.data).toMatchObject({ reason: 'DeadlineExceeded', durationSeconds: 4, deadline: '4s' });
    });

    it('when the deployment does not exist', async () => {
      const { cluster } = faulty({ apply: () => new NotFoundError("deployment 'web' does not exist") });
      const { world, started } = await begin('1', { cluster });

      expect(only(await world.run(started)).data).toMatchObject({
        reason: 'NotFound',
        message: "deployment 'web' does not exist",
      });
      expect((await world.record()).unverified).toEqual([]);
    });

    it('when the cluster refuses the change for good', async () => {
      const { cluster } = faulty({ apply: () => new PermanentError('422 invalid') });
      const { world, started } = await begin('1', { cluster });

      expect(only(await world.run(started)).data).toMatchObject({ reason: 'ClusterError', message: '422 invalid' });
    });

    it('when the cluster does not answer until the deadline', async () => {
      const { calls, cluster } = faulty({ rollout: () => new TransientError('503 from the API server') });
      const { world, started } = await begin('1', { cluster });

      const failed = only(await world.runToEnd(started));

      expect(failed.data).toMatchObject({
        reason: 'DeadlineExceeded',
        message: 'last answer: 503 from the API server',
      });
      expect(failed.data).toHaveProperty('durationSeconds', 600);
      expect(calls).toEqual([]);
    });

    it('when somebody else sets another image meanwhile, and leaves that alone', async () => {
      const { world, started } = await begin('1');
      await world.run(started);
      await runByHand(world, 'hotfix');

      const done = await world.carry(only(await world.runToEnd(started)));

      expect(done).toMatchObject([{ type: 'DeploymentFailed', data: { reason: 'Superseded' } }]);
      expect((await world.rollout()).image).toBe(`${IMAGE}:hotfix`);
    });
  });

  it('rides out server errors without using up the attempts of its delivery', async () => {
    const { world, started } = await begin('error-1');

    const runs = [await world.run(started), await world.run(started)];
    const last = await world.runToEnd(started);

    expect(runs.map(({ requeueAfterMs }) => requeueAfterMs)).toEqual([2_000, 2_000]);
    expect(only(last).type).toBe('DeploymentCompleted');
  });

  it('waits as long as the cluster asks it to', async () => {
    const { cluster } = faulty({ rollout: () => new TransientError('429', { retryAfterMs: 30_000 }) });
    const { world, started } = await begin('1', { cluster });

    expect((await world.run(started)).requeueAfterMs).toBe(30_000);
  });

  it('looks less often the longer it takes, and at the deadline', async () => {
    const { world, started } = await begin('1', {
      cluster: (simulated) => ({
        ...simulated,
        rollout: async (workload) => ({ ...(await simulated.rollout(workload)), state: 'progressing' }),
      }),
    });
    const pauses: number[] = [];

    for (let run = await world.run(started); run.requeueAfterMs; run = await world.run(started)) {
      pauses.push(run.requeueAfterMs);
      world.clock.advance(run.requeueAfterMs);
    }

    expect(pauses[0]).toBe(2_000);
    expect(Math.max(...pauses)).toBeLessThanOrEqual(60_000);
    expect(pauses.reduce((sum, pause) => sum + pause)).toBe(600_000);
    expect(pauses.length).toBeLessThan(60);
  });

  it('leaves faults of the state store to the delivery', async () => {
    const { world, started } = await begin('1');
    world.state.get = () => Promise.reject(new TransientError('the store is busy'));

    await expect(world.run(started)).rejects.toThrow('the store is busy');
  });

  it('leaves a fault to the delivery also when it writes down that it has not seen the cluster', async () => {
    const { cluster } = faulty({ rollout: () => new TransientError('503 from the API server') });
    const { world, started } = await begin('1', { cluster });
    const put = world.state.put.bind(world.state);
    world.state.put = (partition, key, value, etag) =>
      JSON.stringify(value).includes('isUnbegun')
        ? Promise.reject(new TransientError('the store is busy'))
        : put(partition, key, value, etag);

    await expect(world.run(started)).rejects.toThrow('the store is busy');
  });

  it('changes nothing for a release that a newer one superseded', async () => {
    const { world, started } = await begin('1');
    world.clock.advance(1);
    await world.run(world.request('2'));
    const before = await world.record();

    const run = await world.run(started);

    expect(run).toMatchObject({ published: [], requeueAfterMs: undefined });
    expect(await world.record()).toEqual(before);
    await expect(world.rollout()).rejects.toThrow(NotFoundError);
  });

  it('decides nothing when it is superseded while it applies', async () => {
    const world: World = new World({
      cluster: (simulated) => ({
        ...simulated,
        apply: async (release) => {
          if (release.requestId === '/test request-1') {
            world.clock.advance(1);
            await world.run(world.request('2'));
          }
          return simulated.apply(release);
        },
      }),
    });
    const started = only(await world.run(world.request('1')));
    await world.run(started);
    world.clock.advance(2_000);

    const run = await world.run(started);

    expect(run).toMatchObject({ published: [], requeueAfterMs: undefined });
    expect((await world.release('request-1')).steps.at(-1)).toMatchObject({ to: 'failed', reason: 'Superseded' });
  });

  it('cannot overwrite a newer release when it wakes up late', async () => {
    let wake = (): void => {};
    const asleep = new Promise<void>((resolve) => {
      wake = resolve;
    });
    const world: World = new World({
      cluster: (simulated) => ({
        ...simulated,
        apply: async (release) => {
          if (release.requestId === '/test request-1') await asleep;
          return simulated.apply(release);
        },
      }),
    });
    const sleeper = world.run(only(await world.run(world.request('1'))));
    world.clock.advance(1);
    await world.carry(world.request('2'));

    wake();

    expect(await sleeper).toMatchObject({ published: [] });
    expect((await world.rollout()).image).toBe(`${IMAGE}:2`);
  });

  describe('knows the good image', () => {
    it('from the releases that completed', async () => {
      const world = new World();
      await world.carry(world.request('1'));
      await world.carry(world.request('2'));

      expect(await world.knownGood()).toEqual([`${IMAGE}:2`, `${IMAGE}:1`]);
    });

    it('from what somebody else deployed before', async () => {
      const world = new World();
      await runByHand(world, 'by-hand');

      await world.run(only(await world.run(world.request('1'))));

      expect(await world.knownGood()).toEqual([`${IMAGE}:by-hand`]);
    });

    it('but not from one that is not complete itself', async () => {
      const world = new World();
      await runByHand(world, 'fail-by-hand');

      await world.run(only(await world.run(world.request('1'))));

      expect(await world.knownGood()).toEqual([]);
    });

    it('and never takes a superseded release for it', async () => {
      const { world, started } = await begin('1');
      await world.run(started);
      world.clock.advance(2_000);
      const [newer] = (await world.run(world.request('2'))).published;

      if (newer) await world.run(newer);

      expect((await world.rollout()).image).toBe(`${IMAGE}:2`);
      expect(await world.knownGood()).toEqual([]);
    });
  });

  describe('remembers where a service with objectives is released', () => {
    const objectives = [{ target: 0.99 }];
    const config = { services: [{ name: 'checkout', workloads: ['*/shop/web', '*/other/web'], objectives }] };
    const changes = (world: World): Promise<RecordedChange[]> => changesOf(world.state, 'checkout', 0, () => true);

    it('and of no other: names of services can be made up', async () => {
      const world = new World({ config });

      await world.carry(world.request('1', { service: 'made-up', namespace: 'elsewhere' }));

      expect(await contents(world.state, 'changed-deployments')).toEqual({});
    });

    it('once its image may be in the cluster, until its rollout ends', async () => {
      const world = new World({ config });
      const request = world.request('1', { commit: { sha: 'abc1234', timestamp: '2026-01-01T00:00:00Z' } });
      const started = only(await world.run(request));
      expect(await changes(world)).toEqual([]);

      const startedAt = world.clock.now();
      const completed = await world.run(started);

      const release = { key: eventKey(request), kind: 'release', target: TARGET, image: request.data.image, startedAt };
      expect(await changes(world)).toMatchObject([{ ...release, commit: 'abc1234' }]);
      expect(completed).toBeDefined();
    });

    it('with what was rolled back, but not with what changed nothing', async () => {
      const world = new World({ config });
      for (const tag of ['1', 'fail-2', '1']) {
        await world.carry(world.request(tag));
        world.clock.advance(1);
      }

      const kinds = (await changes(world)).map(({ kind, image }) => `${kind} ${image?.split(':')[1]}`);
      expect(kinds.sort()).toEqual(['release 1', 'release fail-2', 'rollback 1']);
    });

    it('on every target, the last one first', async () => {
      const world = new World({ config });
      await world.carry(world.request('1'));
      await world.carry(world.request('2', { namespace: 'other' }));

      expect((await changes(world)).map(({ target }) => target)).toEqual(['default/other/web', TARGET]);
    });
  });
});
