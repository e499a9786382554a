import { describe, expect, it } from 'vitest';
import { NotFoundError, PermanentError, TransientError } from '../../../shared/errors.ts';
import type { PlatformEvent } from '../../../shared/events/catalog.ts';
import { eventKey, eventReference } from '../../../shared/events/identity.ts';
import { faulty, IMAGE, only, runByHand, typesOf, World, type WorldOptions } from '../../support/deployments.ts';

/** A world that runs a good release, and the failure of the one after it. */
async function failAfterGood(options: WorldOptions = {}): Promise<{ world: World; failed: PlatformEvent }> {
  const world = new World(options);
  await world.carry(world.request('1'));
  world.clock.advance(1_000);
  const started = only(await world.run(world.request('fail-2')));
  return { world, failed: only(await world.runToEnd(started)) };
}

const keyOf = (id: string): string => eventKey({ source: '/test', id });

const stepsOf = async (world: World, requestId: string): Promise<string[]> =>
  (await world.release(requestId)).steps.map(({ to }) => to);

describe('deployment/failed', () => {
  it('rolls back to the last good image and watches that by requeueAfter', async () => {
    const { world, failed } = await failAfterGood();

    const first = await world.run(failed);
    expect(first).toMatchObject({ published: [], requeueAfterMs: 2_000 });
    expect(await world.rollout()).toMatchObject({
      image: `${IMAGE}:1`,
      requestId: eventReference(failed),
      state: 'progressing',
    });

    world.clock.advance(2_000);
    expect(only(await world.run(failed))).toMatchObject({
      type: 'DeploymentRolledBack',
      correlationid: keyOf('request-2'),
      data: {
        requestId: 'request-2',
        image: `${IMAGE}:1`,
        failedImage: `${IMAGE}:fail-2`,
        reason: expect.stringContaining('DeadlineExceeded: '),
        durationSeconds: 2,
      },
    });
  });

  it('notifies people of the failure and of the image that it rolls back to', async () => {
    const { world, failed } = await failAfterGood();

    const first = await world.run(failed);
    const second = await world.run(failed);

    expect(first.notifications).toMatchObject([
      {
        key: `default/shop/web/${keyOf('request-2')}/failed`,
        severity: 'warning',
        title: expect.stringContaining(`${IMAGE}:1`),
      },
    ]);
    expect(second.notifications).toEqual([]);
  });

  it('rolls back once when it is delivered twice', async () => {
    const { calls, cluster } = faulty({});
    const { world, failed } = await failAfterGood({ cluster });

    await world.run(failed);
    await world.run(failed);

    expect(calls.filter((call) => call === 'rollback')).toHaveLength(1);
  });

  it('publishes its outcome again when it died before it could', async () => {
    const { world, failed } = await failAfterGood();
    const first = await world.runToEnd(failed);
    const before = await world.record();

    const second = await world.run(failed);

    expect(only(second).id).toBe(only(first).id);
    expect(only(second).data).toEqual(only(first).data);
    expect(await world.record()).toEqual(before);
  });

  it('goes past a release that was superseded, to the last good image', async () => {
    const world = new World();
    await world.carry(world.request('1'));
    world.clock.advance(1);
    await world.run(only(await world.run(world.request('2'))));
    world.clock.advance(10_000);
    expect(await world.rollout()).toMatchObject({ image: `${IMAGE}:2`, state: 'complete' });

    const done = await world.carry(world.request('fail-3'));

    expect(typesOf(done)).toContain('DeploymentRolledBack');
    expect((await world.rollout()).image).toBe(`${IMAGE}:1`);
  });

  it('undoes what a superseded release left, when the newer one could not be applied at all', async () => {
    const { cluster } = faulty({});
    const world = new World({
      cluster: (simulated) => ({
        ...cluster(simulated),
        apply: async (release) => {
          if (release.containers[0]?.image.endsWith(':3')) throw new PermanentError('no such container');
          return simulated.apply(release);
        },
      }),
    });
    await world.carry(world.request('1'));
    world.clock.advance(1);
    await world.run(only(await world.run(world.request('2'))));
    world.clock.advance(1);

    const done = await world.carry(world.request('3'));

    expect(done.at(-1)).toMatchObject({ type: 'DeploymentRolledBack', data: { requestId: 'request-3' } });
    expect((await world.rollout()).image).toBe(`${IMAGE}:1`);
  });

  it('returns to what somebody else deployed before', async () => {
    const world = new World();
    await runByHand(world, 'by-hand');

    await world.carry(world.request('fail-1'));

    expect((await world.rollout()).image).toBe(`${IMAGE}:by-hand`);
  });

  describe('closes without a rollback', () => {
    it.each([
      ['PolicyViolation', { policies: { deployment: { replicas: { max: 1 } } } }],
      ['Frozen', { services: [{ name: 'web' }] }],
    ])('a request rejected for %s', async (reason, config) => {
      const { calls, cluster } = faulty({});
      const world = new World({ config, cluster });
      if (reason === 'Frozen') {
        const causes = [
          {
            slo: 'a',
            since: '2026-03-01T00:00:00Z',
            reason: 'spent',
            episode: 'e',
            windowMs: 1e12,
            clusters: ['*'],
            namespaces: ['*'],
          },
        ];
        await world.state.insert('freezes', 'web', { service: 'web', causes });
      }
      const failed = only(await world.run(world.request('1', { replicas: 2 })));
      calls.length = 0;

      const { published, notifications } = await world.run(failed);

      expect(failed.data).toMatchObject({ reason });
      expect(published).toEqual([]);
      expect(calls).toEqual([]);
      expect(notifications).toMatchObject([
        { key: `default/shop/web/${keyOf('request-1')}/closed`, severity: 'warning' },
      ]);
      expect(await stepsOf(world, 'request-1')).toEqual(['failed', 'closed']);
    });

    it('a superseded release, though it had been applied', async () => {
      const { calls, cluster } = faulty({});
      const world = new World({ cluster });
      await world.carry(world.request('1'));
      world.clock.advance(1);
      await world.run(only(await world.run(world.request('2'))));
      world.clock.advance(1);
      const { published } = await world.run(world.request('3'));
      const failed = published.find(({ type }) => type === 'DeploymentFailed');

      const run = failed && (await world.run(failed));

      expect(run).toMatchObject({ published: [], notifications: [{ severity: 'info' }] });
      expect(calls).not.toContain('rollback');
    });

    it('a request that comes after a newer one', async () => {
      const world = new World();
      await world.carry(world.request('2'));
      await world.carry(world.request('1', { time: '2020-01-01T00:00:00Z' }));

      expect(world.notified.at(-1)).toMatchObject({ severity: 'info', text: expect.stringMatching(/^Superseded: /) });
    });

    it('the first release of a target: there is nothing to go back to, and somebody has to look', async () => {
      const world = new World();

      const done = await world.carry(world.request('fail-1'));

      expect(typesOf(done)).toEqual(['DeploymentRequested', 'DeploymentStarted', 'DeploymentFailed']);
      expect(await stepsOf(world, 'request-1')).toEqual(['requested', 'started', 'failed', 'closed']);
      expect(world.notified.at(-1)).toMatchObject({
        severity: 'critical',
        title: `default/shop/web: ${IMAGE}:fail-1 failed and needs attention`,
        text: expect.stringMatching(/^DeadlineExceeded: .+; not rolled back: no known good image exists$/),
      });
    });

    it('a release that the cluster refused: nothing was changed', async () => {
      const { calls, cluster } = faulty({ apply: () => refusal });
      let refusal: Error | undefined;
      const world = new World({ cluster });
      await world.carry(world.request('1'));
      refusal = new PermanentError('422 invalid');

      const done = await world.carry(world.request('2'));

      expect(typesOf(done)).toEqual(['DeploymentRequested', 'DeploymentStarted', 'DeploymentFailed']);
      expect(calls).not.toContain('rollback');
      expect((await world.rollout()).image).toBe(`${IMAGE}:1`);
    });

    it('the last good image itself, asked for again with more replicas than fit', async () => {
      const world = new World({
        cluster: (simulated) => ({
          ...simulated,
          rollout: async (workload) => {
            const rollout = await simulated.rollout(workload);
            return rollout.replicas > 9 ? { ...rollout, state: 'failed', message: 'insufficient cpu' } : rollout;
          },
        }),
      });
      await world.carry(world.request('1', { replicas: 1 }));
      world.clock.advance(1);

      const done = await world.carry(world.request('1', { replicas: 10 }));

      expect(typesOf(done)).toEqual(['DeploymentRequested', 'DeploymentStarted', 'DeploymentFailed']);
      expect(world.notified.at(-1)?.text).toContain('is the last known good image itself');
    });

    it('when the configuration says so', async () => {
      const { world, failed } = await failAfterGood({ config: { policies: { deployment: { rollback: false } } } });

      const run = await world.run(failed);

      expect(run).toMatchObject({ published: [], notifications: [{ severity: 'critical' }] });
      expect((await world.rollout()).image).toBe(`${IMAGE}:fail-2`);
    });

    it('once when it is delivered twice', async () => {
      const world = new World();
      const failed = only(await world.runToEnd(only(await world.run(world.request('fail-1')))));
      const first = await world.run(failed);
      const before = await world.record();

      const second = await world.run(failed);

      expect(second.notifications.map(({ key }) => key)).toEqual(first.notifications.map(({ key }) => key));
      expect(await world.record()).toEqual(before);
    });
  });

  describe('gives way to a newer request', () => {
    it('that was admitted before the rollback began', async () => {
      const { world, failed } = await failAfterGood();
      world.clock.advance(1);
      await world.run(world.request('3'));

      const run = await world.run(failed);

      expect(run).toMatchObject({ published: [], notifications: [{ severity: 'warning' }] });
      expect(await stepsOf(world, 'request-2')).toEqual(['requested', 'started', 'failed', 'closed']);
    });

    it('that was admitted while it rolled back', async () => {
      const { world, failed } = await failAfterGood();
      await world.run(failed);
      await world.carry(world.request('3'));

      const run = await world.run(failed);

      expect(run).toMatchObject({ published: [], requeueAfterMs: undefined });
      expect(await stepsOf(world, 'request-2')).toEqual(['requested', 'started', 'failed', 'rolling-back', 'closed']);
      expect((await world.rollout()).image).toBe(`${IMAGE}:3`);
    });

    it('that was admitted before the cluster took the rollback, and asks for no rollback', async () => {
      let answer: Error | undefined = new TransientError('503');
      const { calls, cluster } = faulty({ rollback: () => answer });
      const { world, failed } = await failAfterGood({ cluster });
      await world.run(failed);
      answer = undefined;
      await world.run(world.request('3'));

      await world.run(failed);

      expect(calls).not.toContain('rollback');
      expect((await world.release('request-2')).steps.at(-1)?.to).toBe('closed');
    });

    it('that was admitted while it looked at the cluster for the last time', async () => {
      let meanwhile: (() => Promise<unknown>) | undefined;
      const { world, failed } = await failAfterGood({
        cluster: (simulated) => ({
          ...simulated,
          rollout: async (workload) => {
            const seen = await simulated.rollout(workload);
            await meanwhile?.();
            return seen;
          },
        }),
      });
      await world.run(failed);
      world.clock.advance(2_000);
      meanwhile = () => world.run(world.request('3'));

      const run = await world.run(failed);

      expect(run.published).toEqual([]);
      expect((await world.release('request-2')).steps.at(-1)?.to).toBe('closed');
    });
  });

  describe('when the rollback fails, too', () => {
    it.each([
      ['does not become ready', (): Error | undefined => undefined, 'DeadlineExceeded'],
      ['is refused', (): Error => new PermanentError('422 invalid'), '422 invalid'],
      ['finds no such revision', (): Error => new NotFoundError('no revision ran it'), 'no revision ran it'],
      ['gets no answer', (): Error => new TransientError('503'), '503'],
    ])('closes and calls for attention: it %s', async (_, error, message) => {
      let isFailing = false;
      const { cluster } = faulty({ rollback: error });
      const { world, failed } = await failAfterGood({
        cluster: (simulated) => ({
          ...cluster(simulated),
          rollout: async (workload) => {
            const rollout = await simulated.rollout(workload);
            return isFailing && rollout.state === 'complete' ? { ...rollout, state: 'progressing' } : rollout;
          },
        }),
      });
      isFailing = true;

      const { published, notifications } = await world.runToEnd(failed);

      expect(published).toEqual([]);
      expect(notifications.at(-1)).toMatchObject({ key: expect.stringContaining('/closed'), severity: 'critical' });
      expect(notifications.at(-1)?.text).toContain(message);
      expect((await world.release('request-2')).steps.at(-1)).toMatchObject({ to: 'closed', needsAttention: true });
    });

    it('leaves the target to the next request, whose failure returns to the good image', async () => {
      let answer: Error | undefined = new PermanentError('422 invalid');
      const { cluster } = faulty({ rollback: () => answer });
      const { world, failed } = await failAfterGood({ cluster });
      await world.run(failed);
      answer = undefined;
      world.clock.advance(1);

      const done = await world.carry(world.request('fail-3'));

      expect(typesOf(done)).toContain('DeploymentRolledBack');
      expect((await world.rollout()).image).toBe(`${IMAGE}:1`);
    });
  });

  it('changes nothing for a failure that nobody decided', async () => {
    const world = new World();
    const request = world.request('1');
    await world.run(only(await world.run(request)));
    const before = await world.record();
    const claimed = { ...world.violation(request), data: { ...world.violation(request).data, reason: 'NotFound' } };

    // The cast only forgets which of the reasons it is.
    const run = await world.run(claimed as PlatformEvent);

    expect(run).toMatchObject({ published: [], notifications: [] });
    expect(await world.record()).toEqual(before);
  });
});
