/** Rights as the real SDK meets them: several rules, each for some of what it does, and tokens that expire. */
import { createHmac } from 'node:crypto';
import { delay } from '@azure/core-amqp';
import { ServiceBusClient, type ServiceBusReceiver, type ServiceBusSender } from '@azure/service-bus';
import Long from 'long';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectionString } from '../../../../../shared/local/service-bus/amqp/server.ts';
import type { AccessRight } from '../../../../../shared/local/service-bus/core/authorization-rule.ts';
import { type LocalBus, startBus } from '../../../../../shared/local/service-bus/start.ts';

const rule = (name: string, ...rights: AccessRight[]) => ({ name, primaryKey: `key of ${name}`, rights });
let bus: LocalBus;
const clients: ServiceBusClient[] = [];

beforeAll(async () => {
  const authorizationRules = [rule('sender', 'Send'), rule('listener', 'Listen'), rule('both', 'Listen', 'Send')];
  bus = await startBus({
    port: 0,
    adminPort: 0,
    plan: {
      authorizationRules,
      queues: [
        { name: 'open', properties: {} },
        { name: 'own', properties: { authorizationRules: [rule('of-own', 'Send')] } },
      ],
      topics: [{ name: 'topic', properties: {}, subscriptions: [{ name: 'all', properties: {}, rules: [] }] }],
    },
  });
});
afterAll(async () => {
  await Promise.all(clients.map((client) => client.close()));
  await bus.close();
});

function as(name: string, key = `key of ${name}`): ServiceBusClient {
  const port = Number(new URL(bus.url).port);
  const client = new ServiceBusClient(connectionString(port, { name, key }), {
    retryOptions: { maxRetries: 0, timeoutInMs: 5_000 },
  });
  clients.push(client);
  return client;
}

const denied = (claims: string, resource: string) => ({
  code: 'UnauthorizedAccess',
  message: expect.stringContaining(
    `Unauthorized access. '${claims}' claim(s) are required to perform this operation. Resource: 'sb://localhost/${resource}'`,
  ),
});
const send = (client: ServiceBusClient, queue = 'open') => client.createSender(queue).sendMessages({ body: 'x' });
const receive = (client: ServiceBusClient, queue = 'open') => client.createReceiver(queue).receiveMessages(1);

describe('a rule', () => {
  it('lets its holder do what its rights say, and nothing else', async () => {
    await send(as('sender'));
    expect(await receive(as('listener'))).toHaveLength(1);
    await expect(receive(as('sender'))).rejects.toMatchObject(denied('Listen', 'open'));
    await expect(send(as('listener'))).rejects.toMatchObject(denied('Send', 'open'));
    await expect(receive(as('sender'), 'open/$DeadLetterQueue')).rejects.toMatchObject(
      denied('Listen', 'open/$DeadLetterQueue'),
    );
  });

  it('of an entity is for that entity alone, beside those of the namespace', async () => {
    await send(as('of-own'), 'own');
    await send(as('sender'), 'own');

    await expect(send(as('of-own'), 'open')).rejects.toThrow("the key 'of-own' is unknown");
    await expect(receive(as('of-own'), 'own')).rejects.toMatchObject(denied('Listen', 'own'));
  });

  it.each<[string, string, (receiver: ServiceBusReceiver, sender: ServiceBusSender) => Promise<unknown>]>([
    ['peeking', 'Listen', (receiver) => receiver.peekMessages(1)],
    ['receiving what was deferred', 'Listen', (receiver) => receiver.receiveDeferredMessages(Long.ONE)],
    ['scheduling', 'Listen', (_, sender) => sender.scheduleMessages({ body: 'x' }, new Date(Date.now() + 60_000))],
  ])('is asked for by the management of an entity: %s', async (_, claim, act) => {
    const client = as('sender');

    await expect(act(client.createReceiver('open'), client.createSender('open'))).rejects.toMatchObject(
      denied(claim, 'open/$management'),
    );
  });

  it('to send and to listen lets its holder schedule; one to listen alone does not', async () => {
    const later = new Date(Date.now() + 60_000);

    await as('both').createSender('topic').scheduleMessages({ body: 'x' }, later);

    await expect(as('listener').createSender('topic').scheduleMessages({ body: 'x' }, later)).rejects.toMatchObject(
      denied('Send', 'topic/$management'),
    );
  });

  it('to listen lets its holder change the rules of a subscription, as documented', async () => {
    const manager = as('listener').createRuleManager('topic', 'all');

    await manager.createRule('r', { sqlExpression: 'a = 1' });

    const names = [];
    for await (const { name } of manager.listRules()) names.push(name);
    expect(names).toEqual(['$Default', 'r']);
    await manager.deleteRule('r');
    await expect(as('sender').createRuleManager('topic', 'all').deleteRule('$Default')).rejects.toMatchObject(
      denied('Listen', 'topic/Subscriptions/all/$management'),
    );
  });

  it('with a wrong key is refused before anything is said of rights', async () => {
    await expect(send(as('sender', 'key of listener'))).rejects.toThrow('the signature is wrong');
  });
});

describe('a token', () => {
  /** A connection string with a signature instead of a key. */
  function signed(seconds: number): ServiceBusClient {
    const port = new URL(bus.url).port;
    const resource = encodeURIComponent(`sb://localhost:${port}/open`);
    const expiry = Math.floor(Date.now() / 1000) + seconds;
    const signature = createHmac('sha256', 'key of both').update(`${resource}\n${expiry}`).digest('base64');
    const token = `SharedAccessSignature sr=${resource}&sig=${encodeURIComponent(signature)}&se=${expiry}&skn=both`;
    const client = new ServiceBusClient(
      `Endpoint=sb://localhost:${port};SharedAccessSignature=${token};UseDevelopmentEmulator=true;`,
      { retryOptions: { maxRetries: 0, timeoutInMs: 5_000 } },
    );
    clients.push(client);
    return client;
  }

  it('that expires ends its links, and no others', async () => {
    const sender = signed(2).createSender('open');
    const other = as('sender').createSender('open');
    await sender.sendMessages({ body: 'x' });
    await other.sendMessages({ body: 'x' });
    const broken = new Promise<Error>((resolve) => {
      const receiver = signed(2).createReceiver('open');
      receiver.subscribe({ processMessage: async () => {}, processError: async ({ error }) => resolve(error) });
    });

    expect(await broken).toMatchObject({ code: 'UnauthorizedAccess' });

    await delay(100);
    await expect(sender.sendMessages({ body: 'late' })).rejects.toThrow('expired');
    await other.sendMessages({ body: 'in time' });
  }, 10_000);
});
