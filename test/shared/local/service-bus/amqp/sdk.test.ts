/** What makes the real SDK hang, throw or lose messages, each trap with a test of its own. */
import {
  type ServiceBusClient,
  ServiceBusError,
  type ServiceBusReceivedMessage,
  type ServiceBusReceiver,
} from '@azure/service-bus';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RawClient } from '../../../../support/amqp-client.ts';
import { type LocalBus, startBus } from '../../../../support/bus.ts';

let bus: LocalBus;
let client: ServiceBusClient;

beforeAll(async () => {
  bus = await startBus();
  client = bus.connect();
});
afterAll(async () => {
  await client.close();
  await bus.close();
});

/** Sends bodies and receives them again, locked by a receiver that stays open. */
async function roundTrip(
  queue: string,
  bodies: unknown[],
): Promise<{ receiver: ServiceBusReceiver; messages: ServiceBusReceivedMessage[] }> {
  const sender = client.createSender(queue);
  await sender.sendMessages(bodies.map((body) => ({ body })));
  await sender.close();
  const receiver = client.createReceiver(queue);
  const messages = await receiver.receiveMessages(bodies.length, { maxWaitTimeInMs: 5_000 });
  return { receiver, messages };
}

it('is not cut off while it has nothing to say', async () => {
  const impatient = await startBus({ idleMs: 100 });
  const sdk = impatient.connect();
  const queue = impatient.queue();
  await sdk.createSender(queue).sendMessages({ body: 'x' });
  const receiver = sdk.createReceiver(queue);
  const [message] = await receiver.receiveMessages(1);

  // Each is cut off after two to three times the idle time.
  for (let n = 0; n < 3; n++) await (await RawClient.open(impatient.port)).closed();

  expect(impatient.connectionCount()).toBe(1);
  await receiver.completeMessage(message as ServiceBusReceivedMessage);
  expect(impatient.count(queue)).toBe(0);
  await sdk.close();
  await impatient.close();
});

describe('sending', () => {
  it('tells the SDK how large a batch may be', async () => {
    const batch = await client.createSender(bus.queue()).createMessageBatch();

    expect(batch.maxSizeInBytes).toBe(256 * 1024);
    expect(batch.tryAddMessage({ body: 'x' })).toBe(true);
  });

  it('refuses a message that is too large, and says so', async () => {
    const sender = client.createSender(bus.queue());

    const sending = sender.sendMessages({ body: Buffer.alloc(300 * 1024) });

    await expect(sending).rejects.toMatchObject({ code: 'MessageSizeExceeded', retryable: false });
    await expect(sender.sendMessages({ body: 'small' })).resolves.toBeUndefined();
  });

  it('takes a message that spans several frames, and hands it out again', async () => {
    const body = Buffer.alloc(200 * 1024, 'abc');

    const { messages } = await roundTrip(bus.queue(), [body]);

    expect(Buffer.compare(messages[0]?.body, body)).toBe(0);
  });

  it('gives a message that has no id one, so that it can be completed and the client closed', async () => {
    const queue = bus.queue();
    const other = bus.connect();
    await other.createSender(queue).sendMessages({ body: 'x' });
    const receiver = other.createReceiver(queue);
    const [message] = await receiver.receiveMessages(1);

    expect(message?.messageId).toMatch(/^[0-9a-f]{32}$/);
    if (message) await receiver.completeMessage(message);
    await other.close();
  });

  it('keeps a burst of two thousand single sends in flight without running out of credit', async () => {
    const sender = client.createSender(bus.queue());

    await Promise.all(Array.from({ length: 2_000 }, (_, i) => sender.sendMessages({ body: i })));
  });
});

describe('an entity that does not exist', () => {
  it.each([
    ['a sender', () => client.createSender('nowhere').sendMessages({ body: 1 })],
    ['a receiver', () => client.createReceiver('nowhere').receiveMessages(1)],
    ['a subscription', () => client.createReceiver('nowhere', 'none').receiveMessages(1)],
    ['a management call', () => client.createReceiver('nowhere').peekMessages(1)],
  ])('is reported to %s as such', async (_, use) => {
    await expect(use()).rejects.toMatchObject({ code: 'MessagingEntityNotFound', retryable: false });
  });

  it('is reported to a subscriber', async () => {
    const receiver = client.createReceiver('nowhere-either');
    const error = await new Promise<Error>((resolve) => {
      receiver.subscribe({ processMessage: async () => {}, processError: async (args) => resolve(args.error) });
    });

    expect(error).toMatchObject({ code: 'MessagingEntityNotFound' });
    await receiver.close();
  });
});

describe('settling', () => {
  it('answers each settlement, whatever the outcome', async () => {
    const queue = bus.queue();
    const { receiver, messages } = await roundTrip(queue, [1, 2, 3, 4]);
    const [complete, abandon, defer, deadLetter] = messages;
    if (!complete || !abandon || !defer || !deadLetter) throw new Error('expected four messages');
    // One after the other: in one turn the SDK's own AMQP library mixes unlike outcomes up.
    await receiver.completeMessage(complete);
    await receiver.abandonMessage(abandon, { why: 'busy' });
    await receiver.deferMessage(defer);
    await receiver.deadLetterMessage(deadLetter, { deadLetterReason: 'Bad', deadLetterErrorDescription: 'very' });

    const [again] = await receiver.receiveMessages(1);
    const deadLetters = client.createReceiver(queue, { subQueueType: 'deadLetter' });
    const [dead] = await deadLetters.receiveMessages(1);
    const [deferred] = await receiver.receiveDeferredMessages(defer.sequenceNumber ?? []);

    expect(again).toMatchObject({ body: 2, deliveryCount: 1, applicationProperties: { why: 'busy' } });
    expect(dead).toMatchObject({ body: 4, deadLetterReason: 'Bad', deadLetterErrorDescription: 'very' });
    expect(deferred).toMatchObject({ body: 3, state: 'deferred' });
    if (deferred) await receiver.completeMessage(deferred);
  });

  it('distinguishes a lock that holds from a lost one settled at the same time', async () => {
    const queue = bus.queue();
    const { receiver, messages } = await roundTrip(queue, [1, 2, 3]);
    const [, second] = messages;
    if (!second) throw new Error('expected three messages');
    // Somebody else gave it back meanwhile.
    bus.broker.resolve(queue).abandon(second.lockToken ?? '');

    const results = await Promise.allSettled(messages.map((message) => receiver.completeMessage(message)));

    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(results[1]).toMatchObject({ reason: { code: 'MessageLockLost', retryable: false } });
  });

  it('goes on beyond 2048 messages on one link', async () => {
    const queue = bus.queue();
    const count = 5_000;
    const sender = client.createSender(queue);
    for (let i = 0; i < count; i += 500) {
      await sender.sendMessages(Array.from({ length: 500 }, (_, j) => ({ body: i + j })));
    }
    const seen = new Set<number>();
    const receiver = client.createReceiver(queue);

    await new Promise<void>((resolve, reject) => {
      receiver.subscribe(
        {
          processMessage: async ({ body }) => {
            seen.add(body);
            if (seen.size === count) resolve();
          },
          processError: async ({ error }) => reject(error),
        },
        { maxConcurrentCalls: 64 },
      );
    });
    await receiver.close();

    expect(seen.size).toBe(count);
  });
});

describe('locks', () => {
  it('carry their end, and are renewed by the token that the SDK prints', async () => {
    const queue = bus.queue();
    const { receiver, messages } = await roundTrip(queue, ['x']);
    const [message] = messages;
    if (!message) throw new Error('expected a message');

    const before = message.lockedUntilUtc?.getTime() ?? 0;
    await new Promise((resolve) => setTimeout(resolve, 5));
    const renewed = await receiver.renewMessageLock(message);

    expect(before - Date.now()).toBeGreaterThan(55_000);
    expect(renewed.getTime()).toBeGreaterThan(before);
  });

  it('are renewed by the SDK itself for as long as the handler runs', async () => {
    const queue = bus.queue({ lockDurationMs: 2_000 });
    await client.createSender(queue).sendMessages({ body: 'slow' });
    const receiver = client.createReceiver(queue);
    const errors: Error[] = [];
    let deliveries = 0;

    await new Promise<void>((resolve) => {
      receiver.subscribe({
        processMessage: async () => {
          deliveries++;
          await new Promise((done) => setTimeout(done, 3_000));
          setImmediate(resolve);
        },
        processError: async ({ error }) => void errors.push(error),
      });
    });
    await receiver.close();

    expect(errors).toEqual([]);
    expect(deliveries).toBe(1);
    expect(await client.createReceiver(queue).peekMessages(1)).toEqual([]);
  });
});

describe('a wrong key', () => {
  it('is unauthorized', async () => {
    const stranger = bus.connect({ key: 'wrong' });

    const sending = stranger.createSender(bus.queue()).sendMessages({ body: 1 });

    await expect(sending).rejects.toMatchObject({ code: 'UnauthorizedAccess' });
    await expect(sending).rejects.toBeInstanceOf(ServiceBusError);
    await stranger.close();
  });
});
