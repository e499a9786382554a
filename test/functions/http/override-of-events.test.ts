/** The override that an event claims, through the whole app: when it lets a release through a freeze, and when it does not. */
import { beforeEach, describe, expect, it } from 'vitest';
import { replayError } from '../../../functions/http/errors.ts';
import { handle as publish } from '../../../functions/http/publish.ts';
import { readAudit } from '../../../shared/access/audit.ts';
import { TransientError } from '../../../shared/errors.ts';
import { newEvent } from '../../../shared/events/cloud-event.ts';
import { DeploymentRequested } from '../../../shared/events/deployment.ts';
import { respond } from '../../support/api-contract.ts';
import { ADA, callerWith, EVE, type FrozenPlatform, requestOf, startFrozen } from '../../support/frozen-platform.ts';
import { httpRequest } from '../../support/http.ts';
import { startPlatform } from '../../support/platform.ts';

/** Whoever sends on the topic may override. */
const ANY = [{ type: 'DeploymentRequested', rights: ['override'] }];
const data = { namespace: 'shop', deployment: 'web', image: 'ghcr.io/shop/web:1' };
const claim = (approvedBy: string) => ({ reason: 'outage', approvedBy });

let platform: FrozenPlatform;
beforeEach(async () => {
  platform = await startFrozen();
});

describe('the override of an event', () => {
  it('counts where its caller has the right, and its use is in the audit log', async () => {
    await platform.send(requestOf('a', { override: claim('people:ada') }), ADA, { 'x-forwarded-for': '203.0.113.9' });

    expect(platform.ends()).toEqual({ a: 'completed' });
    expect(await platform.uses()).toEqual([
      {
        ...{ at: expect.any(Number), who: 'people:ada', from: '203.0.113.9', right: 'override', why: 'outage' },
        ...{ what: 'DeploymentRequested default/shop/web', correlationId: expect.stringMatching(/^[0-9a-f-]{36}$/) },
      },
    ]);
  });

  it('is refused where its caller has not, and nothing is sent', async () => {
    expect((await platform.send(requestOf('a', { override: claim('people:eve') }), EVE)).status).toBe(403);

    expect(platform.bus.events({ type: 'DeploymentRequested' })).toEqual([]);
    expect(await platform.uses()).toEqual([]);
  });

  it('of a batch is refused with all of it, which is published later without', async () => {
    const mixed = [requestOf('a'), requestOf('b', { deployment: 'worker', override: claim('people:eve') })];

    const { status, body } = await platform.send(mixed, EVE);

    expect(status).toBe(403);
    expect(JSON.parse(body ?? '')).toMatchObject({ issues: [{ index: 1, path: 'data.override' }] });
    expect((await platform.send([requestOf('a'), requestOf('b', { deployment: 'worker' })], EVE)).status).toBe(202);
    expect(platform.ends()).toEqual({ a: 'Frozen', b: 'Frozen' });
  });

  it('counts in binary mode alike', async () => {
    const headers = { 'ce-specversion': '1.0', 'ce-id': 'a', 'ce-source': '/ci', 'ce-type': 'DeploymentRequested' };

    expect((await platform.send({ ...data, override: claim('people:eve') }, EVE, headers)).status).toBe(403);
    expect((await platform.send({ ...data, override: claim('people:ada') }, ADA, headers)).status).toBe(202);
    expect(platform.ends()).toEqual({ a: 'completed' });
  });

  it('does not count on its topic, where the configuration gives no right to its senders', async () => {
    await platform.deploy('web', '1', { override: claim('people:ada') });

    const [failed] = platform.bus.events({ type: 'DeploymentFailed' });
    expect(failed?.data).toMatchObject({
      reason: 'Frozen',
      message: expect.stringContaining('whoever sent the override has no right to it'),
    });
    expect(await platform.uses()).toEqual([]);
  });

  it.each([
    ['to this service', [{ type: 'DeploymentRequested', rights: ['override'], services: ['web'] }], 'completed'],
    ['to another', [{ type: 'DeploymentRequested', rights: ['override'], services: ['other'] }], 'Frozen'],
    ['to another namespace', [{ type: 'DeploymentRequested', rights: ['override'], namespaces: ['bank'] }], 'Frozen'],
    ['everywhere', ANY, 'completed'],
  ])('counts on its topic where the configuration gives the right %s', async (_, topics, end) => {
    platform = await startFrozen(topics);

    await platform.deploy('web', '1', { override: claim('people:ada') });

    expect(Object.values(platform.ends())).toEqual([end]);
    expect(await platform.uses()).toMatchObject(
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
    platform = await startFrozen(ANY);
    const caught: unknown[] = [];
    const { publisher } = platform.ports;
    const held = { ...platform.ports, publisher: { ...publisher, publishAll: async () => void caught.push(1) } };
    const body = requestOf('a', { override: claim('people:ada') });
    await respond('test', publish, httpRequest({ method: 'POST', body, caller: ADA }), held);
    expect(caught).toHaveLength(1);

    const evil = { ...data, image: 'ghcr.io/shop/web:evil', override: claim('people:ada') };
    const time = new Date(platform.ports.clock.now()).toISOString();
    await platform.bus.publish(newEvent(DeploymentRequested, { id: 'a', source: '/ci', time, data: evil }));
    await platform.bus.advance('10m');

    expect(platform.ends()).toEqual({ a: 'Frozen' });
    expect(await platform.uses()).toEqual([]);
  });

  it('counts once, whoever sends the same again', async () => {
    const body = requestOf('a', { override: claim('people:ada') });

    expect((await platform.send(body, ADA)).status).toBe(202);
    expect((await platform.send(body, ADA)).status).toBe(202);
    expect((await platform.send(body, EVE)).status).toBe(403);

    expect(platform.bus.events({ type: 'DeploymentCompleted' })).toHaveLength(1);
    expect(await platform.uses()).toHaveLength(1);
  });
});

describe('one id', () => {
  it.each([
    ['without an override and then with one', requestOf('a'), requestOf('a', { override: claim('people:ada') })],
    ['with an override and then without', requestOf('a', { override: claim('people:ada') }), requestOf('a')],
    ['of two types', requestOf('a'), { ...requestOf('a'), type: 'ResourceQuotaExceeded', data: quota() }],
  ])('%s is one event, and the other is refused', async (_, first, second) => {
    expect((await platform.send(first, ADA)).status).toBe(202);
    const { status, body } = await platform.send(second, ADA);

    expect(status).toBe(409);
    expect(JSON.parse(body ?? '')).toMatchObject({
      title: 'not published: another event has this id and source',
      issues: [{ index: 0, path: 'id', value: 'a', expected: 'an id that no other event of /ci has' }],
    });
    const { entries } = await readAudit(platform.ports.state, { limit: 9 });
    expect(entries.filter(({ failed }) => failed?.includes('another event has this id'))).toHaveLength(1);
  });

  it('twice in one batch is refused when they differ, and sent once when they do not', async () => {
    const [first, other] = [requestOf('a'), requestOf('a', { image: 'ghcr.io/shop/web:2' })];

    const { status, body } = await platform.send([first, other], ADA);

    expect(status).toBe(409);
    expect(JSON.parse(body ?? '')).toMatchObject({ issues: [{ index: 1, path: 'id', value: 'a' }] });
    expect(platform.bus.events({ type: 'DeploymentRequested' })).toEqual([]);
    expect((await platform.send([first, first], ADA)).status).toBe(202);
    expect(platform.ends()).toEqual({ a: 'Frozen' });
  });

  it('of another source is another event', async () => {
    expect((await platform.send([requestOf('a'), { ...requestOf('a'), source: '/other' }], ADA)).status).toBe(202);
  });
});

function quota(): object {
  return { namespace: 'shop', resource: 'pods', used: '9', hard: '9' };
}

describe('a dead letter', () => {
  /** As a handler's delivery puts it there. */
  async function deadLetter(event: object): Promise<string> {
    const message = { messageId: 'm', type: 'DeploymentRequested', correlationId: undefined, traceparent: undefined };
    const failure = {
      reason: 'Any',
      description: '',
      subscription: 'deployment-requested',
      attempts: 1,
      redelivery: 0,
    };
    const body = { specversion: '1.0', time: new Date(platform.ports.clock.now()).toISOString(), ...event };
    await platform.bus.deadLetter({ ...message, ...failure, body });
    return (await platform.bus.deadLetters('0', 9)).at(-1)?.sequenceNumber ?? '';
  }
  /** Publishes an event that gets no further than its record. */
  async function publishNowhere(event: object): Promise<void> {
    const publishAll = async (): Promise<void> => {};
    const ports = { ...platform.ports, publisher: { ...platform.ports.publisher, publishAll } };
    await respond('test', publish, httpRequest({ method: 'POST', body: event, caller: ADA }), ports);
  }
  async function replay(sequenceNumber: string): Promise<void> {
    const caller = callerWith('people:bob', ['replay', 'override']);
    const request = httpRequest({ method: 'POST', params: { sequenceNumber }, caller });
    expect((await respond('test', replayError, request, platform.ports)).status).toBe(202);
    await platform.bus.advance('10m');
  }
  const asked = requestOf('a', { override: claim('people:ada') });

  it('has the rights of who published it, whoever replays it', async () => {
    await publishNowhere(asked);

    await replay(await deadLetter(asked));

    expect(platform.ends()).toEqual({ a: 'completed' });
    expect(await platform.uses()).toMatchObject([{ who: 'people:ada' }]);
  });

  it('that came on its topic has not the rights of who replays it', async () => {
    await replay(await deadLetter(asked));

    expect(platform.ends()).toEqual({ a: 'Frozen' });
  });

  it('that says something else than was published has no rights', async () => {
    await publishNowhere(asked);

    await replay(await deadLetter(requestOf('a', { image: 'ghcr.io/shop/web:evil', override: claim('people:ada') })));

    expect(platform.ends()).toEqual({ a: 'Frozen' });
  });
});

it('is used once it is in the audit log, and not before', async () => {
  let tries = 0;
  const { state } = platform.ports;
  const insert = state.insert.bind(state);
  state.insert = (partition, key, value) =>
    partition === 'audit' && ++tries < 3 ? Promise.reject(new TransientError('away')) : insert(partition, key, value);
  const body = requestOf('a', { override: claim('people:ada') });
  await respond('test', publish, httpRequest({ method: 'POST', body, caller: ADA }), platform.ports);
  await platform.bus.settled();
  expect(tries).toBe(1);
  expect(platform.bus.events({ type: 'DeploymentStarted' })).toEqual([]);

  await platform.bus.advance('1h');

  expect(tries).toBe(3);
  expect(platform.ends()).toEqual({ a: 'completed' });
  expect(await platform.uses()).toHaveLength(1);
});

it('is in the audit log under who sent it, though the freeze has ended by then', async () => {
  const { state } = platform.ports;
  const insert = state.insert.bind(state);
  state.insert = async (partition, key, value) => {
    if (partition !== 'audit') return insert(partition, key, value);
    state.insert = insert;
    await state.delete('freezes', 'web', '*');
    throw new TransientError('away');
  };

  await platform.send(requestOf('a', { override: claim('people:ada') }), ADA);

  expect(platform.ends()).toEqual({ a: 'completed' });
  expect(await platform.uses()).toMatchObject([{ who: 'people:ada', why: 'outage' }]);
});

it('counts on the topic of a simulated cluster whose configuration says nothing of it', async () => {
  const services = [{ name: 'web', objectives: [{ target: 0.99 }] }];
  const open = await startPlatform({ services });
  await open.check('web', 0, 1_000);

  await open.deploy('web', '1', { override: claim('ada') });

  expect(open.bus.events({ type: 'DeploymentCompleted' })).toHaveLength(1);
});

it('does not count where nothing is allowed that is not listed', async () => {
  const services = [{ name: 'web', objectives: [{ target: 0.99 }] }];
  const namespaces = [{ namespace: 'shop', team: 'shop', environment: 'staging' }];
  const real = await startPlatform({
    ...{ unlisted: 'refuse', services, clusters: { default: { namespaces } } },
    policies: { deployment: { registries: ['ghcr.io/shop'] } },
  });
  await real.check('web', 0, 1_000);

  await real.deploy('web', '1', { override: claim('ada') });

  expect(real.bus.events({ type: 'DeploymentFailed' })).toMatchObject([{ data: { reason: 'Frozen' } }]);
});
