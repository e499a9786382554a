import { describe, expect, it } from 'vitest';
import { changeNamespace } from '../../../shared/clusters/inventory.ts';
import { eventKey, eventReference } from '../../../shared/events/identity.ts';
import { freeze } from '../../../shared/slo/freezes.ts';
import { only, World } from '../../support/deployments.ts';

/** Of the service `checkout`: what runs as `shop/web`. */
const config = { services: [{ name: 'checkout', workloads: ['default/shop/web'] }, { name: 'search' }] };
const budgetSpent = {
  slo: 'availability',
  since: '2026-03-01T11:00:00Z',
  reason: 'the budget of 30d is spent',
  episode: 'depleted-1',
  windowMs: 30 * 86_400_000,
  clusters: ['*'],
  namespaces: ['*'],
};

describe('deployment/requested', () => {
  it('lets a request in', async () => {
    const world = new World();
    const request = world.request('1', { replicas: 2, requestedBy: 'ci' });

    const started = only(await world.run(request));

    expect(started).toMatchObject({
      type: 'DeploymentStarted',
      correlationid: eventKey(request),
      causationid: eventReference(request),
      data: { ...request.data, requestId: request.id, requestSource: request.source },
    });
    expect((await world.release(request.id)).steps).toMatchObject([{ to: 'requested', by: eventKey(request) }]);
  });

  it('lets it in once when it is delivered twice, and publishes the same event again', async () => {
    const world = new World();
    const request = world.request('1');
    const first = await world.run(request);
    const before = await world.record();

    const second = await world.run(request);

    expect(second.published.map(({ id }) => id)).toEqual(first.published.map(({ id }) => id));
    expect(await world.record()).toEqual(before);
  });

  it('names the image that it takes the place of', async () => {
    const world = new World();
    await world.carry(world.request('1'));

    const started = only(await world.run(world.request('2')));

    expect(started.data).toMatchObject({ previousImage: 'ghcr.io/shop/web:1' });
  });

  it('keeps fields of the data that it does not know', async () => {
    const world = new World();
    const request = world.request('1', Object.assign({ replicas: 1 }, { ticket: 'OPS-1' }));

    expect(only(await world.run(request)).data).toMatchObject({ ticket: 'OPS-1' });
  });

  it('rejects what the policy forbids, and says which rule', async () => {
    const world = new World({ config: { policies: { deployment: { registries: ['quay.io'] } } } });
    const request = world.request('1');

    const failed = only(await world.run(request));

    expect(failed).toMatchObject({ type: 'DeploymentFailed', data: { reason: 'PolicyViolation', durationSeconds: 0 } });
    expect(failed.data).toHaveProperty('message', expect.stringContaining('allowed: quay.io'));
  });

  it.each([
    [
      'an image of anywhere in a system namespace',
      { namespace: 'kube-system', deployment: 'coredns', image: 'evil.example/rootkit:1' },
    ],
    ['a system namespace', { namespace: 'argocd' }],
    [
      'a latest image in a production namespace of the baseline',
      { namespace: 'live', image: 'ghcr.io/shop/web:latest' },
    ],
  ])('rejects %s', async (_, data) => {
    const namespaces = [{ namespace: 'live', team: 'shop', environment: 'production' }];
    const world = new World({ config: { clusters: { default: { baseline: { namespaces } } } } });

    expect(only(await world.run(world.request('1', data))).data).toMatchObject({ reason: 'PolicyViolation' });
  });

  it('rejects a latest image in a namespace that was made for production', async () => {
    const world = new World();
    const record = { cluster: 'default', namespace: 'shop', team: 'a', environment: 'production' as const };
    await changeNamespace(world.state, 'default', 'shop', () => ({
      ...{ ...record, profile: 'production', at: 0, by: 'e', raised: {} },
    }));

    expect(only(await world.run(world.request('latest'))).data).toMatchObject({ reason: 'PolicyViolation' });
  });

  it('rejects a cluster that the configuration does not name', async () => {
    const world = new World();
    const request = world.request('1', { cluster: 'mars' });

    expect(only(await world.run(request)).data).toMatchObject({
      reason: 'NotFound',
      message: "unknown cluster 'mars'; known: default",
    });
  });

  it('rejects a release of a frozen service', async () => {
    const world = new World({ config });
    await freeze(world.state, 'checkout', budgetSpent);

    const failed = only(await world.run(world.request('1')));

    expect(failed.data).toMatchObject({ reason: 'Frozen' });
    expect(failed.data).toHaveProperty('message', expect.stringContaining('the budget of 30d is spent'));
  });

  it.each([
    [
      'another service',
      'web',
      'search',
      "'search' is not the service of default/shop/web: platform.config.json says 'checkout'",
    ],
    ['a service that the configuration does not know', 'web', 'decoy', "platform.config.json says 'checkout'"],
    [
      'the service of others',
      'decoy',
      'search',
      "'search' is not the service of default/shop/decoy: platform.config.json gives it */*/search",
    ],
  ])('rejects a request that names %s', async (_, deployment, service, message) => {
    const world = new World({ config });
    await freeze(world.state, 'checkout', budgetSpent);

    const failed = only(await world.run(world.request('1', { deployment, service })));

    expect(failed.data).toMatchObject({ reason: 'PolicyViolation', message: expect.stringContaining(message) });
  });

  it.each([
    ['confirms the service', 'web', 'checkout'],
    ['names a service, where the configuration says nothing', 'other', 'made-up'],
    ['names none', 'web', undefined],
  ])('lets a request in that %s', async (_, deployment, service) => {
    const world = new World({ config });

    expect(only(await world.run(world.request('1', { deployment, service }))).type).toBe('DeploymentStarted');
  });

  it('lets a release through that is outside the scope of the freeze', async () => {
    const world = new World({ config });
    await freeze(world.state, 'checkout', { ...budgetSpent, namespaces: ['production'] });

    expect(only(await world.run(world.request('1'))).type).toBe('DeploymentStarted');
  });

  it('lets the return to an image through that is known to be good on that target', async () => {
    const world = new World({ config });
    for (const tag of ['1', '2']) await world.carry(world.request(tag));
    await freeze(world.state, 'checkout', budgetSpent);

    const back = world.request('1');
    const { published } = await world.run(back);

    expect(published).toMatchObject([{ type: 'DeploymentStarted' }]);
    expect((await world.release(back.id)).steps).toMatchObject([{ to: 'requested' }]);
    expect((await world.release(back.id)).steps[0]).not.toHaveProperty('overrode');
    world.clock.advance(1);
    expect(only(await world.run(world.request('3'))).data).toMatchObject({ reason: 'Frozen' });
  });

  it('lets an override through a freeze and keeps it in the record', async () => {
    const world = new World({ config });
    await freeze(world.state, 'checkout', budgetSpent);
    const override = { reason: 'fixes the outage', approvedBy: 'ada' };
    const request = world.request('1', { override });

    expect(only(await world.run(request)).type).toBe('DeploymentStarted');

    const release = await world.release(request.id);
    expect(release.data.override).toEqual(override);
    expect(release.steps).toMatchObject([{ to: 'requested', overrode: budgetSpent.reason }]);
  });

  describe('of a frozen service', () => {
    const ofWeb = { services: [{ name: 'web', objectives: [{ slo: 'availability', target: 0.99 }] }] };

    it('lets a return to an image that is known to be good through, without an override', async () => {
      const world = new World({ config: ofWeb });
      await world.carry(world.request('1'));
      await world.carry(world.request('2'));
      await freeze(world.state, 'web', budgetSpent);
      const request = world.request('1');

      expect(only(await world.run(request)).type).toBe('DeploymentStarted');

      expect((await world.release(request.id)).steps[0]).not.toHaveProperty('overrode');
    });

    it('lets what runs already have more replicas', async () => {
      const world = new World({ config: ofWeb });
      await world.carry(world.request('1'));
      await freeze(world.state, 'web', budgetSpent);

      expect(only(await world.run(world.request('1', { replicas: 5 }))).type).toBe('DeploymentStarted');
    });

    it('rejects an image that was failed by the budget, and one of several that is new', async () => {
      const world = new World({ config: ofWeb });
      await world.carry(world.request('1'));
      const bad = world.request('2');
      await world.carry(bad);
      await world.carry(world.violation(bad));
      await freeze(world.state, 'web', budgetSpent);
      const several = [
        { name: 'web', image: 'ghcr.io/shop/web:1' },
        { name: 'envoy', image: 'envoy:2' },
      ];

      expect(only(await world.run(world.request('2'))).data).toMatchObject({ reason: 'Frozen' });
      expect(only(await world.run(world.request('', { containers: several }))).data).toMatchObject({
        reason: 'Frozen',
      });
    });
  });

  it('does not let an override through the policy', async () => {
    const world = new World({ config: { policies: { deployment: { namespaces: ['web'] } } } });
    const request = world.request('1', { override: { reason: 'please', approvedBy: 'eve' } });

    expect(only(await world.run(request)).data).toMatchObject({ reason: 'PolicyViolation' });
  });

  it('stays with its verdict when the reason for it is gone on the second run', async () => {
    const world = new World({ config });
    await freeze(world.state, 'checkout', budgetSpent);
    const request = world.request('1');
    await world.run(request);
    await world.state.delete('freezes', 'checkout', '*');

    expect(only(await world.run(request)).data).toMatchObject({ reason: 'Frozen' });
  });

  describe('with two requests for one target', () => {
    it('supersedes the older one that is in flight, in its own chain', async () => {
      const world = new World();
      const older = world.request('1');
      await world.run(older);
      world.clock.advance(1);
      const newer = world.request('2');

      const { published } = await world.run(newer);

      expect(published).toMatchObject([
        { type: 'DeploymentStarted', correlationid: newer.correlationid, data: { requestId: newer.id } },
        {
          type: 'DeploymentFailed',
          correlationid: older.correlationid,
          causationid: eventReference(newer),
          data: { requestId: older.id, image: older.data.image, reason: 'Superseded' },
        },
      ]);
    });

    it('publishes both again when it died before it could', async () => {
      const world = new World();
      await world.run(world.request('1'));
      world.clock.advance(1);
      const newer = world.request('2');
      const first = await world.run(newer);

      const second = await world.run(newer);

      expect(second.published.map(({ id }) => id)).toEqual(first.published.map(({ id }) => id));
    });

    it('rejects the older one when it comes second, whatever became of the newer one', async () => {
      const world = new World();
      const older = world.request('1');
      world.clock.advance(1);
      const newer = world.request('2');
      await world.carry(newer);

      const failed = only(await world.run(older));

      expect(failed.data).toMatchObject({ requestId: older.id, reason: 'Superseded' });
      expect(failed.data).toHaveProperty('message', expect.stringContaining(newer.id));
      expect((await world.rollout()).image).toBe(newer.data.image);
    });

    it('breaks a tie of times by the ids', async () => {
      const world = new World();
      const [first, second] = [world.request('1', { id: 'a' }), world.request('2', { id: 'b' })];
      await world.run(second);

      expect(only(await world.run(first)).data).toMatchObject({ requestId: 'a', reason: 'Superseded' });
    });

    it('does not let a sender whose clock is ahead shut out the others', async () => {
      const world = new World();
      await world.run(world.request('1', { time: '2099-01-01T00:00:00Z' }));
      world.clock.advance(1);

      const { published } = await world.run(world.request('2'));

      expect(published[0]).toMatchObject({ type: 'DeploymentStarted', data: { image: 'ghcr.io/shop/web:2' } });
    });

    it('is not superseded by a newer one that was rejected', async () => {
      const world = new World({ config: { policies: { deployment: { replicas: { max: 5 } } } } });
      const older = world.request('1');
      world.clock.advance(1);
      await world.run(world.request('2', { replicas: 6 }));

      expect(only(await world.run(older)).type).toBe('DeploymentStarted');
    });

    it('does not supersede a release that has completed', async () => {
      const world = new World();
      await world.carry(world.request('1'));
      world.clock.advance(1);

      expect(only(await world.run(world.request('2'))).type).toBe('DeploymentStarted');
    });

    it('keeps targets apart', async () => {
      const world = new World();
      await world.run(world.request('1'));
      world.clock.advance(1);

      expect(only(await world.run(world.request('2', { namespace: 'other' }))).type).toBe('DeploymentStarted');
    });
  });

  it('goes by the data and not by the subject, which is free for the sender to set', async () => {
    const world = new World();
    await world.run({ ...world.request('1'), subject: 'default/bank/vault' });

    expect((await world.record()).releases).toHaveLength(1);
  });

  it('keeps the record small, and knows the requests that it dropped', async () => {
    const world = new World();
    const requests = [];
    for (let n = 0; n < 60; n++) {
      const request = world.request(`${n}`);
      requests.push(request);
      await world.carry(request);
      world.clock.advance(1_000);
    }

    const record = await world.record();
    expect(record.releases.length).toBeLessThanOrEqual(20);
    expect(record.releases[0]?.requestId).toBe('request-60');
    for (const request of requests.slice(0, 30)) expect((await world.run(request)).published).toEqual([]);
    expect(await world.record()).toEqual(record);
  });
});
