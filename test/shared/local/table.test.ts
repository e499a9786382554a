/** `npm run table -- --blobs`: what a Functions host asks of its storage, on a real socket. */
import { createHmac } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Command } from '../../support/processes.ts';

let table: Command;
let settings: Map<string, string>;

beforeAll(async () => {
  table = new Command('shared/local/table', ['--in-memory', '--port', '0', '--blobs', '--blob-port', '0']);
  const [, connectionString = ''] = await table.line(/^AzureWebJobsStorage=(.*)$/);
  settings = new Map(
    connectionString.split(';').map((part) => {
      const at = part.indexOf('=');
      return [part.slice(0, at), part.slice(at + 1)];
    }),
  );
});
afterAll(() => table.kill());

/** @see https://learn.microsoft.com/rest/api/storageservices/authorize-with-shared-key */
async function call(method: string, path: string, query: string, headers: Record<string, string>): Promise<Response> {
  const account = settings.get('AccountName') ?? '';
  const all = { 'x-ms-date': new Date().toUTCString(), 'x-ms-version': '2023-11-03', ...headers };
  const ms = Object.entries(all).filter(([name]) => name.startsWith('x-ms-'));
  const canonical = ms.sort().map(([name, value]) => `${name}:${value}\n`);
  const resource = `/${account}/${account}/${path}${query && `\n${query.replace('=', ':')}`}`;
  const text = `${method}${'\n'.repeat(12)}${canonical.join('')}${resource}`;
  const key = Buffer.from(settings.get('AccountKey') ?? '', 'base64');
  const signature = createHmac('sha256', key).update(text).digest('base64');
  return fetch(`${settings.get('BlobEndpoint')}/${path}${query && `?${query}`}`, {
    method,
    headers: { ...all, authorization: `SharedKey ${account}:${signature}` },
  });
}

it('serves blobs with leases, which the host locks its timers with', async () => {
  const blob = 'azure-webjobs-hosts/locks/timer';
  const lease = { 'x-ms-lease-action': 'acquire', 'x-ms-lease-duration': '15' };

  const statuses: number[] = [];
  const calls: [string, string, Record<string, string>][] = [
    ['azure-webjobs-hosts', 'restype=container', {}],
    [blob, '', { 'x-ms-blob-type': 'BlockBlob' }],
    [blob, 'comp=lease', lease],
    [blob, 'comp=lease', lease],
  ];
  for (const [path, query, headers] of calls) statuses.push((await call('PUT', path, query, headers)).status);

  // The second lease finds the first.
  expect(statuses).toEqual([201, 201, 201, 409]);
});

it('says what to set, and ends on a signal', async () => {
  await table.line(/^ready http:\/\/127\.0\.0\.1:\d+$/);
  await table.line(/^StateStore=DefaultEndpointsProtocol=http;.*TableEndpoint=/);

  table.signal('SIGTERM');

  expect(await table.exit()).toBe(0);
});
