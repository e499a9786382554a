/**
 * Publishes events on Service Bus for other services: each to the topic of its type, in batches, with the message id that
 * makes sending it twice sending it once, and in the trace of whoever publishes.
 */
import { eventMessage } from '../delivery/bus-message.ts';
import type { PlatformEvent } from '../events/catalog.ts';
import type { CloudEvent } from '../events/cloud-event.ts';
import { refuseFact } from '../events/facts.ts';
import { parseEvent } from '../events/parse.ts';
import { writeTraceparent } from '../telemetry/traceparent.ts';

/** What a `ServiceBusClient` of `@azure/service-bus` (7.9 or later) has, as far as it is used here. */
export interface BusClient {
  createSender(topic: string): BusSender;
}

/** A message as the SDK takes it. */
interface SentMessage {
  readonly body: Uint8Array;
  readonly messageId: string;
  readonly subject: string;
  readonly contentType: string;
  readonly correlationId?: string;
  readonly applicationProperties: Record<string, string | number>;
}

interface BusBatch {
  readonly count: number;
  tryAddMessage(message: SentMessage): boolean;
}

interface BusSender {
  createMessageBatch(): Promise<BusBatch>;
  sendMessages(message: SentMessage): Promise<void>;
  // The SDK's own batch, which this made.
  sendMessages(batch: never): Promise<void>;
  close(): Promise<void>;
}

/**
 * A publisher on a connection that stays the caller's. Where `@opentelemetry/api` is installed, an event without a
 * `traceparent` gets that of the active span, so that its handlers go on in the same trace.
 *
 * @example
 * const client = new ServiceBusClient(process.env.SERVICE_BUS);
 * const publisher = new EventPublisher(client);
 * await publisher.publish(newEvent(HealthCheck, { source: '/probe', data: { service: 'shop', good: 99, total: 100 } }));
 * await publisher.close();
 */
export class EventPublisher {
  readonly #client: BusClient;
  readonly #senders = new Map<string, BusSender>();

  /** @throws TypeError for what is no client, such as a connection string */
  constructor(client: BusClient) {
    if (typeof client?.createSender !== 'function') {
      throw new TypeError(
        `expected a ServiceBusClient of @azure/service-bus, got ${client === null ? 'null' : typeof client}`,
      );
    }
    this.#client = client;
  }

  /**
   * Resolves when the broker has accepted all of them, in batches per topic: not one transaction. Every event is checked
   * before the first is sent. After a failure all of them may be sent again within ten minutes: none arrives twice.
   *
   * @throws InvalidEventError for a fact, which the app alone publishes, and for what its handler would refuse
   * @throws EventTooLargeError
   */
  async publish(events: PlatformEvent | readonly PlatformEvent[]): Promise<void> {
    const traceparent = await activeTraceparent();
    const byTopic = new Map<string, SentMessage[]>();
    for (const event of [events].flat() as readonly PlatformEvent[]) {
      refuseFact(event);
      parseEvent({ body: event, receivedAt: 0 });
      const { entity, ...message } = eventMessage(traced(event, traceparent));
      const topic = byTopic.get(entity);
      if (topic) topic.push(message);
      else byTopic.set(entity, [message]);
    }
    await Promise.all([...byTopic].map(([topic, messages]) => this.#send(topic, messages)));
  }

  /** Closes what it opened on the connection. */
  async close(): Promise<void> {
    const senders = [...this.#senders.values()];
    this.#senders.clear();
    await Promise.all(senders.map((sender) => sender.close()));
  }

  async #send(topic: string, messages: readonly SentMessage[]): Promise<void> {
    const sender = this.#senderTo(topic);
    const [only] = messages;
    if (only && messages.length === 1) return sender.sendMessages(only);
    let batch = await sender.createMessageBatch();
    for (const message of messages) {
      if (batch.tryAddMessage(message)) continue;
      if (batch.count > 0) await sender.sendMessages(batch as never);
      batch = await sender.createMessageBatch();
      // A batch has an envelope of its own, so the largest message may fit only by itself.
      if (!batch.tryAddMessage(message)) await sender.sendMessages(message);
    }
    if (batch.count > 0) await sender.sendMessages(batch as never);
  }

  #senderTo(topic: string): BusSender {
    const known = this.#senders.get(topic);
    if (known) return known;
    const sender = this.#client.createSender(topic);
    this.#senders.set(topic, sender);
    return sender;
  }
}

function traced(event: PlatformEvent, traceparent: string | undefined): CloudEvent {
  return event.traceparent !== undefined || traceparent === undefined ? event : { ...event, traceparent };
}

/** Looked for once. */
let openTelemetry: Promise<typeof import('@opentelemetry/api') | undefined> | undefined;

/** The caller's span; undefined where nothing is traced, or OpenTelemetry is not installed. */
async function activeTraceparent(): Promise<string | undefined> {
  openTelemetry ??= import('@opentelemetry/api').catch(() => undefined);
  const api = await openTelemetry;
  const span = api?.trace.getActiveSpan()?.spanContext();
  return span && api?.isSpanContextValid(span) ? writeTraceparent(span) : undefined;
}
