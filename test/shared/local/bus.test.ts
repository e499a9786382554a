/** The bus as people start it: a process of its own. */
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ServiceBusClient } from '@azure/service-bus';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { compositeOf } from '../../../shared/local/service-bus/amqp/codec/frames.ts';
import { RawClient } from '../../support/amqp-client.ts';
import { CLOSE } from '../../support/amqp-performatives.ts';
import { BusCommand } from '../../support/bus-command.ts';

const bus = new BusCommand();
const start = (...args: string[]) => bus.start({}, ...args);
const startWith = (environment: NodeJS.ProcessEnv, ...args: string[]) => bus.start(environment, ...args);

beforeAll(() => bus.build());
afterEach(() => bus.kill());
afterAll(() => bus.remove());

describe('npm run bus', () => {
  const KEY = 'q7mJt0m2c1u/Zk3+Vw5b8A==';
  const ANY_PORT = ['--port', '0', '--admin-port', '0', '--json'];

  it('says when it is ready, carries the topology of this build, and ends on a signal', async () => {
    const { child, line } = start('--port', '0', '--admin-port', '0');
    expect(await line()).toMatch(/^ready amqp:\/\/127\.0\.0\.1:\d+$/);
    const connection = (await line()).replace(/^ServiceBus=/, '');
    const client = new ServiceBusClient(connection);
    const receiver = client.createReceiver('deployment-requested', 'deployment-requested');
    const sender = client.createSender('deployment-requested');
    await sender.sendMessages({ body: 'x' });
    const [message] = await receiver.receiveMessages(1);

    const before = performance.now();
    child.kill('SIGTERM');
    const [code] = await once(child, 'close');

    expect(message?.body).toBe('x');
    expect(code).toBe(0);
    expect(performance.now() - before).toBeLessThan(2_000);
    await client.close();
  });

  it('prints what to connect to as JSON', async () => {
    const { line } = start('--port', '0', '--admin-port', '0', '--json');

    expect(JSON.parse(await line())).toMatchObject({
      url: expect.stringMatching(/^amqp:/),
      connectionString: expect.stringContaining('UseDevelopmentEmulator=true'),
      adminUrl: expect.stringMatching(/^http:/),
    });
  });

  it('answers on /health without a token, and ends while that connection is open', async () => {
    const { child, line } = start('--port', '0', '--admin-port', '0', '--json');

    const health = await fetch(`${JSON.parse(await line()).adminUrl}/health`);
    expect(await health.json()).toMatchObject({ status: 'healthy' });

    child.kill('SIGINT');
    expect(await once(child, 'close')).toEqual([0, null]);
  });

  it('takes the entities of a Config.json, comments and all', async () => {
    const config = join(tmpdir(), `config-${process.pid}.json`);
    writeFileSync(
      config,
      `{ // as the official emulator has it
        "UserConfig": { "Namespaces": [{ "Name": "sbemulatorns", "Queues": [{ "Name": "queue.1", "Properties": {} }],
          "Topics": [{ "Name": "topic.1", "Properties": {}, "Subscriptions": [{ "Name": "subscription.1", "Properties": {},
            "Rules": [{ "Name": "r", "Properties": { "FilterType": "Sql", "SqlFilter": { "SqlExpression": "n = 1" } } }] }] }],
        }], "Logging": { "Type": "File" } } }`,
    );
    const { line } = start('--port', '0', '--admin-port', '0', '--json', '--config', config);
    const client = new ServiceBusClient(JSON.parse(await line()).connectionString);

    await client.createSender('topic.1').sendMessages([0, 1].map((n) => ({ body: n, applicationProperties: { n } })));
    await client.createSender('queue.1').sendMessages({ body: 'q' });

    const receiver = client.createReceiver('topic.1', 'subscription.1');
    const received = await receiver.receiveMessages(2, { maxWaitTimeInMs: 500 });
    const [queued] = await client.createReceiver('queue.1').receiveMessages(1);
    expect([received.map(({ body }) => body), queued?.body]).toEqual([[1], 'q']);
    await client.close();
  });

  it.each([
    ['/does/not/exist.json', /^--config: cannot read '\/does\/not\/exist.json': ENOENT/],
    [fileURLToPath(import.meta.url), /bus\.test\.ts: /],
  ])('names what is wrong with the configuration %s', async (file, complaint) => {
    const { child, errors } = start('--port', '0', '--admin-port', '0', '--config', file);
    const [code] = await once(child, 'close');

    expect(code).toBe(2);
    expect(errors()).toMatch(complaint);
  });

  it('says in one line what no entity can have', async () => {
    const config = join(tmpdir(), `config-long-${process.pid}.json`);
    const queue = { Name: 'q', Properties: { LockDuration: 'PT6M' } };
    writeFileSync(config, JSON.stringify({ UserConfig: { Namespaces: [{ Name: 'n', Queues: [queue] }] } }));

    const { child, errors } = start(...ANY_PORT, '--config', config);

    expect(await once(child, 'close')).toEqual([2, null]);
    expect(errors()).toBe('--config: q: lockDurationMs must be from 1000 to 300000, got 360000\n');
  });

  it('names the port that is taken, and the way out', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const port = typeof address === 'object' && address ? address.port : 0;

    const { child, errors } = start('--port', String(port), '--admin-port', '0');
    const [code] = await once(child, 'close');

    expect([code, errors().trim()]).toEqual([1, `port ${port} is in use; choose another with --port`]);

    const other = start('--port', '0', '--admin-port', String(port));
    expect(await once(other.child, 'exit')).toEqual([1, null]);
    expect(other.errors().trim()).toBe(`port ${port} is in use; choose another with --admin-port`);
    server.close();
  });

  it.each([
    ['a file', (file: string) => startWith({}, ...ANY_PORT, '--key-file', file)],
    ['the environment', () => startWith({ BUS_KEY: KEY }, ...ANY_PORT)],
  ])('takes a key from %s: refuses the public key then, and never prints its own', async (_, begin) => {
    const file = join(tmpdir(), `key-${process.pid}`);
    writeFileSync(file, `${KEY}\n`);
    const { line, errors } = begin(file);
    const printed = await line();
    const { connectionString, adminUrl } = JSON.parse(printed);
    const send = async (key: string): Promise<void> => {
      const client = new ServiceBusClient(connectionString.replace('***', key), { retryOptions: { maxRetries: 0 } });
      try {
        await client.createSender('errors').sendMessages({ body: 'x' });
      } finally {
        await client.close();
      }
    };

    await send(KEY);
    await expect(send('SAS_KEY_VALUE')).rejects.toThrow(/the signature is wrong/);
    expect(await (await fetch(`${adminUrl}/errors`)).text()).not.toContain(KEY);
    expect(printed + errors()).not.toContain(KEY);
  });

  it.each([
    ['0.0.0.0', {}, [], /^--host 0\.0\.0\.0: the emulator's key is public; set your own with --key-file or BUS_KEY$/],
    ['::', {}, [], /^--host ::: the emulator's key is public/],
    ['0.0.0.0', { BUS_KEY: '' }, [], /^--host 0\.0\.0\.0: the emulator's key is public/],
    ['0.0.0.0', { BUS_KEY: 'SAS_KEY_VALUE' }, [], /^BUS_KEY: expected a key of at least 16 /],
    ['127.0.0.1', { BUS_KEY: 'a;b;c;d;e;f;g;h;i;j' }, [], /^BUS_KEY: expected a key/],
    ['127.0.0.1', {}, ['--key-file', '/dev/null'], /^--key-file \/dev\/null: expected a key/],
  ])('does not listen on %s with %j %j', async (host, environment, flags, complaint) => {
    const { child, errors } = startWith(environment, ...ANY_PORT, '--host', host, ...flags);

    expect(await once(child, 'close')).toEqual([2, null]);
    expect(errors().trim()).toMatch(complaint);
    expect(errors()).not.toContain('a;b');
  });

  it('takes rules and identities from the configuration, and prints how to sign in', async () => {
    const config = join(tmpdir(), `access-${process.pid}.json`);
    const write = (Rule: object): void =>
      writeFileSync(
        config,
        JSON.stringify({
          UserConfig: {
            Namespaces: [{ Name: 'n', AuthorizationRules: [Rule], Identities: [], Queues: [{ Name: 'q' }] }],
          },
        }),
      );
    write({ Name: 'listener', Rights: ['Listen'] });
    const { line, errors } = start(...ANY_PORT, '--config', config, '--identity');
    const { connectionString, identity } = JSON.parse(await line());
    const listener = connectionString.replace('RootManageSharedAccessKey', 'listener');
    const client = new ServiceBusClient(listener, { retryOptions: { maxRetries: 0 } });

    await expect(client.createSender('q').sendMessages({ body: 'x' })).rejects.toThrow("'Send' claim(s) are required");
    expect(identity).toEqual({
      IDENTITY_ENDPOINT: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/msi\/token$/),
      IDENTITY_HEADER: 'SAS_KEY_VALUE',
    });
    expect(errors()).toBe('');
    await client.close();

    const idle = start(...ANY_PORT, '--config', config);
    await idle.line();
    expect(idle.errors()).toBe('warning: Identities have no effect without --identity\n');
    const open = startWith({ BUS_KEY: KEY }, ...ANY_PORT, '--config', config, '--host', '0.0.0.0');
    expect(await once(open.child, 'exit')).toEqual([2, null]);
    expect(open.errors()).toBe(
      "--host 0.0.0.0: the emulator's key is public; give the rule 'listener' a PrimaryKey of its own\n",
    );
    write({ Name: 'm', Rights: ['Manage'] });
    const wrong = start(...ANY_PORT, '--config', config);
    await once(wrong.child, 'exit');
    expect(wrong.errors()).toContain('AuthorizationRules.0.Rights: expected Listen and Send too');
  });

  it('refuses the eleventh connection, as the emulator does, when it is strict', async () => {
    const config = join(tmpdir(), `strict-${process.pid}.json`);
    const namespace = { Name: 'sbemulatorns', Queues: [{ Name: 'q' }] };
    writeFileSync(config, JSON.stringify({ UserConfig: { Namespaces: [namespace] } }));
    const { line } = start(...ANY_PORT, '--config', config, '--strict');
    const { url } = JSON.parse(await line());
    const port = Number(new URL(url).port);
    const clients = await Promise.all(Array.from({ length: 10 }, () => RawClient.open(port)));

    const eleventh = await RawClient.open(port);
    const { fields } = await eleventh.next(CLOSE);

    expect(compositeOf(fields[0])?.fields[1]).toBe('the namespace allows at most 10 concurrent connections');
    for (const client of [...clients, eleventh]) client.close();
  });

  it('throttles like the Standard tier, with the text that it documents', async () => {
    const { line } = start(...ANY_PORT, '--tier', 'standard');
    const { connectionString } = JSON.parse(await line());
    const client = new ServiceBusClient(connectionString, { retryOptions: { maxRetries: 0, timeoutInMs: 2_000 } });
    const sender = client.createSender('errors');

    const sending = Promise.all([1, 2, 3, 4].map(() => sender.sendMessages(Array(1_000).fill({ body: 'x' }))));

    await expect(sending).rejects.toMatchObject({ code: 'ServiceBusy', message: expect.stringContaining('50009') });
    await client.close();
  });

  it('listens everywhere with a key, to clients that have it', async () => {
    const { line } = startWith({ BUS_KEY: KEY }, ...ANY_PORT, '--host', '0.0.0.0');
    const { connectionString } = JSON.parse(await line());

    const client = new ServiceBusClient(connectionString.replace('***', KEY));
    await client.createSender('errors').sendMessages({ body: 'x' });

    expect(connectionString).toMatch(/^Endpoint=sb:\/\/localhost:\d+;/);
    await client.close();
  });

  it.each([
    [['--port', 'x'], /--port: expected a port between 0 and 65535, got 'x'/],
    [['--prot', '1'], /unknown option '--prot'; did you mean '--port'\?/],
    [['--tier', 'basic'], /--tier: expected standard or premium, got 'basic'/],
  ])('refuses %j', async (args, complaint) => {
    const { child, errors } = start(...args);
    const [code] = await once(child, 'close');

    expect(code).toBe(2);
    expect(errors()).toMatch(complaint);
  });
});
