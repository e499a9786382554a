/**
 * Overrides as people grant them and as events claim them, through the whole app: what passes a freeze, what does not, and
 * what the audit log says of it.
 */
import { beforeEach, describe, expect, it } from 'vitest';
import { handle as override } from '../../../functions/http/override.ts';
import { handle as publish } from '../../../functions/http/publish.ts';
import { handle as services } from '../../../functions/http/services.ts';
import { type AuditEntry, readAudit } from '../../../shared/access/audit.ts';
import { DAY_MS } from '../../../shared/duration.ts';
import { newEvent } from '../../../shared/events/cloud-event.ts';
import { DeploymentRequested } from '../../../shared/events/deployment.ts';
import { type HttpResponse, respond } from '../../../shared/http/on-http.ts';
import type { Caller, Right } from '../../../shared/ports/access.ts';
import { grantOverride, takeOverride } from '../../../shared/releases/overrides.ts';
import { httpRequest } from '../../support/http.ts';
import { type Platform, startPlatform } from '../../support/platform.ts';

const caller = (name: string, rights: readonly Right[], more: object = {}): Caller => ({
  ...{ name, aliases: [name] },
  grants: [{ ...{ rights: [...rights], types: ['*'], clusters: ['*'], namespaces: ['*'], services: ['*'] }, ...more }],
});
const ADA = caller('people:ada', ['publish', 'override']);
const EVE = caller('people:eve', ['publish']);
const WORKLOADS = ['*/shop/web', '*/shop/worker'];

let platform: Platform;

async function start(topics?: object[]): Promise<void> {
  const services = [{ name: 'web', workloads: WORKLOADS, objectives: [{ target: 0.99 }] }, { name: 'other' }];
  platform = await startPlatform({ services, access: { topics } });
  await platform.check('web', 0, 1_000);
}
beforeEach(() => start([]));

const grant = (body: unknown, by = ADA, service = 'web'): Promise<HttpResponse> =>
  respond('test', override, httpRequest({ method: 'POST', params: { service }, body, caller: by }), platform.ports);

const data = { namespace: 'shop', deployment: 'web', image: 'ghcr.io/shop/web:1' };
const claim = (approvedBy: string) => ({ reason: 'outage', approvedBy });

/** Publishes over HTTP, and lets it come to its end. */
async function send(events: unknown, by: Caller, headers: Record<string, string> = {}): Promise<HttpResponse> {
  const answer = await respond(
    'test',
    publish,
    httpRequest({ method: 'POST', body: events, caller: by, headers }),
    platform.ports,
  );
  await platform.bus.advance('10m');
  return answer;
}
const requested = (id: string, more: object = {}) => ({
  ...{ type: 'DeploymentRequested', source: '/ci', id },
  data: { ...data, ...more },
});

/** What came of the requests, by the ids of these. */
function ends(): Record<string, string> {
  const events = platform.bus.events({ limit: 1_000 }).toReversed();
  return Object.fromEntries(
    events.flatMap((event): [string, string][] => {
      if (event.type === 'DeploymentFailed') return [[event.data.requestId, event.data.reason]];
      return event.type === 'DeploymentCompleted' ? [[event.data.requestId, 'completed']] : [];
    }),
  );
}

async function uses(): Promise<AuditEntry[]> {
  const { entries } = await readAudit(platform.ports.state, { limit: 100 });
  return entries.filter(({ right, what }) => right === 'override' && what.startsWith('DeploymentRequested'));
}

describe('the override of an event', () => {
  it('counts where its caller has the right, and its use is in the audit log', async () => {
    await send(requested('a', { override: claim('people:ada') }), ADA, { 'x-forwarded-for': '203.0.113.9' });

    expect(ends()).toEqual({ a: 'completed' });
    expect(await uses()).toEqual([
      {
        ...{ at: expect.any(Number), who: 'people:ada', from: '203.0.113.9', right: 'override', why: 'outage' },
        ...{ what: 'DeploymentRequested default/shop/web', correlationId: expect.stringMatching(/^[0-9a-f-]{36}$/) },
      },
    ]);
  });

  it('is refused where its caller has not, and nothing is sent', async () => {
    expect((await send(requested('a', { override: claim('people:eve') }), EVE)).status).toBe(403);

    expect(platform.bus.events({ type: 'DeploymentRequested' })).toEqual([]);
    expect(await uses()).toEqual([]);
  });

  it('of a batch is refused with all of it, which is published later without', async () => {
    const mixed = [requested('a'), requested('b', { deployment: 'worker', override: claim('people:eve') })];

    const { status, body } = await send(mixed, EVE);

    expect(status).toBe(403);
    expect(JSON.parse(body ?? '')).toMatchObject({ issues: [{ index: 1, path: 'data.override' }] });
    expect((await send([requested('a'), requested('b', { deployment: 'worker' })], EVE)).status).toBe(202);
    expect(ends()).toEqual({ a: 'Frozen', b: 'Frozen' });
  });

  it('counts in binary mode alike', async () => {
    const headers = { 'ce-specversion': '1.0', 'ce-id': 'a', 'ce-source': '/ci', 'ce-type': 'DeploymentRequested' };

    expect((await send({ ...data, override: claim('people:eve') }, EVE, headers)).status).toBe(403);
    expect((await send({ ...data, override: claim('people:ada') }, ADA, headers)).status).toBe(202);
    expect(ends()).toEqual({ a: 'completed' });
  });

  it('does not count on its topic, where the configuration gives no right to its senders', async () => {
    await platform.deploy('web', '1', { override: claim('people:ada') });

    const [failed] = platform.bus.events({ type: 'DeploymentFailed' });
    expect(failed?.data).toMatchObject({
      reason: 'Frozen',
      message: expect.stringContaining('whoever sent the override has no right to it'),
    });
    expect(await uses()).toEqual([]);
  });

  it.each([
    ['to this service', [{ type: 'DeploymentRequested', rights: ['override'], services: ['web'] }], 'completed'],
    ['to another', [{ type: 'DeploymentRequested', rights: ['override'], services: ['other'] }], 'Frozen'],
    ['to another namespace', [{ type: 'DeploymentRequested', rights: ['override'], namespaces: ['bank'] }], 'Frozen'],
    ['in no words, with the simulated cluster', undefined, 'completed'],
  ])('counts on its topic where the configuration gives the right %s', async (_, topics, end) => {
    await start(topics);

    await platform.deploy('web', '1', { override: claim('people:ada') });

    expect(Object.values(ends())).toEqual([end]);
    expect(await uses()).toMatchObject(
      end === 'Frozen'
        ? []
        : [
            {
              ...{ who: 'topic deployment-requested', from: 'topic deployment-requested, source /ci' },
              why: 'outage (by topic deployment-requested, which names people:ada)',
            },
          ],
    );
  });

  it('does not count for somebody who sends another event with its id on the topic', async () => {
    // Even where topics may override: this id speaks for what was published under it.
    await start();
    const caught: unknown[] = [];
    const { publisher } = platform.ports;
    const held = { ...platform.ports, publisher: { ...publisher, publishAll: async () => void caught.push(1) } };
    const body = requested('a', { override: claim('people:ada') });
    await respond('test', publish, httpRequest({ method: 'POST', body, caller: ADA }), held);
    expect(caught).toHaveLength(1);

    const evil = { ...data, image: 'ghcr.io/shop/web:evil', override: claim('people:ada') };
    const time = new Date(platform.ports.clock.now()).toISOString();
    await platform.bus.publish(newEvent(DeploymentRequested, { id: 'a', source: '/ci', time, data: evil }));
    await platform.bus.advance('10m');

    expect(ends()).toEqual({ a: 'Frozen' });
    expect(await uses()).toEqual([]);
  });

  it('counts once, whoever sends the same again', async () => {
    const body = requested('a', { override: claim('people:ada') });

    expect((await send(body, ADA)).status).toBe(202);
    expect((await send(body, ADA)).status).toBe(202);
    expect((await send(body, EVE)).status).toBe(403);

    expect(platform.bus.events({ type: 'DeploymentCompleted' })).toHaveLength(1);
    expect(await uses()).toHaveLength(1);
  });
});

describe('one id', () => {
  it.each([
    ['without an override and then with one', requested('a'), requested('a', { override: claim('people:ada') })],
    ['with an override and then without', requested('a', { override: claim('people:ada') }), requested('a')],
    ['of two types', requested('a'), { ...requested('a'), type: 'ResourceQuotaExceeded', data: quota() }],
  ])('%s is one event, and the other is refused', async (_, first, second) => {
    expect((await send(first, ADA)).status).toBe(202);
    const { status, body } = await send(second, ADA);

    expect(status).toBe(409);
    expect(JSON.parse(body ?? '')).toMatchObject({
      title: 'not published: another event has this id and source',
      issues: [{ index: 0, path: 'id', value: 'a', expected: 'an id that no other event of /ci has' }],
    });
  });

  it('twice in one batch is refused when they differ, and sent once when they do not', async () => {
    const [first, other] = [requested('a'), requested('a', { image: 'ghcr.io/shop/web:2' })];

    expect((await send([first, other], ADA)).status).toBe(409);
    expect(platform.bus.events({ type: 'DeploymentRequested' })).toEqual([]);
    expect((await send([first, first], ADA)).status).toBe(202);
    expect(ends()).toEqual({ a: 'Frozen' });
  });

  it('of another source is another event', async () => {
    expect((await send([requested('a'), { ...requested('a'), source: '/other' }], ADA)).status).toBe(202);
  });
});

function quota(): object {
  return { namespace: 'shop', resource: 'pods', used: '9', hard: '9' };
}

describe('POST /api/services/{service}/override', () => {
  it('lets one release through, and the next one not', async () => {
    const { status, json } = await grant({ reason: 'outage' });
    expect(status).toBe(201);
    expect(json).toMatchObject({ by: 'people:ada', reason: 'outage', isForOne: true });

    await send(requested('a'), EVE);
    await send(requested('b', { image: 'ghcr.io/shop/web:2' }), EVE);

    expect(ends()).toEqual({ a: 'completed', b: 'Frozen' });
    expect(await uses()).toMatchObject([{ who: 'people:eve', why: 'outage (by people:ada)' }]);
    const { entries } = await readAudit(platform.ports.state, { limit: 100 });
    const granted = { right: 'override', what: 'services/web: all, one release', why: 'outage' };
    expect(entries.filter(({ who }) => who === 'people:ada')).toMatchObject([granted]);
  });

  it('is in the list of services until it is used', async () => {
    const listed = async (): Promise<unknown> => {
      const { json } = await platform.get(services);
      return (json as { services: { overrides?: unknown }[] }).services.map(({ overrides }) => overrides);
    };
    await grant({ reason: 'outage', target: 'default/shop/web' });

    expect(await listed()).toMatchObject([
      [{ by: 'people:ada', reason: 'outage', target: 'default/shop/web', isForOne: true }],
    ]);
    await send(requested('a'), EVE);
    expect(await listed()).toEqual([undefined]);
  });

  it('lets one of two through that come at once', async () => {
    await grant({ reason: 'outage' });

    await send([requested('a'), requested('b', { deployment: 'worker' })], EVE);

    expect(Object.values(ends()).toSorted()).toEqual(['Frozen', 'completed']);
    expect(await uses()).toHaveLength(1);
  });

  it('lets all of a while through, and none afterwards', async () => {
    await grant({ reason: 'outage', for: '1h' });

    await send(requested('a'), EVE);
    await send(requested('b', { image: 'ghcr.io/shop/web:2' }), EVE);
    await platform.bus.advance('1h');
    await send(requested('c', { image: 'ghcr.io/shop/web:3' }), EVE);

    expect(ends()).toEqual({ a: 'completed', b: 'completed', c: 'Frozen' });
    expect(await uses()).toHaveLength(2);
  });

  it('is for its target alone', async () => {
    await grant({ reason: 'outage', target: 'default/shop/worker' });

    await send(requested('a'), EVE);
    await send(requested('b', { deployment: 'worker' }), EVE);

    expect(ends()).toEqual({ a: 'Frozen', b: 'completed' });
  });

  it('is not used up by what needs none, or is refused for something else', async () => {
    await platform.ports.state.delete('freezes', 'web', '*');
    await send(requested('good'), EVE);
    await start([]);
    await grant({ reason: 'outage' });

    await send(requested('policy', { replicas: 1_000 }), EVE);
    await send(requested('a'), EVE);

    expect(ends()).toEqual({ policy: 'PolicyViolation', a: 'completed' });
  });

  it('is not used up by the return to an image that is known to be good', async () => {
    await grant({ reason: 'outage' });
    await send(requested('a'), EVE);
    await grant({ reason: 'outage' });

    await send(requested('b'), EVE);
    await send(requested('c', { image: 'ghcr.io/shop/web:2' }), EVE);

    expect(ends()).toEqual({ a: 'completed', b: 'completed', c: 'completed' });
  });

  it('is given back by a request that is superseded', async () => {
    await grant({ reason: 'outage' });
    await send(requested('new'), EVE);
    await grant({ reason: 'outage' });

    await send({ ...requested('old', { image: 'ghcr.io/shop/web:0' }), time: '2026-01-01T00:00:00Z' }, EVE);
    await send(requested('next', { image: 'ghcr.io/shop/web:2' }), EVE);

    expect(ends()).toEqual({ new: 'completed', old: 'Superseded', next: 'completed' });
  });

  it('holds for a day at most when it is not used', async () => {
    await grant({ reason: 'outage' });
    await platform.bus.advance(DAY_MS);

    await send(requested('a'), EVE);

    expect(ends()).toEqual({ a: 'Frozen' });
  });

  it.each([
    ['no reason', {}, ADA, 'web', 400],
    ['a reason that is no text', { reason: 7 }, ADA, 'web', 400],
    ['a field that it has not', { reason: 'x', until: '2h' }, ADA, 'web', 400],
    ['a list', [], ADA, 'web', 400],
    ['no time', { reason: 'x', for: '0s' }, ADA, 'web', 400],
    ['too long a time', { reason: 'x', for: '8d' }, ADA, 'web', 400],
    ['a time that is none', { reason: 'x', for: 'ever' }, ADA, 'web', 400],
    ['a time that is no text', { reason: 'x', for: 5 }, ADA, 'web', 400],
    ['a target that is none', { reason: 'x', target: 'shop/web' }, ADA, 'web', 400],
    ['a target of another service', { reason: 'x', target: 'default/bank/web' }, ADA, 'web', 400],
    ['a service that there is not', { reason: 'x' }, ADA, 'nothing', 404],
    ['another right', { reason: 'x' }, EVE, 'web', 403],
    [
      'the right for another service',
      { reason: 'x' },
      caller('eve', ['override'], { services: ['other'] }),
      'web',
      403,
    ],
    [
      'the right for one namespace, and no target',
      { reason: 'x' },
      caller('eve', ['override'], { namespaces: ['shop'] }),
      'web',
      403,
    ],
    [
      'the right for one namespace, and a target there',
      { reason: 'x', target: 'default/shop/web' },
      caller('eve', ['override'], { namespaces: ['shop'] }),
      'web',
      201,
    ],
  ])('answers to %s', async (_, body, by, service, status) => {
    expect((await grant(body, by, service)).status).toBe(status);

    const { entries } = await readAudit(platform.ports.state, { limit: 9 });
    expect(entries).toHaveLength(status === 201 ? 1 : 0);
  });

  it('has a bound, and goes on when the old ones are over', async () => {
    for (let n = 0; n < 50; n++) expect((await grant({ reason: 'x', for: '1h' })).status).toBe(201);

    expect((await grant({ reason: 'x' })).status).toBe(409);
    await platform.bus.advance('1h');
    expect((await grant({ reason: 'x' })).status).toBe(201);
  });
});

it('is one for two requests that take it at the same moment, and the same for one that comes again', async () => {
  const { state, clock } = platform.ports;
  const now = clock.now();
  await grantOverride(state, 'web', { target: undefined, by: 'ada', reason: 'x', at: now, forMs: undefined });
  const need = { service: 'web', target: 'default/shop/web' };

  const taken = await Promise.all(['a', 'b', 'c'].map((by) => takeOverride(state, { ...need, by }, now)));

  expect(taken.filter((one) => one !== undefined)).toHaveLength(1);
  const winner = ['a', 'b', 'c'][taken.findIndex((one) => one !== undefined)] ?? '';
  expect(await takeOverride(state, { ...need, by: winner }, now)).toMatchObject({ reason: 'x' });
});
