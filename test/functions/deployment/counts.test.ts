/** What counts as a change, as its failure, as rework, and as the lead time of a commit. */
import { describe, expect, it } from 'vitest';
import { PermanentError } from '../../../shared/errors.ts';
import { phaseOf } from '../../../shared/releases/release-record.ts';
import { ratesOf } from '../../../shared/status/summaries.ts';
import { faulty, runByHand, World } from '../../support/deployments.ts';

const HOUR = 3_600_000;
const totals = async (world: World) => (await world.record()).doraTotals;

describe('the change fail rate', () => {
  it('is 50 % of two changes when one of them completed and then burned the budget', async () => {
    const world = new World();
    await world.carry(world.request('1'));
    const second = world.request('2');
    await world.carry(second);

    await world.carry(world.violation(second));

    expect(await totals(world)).toMatchObject({ deployed: 2, completed: 2, failed: 1, rolledBack: 1 });
    expect(ratesOf(await totals(world)).changeFailRate).toBe(0.5);
  });

  it('counts a change that burns before it completes once', async () => {
    const world = new World();
    await world.carry(world.request('1'));
    const second = world.request('slow-2');
    const [started] = (await world.run(second)).published;
    if (started) await world.run(started);

    await world.carry(world.violation(second));

    expect(await totals(world)).toMatchObject({ deployed: 2, completed: 1, failed: 1 });
  });

  it('counts a rollout that failed', async () => {
    const world = new World();
    await world.carry(world.request('1'));
    await world.carry(world.request('fail-2'));

    expect(await totals(world)).toMatchObject({ deployed: 2, completed: 1, failed: 1 });
  });

  it('is nothing before the first change', () => {
    const nothing = { count: 0, seconds: 0 };
    const none = {
      deployed: 0,
      completed: 0,
      failed: 0,
      rework: 0,
      rolledBack: 0,
      leadTime: nothing,
      recovery: nothing,
    };

    expect(ratesOf(none).changeFailRate).toBeUndefined();
  });

  it.each([
    ['is rejected', 'latest', { namespace: 'production' }],
    ['is superseded at once', '1', { time: '2020-01-01T00:00:00Z' }],
  ])('does not count a request that %s', async (_, tag, request) => {
    const world = new World();
    await world.carry(world.request('0'));

    await world.carry(world.request(tag, request));

    expect(await totals(world)).toMatchObject({ deployed: 1, failed: 0 });
  });
});

describe('a request that changes nothing', () => {
  it('is no change', async () => {
    const world = new World();
    await world.carry(world.request('1', { replicas: 2 }));

    await world.carry(world.request('1'), world.request('1', { replicas: 2 }));

    expect(await totals(world)).toMatchObject({ deployed: 1, completed: 1 });
  });

  it('is one when it asks for more replicas', async () => {
    const world = new World();
    await world.carry(world.request('1'));

    await world.carry(world.request('1', { replicas: 2 }));

    expect(await totals(world)).toMatchObject({ deployed: 2, completed: 2 });
  });

  it('breaks nothing when what runs stops being ready meanwhile', async () => {
    let isDown = false;
    const world = new World({
      cluster: (simulated) => ({
        ...simulated,
        rollout: async (workload) => {
          const rollout = await simulated.rollout(workload);
          return isDown ? { ...rollout, state: 'failed', message: 'the node is gone' } : rollout;
        },
      }),
    });
    await world.carry(world.request('0'));
    await world.carry(world.request('1'));
    isDown = true;

    await world.carry(world.request('1'));

    expect(await totals(world)).toMatchObject({ deployed: 2, failed: 0, rolledBack: 0 });
    expect(await world.record()).not.toHaveProperty('failingSince');
    expect((await world.rollout()).image).toMatch(/:1$/);
    expect(world.notified.at(-1)).toMatchObject({
      severity: 'warning',
      text: expect.stringContaining('nothing was changed'),
    });
  });

  it('is not blamed for a burning budget, when others had deployed what it asked for', async () => {
    const world = new World();
    await runByHand(world, '1');
    const request = world.request('1');
    await world.carry(request);

    await world.carry(world.violation(request));

    expect(await totals(world)).toMatchObject({ deployed: 0, failed: 0 });
    expect(await world.knownGood()).toHaveLength(1);
  });

  it('is a change when it carries on what a superseded one began', async () => {
    const world = new World();
    await world.carry(world.request('0'));
    const [started] = (await world.run(world.request('1'))).published;
    if (started) await world.run(started);
    world.clock.advance(10_000);

    await world.carry(world.request('1'));

    expect(await totals(world)).toMatchObject({ deployed: 2, completed: 2 });
  });
});

describe('the lead time', () => {
  const commit = (sha: string, agoMs: number, world: World) => ({
    sha,
    timestamp: new Date(world.clock.now() - agoMs).toISOString(),
  });

  it('counts once a commit, cut or whole', async () => {
    const world = new World();
    const sha = 'a94a8fe5ccb19ba61c4c0873d391e987982fbbd3';
    await world.carry(world.request('1', { commit: commit(sha, HOUR, world) }));
    await world.carry(world.request('2', { commit: commit(sha, HOUR, world) }));
    await world.carry(world.request('3', { commit: commit(sha.slice(0, 7), HOUR, world) }));
    expect(await totals(world)).toMatchObject({ deployed: 3, leadTime: { count: 1 } });

    await world.carry(world.request('4', { commit: commit('b94a8fe', HOUR, world) }));

    expect(await totals(world)).toMatchObject({ leadTime: { count: 2, seconds: 2 * (3_600 + 2) } });
  });

  it('never counts from a commit that was made after it was asked for', async () => {
    const world = new World();
    await world.carry(world.request('1', { commit: commit('a94a8fe', -1_000, world) }));

    expect(await totals(world)).toMatchObject({ completed: 1, leadTime: { count: 0, seconds: 0 } });
    expect(world.notified.at(-1)?.facts).not.toHaveProperty('Change lead time');
  });
});

describe('rework', () => {
  it('is the change after one that failed, rolled back or not, and no further one', async () => {
    const world = new World();
    for (const tag of ['1', 'fail-2', '3', '4']) await world.carry(world.request(tag));

    expect(await totals(world)).toMatchObject({ deployed: 4, rework: 1 });
    expect(ratesOf(await totals(world)).deploymentReworkRate).toBe(0.25);
  });

  it('is a change that an override let through a freeze', async () => {
    const world = new World({ config: { services: [{ name: 'web', objectives: [{ slo: 'a', target: 0.99 }] }] } });
    const scope = { clusters: ['*'], namespaces: ['*'] };
    const causes = [
      { ...scope, slo: 'a', since: '2026-03-01T00:00:00Z', reason: 'spent', episode: 'e', windowMs: 1e12 },
    ];
    await world.state.insert('freezes', 'web', { service: 'web', causes });

    await world.carry(world.request('1', { override: { reason: 'the fix', approvedBy: 'ana' } }));

    expect(await totals(world)).toMatchObject({ deployed: 1, rework: 1 });
  });
});

it('a rollback that failed leaves the release failed, not rolling back', async () => {
  const world = new World({ cluster: faulty({ rollback: () => new PermanentError('422 invalid') }).cluster });
  await world.carry(world.request('1'));
  await world.carry(world.request('fail-2'));

  const release = await world.release('request-2');

  expect(phaseOf(release)).toBe('failed');
  expect(release.steps.at(-1)).toMatchObject({ to: 'closed', note: 'the rollback failed: ClusterError: 422 invalid' });
});
