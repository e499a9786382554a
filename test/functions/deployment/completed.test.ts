import { describe, expect, it } from 'vitest';
import type { PlatformEvent } from '../../../shared/events/catalog.ts';
import { eventKey } from '../../../shared/events/identity.ts';
import { only, World } from '../../support/deployments.ts';

async function complete(world: World, data: Parameters<World['request']>[1] = {}): Promise<PlatformEvent> {
  return only(await world.runToEnd(only(await world.run(world.request('1', data)))));
}

describe('deployment/completed', () => {
  it('closes the release and notifies people', async () => {
    const world = new World({ config: { services: [{ name: 'web', team: 'shop', objectives: [{ target: 0.99 }] }] } });
    const event = await complete(world, { requestedBy: 'ci', override: { reason: 'urgent', approvedBy: 'ada' } });

    const { published, notifications } = await world.run(event);

    expect(published).toEqual([]);
    expect(notifications).toMatchObject([
      {
        key: `default/shop/web/${eventKey({ source: '/test', id: 'request-1' })}/completed`,
        severity: 'info',
        title: 'default/shop/web runs ghcr.io/shop/web:1',
        text: 'the rollout took 2 s; 1 replica is ready',
        team: 'shop',
        facts: { Request: '/test request-1', 'Requested by': 'ci (sent by topic deployment-requested)' },
      },
    ]);
    // There was no freeze to override.
    expect(notifications[0]?.facts).not.toHaveProperty('Override');
    expect((await world.release('request-1')).steps.map(({ to }) => to)).toEqual([
      'requested',
      'started',
      'completed',
      'closed',
    ]);
  });

  it('counts the replicas', async () => {
    const world = new World();

    const { notifications } = await world.run(await complete(world, { replicas: 2 }));

    expect(notifications).toMatchObject([{ text: 'the rollout took 2 s; 2 replicas are ready' }]);
  });

  it('closes it once when it is delivered twice, and notifies people under the same key', async () => {
    const world = new World();
    const event = await complete(world);
    const first = await world.run(event);
    const before = await world.record();

    const second = await world.run(event);

    expect(second.notifications.map(({ key }) => key)).toEqual(first.notifications.map(({ key }) => key));
    expect(await world.record()).toEqual(before);
  });

  it('counts the deployment, and its lead time from the commit', async () => {
    const world = new World();
    const timestamp = new Date(world.clock.now() - 3_600_000).toISOString();
    const event = await complete(world, { commit: { sha: 'abcdef0', timestamp } });

    const { notifications } = await world.run(event);

    expect((await world.record()).doraTotals).toMatchObject({ completed: 1, leadTime: { count: 1, seconds: 3_602 } });
    expect(notifications[0]?.facts).toMatchObject({ Commit: 'abcdef0', 'Change lead time': '3602 s' });
  });

  it('counts no lead time of a release without a commit', async () => {
    const world = new World();
    await world.run(await complete(world));

    expect((await world.record()).doraTotals).toMatchObject({ completed: 1, leadTime: { count: 0, seconds: 0 } });
  });

  it('says nothing of a release that has been failed by its budget meanwhile', async () => {
    const world = new World();
    await world.carry(world.request('0'));
    const event = await complete(world);
    await world.run(world.violation(world.request('1', { id: 'request-2' })));
    const before = await world.record();

    const run = await world.run(event);

    expect(run).toMatchObject({ published: [], notifications: [] });
    expect(await world.record()).toEqual(before);
  });

  it('changes nothing when the release has not completed', async () => {
    const world = new World();
    const event = await complete(new World());
    await world.run(world.request('1'));

    expect(await world.run(event)).toMatchObject({ published: [], notifications: [] });

    expect((await world.release('request-1')).steps).toHaveLength(1);
  });

  it('ends an outage of the target that nothing was rolled back from', async () => {
    const world = new World();
    await world.carry(world.request('fail-1'));
    expect(await world.record()).toHaveProperty('failingSince');
    const failedAt = (await world.release('request-1')).steps.find(({ to }) => to === 'failed')?.at ?? 0;
    world.clock.advance(60_000);

    await world.carry(world.request('2'));

    const { doraTotals, failingSince } = await world.record();
    expect(failingSince).toBeUndefined();
    expect(doraTotals).toMatchObject({ failed: 1, recovery: { count: 1 } });
    expect(doraTotals.recovery.seconds).toBe((world.clock.now() - failedAt) / 1_000);
  });
});
