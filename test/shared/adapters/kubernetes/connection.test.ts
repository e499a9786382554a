import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { type AccessToken, CachedToken } from '../../../../shared/adapters/entra-token.ts';
import { connectorOf } from '../../../../shared/adapters/kubernetes/connection.ts';
import { parseConfig } from '../../../../shared/config.ts';
import { ConfigError, TransientError } from '../../../../shared/errors.ts';
import { FixedClock } from '../../../support/ports.ts';

const directory = mkdtempSync(join(tmpdir(), 'connection-'));
const path = (name: string): string => join(directory, name);
writeFileSync(path('not-yaml'), 'users:\n- name: a\n  user: {token: "hunter2\n  - b: ]');
writeFileSync(path('nameless'), JSON.stringify({ clusters: [{ cluster: { server: 'https://a.example' } }] }));
writeFileSync(path('no-map'), 'hunter2');
writeFileSync(path('empty'), '{}');
writeFileSync(
  path('two'),
  JSON.stringify({
    clusters: [
      { name: 'a', cluster: { server: 'https://a.example' } },
      { name: 'b', cluster: { server: 'https://b.example/k8s/b' } },
    ],
    users: [
      { name: 'a', user: { token: 'for-a' } },
      { name: 'b', user: { username: 'me', password: 'pass' } },
    ],
    contexts: [
      { name: 'in-a', context: { cluster: 'a', user: 'a' } },
      { name: 'in-b', context: { cluster: 'b', user: 'b' } },
    ],
    'current-context': 'in-a',
  }),
);

function connector(cluster: object, options: object = {}) {
  const { clusters } = parseConfig({ clusters: { north: cluster } });
  const [found] = Object.values(clusters);
  if (!found) throw new Error('the configuration has no cluster');
  return connectorOf('north', found, { clock: new FixedClock(), environment: {}, ...options });
}

afterEach(() => vi.unstubAllEnvs());

describe('a kubeconfig', () => {
  it.each([
    { context: undefined, server: 'https://a.example', authorization: 'Bearer for-a' },
    { context: 'in-b', server: 'https://b.example/k8s/b', authorization: 'Basic bWU6cGFzcw==' },
  ])('leads to the cluster of its context $context', async ({ context, server, authorization }) => {
    const found = await connector({ kubeconfig: path('two'), ...(context && { context }) }).connect();

    expect(found).toMatchObject({ server, headers: { Authorization: authorization }, agent: { keepAlive: true } });
  });

  it('keeps its agent, and with it the open connections', async () => {
    const kept = connector({ kubeconfig: path('two') });

    const [first, second] = [await kept.connect(), await kept.connect()];

    expect(second.agent).toBe(first.agent);
  });

  it('is read again when the credentials were refused', async () => {
    writeFileSync(path('rotated'), JSON.stringify(kubeconfigWith('old')));
    const kept = connector({ kubeconfig: path('rotated') });
    await kept.connect();

    writeFileSync(path('rotated'), JSON.stringify(kubeconfigWith('new')));
    kept.renew('credentials');

    expect((await kept.connect()).headers).toEqual({ Authorization: 'Bearer new' });
  });

  function kubeconfigWith(token: string): object {
    return {
      clusters: [{ name: 'a', cluster: { server: 'https://a.example' } }],
      users: [{ name: 'a', user: { token } }],
      contexts: [{ name: 'a', context: { cluster: 'a', user: 'a' } }],
      'current-context': 'a',
    };
  }

  it.each([
    [
      'is not there',
      { kubeconfig: '/nonexistent/config' },
      /^clusters\.north\.kubeconfig: "\/nonexistent\/config" cannot be read \(ENOENT\)$/,
    ],
    [
      'is not YAML',
      { kubeconfig: path('not-yaml') },
      /^clusters\.north\.kubeconfig: ".*" is no valid YAML: line \d, column \d+$/,
    ],
    ['lacks a name', { kubeconfig: path('nameless') }, /" is no kubeconfig: clusters\[0\]\.name is missing$/],
    ['is a word', { kubeconfig: path('no-map') }, /expected a current context, got none in "/],
    ['says nothing', { kubeconfig: path('empty') }, /clusters\.north\.kubeconfig: expected a current context/],
    [
      'lacks the context',
      { kubeconfig: path('two'), context: 'in-c' },
      /clusters\.north\.context: expected one of in-a, in-b, got "in-c"/,
    ],
  ])('that %s is an error that names it', async (_, cluster, message) => {
    const failing = connector(cluster).connect();

    await expect(failing).rejects.toThrow(ConfigError);
    await expect(failing).rejects.toThrow(message);
    await expect(failing).rejects.not.toHaveProperty('cause');
  });

  it.each([
    ['fails', 'echo hunter2 >&2; exit 1', 'unknown error'],
    ['prints something else', 'echo hunter2', 'SyntaxError'],
  ])('with a plug-in that %s says which it is, and nothing of what it printed', async (_, script, fault) => {
    const exec = { apiVersion: 'client.authentication.k8s.io/v1', command: '/bin/sh', args: ['-c', script] };
    writeFileSync(path('exec'), JSON.stringify({ ...kubeconfigWith(''), users: [{ name: 'a', user: { exec } }] }));

    const failing = connector({ kubeconfig: path('exec') }).connect();

    await expect(failing).rejects.toThrow(
      new TransientError(
        `cluster 'north': cannot sign in: the plug-in 'sh' of the kubeconfig failed (${fault}); run it by hand to see why`,
      ),
    );
    await expect(failing).rejects.not.toHaveProperty('cause');
  });

  it('with a program of a provider that Kubernetes removed is refused: it would print to our own stderr', async () => {
    const config = { 'cmd-path': '/bin/sh', 'cmd-args': '-c "echo hunter2 >&2; exit 1"', 'expires-on': '1' };
    const users = [{ name: 'a', user: { 'auth-provider': { name: 'azure', config } } }];
    writeFileSync(path('provider'), JSON.stringify({ ...kubeconfigWith(''), users }));

    await expect(connector({ kubeconfig: path('provider') }).connect()).rejects.toThrow(
      "clusters.north.kubeconfig: expected an exec plug-in such as kubelogin, got auth-provider 'azure', which Kubernetes 1.26 removed",
    );
  });

  it('whose plug-in is not there says so', async () => {
    const exec = { apiVersion: 'client.authentication.k8s.io/v1', command: 'no-such-plug-in', args: ['hunter2'] };
    writeFileSync(path('exec'), JSON.stringify({ ...kubeconfigWith(''), users: [{ name: 'a', user: { exec } }] }));

    await expect(connector({ kubeconfig: path('exec') }).connect()).rejects.toThrow(
      "cluster 'north': cannot sign in: the plug-in 'no-such-plug-in' of the kubeconfig failed (ENOENT); run it by hand to see why",
    );
  });

  it('is looked for where kubectl does when the configuration names no way', async () => {
    vi.stubEnv('KUBECONFIG', path('two'));

    expect(await connector({}).connect()).toMatchObject({ server: 'https://a.example' });
  });

  it('that is nowhere is an error that says what to set', async () => {
    vi.stubEnv('KUBECONFIG', '');
    vi.stubEnv('HOME', '/nonexistent');

    await expect(connector({}).connect()).rejects.toThrow(
      'clusters.north: expected kubeconfig, inCluster or server, or a kubeconfig where kubectl looks for one, got nothing',
    );
  });

  it('cannot be that of a pod outside of one', async () => {
    vi.stubEnv('KUBERNETES_SERVICE_HOST', undefined);

    await expect(connector({ inCluster: true }).connect()).rejects.toThrow(
      'clusters.north.inCluster: this process does not run in a pod of a cluster',
    );
  });
});

describe('a server with Entra tokens', () => {
  it('is reached with a token of the configured scope', async () => {
    const issuer = async (scope: string) => ({ token: `for ${scope}`, expiresOnTimestamp: Number.MAX_SAFE_INTEGER });

    const found = await connector({ server: 'https://a.example', scope: 'api://x/.default' }, { issuer }).connect();

    expect(found).toMatchObject({
      server: 'https://a.example',
      headers: { Authorization: 'Bearer for api://x/.default' },
    });
  });

  it('is out of reach for now while no token can be had', async () => {
    const refusal = Object.assign(new Error('AADSTS7000215: hunter2 is no client secret'), { statusCode: 401 });
    const issuer = async () => Promise.reject(refusal);

    await expect(connector({ server: 'https://a.example' }, { issuer }).connect()).rejects.toThrow(
      new TransientError("cluster 'north': cannot sign in: 401 AADSTS7000215"),
    );
  });

  it('reads its certificate authority again after the connection failed', async () => {
    writeFileSync(path('ca'), 'old');
    const issuer = async () => ({ token: 't', expiresOnTimestamp: Number.MAX_SAFE_INTEGER });
    const kept = connector({ server: 'https://a.example', certificateAuthority: path('ca') }, { issuer });
    await kept.connect();

    writeFileSync(path('ca'), 'new');
    kept.renew('connection');

    expect((await kept.connect()).agent).toMatchObject({ options: { ca: Buffer.from('new') } });
  });

  it('needs a certificate authority that can be read', async () => {
    const cluster = { server: 'https://a.example', certificateAuthority: '/nonexistent/ca.pem' };

    await expect(connector(cluster).connect()).rejects.toThrow(
      'clusters.north.certificateAuthority: "/nonexistent/ca.pem" cannot be read (ENOENT)',
    );
  });
});

describe('a token', () => {
  const HOUR = 3_600_000;

  function tokens(issue: (n: number, now: number) => Promise<AccessToken>) {
    const clock = new FixedClock();
    let issued = 0;
    const token = new CachedToken({ issuer: async () => () => issue(++issued, clock.now()), scope: 's', clock });
    return { clock, token, issued: () => issued };
  }
  const hourly = async (n: number, now: number) => ({ token: `t${n}`, expiresOnTimestamp: now + HOUR });

  it('is asked for once by all who need it', async () => {
    const { token, issued } = tokens(hourly);

    const values = await Promise.all([token.value(), token.value(), token.value()]);

    expect(values).toEqual(['t1', 't1', 't1']);
    expect(issued()).toBe(1);
  });

  it.each([
    { after: HOUR - 300_001, expected: 't1' },
    { after: HOUR - 300_000, expected: 't2' },
  ])('is renewed five minutes before it expires: $expected after $after ms', async ({ after, expected }) => {
    const { clock, token } = tokens(hourly);
    await token.value();

    clock.advance(after);

    expect(await token.value()).toBe(expected);
  });

  it('is renewed when its issuer wants that', async () => {
    const { clock, token } = tokens(async (n, now) => ({
      token: `t${n}`,
      expiresOnTimestamp: now + HOUR,
      refreshAfterTimestamp: now + 1_000,
    }));
    await token.value();

    clock.advance(1_000);

    expect(await token.value()).toBe('t2');
  });

  it('serves to its end when no newer one can be had', async () => {
    const { clock, token } = tokens(async (n, now) => {
      if (n > 1) throw new Error('the identity endpoint is busy');
      return hourly(n, now);
    });
    await token.value();

    clock.advance(HOUR - 1);
    const last = await token.value();
    clock.advance(1);

    expect(last).toBe('t1');
    await expect(token.value()).rejects.toThrow('the identity endpoint is busy');
  });

  it('is another after it was refused', async () => {
    const { token } = tokens(hourly);
    await token.value();

    token.forget();

    expect(await token.value()).toBe('t2');
  });
});
