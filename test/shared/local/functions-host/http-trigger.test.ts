import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { installCoreModule } from '../../../../shared/local/functions-host/core-module.ts';
import { HttpTriggers } from '../../../../shared/local/functions-host/http-trigger.ts';
import { parseRoute } from '../../../../shared/local/functions-host/routes.ts';
import { functionApp } from '../../../support/function-app.ts';

describe('routes', () => {
  it.each([
    ['events', '/events', {}],
    ['events', '/EVENTS/', {}],
    ['events', '/events/1', undefined],
    ['events/{id}', '/events/7', { id: '7' }],
    ['events/{id}', '/events', undefined],
    ['events/{id?}', '/events', {}],
    ['events/{id:int}', '/events/x', undefined],
    ['events/{id:int?}', '/events/5', { id: '5' }],
    ['files/{*rest}', '/files/a/b', { rest: 'a/b' }],
    ['files/{*rest}', '/files/a//b', { rest: 'a//b' }],
    ['files/{*rest}', '/files', {}],
    ['events/{id}', '/events//7', undefined],
    ['events/{id}', '//events/7', undefined],
    ['events/{id?}', '/events//', undefined],
  ])('%s and %s give %j', (template, path, expected) => {
    expect(parseRoute(template).match(path)).toEqual(expected);
  });
});

describe('HTTP triggers', () => {
  let triggers: HttpTriggers;
  let base = '';

  beforeAll(async () => {
    const app = await functionApp((functions) => {
      functions.http('echo', {
        methods: ['POST'],
        route: 'items/{id}',
        handler: async (request) => ({
          status: 201,
          jsonBody: {
            id: request.params['id'],
            q: request.query.get('q'),
            header: request.headers.get('x-one'),
            text: await request.text(),
            path: new URL(request.url).pathname,
            url: request.url,
          },
          headers: { 'x-two': 'b' },
          cookies: [{ name: 'c', value: 'v w', path: '/', httpOnly: true, maxAge: 5 }],
        }),
      });
      functions.http('special', { methods: ['POST'], route: 'items/special', handler: () => ({ body: 'special' }) });
      functions.http('patched', { methods: ['PATCH'], handler: () => ({ body: 'patched' }) });
      functions.http('nothing', { methods: ['GET'], handler: () => undefined as never });
      functions.http('broken', { methods: ['GET'], handler: () => Promise.reject(new Error('secret detail')) });
    });
    const { functions } = installCoreModule();
    triggers = new HttpTriggers(
      [...functions.values()].map(({ metadata: { name, bindings } }) => {
        const [bindingName, binding] = Object.entries(bindings)[0] ?? ['', { type: '', direction: 'in' as const }];
        return { name, binding: { ...binding, name: bindingName }, run: (request) => app.run(name, request) };
      }),
      'api',
    );
    base = `http://127.0.0.1:${await triggers.listen(0)}`;
  });
  afterAll(() => triggers.stop());

  it('hands the request over and the response back', async () => {
    const response = await fetch(`${base}/api/items/a%20b?q=1`, {
      method: 'POST',
      body: 'hé',
      headers: { 'x-one': 'a' },
    });

    expect(response.status).toBe(201);
    expect(await response.json()).toMatchObject({
      id: 'a b',
      q: '1',
      header: 'a',
      text: 'hé',
      path: '/api/items/a%20b',
    });
    expect(response.headers.get('x-two')).toBe('b');
    expect(response.headers.get('set-cookie')).toBe('c=v%20w; Max-Age=5; Path=/; HttpOnly');
  });

  it.each([
    ['a literal route goes before a parameter', 'POST', '/api/items/special', 200, 'special'],
    ['no value is no content', 'GET', '/api/nothing', 204, ''],
    ['a failure says nothing', 'GET', '/api/broken', 500, ''],
    ['an unknown path', 'GET', '/api/elsewhere', 404, ''],
    ['a method that no function takes', 'GET', '/api/items/1', 404, ''],
  ])('%s', async (_, method, path, status, text) => {
    const response = await fetch(base + path, { method });

    expect([response.status, await response.text()]).toEqual([status, text]);
  });

  it.each([
    [{ origin: 'http://evil.example' }, 403],
    [{ host: 'evil.example' }, 421],
  ])('nothing runs for a website that sends %j', async (headers, status) => {
    const request = httpRequest(`${base}/api/items/special`, { method: 'POST', headers }).end();
    const [response] = await once(request, 'response');

    expect(response.statusCode).toBe(status);
    expect(await text(response)).not.toContain('special');
  });

  it('drops the body of a chunked request, as the real host does, and keeps one whose length is given', async () => {
    const chunked = { body: new Blob(['hé']).stream(), duplex: 'half' } as const;
    const bodies = [chunked, { body: 'hé' }];

    const answers = bodies.map(async (init) => {
      const response = await fetch(`${base}/api/items/a`, { method: 'POST', ...init });
      return response.json();
    });

    expect(await Promise.all(answers)).toMatchObject([{ text: '' }, { text: 'hé' }]);
  });

  it('takes methods in another case again and again on one connection', async () => {
    const socket = connect(Number(new URL(base).port), '127.0.0.1');
    const request = 'patch /api/patched HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nab';
    for (let n = 0; n < 3; n++) {
      socket.write(request);
      const [answer] = await once(socket, 'data');

      expect(String(answer)).toMatch(/^HTTP\/1.1 200 [\s\S]*patched/);
    }
    socket.destroy();
  });

  it('takes a method in another case whose body comes in parts', async () => {
    const socket = connect(Number(new URL(base).port), '127.0.0.1');
    socket.setNoDelay();
    const parts = ['patch /api/patched HTTP/1.1\r\nHost: localhost\r\n', 'Content-Length: 4\r\n\r\n', 'GET', ' '];

    for (const part of parts) {
      socket.write(part);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const [answer] = await once(socket, 'data');

    expect(String(answer)).toMatch(/^HTTP\/1.1 200 [\s\S]*patched/);
    socket.destroy();
  });

  it('takes the function key out of the address, whatever its case', async () => {
    const response = await fetch(`${base}/api/items/a?Code=secret&q=1`, { method: 'POST' });

    expect(await response.json()).toMatchObject({ q: '1', url: `${base}/api/items/a?q=1` });
  });

  it.each([
    ['FOO /api/nothing HTTP/1.1', 404],
    ['get /api/nothing HTTP/9.9', 400],
    ['\u0001\u0002', 400],
  ])('answers what is no request: %j', async (line, status) => {
    const socket = connect(Number(new URL(base).port), '127.0.0.1');
    socket.write(`${line}\r\nHost: localhost\r\n\r\n`);

    expect(Number((await text(socket)).split(' ')[1])).toBe(status);
  });

  it('refuses a head of more than 40 KiB', async () => {
    const response = await fetch(`${base}/api/nothing`, { headers: { 'x-long': 'x'.repeat(41_000) } });

    expect(response.status).toBe(431);
  });

  it('says which port is taken', async () => {
    const second = new HttpTriggers([], 'api');

    await expect(second.listen(Number(new URL(base).port))).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });
});
