/** What a caller is called: for the audit log and for events, and never what somebody else is called. */
import { beforeAll, describe, expect, it } from 'vitest';
import { createCallers } from '../../../shared/access/callers.ts';
import { parseConfig } from '../../../shared/config.ts';
import { isAttributeText } from '../../../shared/events/text.ts';
import type { Caller } from '../../../shared/ports/access.ts';
import { AUDIENCE, newKey, type SigningKey, signToken } from '../../support/issuer.ts';

const NOW = Date.parse('2026-03-01T12:00:00Z');
const ISSUER = 'https://ci.example';
let key: SigningKey;

beforeAll(async () => {
  key = await newKey('one', 'ES256');
});

async function callerWith(claims: object): Promise<Caller> {
  const issuers = {
    ci: { issuer: ISSUER, audience: AUDIENCE, keys: [key.publicJwk] },
    people: { issuer: 'https://people.example', audience: AUDIENCE, keys: [key.publicJwk] },
  };
  const { access } = parseConfig({ access: { issuers } });
  const clock = { now: () => NOW };
  const callers = createCallers({ access, clock, fetch: () => Promise.reject(), isAppServiceAuthOn: true });
  const token = await signToken(key, { iss: ISSUER, ...claims }, { now: NOW });
  return callers.identify(new Headers({ authorization: `Bearer ${token}` }));
}

it('is its issuer and its subject', async () => {
  expect((await callerWith({ sub: 'repo:acme/shop:ref:refs/heads/main' })).name).toBe(
    'ci:repo:acme/shop:ref:refs/heads/main',
  );
});

describe('of a subject that somebody chose', () => {
  const long = 'x'.repeat(3_000);

  it.each([
    ['is endless', `${long}1`, `${long}2`],
    ['has controls', 'a\u0000b', 'a\u0001b'],
    ['has lines', 'ada\nreplay errors/1', 'ada replay errors/1'],
    ['turns the reading direction', 'ada\u202egnp', 'adagnp'],
    [
      'is cut within a character',
      `${'x'.repeat(150)}${'\u{1F600}'.repeat(100)}`,
      `${'x'.repeat(151)}${'\u{1F600}'.repeat(100)}`,
    ],
    ['has replacements', 'a\ufffd', 'a'],
  ])('that %s, can be shown and stored, and is nobody else', async (_, sub, other) => {
    const [one, two] = [await callerWith({ sub }), await callerWith({ sub: other })];

    expect(one.name).not.toBe(two.name);
    expect(one.name.length).toBeLessThanOrEqual(200);
    expect(isAttributeText(one.name)).toBe(true);
    expect(one.name).toMatch(/^ci:/);
  });
});

it.each([
  ['sub', 'people:ada'],
  ['actor', 'people:ada'],
  ['preferred_username', 'app-service:ada'],
  ['email', 'ci:ada'],
])('has no alias that is another caller, by %s', async (claim, value) => {
  const { name, aliases } = await callerWith({ sub: 'robot', [claim]: value });

  expect(aliases.filter((alias) => alias !== name && /^(people|ci|app-service):/.test(alias))).toEqual([]);
});

it('is nobody whom App Service does not name', async () => {
  const { access } = parseConfig({ access: { rules: [] } });
  const callers = createCallers({
    ...{ access, clock: { now: () => NOW }, isAppServiceAuthOn: true },
    fetch: () => Promise.reject(),
  });
  const principal = { auth_typ: 'aad', claims: [{ typ: 'roles', val: 'admin' }] };
  const headers = new Headers({ 'x-ms-client-principal': Buffer.from(JSON.stringify(principal)).toString('base64') });

  await expect(callers.identify(headers)).rejects.toThrow('it is not said who signed in');
});

it.each(['a:b', '', 'a b', 'x'.repeat(64)])('has an issuer whose name is one: not %o', (name) => {
  const issuers = { [name]: { issuer: ISSUER, audience: AUDIENCE } };

  expect(() => parseConfig({ access: { issuers } })).toThrow(/access\.issuers/);
});
