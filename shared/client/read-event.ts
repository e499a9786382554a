/** Reads the events that a subscription of another service gets. */
import type { PlatformEvent } from '../events/catalog.ts';
import { parseEvent } from '../events/parse.ts';

/** What a received message of `@azure/service-bus` has, as far as it is used here. */
interface ReceivedEvent {
  readonly body: unknown;
  readonly applicationProperties?: Readonly<Record<string, unknown>> | undefined;
  readonly enqueuedTimeUtc?: Date | undefined;
}

/**
 * The event of a message: structured JSON, AMQP binary mode, or an Event Grid delivery.
 *
 * @example
 * receiver.subscribe({
 *   processMessage: async (message) => {
 *     const event = readEvent(message);
 *     if (event.type === 'DeploymentCompleted') console.log(event.data.image);
 *   },
 *   processError: async ({ error }) => console.error(error),
 * });
 * @throws InvalidEventError with every issue: its path, the value found and what was expected
 * @throws UnknownEventError when the type, or its data version, is newer than this package
 */
export function readEvent({ body, applicationProperties, enqueuedTimeUtc = new Date() }: ReceivedEvent): PlatformEvent {
  return parseEvent({ body, applicationProperties, receivedAt: enqueuedTimeUtc.getTime() }).event;
}
