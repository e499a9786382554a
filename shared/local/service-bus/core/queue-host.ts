/** What a queue is told by the entity around it, and what it asks of it. */
import type { TimerClock } from './clock.ts';
import type { Faults } from './faults.ts';
import type { HeldMessage } from './held-message.ts';
import type { Content } from './message.ts';

/** The rules of a queue; they may change while it lives. */
export interface QueueSettings {
  readonly lockDurationMs: number;
  /** `Infinity` in a dead-letter queue. */
  readonly maxDeliveryCount: number;
  readonly defaultMessageTimeToLiveMs: number;
  readonly deadLetteringOnMessageExpiration: boolean;
  readonly requiresSession: boolean;
  /** False in a dead-letter queue, which keeps its messages for ever. */
  readonly expires: boolean;
}

/** What a queue asks of the entity around it. */
export interface QueueHost {
  readonly clock: TimerClock;
  settings(): QueueSettings;
  /** Puts a message, already removed here, among the dead letters. @throws BrokerError when there is no such place */
  deadLetter(message: HeldMessage, content: Content): void;
  /** Takes a message, already removed here, whose scheduled time came. */
  activate(content: Content): void;
  /** The bytes held here changed. */
  resized(bytes: number): void;
  readonly faults: Faults;
  /** A client received or settled. */
  used(): void;
}
