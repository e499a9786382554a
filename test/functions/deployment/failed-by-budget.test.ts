import { describe, expect, it } from 'vitest';
import type { PlatformEvent } from '../../../shared/events/catalog.ts';
import { IMAGE, only, type Requested, typesOf, World } from '../../support/deployments.ts';

const stepsOf = async (world: World, requestId: string): Promise<string[]> =>
  (await world.release(requestId)).steps.map(({ to }) => to);

describe('deployment/failed for burnt error budget', () => {
  const released = async (...tags: string[]): Promise<{ world: World; requests: Requested[] }> => {
    const world = new World();
    const requests: Requested[] = [];
    for (const tag of tags) {
      const request = world.request(tag);
      requests.push(request);
      await world.carry(request);
      world.clock.advance(1_000);
    }
    return { world, requests };
  };

  it('rolls back a release that had completed', async () => {
    const { world, requests } = await released('1', '2');
    const [, bad] = requests;

    const done = bad && (await world.carry(world.violation(bad)));

    expect(typesOf(done ?? [])).toEqual(['DeploymentFailed', 'DeploymentRolledBack']);
    expect((await world.rollout()).image).toBe(`${IMAGE}:1`);
    expect(await world.knownGood()).toEqual([`${IMAGE}:1`]);
  });

  it('rolls back a release that is still rolling out', async () => {
    const { world } = await released('1');
    const bad = world.request('2');
    const started = only(await world.run(bad));
    await world.run(started);

    const done = await world.carry(world.violation(bad));
    const late = await world.run(started);

    expect(typesOf(done)).toEqual(['DeploymentFailed', 'DeploymentRolledBack']);
    expect(late).toMatchObject({ published: [], requeueAfterMs: undefined });
  });

  it('fails a first release only: there is nothing to go back to', async () => {
    const { world, requests } = await released('1');
    const [bad] = requests;

    const done = bad && (await world.carry(world.violation(bad)));

    expect(typesOf(done ?? [])).toEqual(['DeploymentFailed']);
    expect(await stepsOf(world, 'request-1')).toEqual([
      'requested',
      'started',
      'completed',
      'closed',
      'failed',
      'closed',
    ]);
  });

  it('rolls back once, however many pages come', async () => {
    const { world, requests } = await released('1', '2');
    const bad = requests[1] ?? world.request('2');
    await world.carry(world.violation(bad));
    const before = await world.record();

    // The cast only forgets which of the events it is.
    const run = await world.run({ ...world.violation(bad), id: 'second-page' } as PlatformEvent);

    expect(run).toMatchObject({ published: [], notifications: [] });
    expect(await world.record()).toEqual(before);
  });

  it('leaves a release alone that is no longer the newest', async () => {
    const { world, requests } = await released('1', '2', '3');
    const before = await world.record();

    const run = requests[1] && (await world.run(world.violation(requests[1])));

    expect(run).toMatchObject({ published: [], notifications: [] });
    expect(await world.record()).toEqual(before);
  });

  it('leaves a release alone that brought back an image that had been good', async () => {
    const { world, requests } = await released('1', '2', '1');
    const before = await world.record();

    const run = requests[2] && (await world.run(world.violation(requests[2])));

    expect(run).toMatchObject({ published: [], notifications: [] });
    expect(await world.record()).toEqual(before);
  });
});
