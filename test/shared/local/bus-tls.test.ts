/** `npm run bus -- --tls`: what it prints, where it keeps its certificate, what it refuses. */
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { BusCommand, type StartedBus } from '../../support/bus-command.ts';

const bus = new BusCommand();
let data: string;
const ANY_PORT = ['--port', '0', '--admin-port', '0'];
const start = (...args: string[]): StartedBus => bus.start({ XDG_DATA_HOME: data }, ...ANY_PORT, ...args);

beforeAll(() => bus.build());
beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), 'bus-tls-'));
});
afterEach(() => {
  bus.kill();
  rmSync(data, { recursive: true, force: true });
});
afterAll(() => bus.remove());

/** The lines until one begins so. */
async function linesUntil(started: StartedBus, beginning: string): Promise<string[]> {
  const lines: string[] = [];
  do lines.push(await started.line());
  while (!lines.at(-1)?.startsWith(beginning) && lines.at(-1) !== '');
  return lines;
}

describe('npm run bus -- --tls', () => {
  it('says where TLS is, what to connect with, and what to trust; the second time it has nothing new to trust', async () => {
    const file = join(data, 'platform-events/service-bus/localhost.pem');
    const tls = ['--tls', '--tls-port', '0'];

    const first = await linesUntil(start(...tls), 'made just now');
    const again = start(...tls, '--json');
    const second = JSON.parse(await again.line());

    expect(first.slice(3)).toEqual([
      expect.stringMatching(/^tls amqps:\/\/127\.0\.0\.1:\d+$/),
      expect.stringMatching(/^ServiceBus=Endpoint=sb:\/\/localhost:\d+;[^ ]*SharedAccessKey=SAS_KEY_VALUE;$/),
      expect.stringMatching(/^certificate .*localhost\.pem, until \d{4}-\d\d-\d\d$/),
      `made just now; have clients trust it: NODE_EXTRA_CA_CERTS=${file} for Node, others in the docs`,
    ]);
    expect(second.tls).toEqual({
      url: expect.stringMatching(/^amqps:/),
      connectionString: expect.not.stringContaining('UseDevelopmentEmulator'),
      adminUrl: expect.stringMatching(/^https:/),
      certificate: file,
    });
    const port = Number(new URL(second.tls.url).port);
    const socket = connect({ port, host: '127.0.0.1', ca: readFileSync(file), servername: 'localhost' });
    await once(socket, 'secureConnect');
    expect(socket.authorized).toBe(true);
    socket.destroy();
  });

  it('is off unless asked for, and leaves nothing behind', async () => {
    const { adminUrl, tls } = JSON.parse(await start('--json').line());

    await expect(fetch(adminUrl.replace('http:', 'https:'))).rejects.toThrow();

    expect(tls).toBeUndefined();
    expect(existsSync(join(data, 'platform-events'))).toBe(false);
  });

  it('never prints its own key', async () => {
    const BUS_KEY = 'q7mJt0m2c1u/Zk3+Vw5b8A==';
    const started = bus.start({ XDG_DATA_HOME: data, BUS_KEY }, ...ANY_PORT, '--tls', '--tls-port', '0', '--json');

    expect(await started.line()).not.toContain(BUS_KEY);
  });

  it.each(['--tls-port', '--https-port'])('names the port of %s that is taken, and the way out', async (flag) => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;

    const { child, errors } = start('--tls', '--tls-port', '0', flag, String(port));

    expect(await once(child, 'close')).toEqual([1, null]);
    expect(errors().trim()).toBe(`port ${port} is in use; choose another with ${flag}`);
    server.close();
  });

  it.each([
    [['--tls-port', '5671'], '--tls-port needs --tls'],
    [['--https-port', '443'], '--https-port needs --tls'],
    [['--tls', '--tls-port', 'x'], "--tls-port: expected a port between 0 and 65535, got 'x'"],
    [
      ['--tls', '--tls-port', '45671', '--https-port', '45671'],
      '--https-port: port 45671 is asked for twice; every port has to be another',
    ],
  ])('refuses %j', async (args, complaint) => {
    const { child, errors } = start(...args);

    expect(await once(child, 'close')).toEqual([2, null]);
    expect(errors().trim()).toBe(complaint);
  });

  it('says where the certificate cannot be kept', async () => {
    mkdirSync(data, { recursive: true });
    writeFileSync(join(data, 'platform-events'), 'a file');

    const { child, errors } = start('--tls', '--tls-port', '0');

    expect(await once(child, 'close')).toEqual([2, null]);
    expect(errors().trim()).toBe(
      `the development certificate cannot be kept in ${join(data, 'platform-events/service-bus')}: ENOTDIR`,
    );
  });
});
