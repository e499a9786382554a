/** The administration as the real `ServiceBusAdministrationClient` uses it, over HTTP. */
import { once } from 'node:events';
import { request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ServiceBusAdministrationClient } from '@azure/service-bus';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createAdmin } from '../../../../../shared/local/service-bus/admin/server.ts';
import { connectionString, EMULATOR_KEY } from '../../../../../shared/local/service-bus/amqp/server.ts';
import { SystemClock } from '../../../../../shared/local/service-bus/core/clock.ts';
import { TIERS } from '../../../../../shared/local/service-bus/core/limits/limits.ts';
import type { OutgoingMessage } from '../../../../../shared/local/service-bus/core/message.ts';
import { createBroker } from '../../../../../shared/local/service-bus/create-broker.ts';
import { authorityOf } from '../../../../support/bus.ts';

const clock = new SystemClock();
const broker = createBroker({ clock });
let admin: Server;
let port: number;
let client: ServiceBusAdministrationClient;

/** The JavaScript SDK knows only HTTPS; this is what its users do about it. */
function connect(to: number, key = EMULATOR_KEY.key): ServiceBusAdministrationClient {
  const made = new ServiceBusAdministrationClient(connectionString(to, { ...EMULATOR_KEY, key }));
  made.pipeline.addPolicy({
    name: 'plain-http',
    sendRequest: (request, next) => {
      request.url = request.url.replace(/^https:/, 'http:');
      request.allowInsecureConnection = true;
      return next(request);
    },
  });
  return made;
}

/** A message of one byte. */
const message = (properties: Partial<OutgoingMessage> = {}): OutgoingMessage => ({
  body: new Uint8Array(1),
  sizeBytes: 100,
  ...properties,
});

async function all<T>(list: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of list) found.push(item);
  return found;
}

const url = (path: string) => `http://127.0.0.1:${port}${path}`;

beforeAll(async () => {
  admin = createAdmin({ broker, clock, authority: authorityOf(broker) }).listen(0, '127.0.0.1');
  await once(admin, 'listening');
  port = (admin.address() as AddressInfo).port;
  client = connect(port);
});
afterEach(() => {
  for (const { name } of broker.listQueues()) broker.deleteQueue(name);
  for (const { name } of broker.listTopics()) broker.deleteTopic(name);
});
afterAll(async () => {
  admin.close();
  admin.closeAllConnections();
  broker.close();
});

describe('queues', () => {
  it('makes one with every property, and shows it the same', async () => {
    const options = {
      lockDuration: 'PT30S',
      maxSizeInMegabytes: 2048,
      requiresDuplicateDetection: true,
      requiresSession: true,
      defaultMessageTimeToLive: 'PT2H',
      deadLetteringOnMessageExpiration: true,
      duplicateDetectionHistoryTimeWindow: 'PT5M',
      maxDeliveryCount: 7,
      autoDeleteOnIdle: 'PT1H',
      userMetadata: '<a & "b">',
      status: 'SendDisabled',
      enableBatchedOperations: false,
      enablePartitioning: true,
      enableExpress: true,
    } as const;
    await client.createQueue('failed');

    const made = await client.createQueue('a/b', options);

    expect(made).toMatchObject({ name: 'a/b', ...options });
    expect(await client.getQueue('A/B')).toMatchObject({ name: 'a/b', ...options, availabilityStatus: 'Available' });
    expect(broker.getQueue('a/b').properties).toMatchObject({ lockDurationMs: 30_000, autoDeleteOnIdleMs: 3_600_000 });
    const forwarding = await client.createQueue('c', { forwardDeadLetteredMessagesTo: 'failed' });
    expect(forwarding.forwardDeadLetteredMessagesTo).toMatch(/^sb:\/\/localhost:\d+\/failed$/);
    expect(broker.getQueue('c').properties).toMatchObject({ forwardDeadLetteredMessagesTo: 'failed' });
  });

  it('changes one as the SDK asks: with all that it was shown', async () => {
    await client.createQueue('target');
    const queue = await client.createQueue('q', { forwardTo: 'target' });

    const updated = await client.updateQueue({ ...queue, maxDeliveryCount: 3 });
    expect(updated).toMatchObject({ maxDeliveryCount: 3, lockDuration: queue.lockDuration });
    expect(broker.getQueue('q').properties.forwardTo).toBe('target');

    const { forwardTo: _, ...rest } = updated;
    await client.updateQueue(rest as typeof updated);
    expect(broker.getQueue('q').properties.forwardTo).toBeUndefined();
  });

  it.each(['forwardTo', 'forwardDeadLetteredMessagesTo'])('refuses %s an entity that is not there', async (forward) => {
    const refusal = {
      statusCode: 400,
      message: expect.stringMatching(/Forward\w*To: expected an existing queue or topic, got 'gone'/),
    };
    const queue = await client.createQueue('q');
    const topic = await client.createTopic('t');

    await expect(client.createQueue('r', { [forward]: 'gone' })).rejects.toMatchObject(refusal);
    await expect(client.updateQueue({ ...queue, [forward]: 'gone' })).rejects.toMatchObject(refusal);
    await expect(client.createSubscription(topic.name, 's', { [forward]: 'gone' })).rejects.toMatchObject(refusal);
    expect((await client.getQueue('q'))[forward as 'forwardTo']).toBeUndefined();
  });

  it('refuses what is fixed, out of bounds or not there', async () => {
    const queue = await client.createQueue('q');

    await expect(client.createQueue('Q')).rejects.toMatchObject({
      code: 'MessageEntityAlreadyExistsError',
      statusCode: 409,
    });
    await expect(client.createTopic('q')).rejects.toMatchObject({ statusCode: 409 });
    await expect(client.updateQueue({ ...queue, requiresSession: true })).rejects.toMatchObject({ statusCode: 400 });
    await expect(client.createQueue('r', { lockDuration: 'PT1H' })).rejects.toMatchObject({ statusCode: 400 });
    await expect(client.createQueue('r', { lockDuration: 'soon' })).rejects.toThrow('LockDuration');
    await expect(client.updateQueue({ ...queue, name: 'none' })).rejects.toMatchObject({ statusCode: 404 });
    await expect(client.getQueue('none')).rejects.toMatchObject({
      code: 'MessageEntityNotFoundError',
      statusCode: 404,
    });
    await expect(client.deleteQueue('none')).rejects.toMatchObject({ statusCode: 404 });
    expect(broker.listQueues().map(({ name }) => name)).toEqual(['q']);
  });

  it('says what is wrong with a name, although clients sign its encoded form', async () => {
    await expect(client.createQueue('a b')).rejects.toThrow("'a b' is not a queue name");
  });

  it('refuses sizes that no tier has, and metadata that is too long', async () => {
    await expect(client.createQueue('q', { maxSizeInMegabytes: 100 })).rejects.toThrow('expected 1024, 2048');
    await expect(client.createTopic('q', { maxSizeInMegabytes: 6_000 })).rejects.toThrow('MaxSizeInMegabytes');
    await expect(client.createQueue('q', { userMetadata: 'x'.repeat(1_025) })).rejects.toThrow('at most 1024');
    expect(await client.queueExists('q')).toBe(false);
    // As NServiceBus makes its queues.
    expect(await client.createQueue('q', { maxDeliveryCount: 2_147_483_647, maxSizeInMegabytes: 5_120 })).toMatchObject(
      {
        maxDeliveryCount: 2_147_483_647,
      },
    );
  });

  it('says whether one exists, and deletes it', async () => {
    await client.createQueue('q');
    await client.createTopic('t');

    expect(await client.queueExists('q')).toBe(true);
    expect(await client.queueExists('t')).toBe(false);
    await client.deleteQueue('q');
    expect(await client.queueExists('q')).toBe(false);
  });

  it('counts what is where', async () => {
    await client.createQueue('q');
    broker.send('q', [message(), message()]);
    broker.schedule('q', [message({ scheduledEnqueueTimeMs: clock.now() + 60_000 })]);
    const [delivery] = broker.resolve('q').receive(1);
    broker.resolve('q').deadLetter(delivery?.lockToken ?? '');

    expect(await client.getQueueRuntimeProperties('q')).toMatchObject({
      name: 'q',
      activeMessageCount: 1,
      scheduledMessageCount: 1,
      deadLetterMessageCount: 1,
      transferMessageCount: 0,
      transferDeadLetterMessageCount: 0,
      totalMessageCount: 3,
      sizeInBytes: broker.getQueue('q').counts.sizeInBytes,
      createdAt: new Date(broker.getQueue('q').times.createdAt),
    });
  });

  it('lists them page by page', async () => {
    const names = Array.from({ length: 101 }, (_, index) => `q-${String(index).padStart(3, '0')}`);
    for (const name of names) broker.createQueue(name);

    expect((await all(client.listQueues())).map(({ name }) => name)).toEqual(names);
    const pages = await all(client.listQueues().byPage({ maxPageSize: 40 }));
    expect(pages.map(({ length }) => length)).toEqual([40, 40, 21]);
    expect(await all(client.listQueuesRuntimeProperties())).toHaveLength(101);
  });
});

describe('topics and subscriptions', () => {
  it('makes, shows, changes, counts, lists and deletes them', async () => {
    const topic = await client.createTopic('t', { requiresDuplicateDetection: true, defaultMessageTimeToLive: 'P1D' });
    expect(topic).toMatchObject({ name: 't', requiresDuplicateDetection: true, defaultMessageTimeToLive: 'P1D' });
    expect(await client.updateTopic({ ...topic, userMetadata: 'm' })).toMatchObject({ userMetadata: 'm' });

    const made = await client.createSubscription('t', 's', { maxDeliveryCount: 4, lockDuration: 'PT10S' });
    expect(made).toMatchObject({ topicName: 't', subscriptionName: 's', maxDeliveryCount: 4, lockDuration: 'PT10S' });
    expect(await client.updateSubscription({ ...made, maxDeliveryCount: 5 })).toMatchObject({ maxDeliveryCount: 5 });
    broker.send('t', [message()]);

    expect(await client.getTopicRuntimeProperties('t')).toMatchObject({
      subscriptionCount: 1,
      scheduledMessageCount: 0,
    });
    const runtime = { topicName: 't', subscriptionName: 's', activeMessageCount: 1, totalMessageCount: 1 };
    expect(await client.getSubscriptionRuntimeProperties('t', 's')).toMatchObject(runtime);
    expect(await all(client.listSubscriptionsRuntimeProperties('t'))).toMatchObject([runtime]);
    expect(await all(client.listTopics())).toMatchObject([{ name: 't' }]);
    expect(await all(client.listSubscriptions('t'))).toMatchObject([{ topicName: 't', subscriptionName: 's' }]);

    expect(await client.subscriptionExists('t', 's')).toBe(true);
    await client.deleteSubscription('t', 's');
    expect(await client.subscriptionExists('t', 's')).toBe(false);
    await expect(client.createSubscription('none', 's')).rejects.toMatchObject({ statusCode: 404 });
    await client.deleteTopic('t');
    expect(await client.topicExists('t')).toBe(false);
  });
});

describe('rules', () => {
  const when = new Date('2026-01-02T03:04:05.678Z');

  it('keeps filters and actions as they were given', async () => {
    await client.createTopic('t');
    await client.createSubscription('t', 's');
    const sql = { sqlExpression: "a = @p AND b LIKE '<x>%'", sqlParameters: { '@p': 5 } };
    const correlation = {
      subject: 'DeploymentRequested',
      correlationId: 'c',
      applicationProperties: { text: 'x', whole: 3, yes: true, when },
    };

    await client.createRule('t', 's', 'sql', sql, { sqlExpression: 'SET c = 1' });
    await client.createRule('t', 's', 'same', correlation);

    expect(await client.getRule('t', 's', 'sql')).toMatchObject({
      name: 'sql',
      filter: sql,
      action: { sqlExpression: 'SET c = 1' },
    });
    expect((await client.getRule('t', 's', 'same')).filter).toMatchObject(correlation);
    const names = (await all(client.listRules('t', 's'))).map(({ name }) => name);
    expect(names).toEqual(['$Default', 'same', 'sql']);
  });

  it('changes and removes them, and messages follow', async () => {
    await client.createTopic('t');
    await client.createSubscription('t', 's', { defaultRuleOptions: { name: 'only', filter: { subject: 'x' } } });
    const { queue } = broker.getSubscription('t', 's');
    broker.send('t', [message({ subject: 'x' }), message({ subject: 'y' })]);
    expect(queue.activeCount).toBe(1);

    const rule = await client.getRule('t', 's', 'only');
    await client.updateRule('t', 's', { ...rule, filter: { subject: 'y' } });
    broker.send('t', [message({ subject: 'x' }), message({ subject: 'y' })]);
    expect(queue.peek(0, 9).map(({ content }) => content.subject)).toEqual(['x', 'y']);

    await client.deleteRule('t', 's', 'only');
    broker.send('t', [message({ subject: 'y' })]);
    expect(queue.activeCount).toBe(2);
    expect(await client.ruleExists('t', 's', 'only')).toBe(false);
  });

  it('refuses a wrong expression, naming the position', async () => {
    await client.createTopic('t');
    await client.createSubscription('t', 's');

    const creating = client.createRule('t', 's', 'r', { sqlExpression: 'a = = 1' });

    await expect(creating).rejects.toMatchObject({ statusCode: 400, message: expect.stringMatching(/'r'.*\d/) });
    await expect(client.createRule('t', 's', '$Default', { sqlExpression: '1=1' })).rejects.toMatchObject({
      statusCode: 409,
    });
  });
});

describe('requests', () => {
  it('are refused without the right key', async () => {
    await expect(connect(port, 'wrong').createQueue('q')).rejects.toMatchObject({
      code: 'UnauthorizedRequestError',
      statusCode: 401,
    });
    expect((await fetch(url('/q'))).status).toBe(401);
    expect(broker.listQueues()).toEqual([]);
  });

  /** What the SDK signs a request for a path with; it signs the query as well. */
  async function signed(path: string): Promise<{ authorization: string; query: string }> {
    const found = { authorization: '', query: '' };
    const spy = connect(port);
    spy.pipeline.addPolicy({
      name: 'spy',
      sendRequest: async (request, next) => {
        const response = await next(request);
        found.authorization = request.headers.get('authorization') ?? '';
        found.query = new URL(request.url).search;
        return response;
      },
    });
    await spy.queueExists(path);
    return found;
  }

  it('for a topic say how many filters there are of each kind, which not every SDK shows', async () => {
    broker.createTopic('counted');
    broker.createSubscription('counted', 'all');
    broker.createSubscription('counted', 'some', {}, [
      { name: 'sql', filter: { kind: 'sql', expression: 'a = 1' } },
      { name: 'correlation', filter: { kind: 'correlation', properties: { subject: 'b' }, applicationProperties: {} } },
    ]);
    const { authorization, query } = await signed('counted');

    const text = await (await fetch(url(`/counted${query}`), { headers: { authorization } })).text();

    expect(text).toMatch(/<SqlFilterCount>2<.*<CorrelationFilterCount>1</s);
  });

  it('that are malformed do no harm', async () => {
    const { authorization, query } = await signed('q');
    const put = (body: string) => fetch(url(`/q${query}`), { method: 'PUT', headers: { authorization }, body });

    expect((await put('<entry')).status).toBe(400);
    expect((await put('<entry/>')).status).toBe(400);
    expect((await put('<!DOCTYPE a [<!ENTITY b "c">]><entry>&b;</entry>')).status).toBe(400);
    expect((await put(`<entry><content><RuleDescription/></content></entry>`)).status).toBe(400);
    expect((await put(' '.repeat(2 * 1024 * 1024))).status).toBe(413);
    expect((await fetch(url(`/q${query}`), { method: 'PATCH', headers: { authorization } })).status).toBe(405);
    expect((await fetch(url('/%zz'), { headers: { authorization } })).status).toBe(400);
    expect((await fetch(url('/other'), { headers: { authorization } })).status).toBe(401);
    expect((await put('<entry><content><QueueDescription/></content></entry>')).status).toBe(201);
  });

  it('show the namespace', async () => {
    const properties = await client.getNamespaceProperties();

    expect(properties).toMatchObject({ name: 'localhost', messagingSku: 'Standard' });
    expect([properties.createdAt, properties.modifiedAt].map((date) => new Date(date).getTime())).toEqual([
      broker.createdAt,
      broker.createdAt,
    ]);
  });

  it('show a Premium namespace with its messaging units, without which the SDK throws', async () => {
    const premium = createBroker({ clock, limits: TIERS.premium });
    const server = createAdmin({ broker: premium, clock, authority: authorityOf(premium) }).listen(0, '127.0.0.1');
    await once(server, 'listening');

    const properties = await connect((server.address() as AddressInfo).port).getNamespaceProperties();
    server.close();
    premium.close();

    expect(properties).toMatchObject({ messagingSku: 'Premium', messagingUnits: 1 });
  });
});

describe('a website', () => {
  it.each([
    [{ origin: 'http://evil.example' }, 403],
    [{ host: 'evil.example' }, 421],
  ])('that sends %j learns nothing', async (headers, status) => {
    const sent = request(url('/health'), { headers }).end();
    const [response] = await once(sent, 'response');

    expect(response.statusCode).toBe(status);
    response.resume();
  });
});

describe('/health', () => {
  it('says that the bus is ready, without a token', async () => {
    const healthy = await fetch(url('/health'));
    expect([healthy.status, await healthy.json()]).toEqual([
      200,
      { status: 'healthy', message: 'Service is healthy.' },
    ]);
  });
});
