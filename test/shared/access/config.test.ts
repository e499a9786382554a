/** What the section `access` refuses: what everybody would fit, and what nobody could mean. */
import { describe, expect, it } from 'vitest';
import { fitsPattern } from '../../../shared/access/patterns.ts';
import { parseConfig } from '../../../shared/config.ts';
import { readSettings } from '../../../shared/settings.ts';

const ISSUER = { issuer: 'https://ci.example', audience: 'platform-events' };
const RULE = { issuer: 'ci', claims: { sub: 'robot' }, rights: ['read'] };

const refusal = (access: object): string => {
  try {
    parseConfig({ access });
    return 'none';
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
};
const ruleRefusal = (rule: object, issuer: object = {}): string =>
  refusal({ issuers: { ci: { ...ISSUER, ...issuer } }, rules: [{ ...RULE, ...rule }] });

describe('a rule for an issuer that many share', () => {
  const GITHUB = { issuer: 'https://token.actions.githubusercontent.com' };
  const GITLAB = { issuer: 'https://gitlab.com' };
  const COMMON = { issuer: 'https://login.microsoftonline.com/common/v2.0' };

  it.each([
    [GITHUB, { repository: 'acme/shop' }],
    [GITHUB, { repository_owner: 'acme', ref: 'refs/heads/main' }],
    [GITHUB, { sub: 'repo:acme/shop:ref:refs/heads/main' }],
    [GITHUB, { repository_id: '*' }],
    [GITHUB, { repository_id: '12*' }],
    [GITHUB, { repository_owner_id: ['123', '*'] }],
    [{ issuer: 'https://token.actions.githubusercontent.com/acme' }, { repository: 'acme/shop' }],
    [GITLAB, { project_path: 'acme/shop' }],
    [GITLAB, { namespace_path: 'acme', ref_protected: 'true' }],
    [COMMON, { oid: 'ada' }],
    [{ issuer: 'https://login.microsoftonline.com/organizations/v2.0' }, { roles: 'admin' }],
    [{ issuer: 'https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0' }, { email: 'a@b.c' }],
    [{ issuer: 'https://accounts.google.com' }, { email: 'ada@shop.example' }],
    [{ issuer: 'https://app.terraform.io' }, { terraform_organization_name: 'acme' }],
  ])('is refused without the id of an owner: %o %o', (issuer, claims) => {
    expect(ruleRefusal({ claims }, issuer)).toMatch(/access\.rules\.0\.claims: expected .* without '\*'/);
  });

  it.each([
    [GITHUB, { repository_id: '123' }],
    [GITHUB, { repository_owner_id: ['123', '456'], ref: 'refs/heads/*' }],
    [GITLAB, { project_id: '1' }],
    [GITLAB, { namespace_id: '1' }],
    [COMMON, { tid: '0f3a7d4e-1111-4222-8333-444455556666' }],
    [{ issuer: 'https://login.microsoftonline.com/0f3a7d4e-1111-4222-8333-444455556666/v2.0' }, { roles: 'admin' }],
    [{ issuer: 'https://gitlab.shop.example' }, { project_path: 'acme/shop' }],
  ])('is taken with it: %o %o', (issuer, claims) => {
    expect(ruleRefusal({ claims }, issuer)).toBe('none');
  });

  it('goes for people whom App Service signs in, who may be of any tenant', () => {
    const rule = { ...RULE, issuer: 'app-service' };

    expect(refusal({ rules: [{ ...rule, claims: { roles: 'admin' } }] })).toMatch(/expected tid without/);
    expect(refusal({ rules: [{ ...rule, claims: { tid: 'x', roles: 'admin' } }] })).toBe('none');
  });
});

it.each([
  [{ issuer: 'other' }, 'access.rules.0.issuer: expected one of ci, app-service'],
  [{ claims: {} }, 'access.rules.0.claims: expected at least one claim'],
  [{ claims: { sub: '*' } }, "access.rules.0.claims: expected a claim with more than '*', which everybody fits"],
  [{ claims: { sub: ['**', '*'], aud: '*' } }, "access.rules.0.claims: expected a claim with more than '*'"],
  [{ claims: { sub: '' } }, 'access.rules.0.claims.sub'],
  [{ rights: [] }, 'access.rules.0.rights'],
  [{ rights: ['everything'] }, 'access.rules.0.rights.0'],
  [{ rights: ['publish'] }, 'access.rules.0.types: expected the types that publish is for'],
  [{ types: ['HealthCheck'] }, 'access.rules.0.types: expected none without the right publish'],
  [{ rights: ['publish'], types: ['DeploymentCompleted'] }, 'access.rules.0.types.0'],
  [{ rights: ['publish'], types: ['Deployment*'] }, 'access.rules.0.types.0'],
  [{ namespaces: ['shop'] }, 'access.rules.0.rights: expected a rule of its own for read'],
  [
    { rights: ['unfreeze', 'pause'], services: ['shop'] },
    'access.rules.0.rights: expected a rule of its own for pause',
  ],
  [{ clusters: [] }, 'access.rules.0.clusters'],
])('a rule with %o is refused', (rule, why) => {
  expect(ruleRefusal(rule)).toContain(why);
});

it.each([
  [{ audience: '' }, 'audience'],
  [{ audience: undefined }, 'audience'],
  [{ issuer: 'http://ci.example' }, 'issuer: expected an https address'],
  [{ issuer: 'ci.example' }, 'issuer'],
  [{ jwksUri: 'http://ci.example/keys' }, 'jwksUri'],
  [{ jwksUri: 'https://ci.example/keys', keys: [{ kty: 'RSA' }] }, 'jwksUri: expected nothing beside keys'],
  [{ keys: [] }, 'keys'],
  [{ keys: [{ kty: 'oct', k: 'secret-canary' }] }, 'keys.0: expected a public key'],
  [{ keys: [{ kty: 'EC', d: 'secret-canary' }] }, 'keys.0: expected a public key: this one holds its private part'],
])('an issuer with %o is refused, and no key is shown', (issuer, why) => {
  expect(ruleRefusal({}, issuer)).toContain(`access.issuers.ci.${why}`);
  expect(ruleRefusal({}, issuer)).not.toContain('secret-canary');
});

it('lets no issuer have the name that App Service has', () => {
  expect(refusal({ issuers: { 'app-service': ISSUER } })).toContain('expected another name than app-service');
});

it.each([
  ['shop', 'shop', true],
  ['shop', 'shops', false],
  ['shop-*', 'shop-', true],
  ['shop-*', 'shop', false],
  ['*-prod', 'a-prod-prod', true],
  ['a*b*c', 'abc', true],
  ['a*b*c', 'acb', false],
  ['ab*ba', 'aba', false],
  ['*', '', true],
  ['refs/tags/v*', 'refs/tags/v1/../x', true],
  ['a.c', 'abc', false],
])('the pattern %s fits %s: %s', (pattern, text, expected) => {
  expect(fitsPattern(pattern, text)).toBe(expected);
});

it('judges a pattern of many parts in no time, whatever the text', () => {
  const begun = performance.now();
  expect(fitsPattern(`${'*a'.repeat(200)}b`, 'a'.repeat(16_000))).toBe(false);
  expect(performance.now() - begun).toBeLessThan(500);
});

it('is needed for HttpAuth=tokens, without which nobody could ask', () => {
  const settings = { ServiceBus: 'Endpoint=sb://x;SharedAccessKey=k', StateStore: 'memory', Cluster: 'simulated' };
  const PLATFORM_CONFIG = 'platform.config.json';

  expect(() => readSettings({ ...settings, PLATFORM_CONFIG, HttpAuth: 'tokens' })).toThrow(
    "HttpAuth: expected 'keys' while the configuration has no access.rules",
  );
  expect(() => readSettings({ ...settings, PLATFORM_CONFIG, HttpAuth: 'token' })).toThrow(
    "HttpAuth: expected 'keys' or 'tokens', got 'token'",
  );
  expect(readSettings({ ...settings, PLATFORM_CONFIG }).httpAuth).toBe('keys');
});
