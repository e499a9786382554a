/** The adapters ask the platform for the token of the identity that the settings name, by the platform's own protocol. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { credentialFor } from '../../../shared/adapters/identity.ts';
import { createTableStorage } from '../../../shared/adapters/table-storage.ts';

/** https://learn.microsoft.com/azure/app-service/overview-managed-identity#rest-endpoint-reference */
class TokenEndpoint {
  requests: URLSearchParams[] = [];
  readonly #server: Server;

  constructor() {
    this.#server = createServer((request, response) => {
      const { searchParams } = new URL(request.url ?? '/', 'http://localhost');
      this.requests.push(searchParams);
      const isKnown =
        request.headers['x-identity-header'] === 'the-header' && searchParams.get('client_id') !== 'unknown';
      if (!isKnown) return void response.writeHead(400).end('{}');
      const body = { access_token: 'a-token', expires_on: String(Math.floor(Date.now() / 1_000) + 3_600) };
      response.setHeader('content-type', 'application/json').end(JSON.stringify({ ...body, token_type: 'Bearer' }));
    });
  }

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/msi/token`;
  }

  async close(): Promise<void> {
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

// One for all: the library looks for the platform once in a process.
const endpoint = new TokenEndpoint();
beforeAll(async () => {
  vi.stubEnv('IDENTITY_ENDPOINT', await endpoint.start());
  vi.stubEnv('IDENTITY_HEADER', 'the-header');
});
beforeEach(() => {
  endpoint.requests = [];
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await endpoint.close();
});

const bus = { endpoint: 'shop.servicebus.windows.net' };
const SCOPE = 'https://servicebus.azure.net/.default';

describe.each(['managedidentity', undefined] as const)('with the credential %s', (credential) => {
  it('signs in as the user-assigned identity of the client id', async () => {
    const token = await (await credentialFor({ ...bus, credential, clientId: `user-${credential}` })).getToken(SCOPE);

    expect(token?.token).toBe('a-token');
    expect(endpoint.requests.map((query) => Object.fromEntries(query))).toEqual([
      expect.objectContaining({ resource: 'https://servicebus.azure.net', client_id: `user-${credential}` }),
    ]);
  });

  it('signs in as the system-assigned identity without one', async () => {
    const scope = `https://${credential}.example/.default`;
    await (await credentialFor({ ...bus, credential, clientId: undefined })).getToken(scope);

    expect(endpoint.requests.map((query) => query.has('client_id'))).toEqual([false]);
  });
});

it('asks for a token of that identity before it asks Table Storage', async () => {
  const connection = { endpoint: 'https://127.0.0.1:9', credential: 'managedidentity', clientId: 'state' } as const;
  const store = await createTableStorage(connection, 'platformevents');

  await expect(store.ping()).rejects.toThrow('table storage');

  expect(endpoint.requests[0]?.get('client_id')).toBe('state');
  expect(endpoint.requests[0]?.get('resource')).toBe('https://storage.azure.com');
});

it('tries nothing else when the settings name the managed identity', async () => {
  vi.stubEnv('AZURE_TENANT_ID', 'a-tenant');
  vi.stubEnv('AZURE_CLIENT_ID', 'somebody-else');
  vi.stubEnv('AZURE_CLIENT_SECRET', 'a-secret');
  const credential = await credentialFor({ ...bus, credential: 'managedidentity', clientId: 'unknown' });

  await expect(credential.getToken(SCOPE)).rejects.toThrow();
  expect(new Set(endpoint.requests.map((query) => query.get('client_id')))).toEqual(new Set(['unknown']));
});
