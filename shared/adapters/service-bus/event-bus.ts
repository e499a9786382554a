/** The event bus on Azure Service Bus, or on anything that speaks its AMQP. */
import { gzipSync } from 'node:zlib';
import {
  isServiceBusError,
  RetryMode,
  type RetryOptions,
  ServiceBusClient,
  type ServiceBusMessage,
  type ServiceBusMessageBatch,
} from '@azure/service-bus';
import { GZIP_CONTENT_TYPE, wholeBody } from '../../delivery/body-bytes.ts';
import { type BusMessage, deadLetterMessage, eventMessage, redeliveryMessage } from '../../delivery/bus-message.ts';
import { attemptsIn, faultOf } from '../../describe-error.ts';
import { ConfigError, MissingSubscriptionError, PermanentError, PlatformError, TransientError } from '../../errors.ts';
import type { PlatformEvent } from '../../events/catalog.ts';
import { MAX_MESSAGE_BYTES } from '../../events/cloud-event.ts';
import type { Backlog, DeadLetter, DeadLetterEntry, EventBus, ReceivedMessage, Redelivery } from '../../ports/bus.ts';
import type { Log } from '../../ports/log.ts';
import type { ServiceConnection } from '../../settings.ts';
import { truncate } from '../../shown-text.ts';
import { inBrokerSpan, SCHEDULED_BY } from '../../telemetry/message-span.ts';
import { currentTraceparent } from '../../telemetry/spans.ts';
import { ERRORS_QUEUE, subscriptionsOf } from '../../topology.ts';
import { credentialFor } from '../identity.ts';
import { ServiceBusConnection, type Wire } from './connection.ts';
import { KnownSubscriptions } from './subscriptions.ts';

/** What `subscribe` needs, which the Functions host does for the app. */
interface ServiceBusOptions {
  readonly log?: Log;
  /** How many messages of one subscription are worked on at once. */
  readonly maxConcurrentCalls?: number;
}

/**
 * The caller holds a lease and a lock meanwhile: a short fault is retried here, a longer one is left to redelivery. All
 * attempts end before the connection is considered dead.
 */
const RETRY: RetryOptions = {
  mode: RetryMode.Exponential,
  maxRetries: 3,
  retryDelayInMs: 250,
  maxRetryDelayInMs: 3_000,
  timeoutInMs: 10_000,
};

/** Signs in with the connection string, or as who this process is. @throws ConfigError when the string is none */
export async function createServiceBus(
  connection: ServiceConnection,
  options: ServiceBusOptions = {},
  retryOptions: RetryOptions = RETRY,
): Promise<ServiceBusEventBus> {
  if ('connectionString' in connection) {
    const { connectionString } = connection;
    return new ServiceBusEventBus(() => clientFor(connectionString, retryOptions), options);
  }
  const { endpoint } = connection;
  const credential = await credentialFor(connection);
  return new ServiceBusEventBus(() => new ServiceBusClient(endpoint, credential, { retryOptions }), options);
}

function clientFor(connectionString: string, retryOptions: RetryOptions): ServiceBusClient {
  try {
    return new ServiceBusClient(connectionString, { retryOptions });
  } catch {
    const expected = 'Endpoint=sb://…;SharedAccessKeyName=…;SharedAccessKey=…';
    throw new ConfigError(`ServiceBus: expected '${expected}', got something else (not shown: it may hold a key)`);
  }
}

/** One connection to send on, and one sender for each entity on it, until `close`; a connection that is dead is replaced. */
export class ServiceBusEventBus implements EventBus {
  readonly #connect: () => ServiceBusClient;
  readonly #connection: ServiceBusConnection;
  readonly #options: ServiceBusOptions;
  readonly #pending = new Set<Promise<unknown>>();
  /** Each with a client of its own, which a dead connection elsewhere does not end. */
  readonly #subscribed = new Set<ServiceBusClient>();
  readonly #known: KnownSubscriptions;

  constructor(connect: () => ServiceBusClient, options: ServiceBusOptions) {
    this.#connect = connect;
    this.#connection = new ServiceBusConnection(connect);
    this.#options = options;
    const look = (name: string) => this.#connection.ask(({ subscriptions }) => subscriptions.backlog(name, 1));
    this.#known = new KnownSubscriptions(look, () => performance.now());
  }

  async publish(event: PlatformEvent): Promise<void> {
    await this.#send(eventMessage(event));
  }

  async publishAll(events: readonly PlatformEvent[], nonce?: string): Promise<void> {
    // All are encoded before any is sent, so that one which is too large stops them all.
    const byEntity = new Map<string, BusMessage[]>();
    for (const message of events.map((event) => eventMessage(event, nonce))) {
      byEntity.set(message.entity, [...(byEntity.get(message.entity) ?? []), message]);
    }
    await Promise.all([...byEntity.keys()].map((entity) => this.#requireSubscriptions(entity)));
    await Promise.all([...byEntity].map(([entity, messages]) => this.#sendAll(entity, messages)));
  }

  async backlog(subscription: string, atMost: number): Promise<Backlog | undefined> {
    const found = await this.#ask(subscription, ({ subscriptions }) => subscriptions.backlog(subscription, atMost));
    this.#known.learn(subscription, found !== undefined);
    return found;
  }

  async hasSubscription(subscription: string): Promise<boolean> {
    return this.#guarded(subscription, this.#known.has(subscription));
  }

  async schedule(redelivery: Redelivery): Promise<void> {
    await this.#send(redeliveryMessage(redelivery), 'schedule');
  }

  async deadLetter(deadLetter: DeadLetter): Promise<void> {
    const message = deadLetterMessage(deadLetter);
    if (await this.#fits(message)) return;
    // The event fills its message, and the reason does not fit beside it.
    if (await this.#fits({ ...message, body: gzipSync(message.body), contentType: GZIP_CONTENT_TYPE })) return;
    // It came from a broker with a higher limit: better cut than lost.
    const body = Buffer.from(truncate(message.body.toString(), MAX_MESSAGE_BYTES / 2));
    const applicationProperties = { ...message.applicationProperties, BodyWasCutFrom: message.body.length };
    await this.#send({ ...message, body, applicationProperties });
  }

  async deadLetters(from: string, count: number): Promise<DeadLetterEntry[]> {
    return inBrokerSpan('peek', ERRORS_QUEUE, {}, () =>
      this.#ask(ERRORS_QUEUE, ({ errors }) => errors.list(from, count)),
    );
  }

  async findDeadLetter(sequenceNumber: string): Promise<DeadLetterEntry | undefined> {
    return inBrokerSpan('peek', ERRORS_QUEUE, {}, () =>
      this.#ask(ERRORS_QUEUE, ({ errors }) => errors.find(sequenceNumber)),
    );
  }

  async takeDeadLetter(sequenceNumber: string, before = async (): Promise<void> => {}): Promise<boolean> {
    // Never twice: `before` has effects. It also takes as long as there are entries before this one.
    return inBrokerSpan('receive', ERRORS_QUEUE, {}, () =>
      this.#guarded(
        ERRORS_QUEUE,
        this.#connection.use(({ errors }) => errors.take(sequenceNumber, before)),
      ),
    );
  }

  /** Sends a message, unless it is too large. */
  async #fits(message: BusMessage): Promise<boolean> {
    try {
      await this.#send(message);
      return true;
    } catch (error) {
      if (error instanceof TooLargeError) return false;
      throw error;
    }
  }

  subscribe(
    topic: string,
    subscription: string,
    receive: (message: ReceivedMessage) => Promise<void>,
  ): () => Promise<void> {
    const { log, maxConcurrentCalls = 16 } = this.#options;
    const client = this.#connect();
    this.#subscribed.add(client);
    const receiver = client.createReceiver(topic, subscription, { skipParsingBodyAsJson: true });
    const running = new Set<Promise<void>>();
    const subscriber = receiver.subscribe(
      {
        processMessage: async ({ body, messageId, deliveryCount, applicationProperties }) => {
          // The service gives every message an id; the broker counts the deliveries before this one.
          const work = receive({
            body: wholeBody(body),
            messageId: String(messageId ?? ''),
            deliveryCount: (deliveryCount ?? 0) + 1,
            applicationProperties: applicationProperties ?? {},
          });
          running.add(work);
          try {
            await work;
          } finally {
            running.delete(work);
          }
        },
        processError: async ({ error, errorSource }) => {
          log?.warn('receive failed', { topic, subscription, errorSource, error: faultOf(error) });
        },
      },
      { maxConcurrentCalls },
    );
    return async () => {
      await subscriber.close();
      await Promise.allSettled(running);
      this.#subscribed.delete(client);
      await client.close();
    };
  }

  async ping(): Promise<void> {
    await this.#ask(ERRORS_QUEUE, ({ errors }) => errors.ping());
  }

  /** Waits for what is being sent. */
  async close(): Promise<void> {
    await Promise.allSettled(this.#pending);
    await Promise.all([this.#connection.close(), ...[...this.#subscribed].map((client) => client.close())]);
  }

  /** @throws MissingSubscriptionError */
  async #requireSubscriptions(entity: string): Promise<void> {
    for (const name of subscriptionsOf(entity)) {
      if (!(await this.hasSubscription(name))) throw new MissingSubscriptionError(entity, name);
    }
  }

  async #send(message: BusMessage, operation: 'send' | 'schedule' = 'send'): Promise<void> {
    const { entity, messageId } = message;
    await inBrokerSpan(operation, entity, { 'messaging.message.id': messageId }, async () => {
      await this.#requireSubscriptions(entity);
      const scheduler = operation === 'schedule' ? currentTraceparent() : undefined;
      const wired = wireOf(message, scheduler);
      await this.#ask(entity, (wire) => wire.sender(entity).sendMessages(wired));
    });
  }

  async #sendAll(entity: string, messages: readonly BusMessage[]): Promise<void> {
    const [only] = messages;
    if (only && messages.length === 1) return this.#send(only);
    const count = { 'messaging.batch.message_count': messages.length };
    await inBrokerSpan('send', entity, count, () => this.#sendBatches(entity, messages));
  }

  async #sendBatches(entity: string, messages: readonly BusMessage[]): Promise<void> {
    const create = () => this.#ask(entity, (wire) => wire.sender(entity).createMessageBatch());
    const send = (what: ServiceBusMessage | ServiceBusMessageBatch) =>
      this.#ask(entity, (wire) => wire.sender(entity).sendMessages(what));
    let batch = await create();
    for (const message of messages) {
      const wire = wireOf(message);
      if (batch.tryAddMessage(wire)) continue;
      if (batch.count > 0) await send(batch);
      batch = await create();
      // A batch has an envelope of its own, so the largest message may fit only by itself.
      if (!batch.tryAddMessage(wire)) await send(wire);
    }
    if (batch.count > 0) await send(batch);
  }

  #ask<T>(entity: string, operation: (wire: Wire) => Promise<T>): Promise<T> {
    return this.#guarded(entity, this.#connection.ask(operation));
  }

  async #guarded<T>(entity: string, work: Promise<T>): Promise<T> {
    this.#pending.add(work);
    try {
      return await work;
    } catch (error) {
      throw toPlatformError(error, entity);
    } finally {
      this.#pending.delete(work);
    }
  }
}

/** The broker's limit is lower than the one that was checked before sending. */
class TooLargeError extends PermanentError {
  override readonly reason = 'EventTooLarge';
}

/**
 * The SDK's error as ours. Only what lies in the message itself is permanent: a missing entity, a missing right or a full
 * topic is fixed by people, while the events wait.
 */
function toPlatformError(error: unknown, entity: string): unknown {
  if (error instanceof PlatformError) return error;
  const message = `service bus: ${entity}: ${faultOf(error)}`;
  // After its retries the SDK throws what each came to: https://github.com/Azure/azure-sdk-for-js/issues/32992
  const codes = attemptsIn(error).map((one) => (isServiceBusError(one) ? one.code : undefined));
  if (codes.at(-1) === 'MessageSizeExceeded') return new TooLargeError(message);
  // The service asks clients to stay away for ten seconds when it throttles them.
  if (codes.includes('ServiceBusy')) return new TransientError(message, { retryAfterMs: 10_000 });
  if (error instanceof TypeError || error instanceof RangeError) return new PermanentError(message);
  return new TransientError(message);
}

/** @param scheduler the span that asks for a redelivery */
function wireOf(
  { entity: _, scheduledEnqueueTimeMs, ...message }: BusMessage,
  scheduler?: string | undefined,
): ServiceBusMessage {
  const { applicationProperties } = message;
  return {
    ...message,
    ...(scheduler !== undefined && { applicationProperties: { ...applicationProperties, [SCHEDULED_BY]: scheduler } }),
    ...(scheduledEnqueueTimeMs !== undefined && { scheduledEnqueueTimeUtc: new Date(scheduledEnqueueTimeMs) }),
  };
}
