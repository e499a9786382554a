/** `POST /api/deployments/…/rollback`: a person rolls a release back, whatever automation does by itself. */
import { beforeEach, describe, expect, it } from 'vitest';
import { handle as rollback } from '../../../functions/http/rollback.ts';
import { readAudit } from '../../../shared/access/audit.ts';
import { pauseAutomation } from '../../../shared/automation.ts';
import { insertRecord } from '../../../shared/delivery/history.ts';
import { TransientError } from '../../../shared/errors.ts';
import type { HttpResponse } from '../../../shared/http/on-http.ts';
import type { Caller } from '../../../shared/ports/access.ts';
import type { Ports } from '../../../shared/ports/handler.ts';
import { readTarget } from '../../../shared/releases/target-store.ts';
import { respond } from '../../support/api-contract.ts';
import { httpRequest } from '../../support/http.ts';
import { type Platform, startPlatform } from '../../support/platform.ts';

const ADA: Caller = {
  ...{ name: 'people:ada', aliases: ['people:ada'] },
  grants: [{ rights: ['rollback'], types: [], clusters: ['*'], namespaces: ['shop'], services: ['web'] }],
};
const WEB = { cluster: 'default', namespace: 'shop', deployment: 'web' };

let platform: Platform;
beforeEach(async () => {
  platform = await startPlatform({ services: [{ name: 'web', objectives: [{ target: 0.99 }] }] });
});

async function ask(
  parts: { params?: Record<string, string>; body?: unknown; caller?: Caller } = {},
  ports: Ports = platform.ports,
): Promise<HttpResponse> {
  const { params = WEB, body = { reason: 'customers cannot pay' }, caller = ADA } = parts;
  return respond('test', rollback, httpRequest({ method: 'POST', params, body, caller }), ports);
}

async function running(): Promise<string | undefined> {
  return (await platform.ports.clusters.get('default').rollout(WEB)).containers[0]?.image;
}
const image = (tag: string): string => `ghcr.io/shop/web:${tag}`;
const titleOf = ({ body }: HttpResponse): string => JSON.parse(body ?? '').title;
const failures = () =>
  platform.bus
    .events({ type: 'DeploymentFailed' })
    .flatMap((event) => (event.type === 'DeploymentFailed' ? `${event.data.reason}: ${event.data.message}` : []));

describe('a release that completed', () => {
  beforeEach(async () => {
    await platform.deploy('web', '1');
    await platform.deploy('web', '2');
  });

  it('goes back when it is asked again an hour after an event of which nothing has come', async () => {
    const { publisher, state, clock } = platform.ports;
    // Accepted, and in the errors queue since: the handler does nothing more about that event.
    const lost = { ...publisher, publish: async () => {} };
    const { json } = await ask({}, { ...platform.ports, publisher: lost });
    const { eventId: id, correlationId } = json as { eventId: string; correlationId: string };
    const of = { handler: 'deployment-failed', type: 'DeploymentFailed', source: '/handlers/rollback', subject: 'web' };
    const run = { status: 'dead-lettered', redelivery: 0, attempts: 12, runs: 12, runId: 'run', nonce: 'run' } as const;
    const times = { time: platform.now(), startedAt: clock.now(), updatedAt: clock.now() };
    await insertRecord(state, { ...of, ...run, ...times, id, correlationId });

    await ask();
    await platform.bus.advance('59m');
    const before = await running();
    await platform.bus.advance('1m');
    await ask();
    await platform.bus.advance('10m');

    expect([before, await running()]).toEqual([image('2'), image('1')]);
  });

  it('goes back to what is known to be good, with the reason, in the chain of its request', async () => {
    const answer = await ask();
    await platform.bus.advance('10m');

    const [asked] = platform.bus.events({ type: 'DeploymentRequested' });
    const correlationId = asked?.correlationid;
    const [failed] = platform.bus.events({ type: 'DeploymentFailed' });
    expect(answer).toMatchObject({
      status: 202,
      json: { eventId: failed?.id, correlationId, failed: image('2'), restored: image('1') },
    });
    expect(failures()).toEqual(['RollbackRequested: asked for by people:ada: customers cannot pay']);
    expect(platform.bus.events({ type: 'DeploymentRolledBack' })).toMatchObject([{ correlationid: correlationId }]);
    expect(await running()).toBe(image('1'));
    expect((await readAudit(platform.ports.state, { limit: 9 })).entries).toMatchObject([
      {
        ...{ who: 'people:ada', right: 'rollback', what: 'deployments/default/shop/web' },
        ...{ why: 'customers cannot pay', correlationId },
      },
    ]);
    expect(await platform.bus.deadLetters('0', 9)).toEqual([]);
  });

  it('counts as one change that failed, and is no longer known to be good', async () => {
    await ask();
    await platform.bus.advance('10m');

    const record = await readTarget(platform.ports.state, 'default/shop/web');
    expect(record?.doraTotals).toMatchObject({ deployed: 2, completed: 2, failed: 1, rolledBack: 1 });
    expect(Object.values(record?.knownGoodImages ?? {}).flat()).toMatchObject([{ image: image('1') }]);
  });

  it('goes back while automation is paused, and where it is not rolled back by itself', async () => {
    const pause = { by: 'jo', reason: 'an audit', since: '2026-03-01T12:00:00Z' };
    await pauseAutomation(platform.ports.state, pause);

    await ask();
    await platform.bus.advance('10m');

    expect(await running()).toBe(image('1'));
  });

  it('is asked for once, however often', async () => {
    const answers = await Promise.all([ask(), ask()]);
    await platform.bus.advance('10m');
    const late = await ask();

    expect(answers.map(({ status }) => status)).toEqual([202, 202]);
    expect(answers[0]?.json).toEqual(answers[1]?.json);
    expect(failures()).toHaveLength(1);
    expect(late.status).toBe(409);
    expect(titleOf(late)).toBe('default/shop/web is not rolled back: it is rolled back already');
    expect(platform.bus.events({ type: 'DeploymentRolledBack' })).toHaveLength(1);
  });

  it('is asked for again after the bus was away, and goes back once', async () => {
    const publish = (): Promise<never> => Promise.reject(new TransientError('away'));
    const away = { ...platform.ports, publisher: { ...platform.ports.publisher, publish } };

    expect((await ask({}, away)).status).toBe(503);
    expect((await ask()).status).toBe(202);
    await platform.bus.advance('10m');

    expect(failures()).toHaveLength(1);
    expect(await running()).toBe(image('1'));
  });

  it('stays when a newer request is admitted first', async () => {
    await ask();
    await platform.deploy('web', '3');

    expect(await running()).toBe(image('3'));
  });
});

describe('a release that failed', () => {
  it('goes back when nobody rolled it back, and is one failure', async () => {
    await platform.deploy('web', '1');
    const pause = { by: 'jo', reason: 'an audit', since: '2026-03-01T12:00:00Z' };
    await pauseAutomation(platform.ports.state, pause);
    await platform.deploy('web', 'fail-2');
    expect(await running()).toBe(image('fail-2'));

    expect((await ask()).status).toBe(202);
    await platform.bus.advance('10m');

    expect(await running()).toBe(image('1'));
    const record = await readTarget(platform.ports.state, 'default/shop/web');
    expect(record?.doraTotals).toMatchObject({ deployed: 2, completed: 1, failed: 1, rolledBack: 1 });
    expect(record?.failingSince).toBeUndefined();
  });

  it('is not touched when it changed nothing', async () => {
    await platform.deploy('web', '1', { replicas: 1_000 });

    expect(await ask()).toMatchObject({ status: 404 });
  });
});

it('goes back while it is still on its way', async () => {
  await platform.deploy('web', '1');
  const { bus, ports } = platform;
  const before = ports.clock.now();
  const deploying = platform.deploy('web', 'slow-2');
  await bus.advance(1);
  expect(ports.clock.now()).toBeGreaterThan(before);

  await ask();
  await deploying;
  await bus.advance('10m');

  expect(await running()).toBe(image('1'));
  expect(await bus.deadLetters('0', 9)).toEqual([]);
});

it.each([
  ['nothing was released', {}, 404, 'nothing was released on default/shop/web'],
  ['there is no reason', { body: {} }, 400, 'reason: expected 1 to 500'],
  ['there is another field', { body: { reason: 'x', to: '1' } }, 400, "'to': expected nothing but reason"],
  ['the name is none', { params: { ...WEB, deployment: 'a/b' } }, 404, 'names no deployment'],
  ['the name is endless', { params: { ...WEB, namespace: 'x'.repeat(2_000) } }, 404, 'names no deployment'],
  ['the right is for another namespace', { params: { ...WEB, namespace: 'bank' } }, 403, 'has no right to roll'],
  ['the right is for another service', { params: { ...WEB, deployment: 'worker' } }, 403, 'has no right to roll'],
])('says so when %s', async (_, parts, status, title) => {
  const answer = await ask(parts);

  expect(answer.status).toBe(status);
  expect(titleOf(answer)).toContain(title);
  expect((await readAudit(platform.ports.state, { limit: 9 })).entries).toEqual([]);
});

it('says so when there is nothing to go back to', async () => {
  await platform.deploy('web', '1');

  const answer = await ask();

  expect(answer.status).toBe(409);
  expect(titleOf(answer)).toBe('default/shop/web is not rolled back: no known good image exists');
});
