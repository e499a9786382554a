/**
 * Every route of the app with `HttpAuth=tokens`, as the host calls it: by each right, and by what a request says of its
 * sender. None is forgotten, since the routes are those that are registered.
 */
import { readdir } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createCallers } from '../../shared/access/callers.ts';
import { fetchIssuerDocument } from '../../shared/adapters/issuer-documents.ts';
import { usePorts } from '../../shared/app-ports.ts';
import { RIGHTS } from '../../shared/config/rights.ts';
import { registeredRoutes } from '../../shared/http/on-http.ts';
import { installCoreModule } from '../../shared/local/functions-host/core-module.ts';
import type { Right } from '../../shared/ports/access.ts';
import type { Ports } from '../../shared/ports/handler.ts';
import { type FunctionApp, functionApp, type HttpAnswer } from '../support/function-app.ts';
import { AUDIENCE, type LocalIssuer, newKey, type SigningKey, signToken, startIssuer } from '../support/issuer.ts';
import { startPlatform } from '../support/platform.ts';

let issuer: LocalIssuer;
let key: SigningKey;
let app: FunctionApp;
let ports: Ports;
let isAppServiceAuthOn = false;

const OID = 'http://schemas.microsoft.com/identity/claims/objectidentifier';
const TID = 'http://schemas.microsoft.com/identity/claims/tenantid';

beforeAll(async () => {
  installCoreModule();
  key = await newKey('one');
  issuer = await startIssuer([key.publicJwk]);
  const ci = { issuer: issuer.url, audience: AUDIENCE };
  const platform = await startPlatform({
    services: [{ name: 'core-bank', workloads: ['*/bank/web'] }],
    access: {
      issuers: { ci },
      rules: [
        ...RIGHTS.map((right) => ({
          ...{ issuer: 'ci', claims: { may: right }, rights: [right] },
          ...(right === 'publish' && { types: ['*'] }),
        })),
        {
          ...{ issuer: 'ci', claims: { team: 'shop' }, rights: ['publish'], types: ['DeploymentRequested'] },
          ...{ namespaces: ['shop', 'shop-*'], clusters: ['default'] },
        },
        { issuer: 'ci', claims: { team: 'shop', role: 'lead' }, rights: ['override'], services: ['checkout'] },
        {
          ...{ issuer: 'ci', claims: { team: 'web' }, rights: ['publish', 'override', 'rollback'] },
          ...{ types: ['DeploymentRequested'], services: ['web'] },
        },
        { issuer: 'app-service', claims: { tid: 'ours', oid: 'ada' }, rights: ['read'] },
      ],
    },
  });
  const { access } = platform.ports.config;
  const { clock } = platform.ports;
  const callers = [false, true].map((isOn) =>
    createCallers({ access, clock, fetch: fetchIssuerDocument, isAppServiceAuthOn: isOn }),
  );
  ports = {
    ...platform.ports,
    callers: {
      identify: async (headers) => callers[Number(isAppServiceAuthOn)]?.identify(headers) ?? Promise.reject(),
    },
  };
  usePorts({ portsFor: () => ports, options: {}, historyLimits: { ageMs: 1, events: 1 } });
  vi.stubEnv('HttpAuth', 'tokens');
  app = await functionApp(async () => {
    const folder = new URL('../../functions/http/', import.meta.url);
    for (const name of await readdir(folder)) await import(new URL(name, folder).href);
  });
});
afterAll(async () => {
  vi.unstubAllEnvs();
  usePorts(undefined);
  await issuer.close();
});

const token = (claims: object): Promise<string> =>
  signToken(key, { iss: issuer.url, ...claims }, { now: ports.clock.now() });

async function send(name: string, headers: Record<string, string>, body?: unknown): Promise<HttpAnswer> {
  const route = registeredRoutes().find((one) => one.name === name);
  const params = Object.fromEntries(Object.keys(route?.params ?? {}).map((param) => [param, '17']));
  const method = route?.methods[0] ?? 'GET';
  const form = { 'content-type': 'application/x-www-form-urlencoded', 'sec-fetch-site': 'same-origin' };
  const type = route?.takesForms ? form : { 'content-type': 'application/json' };
  return app.send(name, {
    ...{ method, params, headers: { ...(method !== 'GET' && type), ...headers } },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
}

async function sendAs(name: string, claims: object, body?: unknown): Promise<HttpAnswer> {
  return send(name, { authorization: `Bearer ${await token(claims)}` }, body);
}

describe('every route', () => {
  it('is reached without a function key, since the token decides', () => {
    expect(registeredRoutes().length).toBeGreaterThan(10);
    for (const { name } of registeredRoutes()) expect(app.bindingOf(name)['authLevel']).toBe('anonymous');
  });

  it('lets those in who have its right, and those with any other right, or none, not', async () => {
    const table: Record<string, Right[]> = {};
    for (const { name } of registeredRoutes()) {
      const admitted: Right[] = [];
      for (const right of RIGHTS) {
        const { status, body } = await sendAs(name, { may: right });
        if (status !== 403) admitted.push(right);
        else expect(body).toContain(`ci:somebody has no right to`);
        expect(status).not.toBe(401);
      }
      table[name] = admitted;
      expect((await sendAs(name, { may: 'nothing' })).status).toBe(403);
      expect((await sendAs(name, { may: RIGHTS.join() })).status).toBe(403);
    }

    expect(table).toEqual(Object.fromEntries(registeredRoutes().map(({ name, right }) => [name, [right]])));
    expect(table).toMatchObject({ replay: ['replay'], discard: ['discard'], publish: ['publish'], history: ['read'] });
  });

  it('lets in who has several rights', async () => {
    for (const { name } of registeredRoutes()) expect((await sendAs(name, { may: RIGHTS })).status).not.toBe(403);
  });

  it('says 401 to whoever it does not know, and what it expects', async () => {
    const good = await token({ may: RIGHTS });
    const principal = Buffer.from(JSON.stringify({ auth_typ: 'aad', claims: [] })).toString('base64');
    const stranger = await signToken(await newKey('one'), { iss: issuer.url, may: RIGHTS }, { now: ports.clock.now() });
    const unknown: Record<string, string>[] = [
      {},
      { authorization: good },
      { authorization: `Basic ${good}` },
      { authorization: 'Bearer' },
      { authorization: `Bearer ${stranger}` },
      { authorization: `Bearer ${good}, Bearer ${good}` },
      { 'x-functions-key': good },
      { cookie: `AppServiceAuthSession=${good}` },
      { 'x-ms-client-principal': principal },
      { 'x-ms-token-aad-access-token': good },
    ];
    for (const { name } of registeredRoutes()) {
      for (const headers of unknown) {
        const { status, headers: answered } = await send(name, headers);
        expect({ name, headers, status, asks: answered['www-authenticate'] }).toEqual({
          ...{ name, headers, status: 401, asks: 'Bearer' },
        });
      }
    }
  });

  it('says 503 and when to come again while it cannot know who asks, never 401', async () => {
    const away = createCallers({
      access: ports.config.access,
      clock: ports.clock,
      fetch: () => Promise.reject(new TypeError('away')),
      isAppServiceAuthOn: false,
    });
    usePorts({ portsFor: () => ({ ...ports, callers: away }), options: {}, historyLimits: { ageMs: 1, events: 1 } });
    try {
      for (const { name } of registeredRoutes()) {
        const { status, headers } = await sendAs(name, { may: RIGHTS });
        expect({ name, status, after: headers['retry-after'] }).toEqual({ name, status: 503, after: '30' });
      }
    } finally {
      usePorts({ portsFor: () => ports, options: {}, historyLimits: { ageMs: 1, events: 1 } });
    }
  });

  it('answers nobody when the app has no means to know who asks', async () => {
    const { callers: _, ...without } = ports;
    usePorts({ portsFor: () => without, options: {}, historyLimits: { ageMs: 1, events: 1 } });
    try {
      for (const { name } of registeredRoutes()) expect((await sendAs(name, { may: RIGHTS })).status).toBe(500);
    } finally {
      usePorts({ portsFor: () => ports, options: {}, historyLimits: { ageMs: 1, events: 1 } });
    }
  });
});

describe('a person whom App Service signed in', () => {
  const principal = (claims: Record<string, string>, provider = 'aad'): Record<string, string> => {
    const list = Object.entries(claims).map(([typ, val]) => ({ typ, val }));
    const value = { auth_typ: provider, claims: list };
    return { 'x-ms-client-principal': Buffer.from(JSON.stringify(value)).toString('base64') };
  };
  const ada = { [OID]: 'ada', [TID]: 'ours' };

  it('is believed where the platform says that it signs people in, and there alone', async () => {
    expect((await send('history', principal(ada))).status).toBe(401);
    isAppServiceAuthOn = true;
    try {
      expect((await send('history', principal(ada))).status).toBe(200);
      expect((await send('replay', principal(ada))).status).toBe(403);
    } finally {
      isAppServiceAuthOn = false;
    }
  });

  it.each([
    ['of another tenant', principal({ ...ada, [TID]: 'theirs' }), 403],
    ['of no tenant', principal({ [OID]: 'ada' }), 403],
    ['of another provider', principal(ada, 'github'), 401],
    ['that is no JSON', { 'x-ms-client-principal': 'e30x' }, 401],
    ['without claims', { 'x-ms-client-principal': Buffer.from('{"auth_typ":"aad"}').toString('base64') }, 401],
    ['with a token beside it that does not hold', { ...principal(ada), authorization: 'Bearer a.b.c' }, 401],
  ])('is not let in by a principal %s', async (_, headers, status) => {
    isAppServiceAuthOn = true;
    try {
      expect((await send('history', headers)).status).toBe(status);
    } finally {
      isAppServiceAuthOn = false;
    }
  });
});

describe('publishing', () => {
  const data = { namespace: 'shop', deployment: 'checkout', image: 'ghcr.io/shop/checkout:1.2.3' };
  const event = { type: 'DeploymentRequested', source: '/ci', data };
  const override = { reason: 'outage', approvedBy: 'ci:somebody' };

  it.each([
    ['what its rule is for', {}, 202],
    ['into a namespace that the pattern covers', { namespace: 'shop-eu' }, 202],
    ['into another namespace', { namespace: 'bank' }, 403],
    ['into a namespace that begins alike', { namespace: 'shopping' }, 403],
    ['into another cluster', { cluster: 'other' }, 403],
    ['with an override', { override }, 403],
    ['as somebody else', { requestedBy: 'ada' }, 403],
    ['as who it is', { requestedBy: 'somebody' }, 202],
    ['as who it is, in full', { requestedBy: 'ci:somebody' }, 202],
  ])('%s', async (_, more, status) => {
    expect((await sendAs('publish', { team: 'shop' }, { ...event, data: { ...data, ...more } })).status).toBe(status);
  });

  it.each([
    ['with an override of its own', { override }, 202],
    ['with an override for another service', { override, service: 'bank' }, 403],
    [
      'with an override that somebody else is said to have approved',
      { override: { ...override, approvedBy: 'ada' } },
      403,
    ],
  ])('%s, by who may override for one service', async (_, more, status) => {
    const answer = await sendAs('publish', { team: 'shop', role: 'lead' }, { ...event, data: { ...data, ...more } });

    expect(answer.status).toBe(status);
  });

  it.each([
    ['its service, by the name of the deployment', { deployment: 'web' }, 202],
    ['another deployment in the name of its service', { deployment: 'vault', service: 'web' }, 403],
    ['its deployment in the name of another service', { deployment: 'web', service: 'vault' }, 403],
    ['a deployment of its name that is of another service', { deployment: 'web', namespace: 'bank' }, 403],
    ['that in the name of its service', { deployment: 'web', namespace: 'bank', service: 'web' }, 403],
  ])('%s, by who may for one service', async (_, more, status) => {
    const body = { ...event, data: { ...data, ...more } };

    expect((await sendAs('publish', { team: 'web' }, body)).status).toBe(status);
  });

  it('is all or nothing, and names each event that is refused', async () => {
    const cluster = { type: 'ClusterCreated', source: '/ci', data: { clusterName: 'x', region: 'eu' } };
    const foreign = { ...event, data: { ...data, namespace: 'bank' } };

    const { status, body } = await sendAs('publish', { team: 'shop' }, [event, foreign, cluster]);

    expect(status).toBe(403);
    expect(JSON.parse(body)).toMatchObject({
      issues: [
        { index: 1, path: 'type', value: 'DeploymentRequested' },
        { index: 2, path: 'type', value: 'ClusterCreated' },
      ],
    });
  });
});

describe('pausing', () => {
  it.each([
    ['whose token it is', {}, 200],
    ['whose token it is, in its words', { by: 'ci:somebody' }, 200],
    ['somebody else', { by: 'ada' }, 403],
    ['nobody', { by: '' }, 403],
    ['a number', { by: 7 }, 403],
  ])('by %s', async (_, more, status) => {
    const { status: found, body } = await sendAs(
      'switch-automation',
      { may: 'pause' },
      { action: 'pause', reason: 'x', ...more },
    );

    expect(found).toBe(status);
    if (status === 200) expect(JSON.parse(body)).toMatchObject({ state: 'paused', by: 'ci:somebody' });
    else expect(body).toContain('by: expected ci:somebody, who asks for it, or nothing');
  });
});
