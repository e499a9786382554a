/** The publisher of other services, on the local bus through the real SDK. */
import { ServiceBusClient } from '@azure/service-bus';
import * as api from '@opentelemetry/api';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { EventPublisher } from '../../../shared/client/event-publisher.ts';
import { readEvent } from '../../../shared/client/read-event.ts';
import { EventTooLargeError, InvalidEventError } from '../../../shared/errors.ts';
import type { PlatformEvent } from '../../../shared/events/catalog.ts';
import { newEvent } from '../../../shared/events/cloud-event.ts';
import { DeploymentRequested } from '../../../shared/events/deployment.ts';
import { exampleEvent } from '../../../shared/events/examples.ts';
import { eventKey } from '../../../shared/events/identity.ts';
import { HealthCheck } from '../../../shared/events/platform.ts';
import { type LocalBus, startBus } from '../../../shared/local/service-bus/start.ts';
import { recordSpans } from '../../support/recorded-spans.ts';

let bus: LocalBus;
let client: ServiceBusClient;
let publisher: EventPublisher;

beforeAll(async () => {
  bus = await startBus({ port: 0, adminPort: 0 });
  client = new ServiceBusClient(bus.connectionString);
  publisher = new EventPublisher(client);
});
afterAll(async () => {
  await publisher.close();
  await client.close();
  await bus.close();
});
afterEach(async () => {
  for (const topic of ['health-check', 'deployment-requested']) await received(topic);
});

/** What waits at a handler's subscription, taken out of it. */
function received(topic: string) {
  const receiver = client.createReceiver(topic, topic, {
    receiveMode: 'receiveAndDelete',
    skipParsingBodyAsJson: true,
  });
  const waiting = bus.broker.getSubscription(topic, topic).counts.activeMessageCount;
  return waiting === 0 ? Promise.resolve([]) : receiver.receiveMessages(waiting, { maxWaitTimeInMs: 5_000 });
}

const check = (service: string, attributes = {}) =>
  newEvent(HealthCheck, { source: '/probe', data: { service, good: 1, total: 1 }, ...attributes });
const request = (attributes = {}) =>
  newEvent(DeploymentRequested, {
    source: '/ci',
    data: { namespace: 'shop', deployment: 'web', image: 'ghcr.io/shop/web:1.0.0' },
    ...attributes,
  });

it('sends each event to the topic of its type, as its handler reads it', async () => {
  const events: PlatformEvent[] = [check('web'), request(), check('api')];

  await publisher.publish(events);

  const checks = await received('health-check');
  const [asked] = await received('deployment-requested');
  expect(checks.map(readEvent)).toEqual([events[0], events[2]]);
  expect(asked && readEvent(asked)).toEqual(events[1]);
  expect(asked).toMatchObject({
    messageId: eventKey(request({ id: events[1]?.id })),
    subject: 'DeploymentRequested',
    contentType: 'application/cloudevents+json',
    correlationId: events[1]?.correlationid,
  });
});

it('sends twice what arrives once', async () => {
  const event = check('web');

  await publisher.publish(event);
  await publisher.publish([event, event]);

  expect(await received('health-check')).toHaveLength(1);
});

it('sends more than one message holds, and one event that fills a batch by itself', async () => {
  const padded = (kilobytes: number) =>
    check('web', { padding: '', data: { service: 'web', good: 1, total: 1, more: 'x'.repeat(kilobytes * 1024) } });
  const events = [padded(100), padded(100), padded(100), padded(254)];

  await publisher.publish(events);

  const ids = (await received('health-check')).map((message) => readEvent(message).id);
  expect(ids.sort()).toEqual(events.map(({ id }) => id).sort());
});

it('refuses before the first is sent: facts, what its handler would refuse, and what is too large', async () => {
  const fact = exampleEvent('DeploymentStarted') as PlatformEvent;
  const invalid = { ...check('web'), data: { service: 'web', good: 2, total: 1 } };
  const large = check('web', { data: { service: 'web', good: 1, total: 1, more: 'x'.repeat(256 * 1024) } });

  await expect(publisher.publish([check('web'), fact])).rejects.toThrow('which this app alone publishes');
  await expect(publisher.publish([check('web'), invalid])).rejects.toThrow(InvalidEventError);
  await expect(publisher.publish([check('web'), large])).rejects.toThrow(EventTooLargeError);

  expect(await received('health-check')).toEqual([]);
});

it('goes on in the trace of whoever publishes, unless the event has one', async () => {
  const spans = recordSpans();
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
  try {
    await api.trace.getTracer('test').startActiveSpan('publish', async (span) => {
      await publisher.publish([check('web'), check('api', { traceparent })]);
      span.end();
    });
    const [ours, theirs] = await received('health-check');

    const { traceId, spanId } = spans.named('publish').spanContext();
    expect(ours && readEvent(ours).traceparent).toBe(`00-${traceId}-${spanId}-01`);
    expect(ours?.applicationProperties).toMatchObject({ 'Diagnostic-Id': `00-${traceId}-${spanId}-01` });
    expect(theirs && readEvent(theirs).traceparent).toBe(traceparent);
  } finally {
    spans.stop();
  }
});

it('opens its senders again after a close', async () => {
  await publisher.publish(check('web'));
  await publisher.close();
  await publisher.publish(check('api'));

  expect(await received('health-check')).toHaveLength(2);
});

it.each([undefined, null, 'Endpoint=sb://localhost'])('is made of no %j', (client) => {
  expect(() => new EventPublisher(client as never)).toThrow(
    /^expected a ServiceBusClient of @azure\/service-bus, got /,
  );
});
