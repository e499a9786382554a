/** Which protocol a connection speaks, and what becomes of those that speak none; WebSockets as other clients open them. */
import { once } from 'node:events';
import { request } from 'node:https';
import { type AddressInfo, connect, createServer } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { create_container, websocket_connect } from 'rhea';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import { createAdmin } from '../../../../../shared/local/service-bus/admin/server.ts';
import { SystemClock } from '../../../../../shared/local/service-bus/core/clock.ts';
import { createBroker } from '../../../../../shared/local/service-bus/create-broker.ts';
import { type LocalBus, startBus } from '../../../../../shared/local/service-bus/start.ts';
import { makeCertificate } from '../../../../../shared/local/service-bus/transport/certificate.ts';
import { listen } from '../../../../../shared/local/service-bus/transport/listener.ts';
import { byProtocol } from '../../../../../shared/local/service-bus/transport/protocols.ts';
import { AMQP_HEADER } from '../../../../support/amqp-client.ts';
import { authorityOf } from '../../../../support/bus.ts';

const certificate = makeCertificate(Date.now(), 60_000);
const portOf = (url: string | undefined): number => Number(new URL(url ?? '').port);
let bus: LocalBus;
let plain: number;
let tls: number;

beforeAll(async () => {
  bus = await startBus({ port: 0, adminPort: 0, tls: { ...certificate, port: 0 } });
  plain = portOf(bus.url);
  tls = portOf(bus.tls?.url);
});
afterAll(() => bus.close());

/** Writes bytes to a port, and reads until the other side ends. */
async function exchange(port: number, ...bytes: (Buffer | string)[]): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  for (const part of bytes) socket.write(part);
  let text = '';
  socket.setEncoding('latin1').on('data', (chunk: string) => {
    text += chunk;
  });
  await once(socket, 'close');
  return text;
}

describe('a connection', () => {
  it.each(['plain', 'tls'] as const)('speaks any protocol at the port of %s', async (name) => {
    const port = name === 'plain' ? plain : tls;
    const amqp = connect(port, '127.0.0.1').setEncoding('latin1');
    amqp.write(AMQP_HEADER);
    const [header] = await once(amqp, 'data');
    amqp.destroy();
    expect(header).toBe(AMQP_HEADER.toString('latin1'));

    const health = await fetch(`http://127.0.0.1:${port}/health`);
    expect(await health.json()).toEqual({ status: 'healthy', message: 'Service is healthy.' });

    const secure = connectTls({ port, host: '127.0.0.1', ca: certificate.cert }).setEncoding('latin1');
    secure.write(AMQP_HEADER);
    const [answer] = await once(secure, 'data');
    secure.destroy();
    expect(answer).toBe(AMQP_HEADER.toString('latin1'));
  });

  it('may send its first bytes one by one', async () => {
    const socket = connect(plain, '127.0.0.1').setNoDelay();
    for (const byte of AMQP_HEADER) {
      socket.write(Buffer.from([byte]));
      await new Promise((resolve) => setImmediate(resolve));
    }

    const [header] = await once(socket, 'data');

    socket.destroy();
    expect(header).toEqual(AMQP_HEADER);
  });

  it('sees the addresses of entities as it reached them, over TLS', async () => {
    const asked = request({ port: tls, host: 'localhost', path: '/none', ca: certificate.cert }).end();
    const [response] = await once(asked, 'response');

    expect(response.statusCode).toBe(401);
    expect(response.socket.encrypted).toBe(true);
    response.resume();
  });

  it('of garbage ends: in HTTP with an answer, in TLS with an alert', async () => {
    expect(await exchange(plain, '\0\0\0\0\r\n\r\n')).toMatch(/^HTTP\/1\.1 400/);
    expect((await exchange(tls, Buffer.from([0x16, 3, 1, 0, 4, 9, 9, 9, 9]))).charCodeAt(0)).toBe(0x15);
    expect((await fetch(`http://127.0.0.1:${plain}/health`)).status).toBe(200);
  });

  it('of TLS ends where the bus has none', async () => {
    const bare = await startBus({ port: 0, adminPort: 0 });
    const socket = connectTls({ port: portOf(bare.url), host: '127.0.0.1', rejectUnauthorized: false });

    const [error] = await once(socket, 'error');

    expect(error.code).toBe('ECONNRESET');
    await bare.close();
  });

  it.each([
    ['nothing', ''],
    ['half of a request', 'GET /health HTTP/1.1\r\n'],
  ])('that says %s is not kept', async (_, text) => {
    const broker = createBroker({ clock: new SystemClock() });
    const http = createAdmin({ broker, clock: new SystemClock(), authority: authorityOf(broker), headMs: 100 });
    const listener = await listen('127.0.0.1', 0, byProtocol({ amqp: () => {}, http, waitMs: 50 }));

    const answer = await exchange(listener.port, text);

    expect(answer).toMatch(text === '' ? /^$/ : /^HTTP\/1\.1 408/);
    await listener.close();
    http.close();
  });

  it('of any kind does not keep the bus from closing', async () => {
    const closing = await startBus({ port: 0, adminPort: 0, tls: { ...certificate, port: 0 } });
    const port = portOf(closing.tls?.url);
    const silent = connect(port, '127.0.0.1');
    const handshaking = connect(port, '127.0.0.1');
    const secure = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false });
    const socket = new WebSocket(`ws://127.0.0.1:${port}/$servicebus/websocket`, 'AMQPWSB10');
    for (const one of [silent, handshaking, secure, socket]) one.on('error', () => {});
    await Promise.all([once(silent, 'connect'), once(secure, 'secureConnect'), once(socket, 'open')]);
    handshaking.write(Buffer.from([0x16, 3, 1]));
    socket.send(AMQP_HEADER);
    await once(socket, 'message');
    const before = performance.now();

    await closing.close();

    expect(performance.now() - before).toBeLessThan(2_000);
    await expect(fetch(`http://127.0.0.1:${port}/health`)).rejects.toThrow();
  });
});

describe('a WebSocket', () => {
  const open = (url: string, protocols?: string | string[], headers: Record<string, string> = {}): WebSocket =>
    new WebSocket(url, protocols, { headers, ca: certificate.cert });
  const path = '/$servicebus/websocket';

  /** What the bus answers to a request for one. */
  async function answerTo(...[url, ...options]: Parameters<typeof open>): Promise<number | string> {
    const socket = open(url, ...options);
    const refused = once(socket, 'unexpected-response').then(([, response]) => {
      response.destroy();
      return response.statusCode as number;
    });
    const answer = await Promise.race([refused, once(socket, 'open').then(() => socket.protocol)]);
    socket.on('error', () => {});
    socket.terminate();
    return answer;
  }

  it('is at its path alone, for AMQP alone', async () => {
    const at = `ws://127.0.0.1:${plain}`;

    expect(await answerTo(`${at}${path}`, ['AMQPWSB10'])).toBe('AMQPWSB10');
    expect(await answerTo(`${at}${path}`, ['amqp'])).toBe('amqp');
    expect(await answerTo(`${at}${path}`, ['mqtt', 'amqp'])).toBe('amqp');
    expect(await answerTo(`${at}${path}`)).toBe('');
    expect(await answerTo(`wss://localhost:${tls}${path}`, ['AMQPWSB10'])).toBe('AMQPWSB10');
    expect(await answerTo(`ws://localhost:${portOf(bus.adminUrl)}${path}`, ['AMQPWSB10'])).toBe('AMQPWSB10');
    expect(await answerTo(`${at}${path}`, ['mqtt'])).toBe(400);
    expect(await answerTo(`${at}/other`, ['AMQPWSB10'])).toBe(404);
  });

  it('is opened by pages of this machine, on any port, and by no other page', async () => {
    const from = (origin: string, host?: string) =>
      answerTo(`ws://127.0.0.1:${plain}${path}`, ['amqp'], { origin, ...(host && { host }) });

    expect(await from('http://localhost:3000')).toBe('amqp');
    expect(await from('https://127.0.0.1')).toBe('amqp');
    expect(await from('https://example.com')).toBe(403);
    expect(await from('https://localhost.example.com')).toBe(403);
    expect(await from('null')).toBe(403);
    expect(await from('http://localhost:3000', 'rebound.example.com')).toBe(421);
  });

  it('carries AMQP to a client in a browser, without TLS (azure-service-bus-emulator-installer 143)', async () => {
    bus.broker.createQueue('browser');
    const container = create_container();
    const details = websocket_connect(WebSocket)(`ws://127.0.0.1:${plain}${path}`, ['AMQPWSB10'], {});
    // Its types ask for a port, which a WebSocket has in its address.
    const connection = container.connect({ connection_details: details as never, reconnect: false, port: 0 });
    const receiver = connection.open_receiver('browser');
    const sender = connection.open_sender('browser');
    await once(sender, 'sendable');

    sender.send({ body: 'hello' });
    const [context] = await once(receiver, 'message');

    expect(context.message.body).toBe('hello');
    connection.close();
  });

  it('is opened by a client that names the whole address in its request, as that for Java does', async () => {
    const socket = connect(plain, '127.0.0.1').setEncoding('latin1');
    socket.write(
      [
        `GET https://localhost${path} HTTP/1.1`,
        'Connection: Upgrade,Keep-Alive',
        'Upgrade: websocket',
        'Sec-WebSocket-Version: 13',
        'Sec-WebSocket-Key: 6rPvmd6/x0DIQ3Ljo0VWpg==',
        'Sec-WebSocket-Protocol: AMQPWSB10',
        'Host: localhost',
        '\r\n',
      ].join('\r\n'),
    );

    const [answer] = await once(socket, 'data');

    expect(answer).toMatch(/^HTTP\/1\.1 101 /);
    socket.destroy();
  });

  it('may cut frames anywhere, and several may come in one message', async () => {
    const socket = open(`ws://127.0.0.1:${plain}${path}`, 'amqp');
    await once(socket, 'open');
    socket.send(AMQP_HEADER.subarray(0, 3));
    socket.send(AMQP_HEADER.subarray(3), { fin: true });

    const [header] = await once(socket, 'message');

    expect(header).toEqual(AMQP_HEADER);
    socket.ping();
    await once(socket, 'pong');
    socket.terminate();
  });

  it('that sends a message beyond any size ends, and no other with it', async () => {
    const socket = open(`ws://127.0.0.1:${plain}${path}`, 'amqp');
    const other = open(`ws://127.0.0.1:${plain}${path}`, 'amqp');
    await Promise.all([once(socket, 'open'), once(other, 'open')]);

    socket.send(Buffer.alloc(16 * 1024 * 1024 + 1));
    const [code] = await once(socket, 'close');

    expect(code).toBe(1009);
    other.send(AMQP_HEADER);
    await once(other, 'message');
    other.terminate();
  });

  it('is cut like any other connection', async () => {
    const socket = open(`wss://localhost:${tls}${path}`, 'amqp');
    await once(socket, 'open');
    socket.send(AMQP_HEADER);
    await once(socket, 'message');

    bus.cut();

    const [code] = await once(socket, 'close');
    expect(code).toBe(1006);
  });
});

it('takes HTTPS and WebSockets at one more port, where some clients always look (azure-sdk-for-java 48886)', async () => {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  const another = await startBus({ port: 0, adminPort: 0, tls: { ...certificate, port: 0, httpsPort: port } });

  const asked = request({ port, host: 'localhost', path: '/health', ca: certificate.cert }).end();
  const [response] = await once(asked, 'response');

  expect(response.statusCode).toBe(200);
  response.resume();
  await another.close();
});
