/** The event bus in memory, and the real SDK on the bus's AMQP endpoint, keep one contract. */
import { gunzipSync, gzipSync } from 'node:zlib';
import { ServiceBusClient } from '@azure/service-bus';
import { expect, it, vi } from 'vitest';
import { MemoryStateStore } from '../../shared/adapters/memory-store.ts';
import { createServiceBus } from '../../shared/adapters/service-bus/event-bus.ts';
import { NotReplayableError, replay } from '../../shared/delivery/replay.ts';
import { TransientError } from '../../shared/errors.ts';
import { newEvent } from '../../shared/events/cloud-event.ts';
import { DeploymentRequested } from '../../shared/events/deployment.ts';
import { connectionString, startAmqp } from '../../shared/local/service-bus/amqp/server.ts';
import { applyTopology } from '../../shared/local/service-bus/config/apply-topology.ts';
import type { Broker } from '../../shared/local/service-bus/core/broker.ts';
import { SystemClock } from '../../shared/local/service-bus/core/clock.ts';
import { createBroker } from '../../shared/local/service-bus/create-broker.ts';
import { InMemoryEventBus } from '../../shared/local/testing/in-memory-event-bus.ts';
import { oldestErrors } from '../../shared/status/summaries.ts';
import { ERRORS_QUEUE, topology } from '../../shared/topology.ts';
import { sampleData } from '../support/events.ts';
import { RecordingLog } from '../support/ports.ts';
import { type ErrorsEntry, eventBusContract } from './event-bus.ts';
import { addressesContract } from './event-bus-addresses.ts';

const QUICK = { maxRetries: 0, timeoutInMs: 5_000 };
const event = newEvent(DeploymentRequested, { source: '/ci', data: sampleData.DeploymentRequested });

function errorsOf(broker: Broker): ErrorsEntry[] {
  return broker
    .resolve(ERRORS_QUEUE)
    .peek(0, 1_000)
    .map(({ content: { messageId, subject, body, applicationProperties } }) => ({
      messageId,
      // Over AMQP the broker keeps the message as it was encoded.
      body: body instanceof Uint8Array ? Buffer.from(body).toString() : String(body),
      type: subject,
      properties: applicationProperties,
    }));
}

eventBusContract('InMemoryEventBus', async () => {
  const bus = new InMemoryEventBus({ clock: new SystemClock() });
  return {
    bus,
    errors: async () => errorsOf(bus.broker),
    deleteSubscription: async (topic, name) => bus.broker.deleteSubscription(topic, name),
    close: () => bus.close(),
  };
});

async function startBroker(port = 0) {
  const broker = createBroker({ clock: new SystemClock() });
  applyTopology(broker, topology);
  const server = await startAmqp({ broker, port });
  return {
    broker,
    port: server.port,
    close: async () => {
      await server.close();
      broker.close();
    },
  };
}

eventBusContract('ServiceBusEventBus', async () => {
  const { broker, port, close } = await startBroker();
  const connection = { connectionString: connectionString(port) };
  const bus = await createServiceBus(connection, { log: new RecordingLog() }, QUICK);
  const client = new ServiceBusClient(connectionString(port), { retryOptions: QUICK });
  return {
    bus,
    errors: async () => {
      const messages = await client.createReceiver(ERRORS_QUEUE, { skipParsingBodyAsJson: true }).peekMessages(100);
      return messages.map(({ messageId, body, subject, applicationProperties }) => ({
        messageId: String(messageId),
        body: String(body),
        type: subject,
        properties: applicationProperties ?? {},
      }));
    },
    deleteSubscription: async (topic, name) => broker.deleteSubscription(topic, name),
    close: async () => {
      await bus.close();
      await client.close();
      await close();
    },
  };
});

async function addSubscription(broker: Broker, topic: string, name: string, expression: string): Promise<void> {
  broker.createSubscription(topic, name, {}, [{ name: 'Listen', filter: { kind: 'sql', expression } }]);
}

addressesContract('InMemoryEventBus', async () => {
  const bus = new InMemoryEventBus({ clock: new SystemClock() });
  return {
    bus,
    send: async (entity, message) => void bus.broker.send(entity, [{ ...message, sizeBytes: message.body.length }]),
    addSubscription: (topic, name, filter) => addSubscription(bus.broker, topic, name, filter),
    close: () => bus.close(),
  };
});

addressesContract('ServiceBusEventBus', async () => {
  const { broker, port, close } = await startBroker();
  const connection = { connectionString: connectionString(port) };
  const bus = await createServiceBus(connection, { log: new RecordingLog() }, QUICK);
  const client = new ServiceBusClient(connectionString(port), { retryOptions: QUICK });
  return {
    bus,
    send: (entity, { timeToLiveMs, ...message }) =>
      client
        .createSender(entity)
        .sendMessages({ ...message, ...(timeToLiveMs !== undefined && { timeToLive: timeToLiveMs }) }),
    addSubscription: (topic, name, filter) => addSubscription(broker, topic, name, filter),
    close: async () => {
      await bus.close();
      await client.close();
      await close();
    },
  };
});

it('fails with a transient error while the broker is unavailable, and works when it is back', async () => {
  const first = await startBroker();
  const bus = await createServiceBus(
    { connectionString: connectionString(first.port) },
    { log: new RecordingLog() },
    QUICK,
  );
  await bus.publish(event);
  await first.close();

  await expect(bus.publish(event)).rejects.toThrow(TransientError);
  await expect(bus.ping()).rejects.toThrow(TransientError);

  const second = await startBroker(first.port);
  await vi.waitFor(() => bus.publish(event), { timeout: 8_000 });
  expect(second.broker.resolve('deployment-requested/Subscriptions/deployment-requested').activeCount).toBe(1);
  await bus.close();
  await second.close();
});

it('counts a wrong key and a missing topic as something that people will mend', async () => {
  const { broker, port, close } = await startBroker();
  const wrong = connectionString(port, { name: 'RootManageSharedAccessKey', key: 'wrong' });
  const locked = await createServiceBus({ connectionString: wrong }, { log: new RecordingLog() }, QUICK);
  const bus = await createServiceBus({ connectionString: connectionString(port) }, { log: new RecordingLog() }, QUICK);
  broker.deleteTopic('deployment-requested');

  await expect(locked.publish(event)).rejects.toThrow(TransientError);
  await expect(bus.publish(event)).rejects.toThrow(
    /^the subscription 'deployment-requested' of the topic 'deployment-requested' does not exist/,
  );
  await expect(bus.publish(event)).rejects.toThrow(TransientError);

  await Promise.all([locked.close(), bus.close()]);
  await close();
});

it('lists large entries a few at a time, and unpacks none', async () => {
  const { broker, port, close } = await startBroker();
  const bus = await createServiceBus({ connectionString: connectionString(port) }, { log: new RecordingLog() }, QUICK);
  const body = gzipSync(Buffer.alloc(240 * 1024 * 1024));
  for (let n = 0; n < 40; n++) {
    broker.send(ERRORS_QUEUE, [{ contentType: 'application/gzip', body, sizeBytes: body.length }]);
  }

  const page = await bus.deadLetters('0', 100);
  const all = await oldestErrors({ deadLetterQueue: bus }, 100);

  expect(page.length).toBeGreaterThan(0);
  expect(page.length).toBeLessThan(25);
  expect(page[0]).toMatchObject({ body: '', gzipped: body });
  expect(all).toHaveLength(40);
  expect(JSON.stringify(all).length).toBeLessThan(20_000);
  await bus.close();
  await close();
});

it('refuses to replay an entry that unpacks to more than the broker takes', async () => {
  const { broker, port, close } = await startBroker();
  const bus = await createServiceBus({ connectionString: connectionString(port) }, { log: new RecordingLog() }, QUICK);
  const large = { ...event, data: { ...event.data, note: 'x'.repeat(600_000) } };
  const body = gzipSync(JSON.stringify(large));
  broker.send(ERRORS_QUEUE, [{ contentType: 'application/gzip', body, sizeBytes: body.length }]);
  // A replay needs no more than these.
  const ports = {
    publisher: bus,
    deadLetterQueue: bus,
    state: new MemoryStateStore(),
    clock: new SystemClock(),
    log: new RecordingLog(),
  } as never;

  await expect(replay('1', ports)).rejects.toThrow(NotReplayableError);

  expect(await bus.deadLetters('0', 9)).toHaveLength(1);
  await bus.close();
  await close();
});

it('dead-letters a body that leaves no room for the reason, whole if that can be', async () => {
  const { port, close } = await startBroker();
  const bus = await createServiceBus({ connectionString: connectionString(port) }, { log: new RecordingLog() }, QUICK);
  const client = new ServiceBusClient(connectionString(port), { retryOptions: QUICK });
  const why = {
    reason: 'InvalidEvent',
    description: 'no JSON',
    subscription: 'health-check',
    attempts: 1,
    redelivery: 0,
  };
  const deadLetter = (messageId: string, body: string): Promise<void> =>
    bus.deadLetter({ ...why, messageId, body, type: undefined, correlationId: undefined, traceparent: undefined });
  const brimful = 'x'.repeat(262_000);
  const hopeless = Array.from({ length: 100_000 }, (_, n) => ((n * 2_654_435_761) % 2 ** 32).toString(36)).join('');

  await deadLetter('brimful', brimful);
  await deadLetter('hopeless', hopeless);

  const receiver = client.createReceiver(ERRORS_QUEUE, { skipParsingBodyAsJson: true });
  const [zipped, halved] = await receiver.peekMessages(2);
  expect(zipped?.contentType).toBe('application/gzip');
  expect(gunzipSync(zipped?.body).toString()).toBe(brimful);
  expect(String(halved?.body)).toBe(`${hopeless.slice(0, 131_069)}...`);
  expect(halved?.applicationProperties).toMatchObject({
    DeadLetterErrorDescription: 'no JSON',
    BodyWasCutFrom: hopeless.length,
  });
  await Promise.all([bus.close(), client.close()]);
  await close();
});
