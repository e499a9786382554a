/** Authorization rules of entities as the real administration client sets and reads them, and what it may do by them. */
import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ServiceBusAdministrationClient } from '@azure/service-bus';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createAdmin } from '../../../../../shared/local/service-bus/admin/server.ts';
import { connectionString, EMULATOR_KEY } from '../../../../../shared/local/service-bus/amqp/server.ts';
import { Authority } from '../../../../../shared/local/service-bus/auth/authority.ts';
import type { SharedKey } from '../../../../../shared/local/service-bus/auth/sasl.ts';
import { SystemClock } from '../../../../../shared/local/service-bus/core/clock.ts';
import { createBroker } from '../../../../../shared/local/service-bus/create-broker.ts';

const clock = new SystemClock();
const broker = createBroker({ clock });
let admin: Server;

function connect(key: SharedKey = EMULATOR_KEY): ServiceBusAdministrationClient {
  const { port } = admin.address() as AddressInfo;
  const made = new ServiceBusAdministrationClient(connectionString(port, key), { retryOptions: { maxRetries: 0 } });
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

const rule = (keyName: string, accessRights: ('Listen' | 'Send' | 'Manage')[], keys: object = {}) => ({
  claimType: 'SharedAccessKey',
  accessRights,
  keyName,
  primaryKey: `${keyName}-1`,
  secondaryKey: `${keyName}-2`,
  ...keys,
});

beforeAll(async () => {
  const authority = new Authority({
    key: EMULATOR_KEY,
    rules: [{ name: 'reader', primaryKey: 'reader', rights: ['Listen', 'Send'] }],
    entityRules: (path) => broker.rulesOf(path),
  });
  admin = createAdmin({ broker, clock, authority }).listen(0, '127.0.0.1');
  await once(admin, 'listening');
});
afterEach(() => {
  for (const { name } of broker.listQueues()) broker.deleteQueue(name);
  for (const { name } of broker.listTopics()) broker.deleteTopic(name);
});
afterAll(() => {
  admin.close();
  admin.closeAllConnections();
  broker.close();
});

describe('authorization rules', () => {
  it('are set, shown, changed and removed, on queues and topics', async () => {
    const client = connect();
    const rules = [rule('sender', ['Send']), rule('all', ['Listen', 'Send', 'Manage'])];

    expect((await client.createQueue('q', { authorizationRules: rules })).authorizationRules).toEqual(rules);
    expect((await client.createTopic('t', { authorizationRules: rules.slice(1) })).authorizationRules).toEqual([
      rules[1],
    ]);
    const queue = await client.getQueue('q');
    await client.updateQueue({ ...queue, authorizationRules: [rule('listener', ['Listen'])] });

    expect((await client.getQueue('q')).authorizationRules).toEqual([rule('listener', ['Listen'])]);
    // As the service shows none.
    await client.updateQueue({ ...queue, authorizationRules: [] });
    expect((await client.getQueue('q')).authorizationRules).toBeUndefined();
    expect((await client.createQueue('bare')).authorizationRules).toBeUndefined();
  });

  it('get keys of 256 bits when they have none', async () => {
    const keyless = { primaryKey: undefined, secondaryKey: undefined };

    const { authorizationRules } = await connect().createQueue('q', {
      authorizationRules: [rule('sender', ['Send'], keyless)],
    } as object);

    const keys = [authorizationRules?.[0]?.primaryKey, authorizationRules?.[0]?.secondaryKey];
    expect(keys.map((key) => Buffer.from(key ?? '', 'base64').length)).toEqual([32, 32]);
    expect(keys[0]).not.toBe(keys[1]);
  });

  it.each([
    [[rule('m', ['Manage'])], 'assigning Manage to rights requires Listen and Send'],
    [[rule('n', [])], "the rule 'n' has no rights"],
    [[rule('x', ['Write' as 'Send'])], "AuthorizationRule.Rights: expected Listen, Send, Manage, got 'Write'"],
    [[rule('a', ['Send']), rule('a', ['Listen'])], "there are two authorization rules 'a'"],
    [[rule('', ['Send'])], 'the name of a rule has 1 to 256 characters'],
    [[rule('a', ['Send'], { primaryKey: 'x'.repeat(257) })], "a key of 'a' has 1 to 256 characters"],
    [[rule('a', ['Send'], { claimType: 'nameidentifier' })], 'expected SharedAccessKey'],
    [Array.from({ length: 13 }, (_, n) => rule(`r${n}`, ['Send'])), '13 authorization rules; at most 12 are allowed'],
  ])('are refused when they are %j', async (authorizationRules, why) => {
    await expect(connect().createQueue('q', { authorizationRules })).rejects.toThrow(why);
    expect(broker.has('q')).toBe(false);
  });
});

describe('the administration', () => {
  it('needs the right to manage, and says so in the words of the service', async () => {
    broker.createQueue('q');
    const reader = connect({ name: 'reader', key: 'reader' });

    await expect(reader.getQueue('q')).rejects.toMatchObject({
      statusCode: 401,
      code: 'UnauthorizedRequestError',
      message: expect.stringContaining('Manage,EntityRead claims required for this operation'),
    });
    await expect(reader.createQueue('new')).rejects.toThrow(
      'Authorization failed for specified action: Manage,EntityWrite',
    );
    await expect(reader.deleteQueue('q')).rejects.toThrow(
      'Authorization failed for specified action: Manage,EntityDelete',
    );
    expect(broker.listQueues().map(({ name }) => name)).toEqual(['q']);
  });

  it.each([
    ['POST', '/q/messages'],
    ['POST', '/q/messages/head?timeout=60'],
    ['DELETE', '/q/messages/head'],
  ])('says at once of messages over HTTP that there are none: %s %s', async (method, path) => {
    const { port } = admin.address() as AddressInfo;

    const answer = await fetch(`http://127.0.0.1:${port}${path}`, { method });

    expect(answer.status).toBe(501);
    expect(await answer.text()).toContain('messages over HTTP are not supported');
  });

  it('of one entity, and of what is below it, is open to a rule of that entity', async () => {
    const client = connect();
    await client.createTopic('team/t', { authorizationRules: [rule('owner', ['Listen', 'Send', 'Manage'])] });
    await client.createTopic('other');
    const owner = connect({ name: 'owner', key: 'owner-2' });

    await owner.createSubscription('team/t', 's');
    await owner.createRule('team/t', 's', 'r', { sqlExpression: 'a = 1' });
    expect((await owner.getTopic('team/t')).name).toBe('team/t');

    await expect(owner.getTopic('other')).rejects.toThrow("the key 'owner' is unknown");
    await expect(owner.createQueue('team')).rejects.toThrow("the key 'owner' is unknown");
    await expect(owner.listQueues().next()).rejects.toThrow("the key 'owner' is unknown");
  });
});
