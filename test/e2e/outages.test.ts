/**
 * What is unavailable for a while must cost nothing but time: the broker, the tables, the app itself. The Functions host runs
 * in a process of its own, against a real bus and real tables; OUTAGE_MS makes the outages longer.
 */
import { ServiceBusClient, type ServiceBusMessage } from '@azure/service-bus';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventMessage } from '../../shared/delivery/bus-message.ts';
import { newEvent } from '../../shared/events/cloud-event.ts';
import { DeploymentRequested } from '../../shared/events/deployment.ts';
import { connectionString } from '../../shared/local/service-bus/amqp/server.ts';
import { type LocalBus, startBus } from '../../shared/local/service-bus/start.ts';
import type { Health } from '../../shared/status/health.ts';
import { type Azurite, startAzurite } from '../support/azurite.ts';
import { observeDeployments } from '../support/deployment-observer.ts';
import { type FaultProxy, startFaultProxy } from '../support/fault-proxy.ts';
import { Command, eventually } from '../support/processes.ts';

const OUTAGE_MS = Number(process.env['OUTAGE_MS'] ?? 2_000);
const PATIENCE_MS = 45_000 + OUTAGE_MS;

let bus: LocalBus;
let azurite: Azurite;
let busGate: FaultProxy;
let tableGate: FaultProxy;
let host: Command;
let http = '';
let client: ServiceBusClient;
/** Every event of the topic, by the request that it is about. */
const events = new Map<string, string[]>();
let name = 0;

async function startHost(): Promise<Command> {
  const tables = azurite.connectionString.replace(/127\.0\.0\.1:\d+/, `127.0.0.1:${tableGate.port}`);
  const command = new Command('shared/local/host', ['--http-port', '0'], {
    ...{ ServiceBus: connectionString(busGate.port), StateStore: tables, Cluster: 'simulated' },
    ...{ SIMULATED_ROLLOUT: '300ms', SIMULATED_DEADLINE: '600ms', HANDLER_TIMEOUT: '1s' },
  });
  [, http = ''] = await command.line(/^ready (.+)/);
  return command;
}

beforeAll(async () => {
  bus = await startBus({ port: 0, adminPort: 0 });
  const observed = observeDeployments(bus.broker);
  azurite = await startAzurite();
  busGate = await startFaultProxy(Number(new URL(bus.url).port));
  tableGate = await startFaultProxy(Number(/127\.0\.0\.1:(\d+)/.exec(azurite.connectionString)?.[1]));
  host = await startHost();
  client = new ServiceBusClient(bus.connectionString);
  client.createReceiver(observed, { receiveMode: 'receiveAndDelete' }).subscribe({
    processMessage: async ({ body: { type, id, data } }) => {
      const request: string = data.requestId ?? id;
      events.set(request, [...(events.get(request) ?? []), type]);
    },
    processError: async ({ error }) => console.error(error),
  });
}, 60_000);
afterAll(async () => {
  await host.kill();
  await client.close();
  await Promise.all([busGate.close(), tableGate.close()]);
  await Promise.all([bus.close(), azurite.close()]);
});

/** Requests for targets of their own, each sent twice under different message ids. */
async function request(tags: readonly string[]): Promise<string[]> {
  const sender = client.createSender('deployment-requested');
  const requests = tags.map((tag) => {
    const data = { namespace: 'outages', deployment: `app-${++name}`, image: `ghcr.io/shop/app:${tag}` };
    return newEvent(DeploymentRequested, { source: '/test', data });
  });
  const messages = requests.map((one) => {
    const { entity: _, scheduledEnqueueTimeMs: __, ...message } = eventMessage(one);
    return message satisfies ServiceBusMessage;
  });
  await sender.sendMessages(messages.flatMap((one) => [one, { ...one, messageId: `${one.messageId}#again` }]));
  await sender.close();
  return requests.map(({ id }) => id);
}

const outage = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, OUTAGE_MS));
const ended = (id: string): boolean => /Completed|Failed/.test(events.get(id)?.join() ?? '');
const deadLetter = (): number => bus.broker.resolve('errors').peek(0, 100).length;
const started = (id: string): boolean => (events.get(id)?.length ?? 0) > 1;

async function expectOneEndEach(ids: readonly string[]): Promise<void> {
  await eventually(() => (ids.every(ended) ? true : undefined), 'every request ends', PATIENCE_MS).catch((error) => {
    throw new Error(`${error.message}\n${host.output}`);
  });
  for (const id of ids) {
    expect(events.get(id)?.filter((type) => !/Requested|Started/.test(type))).toEqual([
      id === ids[0] ? 'DeploymentFailed' : 'DeploymentCompleted',
    ]);
  }
  expect(deadLetter()).toBe(0);
}

it.each([
  ['the broker', () => busGate],
  ['the tables', () => tableGate],
] as const)(
  'goes on where it was after an outage of %s',
  async (_, gate) => {
    const ids = await request(['fail-1', ...Array.from({ length: 4 }, () => '1')]);
    await eventually(() => (ids.some(started) ? true : undefined), 'the first has started');

    await gate().close();
    const more = await request(['1']);
    await outage();
    await gate().open();

    await expectOneEndEach([...ids, ...more]);
  },
  PATIENCE_MS + 10_000,
);

it(
  'goes on where it was after the app is killed',
  async () => {
    const ids = await request(['fail-1', ...Array.from({ length: 19 }, () => '1')]);
    await eventually(() => (ids.some(started) ? true : undefined), 'the first has started');

    host.signal('SIGKILL');
    await host.exit();
    host = await startHost();

    await expectOneEndEach(ids);
  },
  PATIENCE_MS + 10_000,
);

it('names in its health a trigger that does not receive', async () => {
  const health = async (): Promise<Health> => JSON.parse(await (await fetch(`${http}/api/health`)).text());
  const trigger = 'trigger/deployment-requested';
  const is = (status: string) => async () => {
    const answer = await health();
    const found = answer.dependencies.find(({ name }) => name === trigger);
    return found?.status === status ? { ...found, overall: answer.status } : undefined;
  };
  await eventually(is('up'), 'up');

  bus.broker.updateSubscription('deployment-requested', 'deployment-requested', { status: 'ReceiveDisabled' });
  const down = await eventually(is('down'), 'down');
  bus.broker.updateSubscription('deployment-requested', 'deployment-requested', { status: 'Active' });
  const up = await eventually(is('up'), 'up again');

  expect(down).toMatchObject({ overall: 'degraded', error: expect.stringMatching(/^not receiving: /) });
  expect(up).toMatchObject({ overall: 'up' });
});
