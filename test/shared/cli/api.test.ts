/** What the command sends to the app. */
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it } from 'vitest';
import { AppClient } from '../../../shared/cli/api.ts';

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
