import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../../shared/config.ts';
import { parseImage, violationOf } from '../../../shared/releases/policy.ts';

const digest = 'sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef';

function violation(
  data: { image?: string; namespace?: string; replicas?: number; deadline?: string },
  policy = {},
): string | undefined {
  const config = parseConfig({ policies: { deployment: policy } });
  return violationOf({ namespace: 'shop', deployment: 'web', image: 'ghcr.io/acme/web:1', ...data }, config);
}

describe('an image reference', () => {
  it.each([
    ['nginx', 'docker.io/library/nginx', undefined, undefined],
    ['nginx:1.27', 'docker.io/library/nginx', '1.27', undefined],
    ['my.app:1', 'docker.io/library/my.app', '1', undefined],
    ['acme/web:1', 'docker.io/acme/web', '1', undefined],
    ['docker.io/nginx', 'docker.io/library/nginx', undefined, undefined],
    ['index.docker.io/acme/web', 'docker.io/acme/web', undefined, undefined],
    ['localhost/web', 'localhost/web', undefined, undefined],
    ['localhost:5000/web', 'localhost:5000/web', undefined, undefined],
    ['localhost:5000/web:2', 'localhost:5000/web', '2', undefined],
    ['GHCR.io/acme/web:2', 'ghcr.io/acme/web', '2', undefined],
    [`ghcr.io/acme/web@${digest}`, 'ghcr.io/acme/web', undefined, digest],
    [`ghcr.io/acme/web:latest@${digest}`, 'ghcr.io/acme/web', 'latest', digest],
  ])('%s is read as %s', (reference, repository, tag, expected) => {
    expect(parseImage(reference)).toEqual({ repository, tag, digest: expected });
  });
});

describe('the registry rule', () => {
  it.each([
    { image: 'ghcr.io/acme/web:1', registries: ['ghcr.io'] },
    { image: 'ghcr.io/acme/web:1', registries: ['ghcr.io/acme'] },
    { image: 'ghcr.io/acme/web:1', registries: ['ghcr.io/acme/'] },
    { image: 'ghcr.io/acme/web:1', registries: ['ghcr.io/acme/*'] },
    { image: 'ghcr.io/acme/web:1', registries: ['quay.io', 'ghcr.io/acme/web'] },
    { image: 'nginx:1', registries: ['docker.io'] },
    { image: 'nginx:1', registries: ['docker.io/library'] },
    { image: 'nginx:1', registries: ['docker.io/nginx'] },
    { image: 'nginx:1', registries: ['nginx'] },
    { image: 'acme/web:1', registries: ['acme'] },
    { image: 'docker.io/acme/web:1', registries: ['index.docker.io/acme'] },
    { image: 'localhost:5000/web:1', registries: ['localhost:5000'] },
    { image: 'anything/at/all:1', registries: ['*'] },
  ])('lets $image through for $registries', ({ image, registries }) => {
    expect(violation({ image }, { registries })).toBeUndefined();
  });

  it.each([
    { image: 'ghcr.io/acme-evil/web:1', registries: ['ghcr.io/acme'] },
    { image: 'ghcr.io.evil.example/acme/web:1', registries: ['ghcr.io'] },
    { image: 'evil.example/ghcr.io/acme/web:1', registries: ['ghcr.io'] },
    { image: 'localhost:50001/web:1', registries: ['localhost:5000'] },
    { image: 'acme/web:1', registries: ['docker.io/library'] },
    { image: 'ghcr.io/acme/website:1', registries: ['ghcr.io/acme/web'] },
    { image: 'ghcr.io/acme/web:1', registries: [] },
  ])('refuses $image for $registries', ({ image, registries }) => {
    expect(violation({ image }, { registries })).toContain(`image '${image}'`);
  });

  it('names the value and what is allowed', () => {
    expect(violation({ image: 'nginx:1' }, { registries: ['ghcr.io', 'quay.io/acme'] })).toBe(
      "image 'nginx:1' (docker.io/library/nginx) is from no allowed registry; allowed: ghcr.io, quay.io/acme",
    );
  });
});

describe('the tag rule', () => {
  const reference = 'ghcr.io/acme/web';

  it.each([
    { image: `${reference}:latest`, namespace: 'production' },
    { image: `${reference}:latest`, namespace: 'shop-prod' },
    { image: reference, namespace: 'shop-production' },
    { image: 'localhost:5000/web', namespace: 'prod' },
  ])('refuses $image in $namespace', (data) => {
    expect(violation(data)).toContain(`production namespace '${data.namespace}'`);
  });

  it.each([
    { image: `${reference}:latest`, namespace: 'staging' },
    { image: reference, namespace: 'products' },
    { image: `${reference}:1.2.3`, namespace: 'production' },
    { image: `${reference}@${digest}`, namespace: 'production' },
    { image: `${reference}:latest@${digest}`, namespace: 'production' },
  ])('lets $image into $namespace', (data) => {
    expect(violation(data)).toBeUndefined();
  });
});

describe('the other rules', () => {
  it('bounds the deadline of a request by its own', () => {
    const policy = { deadline: '10m' };

    expect(violation({ deadline: '11m' }, policy)).toBe('deadline 11m is too long; allowed: 600 s');
    expect([violation({ deadline: '10m' }, policy), violation({}, policy)]).toEqual([undefined, undefined]);
  });

  it('bounds the replicas, both bounds included', () => {
    const policy = { replicas: { min: 2, max: 5 } };

    expect(violation({ replicas: 1 }, policy)).toBe('replicas 1 is out of bounds; allowed: 2 to 5');
    expect(violation({ replicas: 6 }, policy)).toBe('replicas 6 is out of bounds; allowed: 2 to 5');
    expect([violation({ replicas: 2 }, policy), violation({ replicas: 5 }, policy), violation({}, policy)]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });

  it('takes only the namespaces that are named, or match a star', () => {
    const policy = { namespaces: ['web', 'shop-*'] };

    expect(violation({ namespace: 'payments' }, policy)).toBe(
      "namespace 'payments' may not be deployed to; allowed: web, shop-*",
    );
    expect(violation({ namespace: 'web' }, policy)).toBeUndefined();
    expect(violation({ namespace: 'shop-eu' }, policy)).toBeUndefined();
    expect(violation({ namespace: 'website' }, policy)).toBeDefined();
    expect(violation({ namespace: 'my-shop-eu' }, policy)).toBeDefined();
  });
});

describe('what exists', () => {
  const listed = {
    unlisted: 'refuse',
    policies: { deployment: { registries: ['ghcr.io/acme'] }, systemNamespaces: ['vault'] },
    clusters: {
      default: {
        baseline: { namespaces: [{ namespace: 'shop', team: 'shop', environment: 'production' }] },
        namespaces: [
          { namespace: 'shop-*', team: 'shop', environment: 'development' },
          { namespace: '*', team: 'ops', environment: 'staging' },
        ],
      },
      north: { namespaces: [{ namespace: 'shop', team: 'shop', environment: 'staging' }] },
    },
  };
  const of = (data: object, config: object = listed): string | undefined =>
    violationOf({ namespace: 'shop', deployment: 'web', image: 'ghcr.io/acme/web:1', ...data }, parseConfig(config));

  it.each([
    { image: 'evil.example/rootkit:1', namespace: 'kube-system', deployment: 'coredns' },
    { namespace: 'kube-system' },
    { namespace: 'argocd' },
    { namespace: 'default' },
    { namespace: 'vault' },
    { image: 'evil.example/rootkit:1' },
    { cluster: 'north', namespace: 'shop-eu' },
    { cluster: 'south' },
    { cluster: 'constructor' },
    { image: 'ghcr.io/acme/web:latest' },
    { image: 'ghcr.io/acme/web', namespace: 'x-prod' },
  ])('refuses $cluster $namespace $image', (data) => {
    expect(of(data)).toEqual(expect.any(String));
  });

  it.each([
    {},
    { namespace: 'shop-eu', image: 'ghcr.io/acme/web:latest' },
    { namespace: 'billing' },
    { cluster: 'north', image: 'ghcr.io/acme/web:latest' },
  ])('takes $cluster $namespace $image', (data) => {
    expect(of(data)).toBeUndefined();
  });

  it.each(['kube-system', 'argocd'])('is anything where unlisted is allowed, but for %s', (namespace) => {
    expect(of({ namespace: 'anything', image: 'any.example/web:1' }, {})).toBeUndefined();
    expect(of({ namespace }, {})).toBe(`'${namespace}' is a system namespace, which is never touched`);
  });

  it('takes no image from anywhere without registries, where nothing unlisted is allowed', () => {
    const config = { ...parseConfig({}), unlisted: 'refuse' } as const;
    const shop = parseConfig(listed).clusters;

    const data = { namespace: 'shop', deployment: 'web', image: 'ghcr.io/acme/web:1' };
    expect(violationOf(data, { ...config, clusters: shop })).toContain('is from no allowed registry');
  });

  it('is production by what was recorded of it, where it is not listed', () => {
    const data = { namespace: 'web', deployment: 'web', image: 'ghcr.io/acme/web:latest' };

    expect(violationOf(data, parseConfig({}), { environment: 'production' })).toContain("production namespace 'web'");
    expect(violationOf(data, parseConfig({}), { environment: 'staging' })).toBeUndefined();
  });
});
