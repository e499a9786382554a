/** What the command sends to the app, and an app that answers otherwise than it should. */
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { AppClient } from '../../../shared/cli/api.ts';
import { PermanentError } from '../../../shared/errors.ts';
import { startWebhookServer, type WebhookServer } from '../../support/webhook-server.ts';

let server: WebhookServer;
beforeEach(async () => {
  server = await startWebhookServer();
});
afterEach(() => server.close());

it('hangs up on an answer without an end', async () => {
  server.answer('/api/errors/7', { status: 200, isEndless: true });

  const error = await new AppClient(server.urlOf('/'), undefined).error('7').catch((thrown: unknown) => thrown);

  expect(error).toBeInstanceOf(PermanentError);
  expect(String(error)).toMatch(/is not the app: an answer of more than 33554432 bytes/);
  expect(server.bytesWritten).toBeLessThan(64 * 1024 * 1024);
});

it('says that it sends JSON wherever something changes', async () => {
  const received: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    received.push(request);
    response.writeHead(202, { 'content-type': 'application/json' }).end('{"ids":["a"]}');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const app = new AppClient(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, undefined);

  await app.publish({ id: 'a' });
  await app.replay('1');
  await app.discard('1');

  expect(received.map(({ method, headers }) => [method, headers['content-type']])).toEqual([
    ['POST', 'application/cloudevents+json'],
    ['POST', 'application/json'],
    ['DELETE', 'application/json'],
  ]);
  server.close();
});
