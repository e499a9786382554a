import { describe, expect, it } from 'vitest';
import { dnsLabel, dnsSubdomain, imageReference, quantity, timestamp } from '../../../shared/events/fields.ts';

const cases = {
  dnsLabel: {
    schema: dnsLabel,
    good: ['a', 'shop', 'shop-2', '0', 'a'.repeat(63)],
    bad: ['', '-a', 'a-', 'A', 'a.b', 'a_b', 'a\n', 'é', 'a'.repeat(64)],
  },
  dnsSubdomain: {
    schema: dnsSubdomain,
    good: ['a', 'web.v2', 'a-b.c-d', `${'a'.repeat(63)}.b`],
    bad: ['', '.a', 'a.', 'a..b', 'a.-b', 'A.b', 'a/b', 'a'.repeat(254)],
  },
  imageReference: {
    schema: imageReference,
    good: [
      'nginx',
      'nginx:1.27',
      'library/nginx',
      'ghcr.io/shop/web:1.2.3',
      'localhost:5000/web',
      '[::1]:5000/web:latest',
      'registry.example.com:443/a/b__c/d.e-f:V1_2',
      `web@sha256:${'0'.repeat(64)}`,
      `web:1@sha256:${'a'.repeat(64)}`,
      `web@sha512:${'a'.repeat(128)}`,
    ],
    bad: [
      '',
      'Web',
      'web:',
      'web:a b',
      'web:-x',
      '/web',
      'web/',
      'a//b',
      'http://ghcr.io/web',
      'web@sha256:123',
      'x@x:000',
      `x@x:${'0'.repeat(64)}`,
      `web@sha256:${'0'.repeat(63)}`,
      `web@sha256:${'0'.repeat(65)}`,
      `web@sha256:${'A'.repeat(64)}`,
      `web@md5:${'0'.repeat(32)}`,
      `web@sha512:${'0'.repeat(64)}`,
      `web:${'x'.repeat(129)}`,
      'web\n',
      `${'a'.repeat(513)}`,
    ],
  },
  quantity: {
    schema: quantity,
    good: ['0', '1', '500m', '1.5Gi', '2e3', '2E3', '1E', '.5', '1.', '-1', '+1', '100k', '5Ei', '1e-3'],
    bad: ['', 'm', '1 Gi', '1gi', '1GI', '1K', '0x1', '1,5', 'Infinity', '1e', '--1', '.'],
  },
  timestamp: {
    schema: timestamp,
    good: ['2026-03-01T12:00:00Z', '2026-03-01T12:00:00.1234567+05:30', '2024-02-29T00:00:00-00:30'],
    bad: [
      '2026-03-01',
      '2026-03-01T12:00:00',
      '2026-03-01T12:00Z',
      '2026-02-29T00:00:00Z',
      '2026-03-01T25:00:00Z',
      '2026-03-01 12:00:00Z',
    ],
  },
};

describe.each(Object.entries(cases))('%s', (_, { schema, good, bad }) => {
  it.each(good)('accepts %j', (text) => {
    expect(schema.safeParse(text)).toEqual({ success: true, data: text });
  });

  it.each(bad)('refuses %j', (text) => {
    expect(schema.safeParse(text).success).toBe(false);
  });

  it.each([undefined, null, 1, {}])('says for %j what it expected', (value) => {
    expect(schema.safeParse(value).error?.issues).toMatchObject([{ message: expect.stringMatching(/^an? /) }]);
  });
});
