/** Tokens of local identities: what they give, when they are refused, and a program that signs in with them. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { AccessToken, TokenCredential } from '@azure/core-auth';
import { ServiceBusClient } from '@azure/service-bus';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LocalIdentities } from '../../../../../shared/local/service-bus/auth/local-identity.ts';
import type { Identity } from '../../../../../shared/local/service-bus/core/authorization-rule.ts';
import { type LocalBus, startBus } from '../../../../../shared/local/service-bus/start.ts';
import { developmentCertificate } from '../../../../../shared/local/service-bus/transport/development-certificate.ts';

const program = join(dirname(fileURLToPath(import.meta.url)), '../../../../support/identity-session.mjs');
const NOW = Date.parse('2026-01-01T00:00:00Z');
const SERVICE_BUS = 'https://servicebus.azure.net';
const IDENTITIES: Identity[] = [
  { clientId: 'sender', roles: [{ role: 'Azure Service Bus Data Sender' }] },
  { clientId: 'worker', roles: [{ role: 'Azure Service Bus Data Receiver', scope: 'orders' }] },
  { clientId: undefined, roles: [{ role: 'Azure Service Bus Data Owner' }] },
  { clientId: 'nobody', roles: [] },
];

describe('a token', () => {
  const identities = new LocalIdentities('key', IDENTITIES);
  const tokenOf = (clientId: string | undefined, audience = SERVICE_BUS): string =>
    identities.issue(clientId, audience, NOW)?.token ?? '';

  it.each([
    ['sender', 'sb://localhost/orders', ['Send']],
    ['SENDER', 'sb://localhost/', ['Send']],
    ['worker', 'sb://localhost/Orders/$management', ['Listen']],
    ['worker', 'sb://localhost/orders-2', []],
    ['worker', 'sb://localhost/', []],
    [undefined, 'sb://localhost/orders', ['Listen', 'Send', 'Manage']],
    ['nobody', 'sb://localhost/orders', []],
  ])('of %s gives at %s: %j', (clientId, address, rights) => {
    expect(identities.read(tokenOf(clientId), address, NOW)).toEqual({ rights, expiresAtMs: NOW + 3_600_000 });
  });

  it('is there for those that are listed; for anybody when nobody is', () => {
    expect(identities.issue('unknown', SERVICE_BUS, NOW)).toBeUndefined();

    const any = new LocalIdentities('key');
    expect(any.read(any.issue('unknown', SERVICE_BUS, NOW)?.token ?? '', 'sb://localhost/', NOW)).toMatchObject({
      rights: ['Listen', 'Send', 'Manage'],
    });
  });

  it('outlives a restart, and is good for a slash at the end of its audience', () => {
    const restarted = new LocalIdentities('key', IDENTITIES);

    expect(restarted.read(tokenOf('sender', `${SERVICE_BUS}/`), 'sb://localhost/', NOW)).toMatchObject({
      rights: ['Send'],
    });
  });

  it.each([
    ['another bus', () => new LocalIdentities('other').issue('sender', SERVICE_BUS, NOW)?.token, /signature is wrong/],
    ['another service', () => tokenOf('sender', 'https://vault.azure.net'), /is for 'https:\/\/vault\.azure\.net'/],
    ['a changed identity', () => tokenOf('sender').replace(/\..*\./, `.${tokenOf(undefined).split('.')[1]}.`), /wrong/],
    ['no algorithm', () => `${Buffer.from('{"alg":"none"}').toString('base64url')}.e30.`, /signature is wrong/],
    ['nothing', () => 'ey', /signature is wrong/],
    [
      'an identity that is gone',
      () => new LocalIdentities('key').issue('gone', SERVICE_BUS, NOW)?.token,
      /no identity 'gone'/,
    ],
  ])('of %s is refused', (_, make, why) => {
    expect(identities.read(make() ?? '', 'sb://localhost/orders', NOW)).toMatch(why);
  });

  it('is refused when it has expired', () => {
    expect(identities.read(tokenOf('sender'), 'sb://localhost/', NOW + 3_600_000)).toBe(
      'the token expired at 2026-01-01T01:00:00.000Z',
    );
  });
});

describe('DefaultAzureCredential', () => {
  const folder = mkdtempSync(join(tmpdir(), 'identity-'));
  const certificate = developmentCertificate(folder);
  let bus: LocalBus;

  beforeAll(async () => {
    bus = await startBus({
      ...{ port: 0, adminPort: 0, tls: { ...certificate, port: 0 }, identity: true },
      plan: { queues: [{ name: 'orders', properties: {} }], topics: [], identities: IDENTITIES },
    });
  });
  afterAll(async () => {
    await bus.close();
    rmSync(folder, { recursive: true });
  });

  async function run(environment: NodeJS.ProcessEnv): Promise<Record<string, string>> {
    const namespace = new URL(bus.tls?.adminUrl ?? '').host.replace('127.0.0.1', 'localhost');
    const { stdout } = await promisify(execFile)(process.execPath, [program, namespace, 'orders'], {
      env: { ...process.env, NODE_EXTRA_CA_CERTS: certificate.file, ...bus.identity, ...environment },
    });
    return JSON.parse(stdout);
  }

  it('signs in by what the bus prints, and may do what its roles say', async () => {
    expect(await run({})).toEqual({ send: 'ok', receive: 'ok', manage: 'ok' });
    expect(await run({ AZURE_CLIENT_ID: 'sender' })).toEqual({
      send: 'ok',
      receive: expect.stringContaining("'Listen' claim(s) are required"),
      manage: expect.stringContaining('Manage,EntityRead claims required'),
    });
  });

  it('gets no token without the secret, for an identity that is none, or for nothing', async () => {
    const ask = async (query: string, secret = bus.identity?.IDENTITY_HEADER): Promise<[number, string]> => {
      const headers = { 'x-identity-header': secret ?? '' };
      const answer = await fetch(`${bus.identity?.IDENTITY_ENDPOINT}?api-version=2019-08-01${query}`, { headers });
      return [answer.status, await answer.text()];
    };
    const resource = `&resource=${encodeURIComponent(SERVICE_BUS)}`;

    expect(await ask(resource)).toEqual([200, expect.stringContaining('"token_type":"Bearer"')]);
    expect(await ask(resource, 'wrong')).toEqual([401, expect.stringContaining('IDENTITY_HEADER')]);
    expect(await ask(`${resource}&client_id=unknown`)).toEqual([400, expect.stringContaining("no identity 'unknown'")]);
    expect(await ask('')).toEqual([400, expect.stringContaining('resource')]);
  });

  it('of a bus without --identity is told to start one', async () => {
    const plain = await startBus({ port: 0, adminPort: 0, tls: { ...certificate, port: 0 } });
    const credential: TokenCredential = {
      getToken: async (): Promise<AccessToken> => ({ token: 'eyJ.e30.x', expiresOnTimestamp: Date.now() + 60_000 }),
    };
    const url = new URL(plain.tls?.adminUrl ?? '');
    const client = new ServiceBusClient(`localhost:${url.port}`, credential, { retryOptions: { maxRetries: 0 } });

    // The test's own process does not trust the certificate, and needs not: that is what it is told first.
    await expect(client.createSender('errors').sendMessages({ body: 'x' })).rejects.toThrow('self-signed certificate');

    const answer = await fetch(`${plain.adminUrl}/errors`, { headers: { authorization: 'Bearer eyJ.e30.x' } });
    expect(await answer.text()).toContain('started without --identity');
    expect((await fetch(`${plain.adminUrl}/msi/token`)).status).toBe(401);
    await client.close();
    await plain.close();
  });
});
