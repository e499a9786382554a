/** `GET /api/audit`: every act over HTTP is there, before it is done, and for as long as it is kept. */
import { beforeEach, describe, expect, it } from 'vitest';
import { handle as audit } from '../../../functions/http/audit.ts';
import { discardError, replayError } from '../../../functions/http/errors.ts';
import { handle as publish } from '../../../functions/http/publish.ts';
import { handle as hourly } from '../../../functions/timer/discard-old-errors.ts';
import { DAY_MS } from '../../../shared/duration.ts';
import { TransientError } from '../../../shared/errors.ts';
import type { HttpHandler, HttpResponse } from '../../../shared/http/on-http.ts';
import type { Caller } from '../../../shared/ports/access.ts';
import type { Ports } from '../../../shared/ports/handler.ts';
import { respond } from '../../support/api-contract.ts';
import { httpRequest, type RequestParts } from '../../support/http.ts';
import { type Platform, startPlatform } from '../../support/platform.ts';

const everything = { types: ['*' as const], clusters: ['*'], namespaces: ['*'], services: ['*'] };
const ADA: Caller = {
  ...{ name: 'people:ada', aliases: ['people:ada', 'ada'] },
  grants: [{ rights: ['publish', 'override', 'replay', 'discard'], ...everything }],
};
const data = { namespace: 'shop', deployment: 'web', image: 'ghcr.io/shop/web:1.2.3' };
const event = { type: 'DeploymentRequested', source: '/ci', id: 'a', data };

let platform: Platform;

beforeEach(async () => {
  platform = await startPlatform();
});

const send = (handler: HttpHandler, parts: RequestParts, ports: Ports = platform.ports): Promise<HttpResponse> =>
  respond('test', handler, httpRequest({ method: 'POST', caller: ADA, ...parts }), ports);

async function acts(query = ''): Promise<Record<string, unknown>[]> {
  const { json } = await send(audit, { method: 'GET', path: `/api/audit${query}` });
  return (json as { acts: Record<string, unknown>[] }).acts;
}

it('has who published what, from where, and the chain that it began', async () => {
  const headers = { 'x-forwarded-for': '203.0.113.9, 198.51.100.7:5123', 'user-agent': 'curl/8' };
  const { json } = await send(publish, { body: event, headers });

  expect(await acts()).toEqual([
    {
      ...{ at: '2026-03-01T12:00:00.000Z', who: 'people:ada', right: 'publish' },
      ...{ what: 'DeploymentRequested default/shop/web', from: '198.51.100.7:5123 curl/8' },
      correlationId: (json as { correlationIds: string[] }).correlationIds[0],
    },
  ]);
});

it('has the reason of an override that was published; its use has an entry of its own', async () => {
  await send(publish, { body: { ...event, data: { ...data, override: { reason: 'outage', approvedBy: 'ada' } } } });

  expect(await acts()).toMatchObject([{ right: 'publish', why: 'outage', who: 'people:ada' }]);
});

it('has each of 250 events of one request, and none of a health check', async () => {
  const events = Array.from({ length: 250 }, (_, n) => ({ ...event, id: String(n) }));
  const check = { type: 'HealthCheck', source: '/probe', data: { service: 'web', good: 1, total: 1 } };
  await send(publish, { body: [...events, check] });

  expect(await acts('?limit=1000')).toHaveLength(250);
});

it('has nothing of what was refused', async () => {
  await send(publish, { body: event, caller: { ...ADA, grants: [] } });
  await send(publish, { body: { ...event, type: 'DeploymentCompleted' } });

  expect(await acts()).toEqual([]);
});

it.each([
  ['replay', replayError],
  ['discard', discardError],
])('has a %s, and that it failed', async (right, handler) => {
  expect((await send(handler, { params: { sequenceNumber: '17' } })).status).toBe(404);

  const about = { who: 'people:ada', right, what: 'errors/17' };
  const failed = 'entry 17 does not exist in the errors queue';
  expect(await acts()).toMatchObject(
    expect.arrayContaining(
      [about, { ...about, failed: expect.stringContaining(failed) }].map((one) => expect.objectContaining(one)),
    ),
  );
});

describe('while the audit log cannot be written', () => {
  it.each([
    ['published', publish, { body: event }],
    ['replayed', replayError, { params: { sequenceNumber: '1' } }],
    ['discarded', discardError, { params: { sequenceNumber: '1' } }],
  ])('nothing is %s', async (_, handler, parts) => {
    await platform.bus.deadLetter({
      ...{ messageId: 'm', body: event, type: 'DeploymentRequested', correlationId: undefined, traceparent: undefined },
      ...{ reason: 'Any', description: '', subscription: 'deployment-requested', attempts: 1, redelivery: 0 },
    });
    const [before] = await platform.bus.deadLetters('0', 1);
    const transact = (): Promise<never> => Promise.reject(new TransientError('table storage is away'));
    const state = new Proxy(platform.ports.state, {
      get: (target, name) => {
        const member: unknown = Reflect.get(target, name);
        return name === 'transact' ? transact : typeof member === 'function' ? member.bind(target) : member;
      },
    });
    const params = { sequenceNumber: before?.sequenceNumber ?? '' };

    const { status } = await send(
      handler,
      { ...parts, ...('params' in parts && { params }) },
      { ...platform.ports, state },
    );

    expect(status).toBe(503);
    expect(platform.bus.events({ type: 'DeploymentRequested' })).toEqual([]);
    expect(await platform.bus.deadLetters('0', 9)).toHaveLength(1);
  });
});

it('is read in pages, newest first, by caller, chain and time', async () => {
  for (const id of ['a', 'b', 'c']) {
    await send(publish, { body: { ...event, id } });
    await platform.bus.advance('1h');
  }
  const all = await acts();
  expect(all.map(({ at }) => at)).toEqual(['14', '13', '12'].map((hour) => `2026-03-01T${hour}:00:00.000Z`));

  const { json } = await send(audit, { method: 'GET', path: '/api/audit?limit=2' });
  const { next } = json as { next: string };
  expect(await acts(`?limit=2&cursor=${encodeURIComponent(next)}`)).toEqual([all[2]]);
  expect(await acts('?since=2026-03-01T13:00:00Z')).toEqual(all.slice(0, 2));
  expect(await acts(`?correlationId=${String(all[1]?.['correlationId'])}`)).toEqual([all[1]]);
  expect(await acts('?who=people:bob')).toEqual([]);
  expect((await send(audit, { method: 'GET', path: '/api/audit?whom=x' })).status).toBe(400);
});

it('is kept for 400 days, and no longer', async () => {
  await send(publish, { body: event });
  const at = (days: number): Ports => {
    const now = platform.ports.clock.now() + days * DAY_MS;
    return { ...platform.ports, clock: { now: () => now } };
  };

  await hourly(at(399));
  expect(await acts()).toHaveLength(1);
  await hourly(at(401));
  expect(await acts()).toEqual([]);
});

it('is passed over hourly together with who published what, which is kept for 44 days', async () => {
  await send(publish, { body: event });
  const rows = async (): Promise<number> => {
    let count = 0;
    for await (const _ of platform.ports.state.query('senders')) count++;
    return count;
  };
  const later = (days: number): Ports => {
    const now = platform.ports.clock.now() + days * DAY_MS;
    return { ...platform.ports, clock: { now: () => now } };
  };

  await hourly(later(43.9));
  expect(await rows()).toBe(2);
  await hourly(later(44));
  expect(await rows()).toBe(0);
});
