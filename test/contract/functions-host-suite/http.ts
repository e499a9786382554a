/** What a host makes of a request before its function sees it. */
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { connect as connectTls } from 'node:tls';
import { expect } from 'vitest';
import type { HostBench } from '../functions-host.ts';

interface Answer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const MIB = 1024 * 1024;

export function http({ test, baseUrl }: HostBench): void {
  /** Sends bytes as they are, which no HTTP client would do. */
  async function raw(line: string, headers: readonly string[] = [], body: Buffer | string = ''): Promise<Answer> {
    const { protocol, host, hostname, port } = new URL(baseUrl());
    const isTls = protocol === 'https:';
    const address = { host: hostname, port: Number(port) || (isTls ? 443 : 80) };
    const socket = isTls ? connectTls({ ...address, servername: hostname }) : connect(address);
    // A host that refuses a body may close before it is sent.
    socket.on('error', () => {});
    const head = [`${line} HTTP/1.1`, `Host: ${host}`, 'Connection: close', ...headers, '', ''];
    socket.write(Buffer.from(head.join('\r\n')));
    if (body.length > 0) socket.write(body);
    return parse(await text(socket));
  }
  const echo = async (line: string, headers: string[] = [], body: Buffer | string = '') =>
    JSON.parse((await raw(line, headers, body)).body);
  const status = async (line: string, headers: string[] = []): Promise<[number, string, string | undefined]> => {
    const answer = await raw(line, headers);
    return [answer.status, answer.body, answer.headers['content-type']];
  };

  test('query parameters and headers of one name are joined with commas', [], async () => {
    const got = await echo('GET /api/echo?a=1&b=x&a=2', ['X-One: p', 'X-One: q']);

    expect(got).toMatchObject({ query: { a: '1,2', b: 'x' }, headers: { 'x-one': 'p,q' } });
  });

  test('an empty part of a path matches nothing', [], async () => {
    expect(await status('GET /api//echo')).toEqual([404, '', undefined]);
  });

  test('an encoded slash stays encoded in a parameter, all else is decoded', [], async () => {
    expect((await echo('GET /api/echo/a%2Fb%20c')).params).toEqual({ id: 'a%2Fb c' });
  });

  test('a NUL in a path is an empty 400', [], async () => {
    expect((await status('GET /api/echo/a%00b')).slice(0, 2)).toEqual([400, '']);
  });

  test('an address of more than 8 KiB is a 414', [], async () => {
    expect((await raw(`GET /api/echo/${'x'.repeat(9_000)}`)).status).toBe(414);
    expect((await raw(`GET /api/echo/${'x'.repeat(8_000)}`)).status).toBe(200);
  });

  test('a body of more than 100 MiB is an empty 500', [], async () => {
    const answer = await raw('POST /api/echo', [`Content-Length: ${100 * MIB + 1}`]);

    expect([answer.status, answer.body]).toEqual([500, '']);
  });

  test('a chunked body arrives empty, one with a length whole', [], async () => {
    const chunked = await echo('POST /api/echo', ['Transfer-Encoding: chunked'], '3\r\nabc\r\n0\r\n\r\n');
    const whole = await echo('POST /api/echo', ['Content-Length: 3'], 'abc');

    expect([chunked.body, whole.body]).toEqual(['', Buffer.from('abc').toString('base64')]);
  });

  test('the case of a method does not matter, and an unknown one has no function', [], async () => {
    expect((await echo('get /api/echo')).method).toBe('GET');
    expect((await raw('patch /api/echo', ['Content-Length: 2'], 'ab')).status).toBe(200);
    expect((await raw('FOO /api/echo')).status).toBe(404);
  });

  test('an absent catch-all parameter is not there', [], async () => {
    expect((await echo('GET /api/files')).params).toEqual({});
    expect((await echo('GET /api/files/a/b')).params).toEqual({ rest: 'a/b' });
  });

  test('the function key is taken out of the address', [], async () => {
    const got = await echo('GET /api/echo?a=1&code=secret');

    expect(got.query).toEqual({ a: '1' });
    expect(got.url).not.toContain('secret');
  });

  test('the bytes of a header are UTF-8', [], async () => {
    expect((await echo('GET /api/echo', ['X-Name: Zoë'])).headers['x-name']).toBe('Zoë');
  });

  test('what is not found has no body and no content type', [], async () => {
    expect(await status('GET /api/elsewhere')).toEqual([404, '', undefined]);
    expect(await status('DELETE /api/seen/x')).toEqual([404, '', undefined]);
  });

  test('a disabled function is not found', [], async () => {
    expect((await status('GET /api/off')).slice(0, 2)).toEqual([404, '']);
  });

  test('a function that fails says nothing, and one without a value has no content', [], async () => {
    expect((await status('GET /api/broken')).slice(0, 2)).toEqual([500, '']);
    expect((await status('GET /api/nothing')).slice(0, 2)).toEqual([204, '']);
  });

  test('answers are chunked', [], async () => {
    const { headers } = await raw('GET /api/echo');

    expect(headers).toMatchObject({ 'transfer-encoding': 'chunked' });
    expect(headers).not.toHaveProperty('content-length');
  });

  test("the root is the host's own page", [], async () => {
    const answer = await raw('GET /');

    expect(answer.status).toBe(200);
    expect(answer.headers['content-type']).toMatch(/^text\/html/);
  });

  test('without the key there is an empty 401', ['functionKeys'], async () => {
    expect((await status('GET /api/guarded')).slice(0, 2)).toEqual([401, '']);
    expect((await status('GET /api/guarded?code=wrong')).slice(0, 2)).toEqual([401, '']);
  });
}

function parse(answer: string): Answer {
  const end = answer.indexOf('\r\n\r\n');
  const [first = '', ...lines] = answer.slice(0, end).split('\r\n');
  const headers = Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]),
  );
  const rest = answer.slice(end + 4);
  const body = headers['transfer-encoding'] === 'chunked' ? unchunked(rest) : rest;
  return { status: Number(first.split(' ')[1]), headers, body };
}

/** Bodies here are ASCII. */
function unchunked(text: string): string {
  const [, size = '', rest = ''] = /^([0-9a-f]+)\r\n([\s\S]*)$/i.exec(text) ?? [];
  const length = Number.parseInt(size, 16);
  return length > 0 ? rest.slice(0, length) + unchunked(rest.slice(length + 2)) : '';
}
