/** What the app makes of a Service Bus that throttles it: the reason and the wait stay, however the SDK wraps them. */
import type { AddressInfo } from 'node:net';
import rhea from 'rhea';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createServiceBus, type ServiceBusEventBus } from '../../../../shared/adapters/service-bus/event-bus.ts';
import { TransientError } from '../../../../shared/errors.ts';
import { newEvent } from '../../../../shared/events/cloud-event.ts';
import { DeploymentRequested } from '../../../../shared/events/deployment.ts';
import { connectionString, EMULATOR_KEY } from '../../../../shared/local/service-bus/amqp/server.ts';
import { applyTopology } from '../../../../shared/local/service-bus/config/apply-topology.ts';
import type { FaultOperation } from '../../../../shared/local/service-bus/core/faults.ts';
import { ERRORS_QUEUE, topology } from '../../../../shared/topology.ts';
import { type LocalBus, startBus } from '../../../support/bus.ts';
import { sampleData } from '../../../support/events.ts';
import { RecordingLog } from '../../../support/ports.ts';

const RETRY = { maxRetries: 2, retryDelayInMs: 1, maxRetryDelayInMs: 2, timeoutInMs: 5_000 };
const event = (id: string) =>
  newEvent(DeploymentRequested, { id, source: '/ci', data: sampleData.DeploymentRequested });
const deadLetter = {
  ...{ messageId: 'p', body: 'x', type: undefined, correlationId: undefined, traceparent: undefined },
  ...{ reason: 'InvalidEvent', description: 'no JSON', subscription: 'health-check', attempts: 1, redelivery: 0 },
};
const open = (port: number, key = EMULATOR_KEY.key): Promise<ServiceBusEventBus> => {
  const text = connectionString(port, { name: EMULATOR_KEY.name, key });
  return createServiceBus({ connectionString: text }, { log: new RecordingLog() }, RETRY);
};

describe('a broker that is busy through all retries', () => {
  let local: LocalBus;
  let bus: ServiceBusEventBus;
  beforeEach(async () => {
    local = await startBus();
    applyTopology(local.broker, topology);
    bus = await open(local.port);
  });
  afterEach(async () => {
    await bus.close();
    await local.close();
  });

  const calls: [string, FaultOperation, (on: ServiceBusEventBus) => Promise<unknown>][] = [
    ['an event', 'send', (on) => on.publish(event('a'))],
    ['a batch', 'send', (on) => on.publishAll([event('a'), event('b')])],
    ['a dead-lettered message', 'send', (on) => on.deadLetter(deadLetter)],
    [
      'a redelivery',
      'send',
      (on) =>
        on.schedule({
          event: event('a'),
          at: Date.now() + 60_000,
          to: 'deployment-requested',
          redelivery: 1,
          messageId: 'c',
        }),
    ],
  ];

  it.each(calls)('keeps its reason, and asks for its wait: %s', async (_, operation, call) => {
    local.broker.faults.add({ on: operation, effect: 'fail', times: RETRY.maxRetries + 1 });

    const error = await call(bus).catch((thrown: unknown) => thrown);

    expect(error).toBeInstanceOf(TransientError);
    expect(error).toMatchObject({
      message: expect.stringMatching(/^service bus: [a-z-]+: ServiceBusy$/),
      retryAfterMs: 10_000,
    });
  });

  it('keeps its reason when something else comes last', async () => {
    await bus.deadLetter(deadLetter);
    // Refused once, the SDK does not settle a message a second time.
    local.broker.faults.add({ on: 'defer', effect: 'fail', path: ERRORS_QUEUE });

    const error = await bus.takeDeadLetter('1').catch((thrown: unknown) => thrown);

    expect(error).toMatchObject({ retryAfterMs: 10_000 });
    expect(String(error)).toMatch(/service bus: errors: ServiceBusy/);
  });
});

describe('a broker that does not know the key, or the role, yet', () => {
  it.each(['publish', 'ping'] as const)('is worth another attempt, and says so: %s', async (call) => {
    const local = await startBus();
    applyTopology(local.broker, topology);
    const bus = await open(local.port, 'another-key');

    const error = await (call === 'ping' ? bus.ping() : bus.publish(event('a'))).catch((thrown: unknown) => thrown);

    expect(error).toBeInstanceOf(TransientError);
    expect(String(error)).toMatch(/service bus: [a-z-]+: UnauthorizedAccess/);
    await bus.close();
    await local.close();
  });
});

it('keeps the reason and the wait of a broker that is too busy for a link', async () => {
  const container = rhea.create_container();
  container.on('sender_open', ({ sender }) => sender?.set_source(sender.remote.attach.source));
  container.on('receiver_open', ({ receiver }) => {
    const { target } = receiver?.remote.attach ?? {};
    receiver?.set_target(target);
    // The token is taken, and then there is no room for the link.
    if (target?.address === '$cbs') return;
    receiver?.close({ condition: 'com.microsoft:server-busy', description: 'the request was terminated (50009)' });
  });
  container.on('message', ({ connection, message }) => {
    const answer = { correlation_id: message?.message_id, application_properties: { 'status-code': 202 }, body: null };
    connection.find_sender((sender: rhea.Sender) => sender.source.address === '$cbs')?.send(answer);
  });
  const server = container.listen({ port: 0, host: '127.0.0.1' });
  await new Promise((resolve) => server.once('listening', resolve));
  const bus = await open((server.address() as AddressInfo).port);

  const error = await bus.publish(event('a')).catch((thrown: unknown) => thrown);

  expect(error).toMatchObject({ message: expect.stringContaining('ServiceBusy'), retryAfterMs: 10_000 });
  await bus.close();
  server.close();
});
