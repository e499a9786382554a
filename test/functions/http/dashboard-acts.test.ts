/** What the forms of the pages do: by right, with a reason, from our own pages alone, each in the audit log. */
import { beforeEach, describe, expect, it } from 'vitest';
import { readAudit } from '../../../shared/access/audit.ts';
import { automationPause } from '../../../shared/automation.ts';
import type { Caller, Right } from '../../../shared/ports/access.ts';
import { usableOverrides } from '../../../shared/releases/overrides.ts';
import { freezeOf } from '../../../shared/slo/freezes.ts';
import { getPage, OWN_PAGE, pageText, sendForm, textOf } from '../../support/pages.ts';
import { type Platform, startPlatform } from '../../support/platform.ts';

const services = [{ name: 'web', objectives: [{ target: 0.99 }] }];
const everything = { types: [], clusters: ['*'], namespaces: ['*'], services: ['*'] };
const callerOf = (name: string, rights: Right[], services = ['*']): Caller => ({
  ...{ name, aliases: [name] },
  grants: [
    { rights: ['read'], ...everything },
    { rights, ...everything, services },
  ],
});

let platform: Platform;
beforeEach(async () => {
  platform = await startPlatform({ services });
  await platform.deploy('web', '1');
  await platform.deploy('web', '2');
  await platform.check('web', 900, 1_000);
  await platform.bus.deadLetter({
    messageId: 'm',
    body: { specversion: '1.0', id: 'e', source: '/ci', type: 'HealthCheck', subject: 'web', data: { service: 'web' } },
    ...{ type: 'HealthCheck', correlationId: undefined, traceparent: undefined, reason: 'Unexpected', description: '' },
    ...{ subscription: 'health-check', attempts: 1, redelivery: 0 },
  });
});

const entries = async (): Promise<number> => (await platform.bus.deadLetters('0', 10)).length;
const isGone = async (): Promise<boolean> => (await platform.bus.findDeadLetter('1')) === undefined;
const isFrozen = async (): Promise<boolean> =>
  (await freezeOf(platform.ports.state, 'web', platform.ports.clock.now())) !== undefined;
const isLetThrough = async (): Promise<boolean> =>
  (await usableOverrides(platform.ports.state, platform.ports.clock.now())).has('web');
const running = async (): Promise<string | undefined> => {
  await platform.bus.advance('10m');
  const { containers } = await platform.ports.clusters.get('default').rollout({ namespace: 'shop', deployment: 'web' });
  return containers[0]?.image;
};
const isPaused = async (): Promise<boolean> => (await automationPause(platform.ports.state)) !== undefined;
const audit = async () => (await readAudit(platform.ports.state, { limit: 10 })).entries;

/** Each act: the page that its form is on, the right, what it changes. */
const ACTS: [act: string, page: string, right: Right, what: string, isDone: () => Promise<boolean>][] = [
  ['replay', 'errors/1', 'replay', 'errors/1', isGone],
  ['discard', 'errors/1', 'discard', 'errors/1', isGone],
  ['unfreeze', 'services/web', 'unfreeze', 'services/web', async () => !(await isFrozen())],
  ['override', 'services/web', 'override', 'services/web: all, one release', isLetThrough],
  [
    ...([
      'override',
      'deployments/default/shop/web',
      'override',
      'services/web: default/shop/web, one release',
    ] as const),
    isLetThrough,
  ],
  [
    ...(['rollback', 'deployments/default/shop/web', 'rollback', 'deployments/default/shop/web'] as const),
    async () => (await running()) === 'ghcr.io/shop/web:1',
  ],
  ['pause', 'automation', 'pause', 'automation/pause', isPaused],
];

describe.each(ACTS)('%s', (act, page, right, what, isDone) => {
  const ada = callerOf('people:ada', [right]);

  it('is offered and done for who has the right, and is in the audit log with its reason', async () => {
    expect((await getPage(platform.ports, page, { caller: ada })).body).toContain(`name="act" value="${act}"`);

    const { status, headers } = await sendForm(
      platform.ports,
      page,
      { act, service: 'web', reason: 'it is mended' },
      { caller: ada },
    );

    expect(status).toBe(303);
    expect(await isDone()).toBe(true);
    expect(await audit()).toMatchObject([{ who: 'people:ada', right, what, why: 'it is mended' }]);
    const next = headers?.['location']?.replace('/api/dashboard/', '') ?? '';
    expect(next).toContain(`done=${act}`);
    expect((await getPage(platform.ports, next, { caller: ada })).body).toContain('role="status"><p>');
  });

  it('is neither offered nor done for who has not, and the page says so', async () => {
    const others = (['replay', 'discard', 'unfreeze', 'override', 'rollback', 'pause'] as const).filter(
      (one) => one !== right,
    );
    const bob = callerOf('people:bob', others, ['*']);
    const { body = '' } = await getPage(platform.ports, page, { caller: bob });
    expect(body).not.toContain(`name="act" value="${act}"`);
    expect(textOf(body)).toContain(`people:bob has no right to ${right} here`);

    const answer = await sendForm(platform.ports, page, { act, service: 'web', reason: 'let me' }, { caller: bob });

    expect(answer.status).toBe(403);
    expect(textOf(answer.body ?? '')).toContain('people:bob has no right to');
    expect(await isDone()).toBe(false);
    expect(await audit()).toEqual([]);
  });

  it.each<[string, Record<string, string>, Record<string, string>, number]>([
    ['without a reason', { reason: ' ' }, OWN_PAGE, 400],
    ['with a reason without end', { reason: 'x'.repeat(501) }, OWN_PAGE, 400],
    ['without a token', { token: '' }, OWN_PAGE, 400],
    ['with a made-up token', { token: `9999999999999.${'A'.repeat(43)}` }, OWN_PAGE, 400],
    ['from a page of another site', {}, { ...OWN_PAGE, 'sec-fetch-site': 'cross-site' }, 403],
    ['from a neighbour of the site', {}, { ...OWN_PAGE, 'sec-fetch-site': 'same-site' }, 403],
    ['from nowhere', {}, { 'content-type': OWN_PAGE['content-type'] }, 403],
    ['from another origin', {}, { 'content-type': OWN_PAGE['content-type'], origin: 'https://evil.example' }, 403],
    ['as JSON', {}, { ...OWN_PAGE, 'content-type': 'application/json' }, 415],
    ['as plain text', {}, { ...OWN_PAGE, 'content-type': 'text/plain' }, 415],
  ])('is not done %s', async (_, fields, headers, status) => {
    const answer = await sendForm(
      platform.ports,
      page,
      { act, service: 'web', reason: 'x', ...fields },
      { headers, caller: ada },
    );

    expect(answer.status).toBe(status);
    expect(await isDone()).toBe(false);
    expect(await audit()).toEqual([]);
  });

  it('is not done with the token of somebody else, nor with one of yesterday', async () => {
    const { body = '' } = await getPage(platform.ports, page, { caller: callerOf('people:eve', [right]) });
    const [, token = ''] = /name="token" value="([^"]+)"/.exec(body) ?? [];
    const own = (await getPage(platform.ports, page, { caller: ada })).body ?? '';
    const [, old = ''] = /name="token" value="([^"]+)"/.exec(own) ?? [];

    const stolen = await sendForm(platform.ports, page, { act, reason: 'x', token }, { caller: ada });
    await platform.bus.advance('13h');
    const late = await sendForm(platform.ports, page, { act, reason: 'x', token: old }, { caller: ada });

    expect([stolen.status, late.status]).toEqual([400, 400]);
    expect(await audit()).toEqual([]);
  });
});

it('takes the form of a browser that says its origin alone', async () => {
  const headers = { 'content-type': OWN_PAGE['content-type'], origin: 'http://127.0.0.1' };

  expect(await sendForm(platform.ports, 'automation', { act: 'pause', reason: 'x' }, { headers })).toMatchObject({
    status: 303,
  });
});

it('unfreezes for whom it may alone', async () => {
  const caller = callerOf('people:ada', ['unfreeze'], ['api']);

  expect((await sendForm(platform.ports, 'services/web', { act: 'unfreeze', reason: 'x' }, { caller })).status).toBe(
    403,
  );
  expect(await isFrozen()).toBe(true);
});

it('says who has paused, and resumes', async () => {
  await sendForm(platform.ports, 'automation', { act: 'pause', reason: 'the network is moved' });
  expect(await pageText(platform.ports, 'services')).toMatch(
    /Automation is paused by somebody with a function key, .* ago: the network is moved/,
  );

  await sendForm(platform.ports, 'automation', { act: 'resume', reason: 'it is there' });
  expect(await isPaused()).toBe(false);
});

it('says why an entry cannot be replayed, and leaves it', async () => {
  const [entry] = await platform.bus.deadLetters('0', 1);
  await platform.bus.takeDeadLetter(entry?.sequenceNumber ?? '');
  platform.bus.broker.send('errors', [{ messageId: 'n', body: Buffer.from('no event'), sizeBytes: 8 }]);
  const [other] = await platform.bus.deadLetters('0', 1);

  const page = `errors/${other?.sequenceNumber}`;
  const answer = await sendForm(platform.ports, page, { act: 'replay', reason: 'x' });

  expect(answer.status).toBe(409);
  expect(textOf(answer.body ?? '')).toContain('not replayed: the body is no CloudEvent');
  expect(await entries()).toBe(1);
});

it.each([
  ['discard', 'errors/4711', 404],
  ['replay', 'errors/4711', 404],
  ['discard', 'services/web', 404],
  ['unfreeze', 'services/api', 404],
  ['explode', 'automation', 404],
])('has nothing to %s at %s', async (act, page, status) => {
  expect(await sendForm(platform.ports, page, { act, reason: 'x' })).toMatchObject({ status });
});

it('takes no form without end', async () => {
  const form = { act: 'pause', reason: 'x', more: 'y'.repeat(20_000) };

  expect(await sendForm(platform.ports, 'automation', form)).toMatchObject({ status: 413 });
  expect(await isPaused()).toBe(false);
});

describe('all errors of one kind', () => {
  const ada = callerOf('people:ada', ['replay']);
  const eve = callerOf('people:eve', ['discard']);
  const group = 'errors?reason=Unexpected&subscription=health-check';
  const check = { specversion: '1.0', source: '/ci', type: 'HealthCheck', subject: 'web' };
  const enter = (id: string, parts: { reason?: string; body?: unknown } = {}): Promise<void> =>
    platform.bus.deadLetter({
      ...{ messageId: id, body: { ...check, id, data: { service: 'web', good: 1, total: 1 } } },
      ...{ type: 'HealthCheck', correlationId: undefined, traceparent: undefined, reason: 'Unexpected' },
      ...{ description: '', subscription: 'health-check', attempts: 1, redelivery: 0, ...parts },
    });
  const fieldsOf = { 'group-reason': 'Unexpected', 'group-subscription': 'health-check', reason: 'mended' };
  const send = (act: string, caller: Caller, fields: Record<string, string> = fieldsOf) =>
    sendForm(platform.ports, 'errors', { act, ...fields }, { caller });

  it('are replayed by one form: how many, what was refused and why, each in the audit log', async () => {
    for (let n = 0; n < 3; n++) await enter(`good-${n}`);
    await enter('unreadable', { body: { nothing: 'of an event' } });
    await enter('other', { reason: 'InvalidEvent' });
    const { body = '' } = await getPage(platform.ports, group, { caller: ada });
    expect(textOf(body)).toMatch(/Reason, for the audit log Replay all of these Discard all of these: not for you/);

    const { status, headers } = await send('replay', ada);

    expect(status).toBe(303);
    const next = headers?.['location']?.replace('/api/dashboard/', '') ?? '';
    const page = await pageText(platform.ports, next, { caller: ada });
    // That of each test is among them.
    expect(page).toMatch(/ 4 entries replayed: .* Not replayed, and still here: entry 5: the body is no CloudEvent/);
    await platform.bus.advance('1m');
    const left = await platform.bus.deadLetters('0', 10);
    expect(left.map(({ messageId }) => messageId)).toEqual(expect.arrayContaining(['unreadable', 'other']));
    expect(new Set((await audit()).map(({ what }) => what))).toEqual(
      new Set([1, 2, 3, 4, 5].map((n) => `errors/${n}`)),
    );
    expect((await audit()).filter(({ failed }) => failed !== undefined)).toMatchObject([{ what: 'errors/5' }]);
  });

  it('are discarded likewise, by who may', async () => {
    for (let n = 0; n < 3; n++) await enter(`bad-${n}`);

    expect((await send('discard', ada)).status).toBe(403);
    expect(await entries()).toBe(4);
    const { headers } = await send('discard', eve);

    expect(headers?.['location']).toMatch(/done=discard&.*count=4/);
    expect(await entries()).toBe(0);
  });

  it('are done 250 at a time, which it says', async () => {
    for (let n = 0; n < 260; n++) await enter(`many-${n}`);

    const { headers } = await send('discard', eve);

    const next = headers?.['location']?.replace('/api/dashboard/', '') ?? '';
    expect(await pageText(platform.ports, next)).toMatch(/ 250 entries discarded\. More of this kind may be there/);
    expect((await platform.bus.deadLetters('0', 100)).length).toBe(11);
  });

  it.each<[string, Record<string, string>, Record<string, string>, number]>([
    ['without a reason for the audit log', { ...fieldsOf, reason: '' }, OWN_PAGE, 400],
    ['without saying of which kind', { reason: 'x' }, OWN_PAGE, 400],
    ['with a made-up token', { ...fieldsOf, token: `9999999999999.${'A'.repeat(43)}` }, OWN_PAGE, 400],
    ['from a page of another site', fieldsOf, { ...OWN_PAGE, 'sec-fetch-site': 'cross-site' }, 403],
  ])('are left alone %s', async (_, fields, headers, status) => {
    const answer = await sendForm(platform.ports, 'errors', { act: 'discard', ...fields }, { headers, caller: eve });

    expect(answer.status).toBe(status);
    expect(await entries()).toBe(1);
    expect(await audit()).toEqual([]);
  });

  it('are told of by what the audit log has, not by what an address says', async () => {
    const forged = `${group}&done=replay&count=3&refused=7,%3Cb%3Ecall%20me`;

    const page = await pageText(platform.ports, forged);

    expect(page).toContain('3 entries replayed');
    expect(page).not.toContain('Not replayed');
    expect(page).not.toContain('call me');
  });
});
