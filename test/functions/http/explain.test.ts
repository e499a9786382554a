/** What `GET /api/explain` says of a release. The whole app, on virtual time. */
import { expect, it } from 'vitest';
import { handle as listDeployments } from '../../../functions/http/deployments.ts';
import { handle } from '../../../functions/http/explain.ts';
import { handle as noticePutBacks } from '../../../functions/timer/notice-put-backs.ts';
import type { HttpResponse } from '../../../shared/http/on-http.ts';
import { requestRollback } from '../../../shared/releases/rollback-requests.ts';
import { CheckedShop, OVERRIDE } from '../../support/checked-shop.ts';

const WEB = '?target=default/shop/web';

async function explained(shop: CheckedShop, query = WEB): Promise<HttpResponse['json']> {
  const { status = 200, json, body } = await shop.platform.get(handle, query);
  expect({ status, body }).toEqual({ status: 200, body: undefined });
  return json;
}

it('explains a release from its request to whether its rollback helped', async () => {
  const shop = await CheckedShop.open();
  await shop.release('web', 'bad', { id: '42', requestedBy: 'ana' });
  await shop.serve(1);
  shop.failing = 0.3;
  await shop.serve(4);
  shop.failing = 0;
  await shop.serve(30);

  expect(await explained(shop)).toMatchObject({
    ...{ target: 'default/shop/web', service: 'shop', team: 'shop', phase: 'rolled-back', isOver: true },
    request: {
      ...{ id: '42', source: '/ci', requestedBy: 'ana', at: expect.stringMatching(/^2026-03-01T13:00:0.*Z$/) },
      ...{ images: [{ image: 'ghcr.io/shop/web:bad' }], previousImage: 'ghcr.io/shop/web:1' },
    },
    freeze: { now: { slo: 'availability' } },
    steps: [
      {
        event: { type: 'DeploymentRequested', id: '42', handler: 'deployment-requested', status: 'completed', runs: 1 },
        cameTo: [{ to: 'requested' }],
      },
      {
        event: { type: 'DeploymentStarted', handler: 'deployment-started', failedAttempts: 0 },
        cameTo: [
          { to: 'started', deadline: expect.stringMatching(/Z$/) },
          { to: 'completed', replicas: 1 },
        ],
      },
      { event: { type: 'DeploymentCompleted', handler: 'deployment-completed' }, cameTo: [{ to: 'closed' }] },
      {
        event: { type: 'DeploymentFailed', source: '/handlers/slo-violation' },
        cameTo: [
          { to: 'failed', at: expect.any(String), reason: 'SLOViolation', message: expect.stringContaining('burns') },
          { to: 'rolling-back' },
          { to: 'rolled-back' },
        ],
      },
      { event: { type: 'DeploymentRolledBack', handler: 'deployment-rolled-back' }, cameTo: [{ to: 'closed' }] },
    ],
    burns: [
      {
        ...{ slo: 'availability', target: 0.999, window: '30d' },
        before: { bad: 0, burnRate: 0 },
        since: { bad: 1_200, total: 5_000, burnRate: 240 },
        afterRollback: { bad: 0, total: expect.any(Number), burnRate: 0 },
      },
    ],
    pages: [
      {
        ...{ slo: 'availability', part: 'blamed', helped: true },
        weighed: [
          {
            onset: { from: expect.stringMatching(/Z$/), to: expect.stringMatching(/Z$/) },
            suspects: [{ target: 'default/shop/web', image: 'ghcr.io/shop/web:bad' }],
            because: 'nothing else changed when it began',
            decision: expect.stringMatching(/^the release of .*web:bad on default\/shop\/web is rolled back/),
          },
        ],
      },
    ],
    rollback: { images: [{ name: 'web', image: 'ghcr.io/shop/web:1' }], isDone: true },
    helped: true,
    others: [{ phase: 'completed', images: [{ image: 'ghcr.io/shop/web:1' }] }],
  });
});

it('says of an innocent release what it was weighed for, and in short where deployments are listed', async () => {
  const shop = await CheckedShop.open();
  await shop.release('web', '2');
  await shop.serve(2);
  await shop.release('worker', '2');
  shop.failing = 0.5;
  await shop.serve(10);

  const weighed = { slo: 'availability', part: 'suspect' };
  const decision = 'nothing is rolled back: 2 changes were released when it began';
  expect(await explained(shop)).toMatchObject({
    phase: 'completed',
    pages: [{ ...weighed, weighed: [{ decision, blamed: [] }] }],
  });
  const { json } = await shop.platform.get(listDeployments);
  const opened = expect.stringMatching(/^2026-03-01T13:.*Z$/);
  expect(json).toMatchObject({
    deployments: [
      { newest: { weighed: [{ ...weighed, decision, suspects: 2, openedAt: opened }] } },
      { newest: { weighed: [{ part: 'suspect' }] } },
    ],
  });
});

it('keeps what was weighed when another page of the objective opens', async () => {
  const shop = await CheckedShop.open();
  await shop.release('web', 'bad');
  shop.failing = 0.5;
  await shop.serve(6);
  shop.failing = 0;
  await shop.serve(8 * 60);
  await shop.release('worker', 'bad', OVERRIDE);
  shop.failing = 0.5;
  await shop.serve(10);

  expect(await explained(shop)).toMatchObject({ pages: [{ part: 'blamed', helped: true }], helped: true });
  expect(await explained(shop, '?target=default/shop/worker')).toMatchObject({
    freeze: { overrode: expect.stringContaining('is spent') },
    pages: [{ part: 'blamed' }],
  });
});

it('says which freeze refused a release, and which newer one replaced it', async () => {
  const shop = await CheckedShop.open();
  shop.failing = 0.5;
  await shop.serve(20);
  await shop.release('web', '2', { id: 'refused' });
  await shop.release('web', '3', { id: 'newer', ...OVERRIDE });

  expect(await explained(shop, '?id=refused')).toMatchObject({
    phase: 'failed',
    freeze: { refused: expect.stringMatching(/^service 'shop' is frozen since /) },
    steps: [
      { event: { type: 'DeploymentRequested' }, cameTo: [{ to: 'failed', reason: 'Frozen' }] },
      { event: { type: 'DeploymentFailed' }, cameTo: [{ to: 'closed', note: 'it was never started' }] },
    ],
    note: 'it was never started',
    next: { id: 'newer', source: '/ci' },
  });
});

it('keeps to the events of one release of a chain, also where a newer one of it has superseded an older', async () => {
  const shop = await CheckedShop.open();
  const { bus, ports } = shop.platform;
  const chain = async (id: string, tag: string): Promise<void> => {
    const time = new Date(ports.clock.now()).toISOString();
    const data = { namespace: 'shop', deployment: 'web', image: `ghcr.io/shop/web:${tag}` };
    const event = { specversion: '1.0' as const, type: 'DeploymentRequested' as const, id, source: '/ci', time, data };
    await bus.publish({ ...event, datacontenttype: 'application/json', correlationid: 'one' } as never);
  };
  await chain('old', 'slow-2');
  await bus.advance('2s');
  await chain('new', '3');
  await bus.advance('1m');

  const [old, newer] = [await explained(shop, '?id=old'), await explained(shop, '?id=new')];

  expect(old).toMatchObject({
    steps: [
      { event: { id: 'old' } },
      { event: { type: 'DeploymentStarted' } },
      { cameTo: [{ to: 'failed', reason: 'Superseded' }] },
      { event: { type: 'DeploymentFailed' }, cameTo: [{ to: 'closed' }] },
    ],
    next: { id: 'new' },
  });
  expect((newer as { steps: { event?: { type: string } }[] }).steps.map(({ event }) => event?.type)).toEqual([
    'DeploymentRequested',
    'DeploymentStarted',
    'DeploymentCompleted',
  ]);
});

it('says since when what was rolled back runs again, as the list of deployments does', async () => {
  const shop = await CheckedShop.open();
  const { bus, ports } = shop.platform;
  await shop.platform.deploy('web', 'fail-2');
  await ports.clusters.get('default').apply({
    ...{ namespace: 'shop', deployment: 'web', containers: [{ image: 'ghcr.io/shop/web:fail-2' }] },
    ...{ requestId: 'kubectl', rank: '9', changeCause: '' },
  });
  await noticePutBacks(ports);
  await bus.settled();

  const at = expect.stringMatching(/^2026-03-01T13:1.*Z$/);
  expect(await explained(shop)).toMatchObject({
    phase: 'rolled-back',
    putBack: { at, images: [{ name: 'web', image: 'ghcr.io/shop/web:fail-2' }] },
  });
  const { json } = await shop.platform.get(listDeployments, '?deployment=web');
  expect(json).toMatchObject({ deployments: [{ newest: { putBackAt: at } }] });
});

it('explains a rollback that somebody asked for', async () => {
  const shop = await CheckedShop.open();
  const { bus, ports } = shop.platform;
  await shop.platform.deploy('web', '2');
  const place = { cluster: 'default', namespace: 'shop', deployment: 'web' };
  await requestRollback({ ...place, who: 'ada', reason: 'it is ugly' }, ports);
  await bus.advance('1m');

  expect(await explained(shop)).toMatchObject({
    phase: 'rolled-back',
    steps: [
      {},
      {},
      {},
      {
        event: { type: 'DeploymentFailed', source: '/handlers/rollback' },
        cameTo: [{ to: 'failed', reason: 'RollbackRequested' }, { to: 'rolling-back' }, { to: 'rolled-back' }],
      },
      { event: { type: 'DeploymentRolledBack' } },
    ],
  });
});

it('tells two requests of one id apart, and asks for the source', async () => {
  const shop = await CheckedShop.open();
  await shop.release('web', '2', { id: '7', source: '/ci/shop' });
  await shop.release('worker', '2', { id: '7', source: '/ci/bank' });

  expect(await explained(shop, '?id=7&source=/ci/bank')).toMatchObject({ target: 'default/shop/worker' });
  const { status, body = '' } = await shop.platform.get(handle, '?id=7');
  expect({ status, ...JSON.parse(body) }).toMatchObject({
    status: 409,
    requests: [
      { source: '/ci/shop', id: '7', target: 'default/shop/web' },
      { source: '/ci/bank', id: '7', target: 'default/shop/worker' },
    ],
  });
});

it.each([
  ['', 400, 'expected either target, or id and perhaps source'],
  ['?target=a/b/c&id=1', 400, 'expected either'],
  ['?source=/ci', 400, 'expected either'],
  ['?image=x', 400, 'image'],
  ['?target=default/shop/none', 404, "no release is known of 'default/shop/none'"],
  ['?id=none', 404, "with the id 'none'"],
  ['?id=none&source=/ci', 404, "the request '/ci none'"],
])('answers %s with %i', async (query, status, title) => {
  const shop = await CheckedShop.open();

  const answer = await shop.platform.get(handle, query);

  expect(answer.status).toBe(status);
  expect(JSON.parse(answer.body ?? '')).toMatchObject({ status, title: expect.stringContaining(title) });
});

it('says of a release that is no longer kept that it ended', async () => {
  const shop = await CheckedShop.open();
  await shop.release('web', 'first', { id: 'first' });
  for (let n = 0; n < 25; n++) await shop.release('web', `n${n}`).then(() => shop.platform.bus.advance('1m'));

  const { status, body = '' } = await shop.platform.get(handle, '?id=first&source=/ci');

  expect(status).toBe(404);
  expect(JSON.parse(body).title).toBe(
    "the release of the request '/ci first' on default/shop/web ended so long ago that it is no longer kept",
  );
});
