/** Bearer tokens against an issuer of this machine, over HTTP, on a clock that is told. */
import { createHmac } from 'node:crypto';
import { exportSPKI, importJWK, SignJWT } from 'jose';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createCallers } from '../../../shared/access/callers.ts';
import { UnauthenticatedError } from '../../../shared/access/rights.ts';
import { fetchIssuerDocument } from '../../../shared/adapters/issuer-documents.ts';
import { parseConfig } from '../../../shared/config.ts';
import { HOUR_MS, MINUTE_MS, SECOND_MS } from '../../../shared/duration.ts';
import { TransientError } from '../../../shared/errors.ts';
import type { Callers } from '../../../shared/ports/access.ts';
import { AUDIENCE, type LocalIssuer, newKey, type SigningKey, signToken, startIssuer } from '../../support/issuer.ts';
import { FixedClock } from '../../support/ports.ts';

let key: SigningKey;
let other: SigningKey;
let issuer: LocalIssuer;
let clock: FixedClock;
let callers: Callers;

beforeAll(async () => {
  [key, other] = await Promise.all([newKey('one'), newKey('two')]);
});
beforeEach(async () => {
  issuer = await startIssuer([key.publicJwk]);
  clock = new FixedClock();
  callers = callersOf({ issuer: issuer.url, audience: AUDIENCE });
});
afterEach(() => issuer.close());

function callersOf(about: object, clusterRule = {}): Callers {
  const { access } = parseConfig({
    access: {
      issuers: { ci: about },
      rules: [{ issuer: 'ci', claims: { sub: 'somebody' }, rights: ['read'], ...clusterRule }],
    },
  });
  return createCallers({ access, clock, fetch: fetchIssuerDocument, isAppServiceAuthOn: false });
}

/** A token of the issuer, unless a claim says otherwise. */
const token = (claims = {}, signer = key): Promise<string> =>
  signToken(signer, { iss: issuer.url, ...claims }, { now: clock.now() });

/** `ok`, or what is wrong: the reason of the error and its text. */
async function judged(bearer: string, by = callers): Promise<string> {
  try {
    const { name } = await by.identify(new Headers({ authorization: `Bearer ${bearer}` }));
    return `ok: ${name}`;
  } catch (error) {
    if (error instanceof UnauthenticatedError) return `Unauthenticated: ${error.message}`;
    if (error instanceof TransientError) return `Transient: ${error.message}`;
    throw error;
  }
}

const base64url = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');

describe('a token', () => {
  it('is taken when its issuer signed it for this app', async () => {
    expect(await judged(await token())).toBe('ok: ci:somebody');
    expect(issuer.asked).toEqual(['/.well-known/openid-configuration', '/keys']);
  });

  it.each(['PS256', 'ES256', 'ES384', 'EdDSA'])('may be signed with %s', async (alg) => {
    const signer = await newKey('special', alg);
    issuer.keys = [signer.publicJwk];

    expect(await judged(await token({}, signer))).toMatch(/^ok/);
  });

  it.each([
    ['another audience', { aud: 'another-app' }, "the claim 'aud' of the token does not fit"],
    ['a list of other audiences', { aud: ['a', 'b'] }, "the claim 'aud' of the token does not fit"],
    ['no audience', { aud: undefined }, "the claim 'aud' of the token does not fit"],
    ['no end', { exp: undefined }, "the claim 'exp' of the token does not fit"],
    ['no subject', { sub: undefined }, "the claim 'sub' of the token does not fit"],
    ['a time that is a text', { exp: 'never' }, "the claim 'exp' of the token does not fit"],
    ['another issuer', { iss: 'https://evil.example' }, 'the token is of an issuer that is not configured'],
    ['no issuer', { iss: undefined }, 'the token is of an issuer that is not configured'],
  ])('is refused with %s', async (_, claims, why) => {
    expect(await judged(await token(claims))).toBe(`Unauthenticated: ${why}`);
  });

  it('is taken with this app among its audiences', async () => {
    expect(await judged(await token({ aud: ['another-app', AUDIENCE] }))).toMatch(/^ok/);
  });

  it('holds until its end, and a minute longer since clocks differ', async () => {
    const bearer = await token();

    clock.advance(600 * SECOND_MS + 59 * SECOND_MS);
    expect(await judged(bearer)).toMatch(/^ok/);
    clock.advance(2 * SECOND_MS);
    expect(await judged(bearer)).toBe('Unauthenticated: the token has expired');
  });

  it('may be of an issuer whose clock is ahead by a minute, and no more', async () => {
    const nbf = (aheadMs: number): object => ({ nbf: (clock.now() + aheadMs) / SECOND_MS });

    expect(await judged(await token(nbf(59 * SECOND_MS)))).toMatch(/^ok/);
    expect(await judged(await token(nbf(2 * MINUTE_MS)))).toBe(
      "Unauthenticated: the claim 'nbf' of the token does not fit",
    );
  });

  it.each(['none', 'None', 'NONE'])('is refused when it is not signed at all (alg %s)', async (alg) => {
    const [, claims] = (await token()).split('.');
    for (const signature of ['', 'AAAA']) {
      const bearer = `${base64url({ alg, kid: 'one' })}.${claims}.${signature}`;
      expect(await judged(bearer)).toBe('Unauthenticated: the signature of the token does not hold');
    }
  });

  it('is refused when its public key was used as a secret', async () => {
    const [, claims] = (await token()).split('.');
    // Extractable, to be what an attacker reads at the issuer.
    const publicKey = await importJWK({ ...key.publicJwk }, 'RS256', { extractable: true });
    if (publicKey instanceof Uint8Array) throw new TypeError('expected a key');
    const secrets = [await exportSPKI(publicKey), key.publicJwk.n ?? '', JSON.stringify(key.publicJwk)];
    for (const secret of secrets) {
      for (const kid of ['one', undefined]) {
        const signed = `${base64url({ alg: 'HS256', kid, typ: 'JWT' })}.${claims}`;
        const signature = createHmac('sha256', secret).update(signed).digest('base64url');
        expect(await judged(`${signed}.${signature}`)).toMatch(/^Unauthenticated: the signature of the token/);
      }
    }
  });

  it('is refused when the issuer tells of a secret, and it is signed with that', async () => {
    const secret = Buffer.alloc(32, 1);
    issuer.keys = [key.publicJwk, { kty: 'oct', k: secret.toString('base64url'), kid: 'shared', alg: 'HS256' }];
    const bearer = await new SignJWT({ iss: issuer.url, aud: AUDIENCE, sub: 'somebody', exp: clock.now() / 1_000 + 60 })
      .setProtectedHeader({ alg: 'HS256', kid: 'shared' })
      .sign(secret);

    expect(await judged(bearer)).toMatch(/^Unauthenticated/);
  });

  it('is refused when a key in its own header signed it, or one at an address of its own', async () => {
    const claims = { iss: issuer.url, aud: AUDIENCE, sub: 'somebody', exp: clock.now() / 1_000 + 60 };
    for (const header of [{ jwk: other.publicJwk }, { jku: `${issuer.url}/evil` }, { x5u: `${issuer.url}/evil` }]) {
      const bearer = await new SignJWT(claims)
        .setProtectedHeader({ alg: 'RS256', kid: 'one', ...header })
        .sign(other.privateKey);
      expect(await judged(bearer)).toBe('Unauthenticated: the signature of the token does not hold');
    }
    expect(issuer.asked).not.toContain('/evil');
  });

  it('is refused when a word of it was changed', async () => {
    const [header, , signature] = (await token({ sub: 'nobody' })).split('.');
    const claims = base64url({ iss: issuer.url, aud: AUDIENCE, sub: 'somebody', exp: clock.now() / 1_000 + 60 });

    expect(await judged(`${header}.${claims}.${signature}`)).toMatch(/signature of the token does not hold/);
  });

  it.each([
    '',
    'x',
    'a.b',
    'a.b.c',
    'a.b.c.d.e',
    `${base64url({ alg: 'RS256' })}.${base64url({})}.`,
    'x'.repeat(20_000),
  ])('is refused when it is none (%#)', async (bearer) => {
    expect(await judged(bearer)).toMatch(/^Unauthenticated/);
    expect(issuer.asked).toEqual([]);
  });

  it('is never repeated in an error, nor what it says', async () => {
    const bearer = await token({ iss: 'https://secret-canary.example', sub: 'secret-canary' });

    expect(await judged(bearer)).not.toContain('secret-canary');
  });
});

describe('the keys of an issuer', () => {
  it('are asked for once for many requests at a time', async () => {
    const bearers = await Promise.all(Array.from({ length: 20 }, () => token()));

    expect(await Promise.all(bearers.map((one) => judged(one)))).toEqual(bearers.map(() => 'ok: ci:somebody'));
    expect(issuer.asked).toHaveLength(2);
  });

  it('are asked for again when a token names another one, so that they can be rotated', async () => {
    await judged(await token());
    clock.advance(31 * SECOND_MS);
    issuer.keys = [key.publicJwk, other.publicJwk];

    expect(await judged(await token({}, other))).toMatch(/^ok/);
    expect(await judged(await token())).toMatch(/^ok/);
  });

  it('no longer count when the issuer took them away', async () => {
    await judged(await token());
    issuer.keys = [other.publicJwk];

    clock.advance(10 * MINUTE_MS);

    expect(await judged(await token())).toBe(
      'Unauthenticated: the token is signed with a key that its issuer does not have',
    );
  });

  it('are not asked for by each token that names one that does not exist', async () => {
    const stranger = await newKey('three');
    for (let n = 0; n < 20; n++) expect(await judged(await token({}, stranger))).toMatch(/^Unauthenticated/);
    expect(issuer.asked).toHaveLength(2);

    clock.advance(31 * SECOND_MS);
    for (let n = 0; n < 20; n++) expect(await judged(await token({}, stranger))).toMatch(/^Unauthenticated/);
    expect(issuer.asked).toHaveLength(4);
  });

  it('that are known go on for a day while the issuer is away, and then nobody is refused but told to wait', async () => {
    await judged(await token());
    issuer.answer = { status: 503 };

    for (let hour = 1; hour < 24; hour++) {
      clock.advance(HOUR_MS);
      expect(await judged(await token())).toMatch(/^ok/);
    }
    clock.advance(HOUR_MS);
    expect(await judged(await token())).toMatch(/^Transient: the keys of the issuer .* are not known now$/);

    issuer.answer = {};
    clock.advance(31 * SECOND_MS);
    expect(await judged(await token())).toMatch(/^ok/);
  });

  it('that nobody knows yet are no reason to refuse a token, and say when to come again', async () => {
    await issuer.close();

    const asking = callers.identify(new Headers({ authorization: `Bearer ${await token()}` }));

    await expect(asking).rejects.toBeInstanceOf(TransientError);
    await expect(asking).rejects.toMatchObject({ retryAfterMs: 30_000 });
  });

  it('may be new while the issuer is away: a token with an unknown one waits', async () => {
    await judged(await token());
    clock.advance(31 * SECOND_MS);
    issuer.answer = { status: 500 };

    expect(await judged(await token({}, other))).toMatch(/^Transient/);
    expect(await judged(await token())).toMatch(/^ok/);
  });

  it.each([
    [
      'calls itself otherwise',
      { discovery: { issuer: 'https://evil.example', jwks_uri: 'https://evil.example/keys' } },
    ],
    ['names no address', { discovery: {} }],
    ['answers with a list', { discovery: [] }],
    ['sends elsewhere', { status: 302, location: '/keys' }],
  ])('are not known when the issuer %s', async (_, answer) => {
    issuer.answer = answer;

    expect(await judged(await token())).toMatch(/^Transient/);
  });

  it.each([[[]], [[{ kty: 'oct', k: 'AAAA' }]], [['x', null, 5]]])('are not known from %j', async (keys) => {
    issuer.keys = keys;

    expect(await judged(await token())).toMatch(/^Transient/);
  });

  it('can be at an address of the configuration, without discovery', async () => {
    const by = callersOf({ issuer: 'https://ci.example', audience: AUDIENCE, jwksUri: `${issuer.url}/keys` });

    expect(await judged(await token({ iss: 'https://ci.example' }), by)).toMatch(/^ok/);
    expect(issuer.asked).toEqual(['/keys']);
  });

  it('can be in the configuration, and then nobody is asked', async () => {
    const by = callersOf({ issuer: 'https://ci.example', audience: AUDIENCE, keys: [key.publicJwk] });

    expect(await judged(await token({ iss: 'https://ci.example' }), by)).toMatch(/^ok/);
    expect(await judged(await token({ iss: 'https://ci.example' }, other), by)).toMatch(/^Unauthenticated/);
    expect(issuer.asked).toEqual([]);
  });
});

it('tells apart issuers that call themselves by one name, as clusters do, by their keys', async () => {
  const name = 'https://kubernetes.default.svc.cluster.local';
  const { access } = parseConfig({
    access: {
      issuers: {
        one: { issuer: name, audience: AUDIENCE, keys: [key.publicJwk] },
        two: { issuer: name, audience: AUDIENCE, keys: [other.publicJwk] },
      },
      rules: [{ issuer: 'two', claims: { sub: 'system:serviceaccount:ci:*' }, rights: ['read'] }],
    },
  });
  const by = createCallers({ access, clock, fetch: fetchIssuerDocument, isAppServiceAuthOn: false });
  const sub = 'system:serviceaccount:ci:robot';

  expect(await judged(await token({ iss: name, sub }), by)).toBe(`ok: one:${sub}`);
  expect(await judged(await token({ iss: name, sub }, other), by)).toBe(`ok: two:${sub}`);
});

it('takes the tenant of a token of Entra common from the token, and holds its issuer to it', async () => {
  const tenant = '0f3a7d4e-1111-4222-8333-444455556666';
  const { access } = parseConfig({
    access: {
      issuers: {
        people: {
          ...{ issuer: 'https://login.microsoftonline.com/common/v2.0', audience: AUDIENCE, keys: [key.publicJwk] },
        },
      },
      rules: [{ issuer: 'people', claims: { tid: tenant }, rights: ['read'] }],
    },
  });
  const by = createCallers({ access, clock, fetch: fetchIssuerDocument, isAppServiceAuthOn: false });
  const ofTenant = (id: string): string => `https://login.microsoftonline.com/${id}/v2.0`;

  expect(await judged(await token({ iss: ofTenant(tenant), tid: tenant }), by)).toMatch(/^ok/);
  expect(await judged(await token({ iss: ofTenant('common'), tid: tenant }), by)).toMatch(/^Unauthenticated/);
  expect(await judged(await token({ iss: ofTenant('x'), tid: tenant }), by)).toMatch(/^Unauthenticated/);
});
