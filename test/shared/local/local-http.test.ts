/** What websites can send to a server on this machine, and what broken clients leave unfinished. */
import { once } from 'node:events';
import type { Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, it } from 'vitest';
import { createLocalServer, isLoopback, type LocalServerOptions } from '../../../shared/local/local-http.ts';

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

/** Answers whatever is let in with its address. */
async function start(options: Partial<LocalServerOptions> = {}): Promise<number> {
  const server = createLocalServer({
    host: '127.0.0.1',
    onRequest: (_, response, url) => response.end(url.href),
    ...options,
  });
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** Sends a request as it is written here; `fetch` would not let one choose Host and Origin. */
async function send(port: number, request: string, ...headers: string[]): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  socket.write([`${request} HTTP/1.1`, ...headers, 'Connection: close', '', ''].join('\r\n'));
  return text(socket);
}

const statusOf = (answer: string): number => Number(answer.split(' ')[1]);

describe('a server on loopback', () => {
  it.each(['localhost:7071', 'LOCALHOST', '127.0.0.1:80', '127.8.9.1:5300', '[::1]:5300'])(
    'is for %s',
    async (host) => {
      expect(statusOf(await send(await start(), 'POST /x', `Host: ${host}`))).toBe(200);
    },
  );

  it.each([
    'evil.example',
    'evil.example:7071',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    '10.0.0.1',
    '0.0.0.0',
  ])('is not for %s, whoever has given that name its address', async (host) => {
    const answer = await send(await start(), 'GET /x', `Host: ${host}`);

    expect(statusOf(answer)).toBe(421);
    expect(answer).toContain(`Host: expected localhost or a loopback address, got '${host.replace(/:.*/, '')}'`);
  });

  it('lets its own pages in', async () => {
    expect(statusOf(await send(await start(), 'POST /x', 'Host: localhost:1', 'Origin: http://localhost:1'))).toBe(200);
  });

  it.each(['http://evil.example', 'null', 'https://localhost:1', 'http://localhost:2', 'http://127.0.0.1:1', ''])(
    "refuses a page of '%s'",
    async (origin) => {
      const answer = await send(await start(), 'POST /x', 'Host: localhost:1', `Origin: ${origin}`);

      expect(statusOf(answer)).toBe(403);
      expect(answer).toContain(`Origin: expected none or http://localhost:1, got '${origin}'`);
    },
  );

  it.each([
    ['*', 'localhost'],
    ['http://a@localhost/', 'localhost'],
    ['ftp://localhost/', 'localhost'],
    ['/', 'localhost:99999'],
    ['/', 'a@localhost'],
    ['/', 'localhost/..'],
  ])('does not know what %s at %s is', async (target, host) => {
    expect(statusOf(await send(await start(), `OPTIONS ${target}`, `Host: ${host}`))).toBe(400);
  });

  it('takes what looks like another host for a path', async () => {
    expect(await send(await start(), 'GET //evil.example/x', 'Host: localhost')).toMatch(
      /http:\/\/localhost\/\/evil\.example\/x/,
    );
  });
});

describe('a request that names the whole address', () => {
  it('is for that host, whatever its header says', async () => {
    const port = await start();

    expect(await send(port, 'GET https://localhost:9/x?y', 'Host: evil.example')).toMatch(/http:\/\/localhost:9\/x\?y/);
    expect(statusOf(await send(port, 'GET http://evil.example/', 'Host: localhost'))).toBe(421);
  });
});

describe('a server beyond loopback', () => {
  it('is for any name, and for its own pages alone', async () => {
    const port = await start({ host: '0.0.0.0' });

    expect(statusOf(await send(port, 'GET /x', 'Host: bus:5300'))).toBe(200);
    expect(statusOf(await send(port, 'GET /x', 'Host: bus:5300', 'Origin: http://evil.example'))).toBe(403);
  });
});

it.each([
  ['a head', 'GET /x HTTP/1.1\r\nHost: loc'],
  ['a body', 'POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nabc'],
])('does not wait for ever for %s that never ends', async (_, part) => {
  const port = await start({ headMs: 20, requestMs: 20, onRequest: () => {} });
  const socket = connect(port, '127.0.0.1');
  socket.write(part);

  expect(statusOf(await text(socket))).toBe(408);
});

it.each([
  ['localhost', true],
  ['127.0.0.1', true],
  ['::1', true],
  ['127.evil.example', false],
  ['0.0.0.0', false],
  ['::', false],
])('%s is loopback: %s', (host, expected) => {
  expect(isLoopback(host)).toBe(expected);
});
