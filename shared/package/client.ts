/**
 * `platform-events`: the events with their types, publishers, and what a listener needs. What is exported here is the
 * package's promise to those who install it; `docs/publishing.md` shows it in use.
 */
export type { HistoryEntry } from '../api/events.ts';
export { type BusClient, EventPublisher } from '../client/event-publisher.ts';
export type { ChainEnd, Ending } from '../client/follow.ts';
export { PlatformClient, type PlatformClientOptions, type WaitOptions } from '../client/platform-client.ts';
export { readEvent } from '../client/read-event.ts';
export {
  ConfigError,
  EventTooLargeError,
  InvalidEventError,
  type Issue,
  NotFoundError,
  PermanentError,
  PlatformError,
  TransientError,
  UnknownEventError,
} from '../errors.ts';
export type { EventType, PlatformEvent } from '../events/catalog.ts';
export {
  type CloudEvent,
  type DataIn,
  type DataOf,
  type EventDefinition,
  type EventOf,
  MAX_MESSAGE_BYTES,
  type NewEvent,
  newEvent,
} from '../events/cloud-event.ts';
export * from '../events/deployment.ts';
export { type EventIdentity, eventKey } from '../events/identity.ts';
export * from '../events/infrastructure.ts';
export * from '../events/platform.ts';
export { LISTENER_FILTER, topicOf } from '../topology.ts';
