/** The app over HTTP as other services use it: the functions themselves answer, on a platform in virtual time. */
import { execFile } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { handle as history } from '../../../functions/http/history.ts';
import { handle as publish } from '../../../functions/http/publish.ts';
import type { HistoryEntry } from '../../../shared/api/events.ts';
import { PlatformClient } from '../../../shared/client/platform-client.ts';
import { ConfigError, PermanentError } from '../../../shared/errors.ts';
import { newEvent } from '../../../shared/events/cloud-event.ts';
import { DeploymentRequested } from '../../../shared/events/deployment.ts';
import { respond } from '../../../shared/http/on-http.ts';
import { httpRequest } from '../../support/http.ts';
import { type Platform, startPlatform } from '../../support/platform.ts';

let platform: Platform;
let url: string;
/** The authorization of each request. */
const authorizations: (string | undefined)[] = [];
/** So many requests are answered with 503 first. */
let refusals = 0;

const server = createServer(async (request, response) => {
  authorizations.push(request.headers.authorization);
  if (refusals-- > 0) return void response.writeHead(503).end();
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  const { method = 'GET', url: path = '/' } = request;
  const asked = httpRequest({
    method,
    path,
    body: Buffer.concat(chunks),
    headers: { 'content-type': String(request.headers['content-type'] ?? '') },
  });
  const {
    status = 200,
    json,
    body,
  } = await respond('test', method === 'GET' ? history : publish, asked, platform.ports);
  response.writeHead(status, { 'content-type': status < 400 ? 'application/json' : 'application/problem+json' });
  response.end(json === undefined ? body : JSON.stringify(json));
  // What was published is handled to its end.
  if (method === 'POST') await platform.advance('10m');
});

beforeEach(async () => {
  platform = await startPlatform();
  authorizations.length = 0;
  refusals = 0;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  // A server that listens on a port has such an address.
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const request = (tag: string, deployment = 'web') =>
  newEvent(DeploymentRequested, {
    source: '/ci',
    time: platform.now(),
    data: { namespace: 'shop', deployment, image: `ghcr.io/shop/${deployment}:${tag}` },
  });

it('publishes, and says how the chain ended', async () => {
  const client = new PlatformClient(url);
  const [good, bad] = [request('1.0.0'), request('fail-1', 'api')];
  const seen: HistoryEntry[] = [];

  await client.publish([good, bad]);

  expect(await client.waitForEnd(good, { onEntry: (entry) => seen.push(entry) })).toEqual({ ending: 'completed' });
  expect(seen.map(({ type }) => type).sort()).toEqual([
    'DeploymentCompleted',
    'DeploymentRequested',
    'DeploymentStarted',
  ]);
  expect(await client.waitForEnd(bad)).toMatchObject({
    ending: 'failed',
    why: expect.stringContaining('DeadlineExceeded'),
  });
});

it('gives up when the time is up', async () => {
  expect(await new PlatformClient(url).waitForEnd(request('1.0.0'), { timeout: '1ms' })).toEqual({ ending: 'timeout' });
});

it('asks again while the app is away, with a token of its own each time', async () => {
  refusals = 1;
  let asked = 0;
  const client = new PlatformClient(url, { token: async () => `token-${++asked}` });

  await client.publish(request('1.0.0'));

  expect(authorizations).toEqual(['Bearer token-1', 'Bearer token-2']);
  expect(platform.events('DeploymentRequested')).toHaveLength(1);
});

it('says what the app refuses', async () => {
  const invalid = { ...request('1.0.0'), data: { namespace: 'Shop', deployment: 'web', image: 'web:1' } };

  const publishing = new PlatformClient(url).publish(invalid);

  await expect(publishing).rejects.toThrow(PermanentError);
  await expect(publishing).rejects.toThrow(/data\.namespace: expected a DNS-1123 label: .*got "Shop"/);
});

it('takes no address that would show the key to others', () => {
  expect(() => new PlatformClient('http://events.example.com', { key: 'k' })).toThrow(ConfigError);
  expect(() => new PlatformClient('https://events.example.com/?code=k')).toThrow(
    "a function key goes into the option 'key'",
  );
});

it('takes what curl sends, as the page shows it', async () => {
  const env = { ...process.env, PLATFORM_EVENTS_URL: url, PLATFORM_EVENTS_TOKEN: 'a-token' };

  const { stdout } = await promisify(execFile)('bash', ['docs/examples/publish.sh'], { env });

  expect(JSON.parse(stdout)).toMatchObject({ ids: [expect.any(String)] });
  expect(authorizations).toEqual(['Bearer a-token']);
  expect(platform.events('HealthCheck')).toMatchObject([{ data: { service: 'checkout', good: 998, total: 1_000 } }]);
});

it('asks nobody to publish nothing', async () => {
  await new PlatformClient(url).publish([]);

  expect(authorizations).toEqual([]);
});

it('gives up waiting where the app does not answer, and says what to do in the words of its options', async () => {
  const signIn = createServer((_, response) => response.writeHead(302, { location: 'https://login.example/x' }).end());
  await new Promise<void>((resolve) => signIn.listen(0, '127.0.0.1', resolve));
  // A server that listens on a port has such an address.
  const elsewhere = `http://127.0.0.1:${(signIn.address() as AddressInfo).port}`;

  const waiting = new PlatformClient(elsewhere, { token: 'x' }).waitForEnd(request('1.0.0'));

  await expect(waiting).rejects.toThrow(
    /redirects \(302\) to https:\/\/login\.example, .* would get the key or token; give the app's own address$/,
  );
  signIn.closeAllConnections();
  signIn.close();
});
