import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { Authority } from '../../../../../shared/local/service-bus/auth/authority.ts';

const key = { name: 'RootManageSharedAccessKey', key: 'SAS_KEY_VALUE' };
const authority = new Authority({ key, entityRules: () => [] });
const now = Date.parse('2026-01-01T00:00:00Z');
const inAnHour = now / 1000 + 3600;

function token(audience: string, { secret = key.key, name = key.name, expiry = inAnHour } = {}): string {
  const resource = encodeURIComponent(audience);
  const signature = createHmac('sha256', secret).update(`${resource}\n${expiry}`).digest('base64');
  return `SharedAccessSignature sr=${resource}&sig=${encodeURIComponent(signature)}&se=${expiry}&skn=${name}`;
}

describe('a shared access signature', () => {
  const audience = 'sb://localhost:5672/orders/Subscriptions/all';

  it.each([
    ['the entity itself', audience],
    ['the topic above it', 'sb://localhost:5672/orders'],
    ['the whole namespace', 'sb://localhost/'],
    ['another scheme, host and case', 'amqp://LOCALHOST/Orders/subscriptions/All/'],
  ])('is good when it covers %s', (_, resource) => {
    expect(authority.read(token(resource), audience, now)).toEqual({
      rights: ['Listen', 'Send', 'Manage'],
      expiresAtMs: inAnHour * 1000,
    });
  });

  it.each([
    ['a wrong key', token(audience, { secret: 'wrong' }), /signature is wrong/],
    ['an unknown key name', token(audience, { name: 'reader' }), /the key 'reader' is unknown/],
    ['an expired one', token(audience, { expiry: now / 1000 }), /expired at 2026-01-01T00:00:00.000Z/],
    ['one for another entity', token('sb://localhost/orders-2'), /is for 'sb:\/\/localhost\/orders-2', not for/],
    ['an unsigned one', `SharedAccessSignature sr=x&se=${inAnHour}&skn=${key.name}`, /lacks sr, sig or se/],
    [
      'a badly encoded one',
      `SharedAccessSignature sr=%zz&sig=%zz&se=${inAnHour}&skn=${key.name}`,
      /signature is wrong/,
    ],
    ['a JSON web token', 'eyJhbGciOiJSUzI1NiJ9.e30.c2ln', /not JSON web tokens/],
    ['anything else', 'let me in', /is not a shared access signature/],
  ])('is refused: %s', (_, text, reason) => {
    expect(authority.read(text, audience, now)).toMatch(reason);
  });
});
