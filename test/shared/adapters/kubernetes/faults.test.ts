/** The Kubernetes adapter: an API server that fails it. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ConflictError, NotFoundError, PermanentError, TransientError } from '../../../../shared/errors.ts';
import type { Cluster } from '../../../../shared/ports/cluster.ts';
import { type ApiServer, startApiServer } from '../../../support/api-server.ts';
import { failureOf, given, open, web } from '../../../support/kubernetes-cases.ts';

const HIDDEN = '502 (what it says holds credentials, and is not shown)';

let server: ApiServer;
let cluster: Cluster;
beforeEach(async () => {
  server = await startApiServer();
  cluster = open(server);
});
afterEach(() => server.close());

describe('faults', () => {
  it.each([
    { status: 400, expected: PermanentError },
    { status: 403, expected: PermanentError },
    { status: 404, expected: NotFoundError },
    { status: 405, expected: PermanentError },
    { status: 409, expected: ConflictError },
    { status: 410, expected: TransientError },
    { status: 413, expected: PermanentError },
    { status: 422, expected: PermanentError },
    { status: 429, expected: TransientError },
    { status: 500, expected: TransientError },
    { status: 503, expected: TransientError },
    { status: 504, expected: TransientError },
  ])('turns $status into $expected.name, with what the server says', async ({ status, expected }) => {
    server.fail('GET', { status, body: { kind: 'Status', message: 'admission webhook "policy" denied the request' } });

    const error = await failureOf(cluster.rollout(web));

    expect(error).toBeInstanceOf(expected);
    expect(error).toMatchObject({
      name: expected.name,
      message: `cluster 'default': GET /apis/apps/v1/namespaces/shop/deployments/web: ${status} admission webhook "policy" denied the request`,
    });
  });

  it.each([
    ['a page of a proxy', '<html>Authorization: token-1</html>', '502'],
    ['JSON of a proxy', { message: 'token-1 was refused' }, '502'],
    ['a status that repeats the token', { kind: 'Status', message: 'token-1 was refused' }, HIDDEN],
    ['a status with the token of another', { kind: 'Status', message: 'sent Bearer hunter2-hunter2' }, HIDDEN],
    ['a status with a password', { kind: 'Status', message: 'cannot pull https://me:hunter2@ghcr.io' }, HIDDEN],
  ])('shows nothing of %s', async (_, body, expected) => {
    server.fail('GET', { status: 502, body });

    const error = await failureOf(cluster.rollout(web));

    expect(String(error)).toMatch(/deployments\/web: 502/);
    expect(String(error).endsWith(expected)).toBe(true);
    expect(error).not.toHaveProperty('cause');
  });

  it.each([
    { headers: { 'Retry-After': '7' }, body: {}, expected: 7_000 },
    { headers: {}, body: { kind: 'Status', details: { retryAfterSeconds: 3 } }, expected: 3_000 },
    { headers: {}, body: 'overloaded', expected: undefined },
  ])('passes on the wait that a 429 asks for ($expected ms)', async ({ headers, body, expected }) => {
    server.fail('GET', { status: 429, headers, body });

    expect(await failureOf(cluster.rollout(web))).toMatchObject({ isTransient: true, retryAfterMs: expected });
  });

  it('waits for a namespace that is going away, though that is a 403', async () => {
    const body = {
      kind: 'Status',
      message: 'being terminated',
      details: { causes: [{ reason: 'NamespaceTerminating' }] },
    };
    server.fail('PATCH', { status: 200, body: {} }, { status: 403, body });
    const guardrails = { namespace: 'shop', adopt: false, podSecurity: 'restricted' as const, labels: {}, quota: {} };
    const limits = { default: {}, defaultRequest: {} };

    const applied = cluster.applyGuardrails({ ...guardrails, limits, access: { group: 'shop', clusterRole: 'edit' } });

    await expect(applied).rejects.toThrow(TransientError);
  });

  it.each([
    ['a connection that breaks', 'reset', /socket hang up|ECONNRESET/],
    ['an answer that does not come', 'hang', /no answer in time/],
    ['an answer that is no JSON', { status: 200, body: '<html>' }, /expected JSON, got something else$/],
  ] as const)('counts %s as transient', async (_, fault, message) => {
    server.fail('GET', fault);

    const error = await failureOf(cluster.rollout(web));

    expect(error).toBeInstanceOf(TransientError);
    expect(String(error)).toMatch(message);
  });

  it.each([200, 500])('reads no answer that is larger than any should be (%d)', async (status) => {
    server.fail('GET', { status, body: 'x'.repeat(20 * 1024 * 1024) });

    const error = await failureOf(cluster.rollout(web));

    expect(error).toBeInstanceOf(TransientError);
    expect(String(error)).toMatch(/shop\/deployments\/web: an answer of more than 16777216 bytes/);
  });

  it('follows a list that does not end no further than any should go', async () => {
    const page = { status: 200, body: { metadata: { continue: 'more' }, items: [] } };
    server.fail('GET', ...Array(100).fill(page));

    await expect(cluster.quotas('shop')).rejects.toThrow(/resourcequotas: more than 20 pages of 100/);
    expect(server.seen).toHaveLength(20);
  });

  it('says what is missing in an answer that is something else', async () => {
    server.fail('GET', { status: 200, body: { kind: 'Deployment', spec: {} } });

    await expect(cluster.rollout(web)).rejects.toThrow(/unexpected answer: metadata/);
  });

  it('reads the credentials again when they are refused, and goes on', async () => {
    given(server, web, 'shop/web:1', 1);
    server.fail('GET', { status: 401 });

    await expect(cluster.rollout(web)).resolves.toMatchObject({ image: 'shop/web:1' });
  });

  it('counts credentials that stay refused as transient: their signing key may be rotating', async () => {
    server.tokens.clear();

    await expect(cluster.ping()).rejects.toThrow(TransientError);
  });

  it('is transient when nobody listens', async () => {
    await cluster.ping();
    await server.close();

    await expect(cluster.ping()).rejects.toThrow(TransientError);
    server = await startApiServer();
  });
});

describe('connections', () => {
  it('are kept open', async () => {
    for (let n = 0; n < 3; n++) await cluster.ping();

    expect(new Set(server.seen.map(({ connection }) => connection)).size).toBe(1);
  });

  it('are made anew when the server has closed a kept one', async () => {
    await cluster.ping();
    server.fail('GET', 'reset');

    await expect(cluster.ping()).resolves.toBeUndefined();
  });
});
