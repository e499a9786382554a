/** Overrides that people grant, through the whole app: what passes a freeze, and what uses them up. */
import { beforeEach, describe, expect, it } from 'vitest';
import { handle as override } from '../../../functions/http/override.ts';
import { handle as services } from '../../../functions/http/services.ts';
import { readAudit } from '../../../shared/access/audit.ts';
import { DAY_MS } from '../../../shared/duration.ts';
import { TransientError } from '../../../shared/errors.ts';
import type { HttpResponse } from '../../../shared/http/on-http.ts';
import { grantOverride, takeOverride } from '../../../shared/releases/overrides.ts';
import { respond } from '../../support/api-contract.ts';
import { ADA, callerWith, EVE, type FrozenPlatform, requestOf, startFrozen } from '../../support/frozen-platform.ts';
import { httpRequest } from '../../support/http.ts';

let platform: FrozenPlatform;
beforeEach(async () => {
  platform = await startFrozen();
});

const grant = (body: unknown, by = ADA, service = 'web'): Promise<HttpResponse> =>
  respond('test', override, httpRequest({ method: 'POST', params: { service }, body, caller: by }), platform.ports);

describe('POST /api/services/{service}/override', () => {
  it('lets one release through, and the next one not', async () => {
    const { status, json } = await grant({ reason: 'outage' });
    expect(status).toBe(201);
    expect(json).toMatchObject({ by: 'people:ada', reason: 'outage', isForOne: true });

    await platform.send(requestOf('a'), EVE);
    await platform.send(requestOf('b', { image: 'ghcr.io/shop/web:2' }), EVE);

    expect(platform.ends()).toEqual({ a: 'completed', b: 'Frozen' });
    expect(await platform.uses()).toMatchObject([{ who: 'people:eve', why: 'outage (by people:ada)' }]);
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
    await platform.send(requestOf('a'), EVE);
    expect(await listed()).toEqual([undefined]);
  });

  it('lets one of two through that come at once', async () => {
    await grant({ reason: 'outage' });

    await platform.send([requestOf('a'), requestOf('b', { deployment: 'worker' })], EVE);

    expect(Object.values(platform.ends()).toSorted()).toEqual(['Frozen', 'completed']);
    expect(await platform.uses()).toHaveLength(1);
  });

  it('lets all of a while through, and none afterwards', async () => {
    await grant({ reason: 'outage', for: '1h' });

    await platform.send(requestOf('a'), EVE);
    await platform.send(requestOf('b', { image: 'ghcr.io/shop/web:2' }), EVE);
    await platform.bus.advance('1h');
    await platform.send(requestOf('c', { image: 'ghcr.io/shop/web:3' }), EVE);

    expect(platform.ends()).toEqual({ a: 'completed', b: 'completed', c: 'Frozen' });
    expect(await platform.uses()).toHaveLength(2);
  });

  it('is for its target alone', async () => {
    await grant({ reason: 'outage', target: 'default/shop/worker' });

    await platform.send(requestOf('a'), EVE);
    await platform.send(requestOf('b', { deployment: 'worker' }), EVE);

    expect(platform.ends()).toEqual({ a: 'Frozen', b: 'completed' });
  });

  it('is not used up by what needs none, or is refused for something else', async () => {
    await platform.ports.state.delete('freezes', 'web', '*');
    await platform.send(requestOf('good'), EVE);
    platform = await startFrozen();
    await grant({ reason: 'outage' });

    await platform.send(requestOf('policy', { replicas: 1_000 }), EVE);
    await platform.send(requestOf('a'), EVE);

    expect(platform.ends()).toEqual({ policy: 'PolicyViolation', a: 'completed' });
  });

  it('is not used up by the return to an image that is known to be good', async () => {
    await grant({ reason: 'outage' });
    await platform.send(requestOf('a'), EVE);
    await grant({ reason: 'outage' });

    await platform.send(requestOf('b'), EVE);
    await platform.send(requestOf('c', { image: 'ghcr.io/shop/web:2' }), EVE);

    expect(platform.ends()).toEqual({ a: 'completed', b: 'completed', c: 'completed' });
  });

  it('is given back by a request that is superseded', async () => {
    await grant({ reason: 'outage' });
    await platform.send(requestOf('new'), EVE);
    await grant({ reason: 'outage' });

    await platform.send({ ...requestOf('old', { image: 'ghcr.io/shop/web:0' }), time: '2026-01-01T00:00:00Z' }, EVE);
    await platform.send(requestOf('next', { image: 'ghcr.io/shop/web:2' }), EVE);

    expect(platform.ends()).toEqual({ new: 'completed', old: 'Superseded', next: 'completed' });
  });

  it('is given back although the store fails once', async () => {
    await grant({ reason: 'outage' });
    await platform.send(requestOf('new'), EVE);
    await grant({ reason: 'outage' });
    const { state } = platform.ports;
    const put = state.put.bind(state);
    let changes = 0;
    // The first takes it, the second gives it back.
    state.put = (partition, key, value, etag) =>
      partition === 'overrides' && ++changes === 2
        ? Promise.reject(new TransientError('away'))
        : put(partition, key, value, etag);

    await platform.send({ ...requestOf('old', { image: 'ghcr.io/shop/web:0' }), time: '2026-01-01T00:00:00Z' }, EVE);
    await platform.send(requestOf('next', { image: 'ghcr.io/shop/web:2' }), EVE);

    expect(platform.ends()).toEqual({ new: 'completed', old: 'Superseded', next: 'completed' });
  });

  it('holds for a day at most when it is not used', async () => {
    await grant({ reason: 'outage' });
    await platform.bus.advance(DAY_MS);

    await platform.send(requestOf('a'), EVE);

    expect(platform.ends()).toEqual({ a: 'Frozen' });
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
      callerWith('eve', ['override'], { services: ['other'] }),
      'web',
      403,
    ],
    [
      'the right for one namespace, and no target',
      { reason: 'x' },
      callerWith('eve', ['override'], { namespaces: ['shop'] }),
      'web',
      403,
    ],
    [
      'the right for one namespace, and a target there',
      { reason: 'x', target: 'default/shop/web' },
      callerWith('eve', ['override'], { namespaces: ['shop'] }),
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
